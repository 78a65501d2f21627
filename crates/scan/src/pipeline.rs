//! Layers in parallel, one pass each.

use std::io::{self, Read};
use std::path::Path;

use rayon::prelude::*;
use supercargo_content::Limits;
use supercargo_ecosystems::{ALL, Matcher};
use supercargo_image::{Blobs, Content, Image, ImageLayer};
use supercargo_inventory::{Inventory, LayerRef, Problem, ProblemKind};
use supercargo_layer::{Budget, LayerInput, LayerPass};

use crate::collect::Collector;
use crate::{LayerRecord, ScanError, join};

/// Settings of a scan.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Threads that read layers; 0 is one per core. The answer does not depend on it.
    pub threads: usize,
    /// Bounds on hostile input.
    pub limits: Limits,
}

/// Whoever wants to show how far a scan is. Called from several threads.
pub trait Progress: Sync {
    /// The scan begins: so many layers with so many bytes in all.
    fn start(&self, _layers: u64, _bytes: u64) {}
    /// So many more bytes have been read.
    fn read(&self, _bytes: u64) {}
    /// One more layer is done.
    fn layer_done(&self) {}
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}

/// Reads every layer of an image once and lists what is visible in the finished image.
///
/// Fails only when the image itself is unreadable: a layer whose bytes are not what its digests promise, or cannot be
/// had. Everything else is a problem in the inventory.
pub fn scan(image: &Image, options: &ScanOptions, progress: &dyn Progress) -> Result<Inventory, ScanError> {
    let matcher = Matcher::compile(ALL).map_err(ScanError::Table)?;
    let job = Job { image, matcher, limits: &options.limits, budget: Budget::new(&options.limits), progress };
    let records = match &image.content {
        Content::Folder(folder) => vec![job.folder(folder)?],
        Content::Layers { layers, blobs } => job.layers(layers, blobs.as_ref(), options.threads)?,
    };
    Ok(join::join(&records, ALL))
}

//! Layers in parallel, one pass each.

use std::io::{self, Read};
use std::path::Path;

use rayon::prelude::*;
use supercargo_content::Limits;
use supercargo_ecosystems::{ALL, Matcher};
use supercargo_image::{Blobs, Content, Image, ImageLayer};
use supercargo_inventory::{Inventory, LayerRef, Problem, ProblemKind};
use supercargo_layer::{Budget, LayerInput, LayerReader};

use crate::collect::Collector;
use crate::{LayerRecord, ScanError, join};

/// Settings of a scan.
#[derive(Debug, Clone, Default)]
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
    let job = Job {
        image,
        matcher,
        limits: &options.limits,
        budget: Budget::new(options.limits.buffered_bytes_max),
        progress,
    };
    let records = match &image.content {
        Content::Folder(folder) => vec![job.folder(folder)?],
        Content::Layers { layers, blobs } => job.layers(layers, blobs.as_ref(), options.threads)?,
    };
    Ok(join::join(&records, ALL))
}

/// What the threads of one scan share.
struct Job<'a> {
    image: &'a Image,
    matcher: Matcher,
    limits: &'a Limits,
    budget: Budget,
    progress: &'a dyn Progress,
}

impl Job<'_> {
    /// All layers, in their order, read on a pool of `threads`; the largest are started first.
    fn layers(
        &self,
        layers: &[ImageLayer],
        blobs: &dyn Blobs,
        threads: usize,
    ) -> Result<Vec<LayerRecord>, ScanError> {
        if layers.len() > self.limits.layers_max {
            let (image, found, limit) = (self.name(), layers.len(), self.limits.layers_max);
            return Err(ScanError::TooManyLayers { image, found, limit });
        }
        self.progress.start(layers.len() as u64, layers.iter().map(|layer| layer.blob.size).sum());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|source| ScanError::Threads { threads, source })?;
        let mut order: Vec<usize> = (0..layers.len()).collect();
        order.sort_by_key(|&index| layers.get(index).map(|layer| std::cmp::Reverse(layer.blob.size)));
        let mut records: Vec<(usize, Result<LayerRecord, ScanError>)> = pool.install(|| {
            let tasks = order.into_par_iter().with_max_len(1);
            tasks.filter_map(|index| Some((index, self.layer(index, layers.get(index)?, blobs)))).collect()
        });
        records.sort_by_key(|(index, _)| *index);
        records.into_iter().map(|(_, record)| record).collect()
    }

    fn layer(&self, index: usize, layer: &ImageLayer, blobs: &dyn Blobs) -> Result<LayerRecord, ScanError> {
        let place = LayerRef {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            diff_id: Some(layer.diff_id.clone()),
            blob: Some(layer.blob.digest.clone()),
        };
        if layer.blob.media_type.is_foreign_layer() {
            self.progress.layer_done();
            return Ok(foreign(place, layer));
        }
        let record = self.read(place, layer, blobs);
        self.progress.layer_done();
        record.map_err(|source| ScanError::Layer {
            index,
            digest: layer.blob.digest.clone(),
            image: self.name(),
            source,
        })
    }

    fn read(&self, place: LayerRef, layer: &ImageLayer, blobs: &dyn Blobs) -> Result<LayerRecord, Fault> {
        let reader = LayerReader { limits: self.limits, budget: &self.budget };
        let input = LayerInput { descriptor: &layer.blob, diff_id: &layer.diff_id };
        let mut collector = Collector::new(ALL, &self.matcher, self.limits);
        let mut pass = reader.read(self.open(layer, blobs)?, &input, &mut collector)?;
        if !pass.links.is_empty() {
            let second = reader.read_links(self.open(layer, blobs)?, &input, &pass.links, &mut collector)?;
            pass.problems.extend(second.problems);
        }
        Ok(collector.record(place, pass))
    }

    fn open<'b>(&'b self, layer: &ImageLayer, blobs: &'b dyn Blobs) -> Result<impl Read + 'b, Fault> {
        Ok(Counted { inner: blobs.blob(&layer.blob)?, progress: self.progress })
    }

    fn folder(&self, folder: &Path) -> Result<LayerRecord, ScanError> {
        self.progress.start(1, 0);
        let reader = LayerReader { limits: self.limits, budget: &self.budget };
        let mut collector = Collector::new(ALL, &self.matcher, self.limits);
        let walked = reader.walk_folder(folder, &mut collector);
        let pass =
            walked.map_err(|source| ScanError::Folder { folder: folder.display().to_string(), source })?;
        self.progress.layer_done();
        Ok(collector.record(LayerRef { index: 0, diff_id: None, blob: None }, pass))
    }

    fn name(&self) -> String {
        self.image.reference.to_string()
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A layer whose content need not be in the registry is not read, and the report says so.
fn foreign(place: LayerRef, layer: &ImageLayer) -> LayerRecord {
    let message =
        format!("the content of this layer is elsewhere ({}) and was not read", layer.blob.media_type);
    let problem = Problem { layer: Some(place.clone()), ..Problem::new(ProblemKind::ForeignLayer, message) };
    LayerRecord::unread(place, problem)
}

/// Tells the progress how far a stream is.
struct Counted<'a, R> {
    inner: R,
    progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.read(read as u64);
        Ok(read)
    }
}

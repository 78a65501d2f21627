//! What is kept of one layer.

use supercargo_ecosystems::Fact;
use supercargo_inventory::{EcosystemId, ImagePath, LayerRef, Problem};
use supercargo_layer::LayerDelta;

/// Everything that one layer says, whatever lies above or below it.
#[derive(Debug, Clone)]
pub struct LayerRecord {
    /// Which layer.
    pub layer: LayerRef,
    /// Its paths, links, sizes and whiteouts.
    pub delta: LayerDelta,
    /// What the readers found, in archive order; of two members of one path only the last counts.
    pub facts: Vec<FileFacts>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Members of the archive.
    pub entries: u64,
    /// Files that a reader looked into.
    pub files_read: u64,
    /// Bytes of the blob.
    pub compressed_bytes: u64,
    /// Bytes of the archive.
    pub uncompressed_bytes: u64,
    /// Whether the layer was read; a foreign layer is not.
    pub was_read: bool,
    /// Bytes of the blob that were fetched, when the layer was read through its table of contents. Such a record is not
    /// proved by the blob digest and must not be kept as one that is.
    pub fetched_bytes: Option<u64>,
}

/// What one reader found in one file.
#[derive(Debug, Clone)]
pub struct FileFacts {
    /// The file.
    pub path: ImagePath,
    /// The reader.
    pub ecosystem: EcosystemId,
    /// What it says.
    pub facts: Vec<Fact>,
}

impl LayerRecord {
    /// The record of a layer that was not read, and why.
    pub fn unread(layer: LayerRef, why: Problem) -> Self {
        Self {
            layer,
            delta: LayerDelta::default(),
            facts: Vec::new(),
            problems: vec![why],
            entries: 0,
            files_read: 0,
            compressed_bytes: 0,
            uncompressed_bytes: 0,
            was_read: false,
            fetched_bytes: None,
        }
    }
}

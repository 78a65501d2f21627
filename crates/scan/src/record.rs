//! What is kept of one layer, and how it is written down.
//!
//! The bytes are our own small format and not a general one. A record of a large layer is mostly paths, and writing
//! each as what differs from the one before makes it a quarter of what a general format needs; lengths are compared
//! with what is there before anything is allocated; domain types need no derives and no twins; and the bytes change
//! only when [`RECORD_FORMAT`] does, not with a dependency.

mod code;
mod error;
mod inventory;
mod key;
mod layer;
mod limits;
mod package;
mod packed;
mod read;
mod sealed;
#[cfg(test)]
mod tests;
mod write;

use supercargo_ecosystems::Fact;
use supercargo_inventory::{EcosystemId, ImagePath, LayerRef, Problem};
use supercargo_layer::LayerDelta;

pub use error::{Inexpressible, RecordError};
pub use inventory::{seal_inventory, unseal_inventory};
pub use key::{KeyMaker, RecordKey, RecordKind};
pub use limits::RecordLimits;
pub(crate) use package::Identity;
pub(crate) use packed::{PackedRecord, Remainder};
pub(crate) use read::Read;
pub use sealed::{RECORD_FORMAT, SealedRecord};

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
    /// Whether blob digest, size and diff ID were all compared; only such a record may be kept.
    pub is_verified: bool,
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
            is_verified: false,
            fetched_bytes: None,
        }
    }
}

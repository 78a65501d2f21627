//! Why a layer cannot be trusted or read.

use std::io;

use supercargo_content::{ContentMismatch, Digest};

use crate::DecompressError;

/// Why a layer was not read. Each names the layer by the digest of its blob.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The blob has another digest than its descriptor.
    #[error("layer {layer}: digest mismatch: expected {expected}, found {found}")]
    BlobDigest {
        /// The layer.
        layer: Digest,
        /// The digest of the descriptor.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The blob has another size than its descriptor.
    #[error("layer {layer}: size mismatch: expected {expected} bytes, found {found}{more}", more = if *at_least { " or more" } else { "" })]
    BlobSize {
        /// The layer.
        layer: Digest,
        /// The size of the descriptor.
        expected: u64,
        /// The bytes seen.
        found: u64,
        /// Reading stopped at the first byte too many.
        at_least: bool,
    },
    /// The blob unpacks to other bytes than the image's configuration says.
    #[error("layer {layer}: diff ID mismatch: expected {expected}, found {found}")]
    DiffId {
        /// The layer.
        layer: Digest,
        /// The diff ID of the configuration.
        expected: Digest,
        /// The digest of the unpacked bytes.
        found: Digest,
    },
    /// The blob is the right one, but cannot be unpacked.
    #[error("layer {layer}: failed to decompress: {source}")]
    Decompress {
        /// The layer.
        layer: Digest,
        /// What is wrong.
        source: DecompressError,
    },
    /// The stream failed.
    #[error("layer {layer}: failed to read: {source}")]
    Read {
        /// The layer.
        layer: Digest,
        /// The error of the stream.
        source: io::Error,
    },
}

impl LayerError {
    /// The error that an I/O error of the stream carries inside.
    pub(crate) fn of(layer: &Digest, source: io::Error) -> Self {
        let layer = layer.clone();
        if let Some(source) = DecompressError::of(&source) {
            return Self::Decompress { layer, source: source.clone() };
        }
        match ContentMismatch::of(&source).cloned() {
            Some(ContentMismatch::Digest { expected, found }) => Self::BlobDigest { layer, expected, found },
            Some(ContentMismatch::Size { expected, found, at_least, .. }) => {
                Self::BlobSize { layer, expected, found, at_least }
            }
            None => Self::Read { layer, source },
        }
    }
}

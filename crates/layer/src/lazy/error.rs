//! Why a layer is not read through its table of contents.

use std::io;

use supercargo_content::{Digest, LimitExceeded};

use crate::{DecompressError, TarError};

/// Why a layer cannot be read through its table of contents. It can be read whole then, which checks all of it.
#[derive(Debug, thiserror::Error)]
pub enum TocError {
    /// The source cannot serve parts of a blob.
    #[error("the source serves no parts of blobs")]
    NoRanges,
    /// The blob has no table where its format wants it, or the annotation cannot be read.
    #[error("there is no table of contents: {0}")]
    Absent(&'static str),
    /// The table is not the one that the manifest names.
    #[error("digest mismatch of the table of contents: expected {expected}, found {found}")]
    Digest {
        /// The digest in the annotation.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The table cannot be unpacked.
    #[error("the table of contents cannot be unpacked: {0}")]
    Decompress(#[from] DecompressError),
    /// The table is no JSON of the known form.
    #[error("the table of contents is damaged: {0}")]
    Json(String),
    /// The table has not the form that it should have.
    #[error("the table of contents is damaged: {0}")]
    Form(&'static str),
    /// The table contradicts itself or the blob.
    #[error("the table of contents is damaged: entry {entry}: {reason}")]
    Entry {
        /// The position of the entry, from 0.
        entry: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The table is over a limit.
    #[error("the table of contents is over the limit of {limit} {what}")]
    Limit {
        /// What is counted.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A chunk is not what the table says.
    #[error("`{path}` at byte {offset}: a chunk is not what the table of contents says: {reason}")]
    Chunk {
        /// The file.
        path: String,
        /// Where the chunk begins in the file.
        offset: u64,
        /// What is wrong with it.
        reason: ChunkFault,
    },
    /// The chunks are fetched again and again, or unpack to too much.
    #[error("the table of contents leads to more than {limit} bytes")]
    Amplification {
        /// The limit on bytes fetched or unpacked.
        limit: u64,
    },
    /// Reading failed.
    #[error(transparent)]
    Io(io::Error),
}

/// What is wrong with a chunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFault {
    /// Its bytes have another digest.
    #[error("digest mismatch: expected {expected}, found {found}")]
    Digest {
        /// The digest in the table.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// It cannot be unpacked, or is too short.
    #[error("it cannot be unpacked")]
    Decompress,
}

impl TocError {
    pub(crate) fn entry(entry: u64, reason: &'static str) -> Self {
        Self::Entry { entry, reason }
    }

    /// The error that an I/O error carries inside.
    pub(crate) fn of(error: io::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(own) => return own,
            Err(error) => error,
        };
        if let Some(reason) = DecompressError::of(&error) {
            return Self::Decompress(reason.clone());
        }
        let inner = error.get_ref();
        if let Some(over) = inner.and_then(|inner| inner.downcast_ref::<LimitExceeded>()) {
            return Self::Limit { what: "bytes", limit: over.limit_bytes };
        }
        match inner.filter(|inner| inner.is::<TarError>()) {
            Some(damage) => Self::Json(damage.to_string()),
            None => Self::Io(error),
        }
    }
}

impl From<TocError> for io::Error {
    fn from(error: TocError) -> Self {
        match error {
            TocError::Io(error) => error,
            error => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

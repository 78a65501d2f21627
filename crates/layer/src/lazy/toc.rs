//! The table of contents of a layer, checked.

use supercargo_content::{Algorithm, Digest};

use super::soci::Spans;
use crate::MemberKind;

/// All members of a layer in archive order, and where the bytes of files lie.
#[derive(Debug)]
pub(crate) struct Toc {
    pub(crate) entries: Vec<TocEntry>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) codec: Codec,
    /// Where inflating can begin, for [`Codec::Span`].
    pub(crate) spans: Option<Spans>,
}

/// How chunks are compressed: each by itself, or in spans of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Gzip,
    Zstd,
    Span,
}

/// One member.
#[derive(Debug)]
pub(crate) struct TocEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: MemberKind,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    /// Its chunks: the first position in [`Toc::chunks`], and how many.
    pub(crate) first_chunk: u32,
    pub(crate) chunk_count: u32,
}

/// A part of a file that was compressed by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Where the compressed bytes begin and end in the blob. The end may lie behind what is needed.
    pub(crate) at: u64,
    pub(crate) end: u64,
    /// Where the chunk begins in what they unpack to.
    pub(crate) inner: u64,
    /// Where the chunk begins in its file, and its length.
    pub(crate) offset: u64,
    pub(crate) len: u64,
    /// SHA-256 of the chunk; of the compressed span that it lies in, for [`Codec::Span`].
    pub(crate) sha256: [u8; 32],
    /// Whether it is all zeros and stored nowhere.
    pub(crate) is_zeros: bool,
    /// Whether other chunks lie in the same compressed bytes.
    pub(crate) is_shared: bool,
}

impl Toc {
    /// The chunks of an entry, in the order of the file.
    pub(crate) fn chunks_of(&self, entry: &TocEntry) -> &[Chunk] {
        let first = entry.first_chunk as usize;
        self.chunks.get(first..first.saturating_add(entry.chunk_count as usize)).unwrap_or_default()
    }
}

impl Chunk {
    /// The digest in the table.
    pub(crate) fn digest(&self) -> Digest {
        // Thirty-two bytes are a SHA-256 always.
        Digest::from_bytes(Algorithm::Sha256, &self.sha256).unwrap_or_else(|| Digest::sha256_of(b""))
    }
}

//! From entries as written to a table that is sound.

use std::collections::BTreeSet;

use supercargo_content::Digest;

use super::TocError;
use super::toc::{Chunk, Codec, Toc, TocEntry};
use super::wire::RawEntry;
use crate::MemberKind;

/// Collects entries and checks what one entry can show.
#[derive(Debug)]
pub(crate) struct Builder {
    toc: Toc,
    /// Where the chunks of the blob end: at the table itself, or before.
    data_end: u64,
    entries_max: u64,
    read: u64,
    file: Option<File>,
    /// What stopped the reading of the list.
    pub(crate) fault: Option<TocError>,
}

/// The file whose chunks are being read.
#[derive(Debug)]
struct File {
    name: String,
    /// The digest of the whole, for a file of one chunk.
    digest: String,
    /// Where its bytes end in the blob, where the entry says it.
    end_offset: u64,
    /// How far its chunks reach.
    reached: u64,
}

impl Builder {
    pub(crate) fn new(codec: Codec, data_end: u64, entries_max: u64) -> Self {
        let toc = Toc { entries: Vec::new(), chunks: Vec::new(), codec, spans: None };
        Self { toc, data_end, entries_max, read: 0, file: None, fault: None }
    }

    pub(crate) fn push(&mut self, raw: RawEntry) -> Result<(), TocError> {
        if self.read >= self.entries_max {
            return Err(TocError::Limit { what: "entries", limit: self.entries_max });
        }
        self.read += 1;
        if raw.kind == "chunk" {
            return self.chunk(&raw);
        }
        self.end_file()?;
        let link = || raw.link_name.clone().into_bytes();
        let kind = match raw.kind.as_str() {
            "dir" => MemberKind::Directory,
            "reg" => MemberKind::File,
            "symlink" => MemberKind::Symlink(link()),
            "hardlink" => MemberKind::HardLink(link()),
            "char" | "block" | "fifo" => MemberKind::Special,
            _ => return Err(self.wrong("it has an unknown type")),
        };
        let size = if kind == MemberKind::File { raw.size } else { 0 };
        let first_chunk = u32::try_from(self.toc.chunks.len()).map_err(|_| self.wrong("too many chunks"))?;
        let mode = (raw.mode & 0o7777) as u32;
        let name = raw.name.clone().into_bytes();
        self.toc.entries.push(TocEntry { name, kind, mode, size, first_chunk, chunk_count: 0 });
        if size > 0 {
            let (name, digest) = (raw.name.clone(), raw.digest.clone());
            self.file = Some(File { name, digest, end_offset: raw.end_offset, reached: 0 });
            self.chunk(&raw)?;
        }
        Ok(())
    }

    fn chunk(&mut self, raw: &RawEntry) -> Result<(), TocError> {
        let (Some(file), Some(entry)) = (self.file.as_mut(), self.toc.entries.last_mut()) else {
            return Err(self.wrong("a chunk belongs to no file"));
        };
        let fault = |reason| TocError::entry(self.read - 1, reason);
        if raw.name != file.name || raw.chunk_offset != file.reached {
            return Err(fault("a chunk does not go on where the one before it ends"));
        }
        let left = entry.size - file.reached;
        let len = if raw.chunk_size == 0 { left } else { raw.chunk_size };
        if len == 0 || len > left {
            return Err(fault("a chunk is longer than what is left of its file"));
        }
        let is_zeros = raw.chunk_type == "zeros";
        if !matches!(raw.chunk_type.as_str(), "" | "data" | "zeros") {
            return Err(fault("a chunk has an unknown type"));
        }
        if !is_zeros && raw.offset >= self.data_end {
            return Err(fault("a chunk lies outside the blob"));
        }
        let is_whole = len == entry.size;
        let digest = if raw.chunk_digest.is_empty() && is_whole { &file.digest } else { &raw.chunk_digest };
        let sha256 =
            if is_zeros { [0; 32] } else { sha256(digest).ok_or_else(|| fault("no SHA-256 of a chunk"))? };
        file.reached += len;
        entry.chunk_count += 1;
        let (at, inner) = (raw.offset, raw.inner_offset);
        let offset = raw.chunk_offset;
        self.toc.chunks.push(Chunk { at, end: 0, inner, offset, len, sha256, is_zeros, is_shared: false });
        Ok(())
    }

    /// Checks that the chunks of the last file make all of it.
    fn end_file(&mut self) -> Result<(), TocError> {
        let (Some(file), Some(entry)) = (self.file.take(), self.toc.entries.last()) else { return Ok(()) };
        if file.reached != entry.size {
            return Err(self.wrong("the chunks before it are shorter than their file"));
        }
        if file.end_offset > 0 {
            let chunk = self.toc.chunks.last_mut().filter(|chunk| !chunk.is_zeros);
            if let Some(chunk) = chunk {
                chunk.end = file.end_offset;
                if chunk.end <= chunk.at || chunk.end > self.data_end {
                    return Err(self.wrong("the file before it ends outside the blob"));
                }
            }
        }
        Ok(())
    }

    /// The table. A chunk whose end was not written ends where the next one begins.
    pub(crate) fn finish(mut self) -> Result<Toc, TocError> {
        self.end_file()?;
        let stored = |chunk: &&Chunk| !chunk.is_zeros;
        let mut begins = BTreeSet::new();
        let mut shared = BTreeSet::new();
        for chunk in self.toc.chunks.iter().filter(stored) {
            if !begins.insert(chunk.at) {
                shared.insert(chunk.at);
            }
        }
        for chunk in self.toc.chunks.iter_mut().filter(|chunk| !chunk.is_zeros) {
            let next = begins.range(chunk.at + 1..).next().copied().unwrap_or(self.data_end);
            if chunk.end > next {
                return Err(TocError::entry(self.read, "two chunks overlap"));
            }
            let end = if chunk.end == 0 { next } else { chunk.end };
            chunk.end = end.min(chunk.at.saturating_add(packed_bytes_max(chunk)));
            chunk.is_shared = shared.contains(&chunk.at);
        }
        Ok(self.toc)
    }

    fn wrong(&self, reason: &'static str) -> TocError {
        TocError::entry(self.read.saturating_sub(1), reason)
    }
}

/// What the chunk can take at most when compressed badly; what lies behind it belongs to other members.
fn packed_bytes_max(chunk: &Chunk) -> u64 {
    let plain = chunk.inner.saturating_add(chunk.len);
    plain.saturating_add(plain / 64).saturating_add(64 << 10)
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let digest: Digest = text.parse().ok()?;
    digest.to_bytes().try_into().ok()
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;

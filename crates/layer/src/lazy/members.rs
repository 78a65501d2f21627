//! A table of contents in the place of an archive.

use std::io;

use super::TocError;
use super::store::Store;
use super::toc::{Chunk, Toc, TocEntry};
use crate::members::Members;
use crate::tar::DigestedBody;
use crate::{HEAD_BYTES, Member, Parts, TarError};

/// A first chunk up to this size is kept for the body that may be wanted next. The chunks of a body that is read in parts
/// are no larger, alone and together.
const HEAD_CHUNK_BYTES_MAX: u64 = 8 << 20;
/// Chunks of which a body has to consist for parts of it to save anything.
const PARTED_CHUNKS_MIN: usize = 3;
/// Bodies up to this size need no reservation; the buffer for them stays.
const SMALL_BODY_BYTES: u64 = 256 << 10;

/// The members of a table; their bytes are fetched when they are asked for.
pub(crate) struct TocMembers<'a> {
    toc: &'a Toc,
    pub(crate) store: Store<'a>,
    next: usize,
    current: Option<&'a TocEntry>,
    /// The beginning of the current body, made of this many chunks; or one piece of it.
    body: Vec<u8>,
    chunks_loaded: usize,
    /// Whether `body` has been given out as a piece.
    is_lent: bool,
    /// Zeros of the last chunk that are still to be given out.
    zeros_left: u64,
    /// Chunks of the current body that were loaded by themselves, the latest last.
    apart: Vec<(usize, Vec<u8>)>,
}

impl<'a> TocMembers<'a> {
    pub(crate) fn new(toc: &'a Toc, store: Store<'a>) -> Self {
        Self {
            toc,
            store,
            next: 0,
            current: None,
            body: Vec::new(),
            chunks_loaded: 0,
            is_lent: false,
            zeros_left: 0,
            apart: Vec::new(),
        }
    }

    /// Begins again at the first member.
    pub(crate) fn restart(&mut self) {
        self.next = 0;
    }

    /// Loads chunks until so many bytes of the body are there.
    fn load(&mut self, wanted: u64) -> Result<(), TarError> {
        let Some(entry) = self.current else { return Ok(()) };
        let chunks = self.toc.chunks_of(entry);
        let needed = chunks.partition_point(|chunk| chunk.offset < wanted);
        while let Some(next @ [chunk, ..]) = chunks.get(self.chunks_loaded..needed) {
            if chunk.is_zeros {
                let end = chunk.offset.saturating_add(chunk.len);
                self.body.resize(usize::try_from(end).unwrap_or(usize::MAX), 0);
            } else {
                self.store.append(&entry.name, next, &mut self.body).map_err(failed)?;
            }
            self.chunks_loaded += 1;
        }
        Ok(())
    }

    /// Puts the next chunk, or a part of its zeros, in the place of what was given out; nothing at the end.
    fn load_piece(&mut self) -> Result<(), TarError> {
        let Some(entry) = self.current else { return Ok(()) };
        while self.zeros_left == 0 && self.body.is_empty() {
            let next = self.toc.chunks_of(entry).get(self.chunks_loaded..).unwrap_or_default();
            let Some(chunk) = next.first() else { return Ok(()) };
            if chunk.is_zeros {
                self.zeros_left = chunk.len;
            } else {
                self.store.append(&entry.name, next, &mut self.body).map_err(failed)?;
            }
            self.chunks_loaded += 1;
        }
        if self.body.is_empty() {
            let zeros = self.zeros_left.min(SMALL_BODY_BYTES);
            self.zeros_left -= zeros;
            self.body.resize(usize::try_from(zeros).unwrap_or_default(), 0);
        }
        Ok(())
    }

    fn first_chunk(&self) -> Option<&'a Chunk> {
        self.toc.chunks_of(self.current?).first()
    }

    /// The bytes of the current body from `offset` to the end of the chunk there.
    fn bytes_at(&mut self, offset: u64) -> Result<Option<&[u8]>, TocError> {
        if offset < self.body.len() as u64 {
            return Ok(bytes_from(&self.body, offset));
        }
        let Some(entry) = self.current else { return Ok(None) };
        let chunks = self.toc.chunks_of(entry);
        let at = chunks.partition_point(|chunk| chunk.offset <= offset).saturating_sub(1);
        let Some(chunk) = chunks.get(at) else { return Ok(None) };
        if !self.apart.iter().any(|(loaded, _)| *loaded == at) {
            let mut bytes = Vec::new();
            if chunk.is_zeros {
                bytes.resize(usize::try_from(chunk.len).unwrap_or_default(), 0);
            } else {
                self.store.append(&entry.name, std::slice::from_ref(chunk), &mut bytes)?;
            }
            self.keep_apart(at, bytes);
        }
        let loaded = self.apart.iter().find(|(loaded, _)| *loaded == at);
        Ok(loaded.and_then(|(_, bytes)| bytes_from(bytes, offset.saturating_sub(chunk.offset))))
    }

    fn keep_apart(&mut self, at: usize, bytes: Vec<u8>) {
        self.apart.push((at, bytes));
        let held =
            |apart: &[(usize, Vec<u8>)]| apart.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        while self.apart.len() > 1 && held(&self.apart) > HEAD_CHUNK_BYTES_MAX {
            self.apart.remove(0);
        }
    }
}

/// What there is from `offset` on; `None` when that is nothing.
fn bytes_from(bytes: &[u8], offset: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(offset).ok()?..).filter(|rest| !rest.is_empty())
}

impl Parts for TocMembers<'_> {
    fn read_at(&mut self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let bytes = self.bytes_at(offset)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let count = bytes.len().min(buffer.len());
            let filled = std::mem::take(&mut buffer).split_at_mut_checked(count);
            let (now, later) = filled.unwrap_or_default();
            now.copy_from_slice(bytes.get(..count).unwrap_or_default());
            offset += count as u64;
            buffer = later;
        }
        Ok(())
    }
}

impl Members for TocMembers<'_> {
    fn next_member(&mut self) -> Result<Option<Member>, TarError> {
        if self.body.capacity() as u64 > HEAD_CHUNK_BYTES_MAX {
            self.body = Vec::new();
        }
        self.body.clear();
        self.apart.clear();
        (self.chunks_loaded, self.is_lent, self.zeros_left) = (0, false, 0);
        self.current = self.toc.entries.get(self.next);
        self.next += 1;
        Ok(self.current.map(TocEntry::member))
    }

    fn head(&mut self) -> Result<([u8; HEAD_BYTES], usize), TarError> {
        let size = self.current.map_or(0, |entry| entry.size);
        let wanted = usize::try_from(size).unwrap_or(usize::MAX).min(HEAD_BYTES);
        let mut head = [0; HEAD_BYTES];
        let start = match self.first_chunk() {
            Some(chunk) if chunk.is_zeros && chunk.len >= HEAD_BYTES as u64 => return Ok((head, wanted)),
            Some(chunk) if chunk.len > HEAD_CHUNK_BYTES_MAX => {
                let path = self.current.map_or(&[][..], |entry| &entry.name);
                self.store.start_of(path, chunk, HEAD_BYTES).map_err(failed)?
            }
            _ => {
                self.load(wanted as u64)?;
                self.body.iter().take(wanted).copied().collect()
            }
        };
        head.iter_mut().zip(start).for_each(|(to, from)| *to = from);
        Ok((head, wanted))
    }

    fn body_buffer_bytes(&self) -> u64 {
        self.current.map_or(0, |entry| entry.size).saturating_sub(SMALL_BODY_BYTES)
    }

    fn digested_body(&mut self, bytes_max: u64) -> Result<Option<DigestedBody<'_>>, TarError> {
        let size = self.current.map_or(0, |entry| entry.size);
        if size > bytes_max {
            return Ok(None);
        }
        self.load(size)?;
        Ok(Some((self.body.as_slice(), None)))
    }

    fn parts(&mut self) -> Option<&mut dyn Parts> {
        let chunks = self.toc.chunks_of(self.current?);
        let are_small = chunks.iter().all(|chunk| chunk.len <= HEAD_CHUNK_BYTES_MAX);
        (chunks.len() >= PARTED_CHUNKS_MIN && are_small).then_some(self)
    }

    fn hole_bytes(&self) -> u64 {
        let chunks = self.current.map(|entry| self.toc.chunks_of(entry)).unwrap_or_default();
        let zeros = chunks.iter().filter(|chunk| chunk.is_zeros).map(|chunk| chunk.len);
        zeros.fold(0, u64::saturating_add)
    }

    fn piece(&mut self) -> Result<Option<&[u8]>, TarError> {
        if std::mem::replace(&mut self.is_lent, true) {
            self.body.clear();
        }
        if self.body.is_empty() {
            self.load_piece()?;
        }
        Ok((!self.body.is_empty()).then_some(self.body.as_slice()))
    }
}

impl TocEntry {
    /// The entry as a member of an archive.
    pub(crate) fn member(&self) -> Member {
        let (name, kind) = (self.name.clone(), self.kind.clone());
        Member { name, kind, mode: self.mode, size: self.size, offset: 0 }
    }
}

fn failed(error: TocError) -> TarError {
    TarError::Io(error.into())
}

//! What a pass walks over: an archive as it goes by, or a table of contents.

use std::io::Read;

use supercargo_content::Digest;

use crate::tar::DigestedBody;
use crate::{HEAD_BYTES, Member, Parts, TarError, TarReader};

/// Members in archive order, with bodies on demand. The methods are those of [`TarReader`].
pub(crate) trait Members {
    /// The next member; `None` at the end.
    fn next_member(&mut self) -> Result<Option<Member>, TarError>;

    /// The first bytes of the current body, and how many there are.
    fn head(&mut self) -> Result<([u8; HEAD_BYTES], usize), TarError>;

    /// Bytes of the current body that are in no archive.
    fn hole_bytes(&self) -> u64;

    /// Bytes that [`Members::digested_body`] will have to allocate.
    fn body_buffer_bytes(&self) -> u64;

    /// The current body, whole; `None` when it is larger than `bytes_max`. To be called once for each member.
    fn digested_body(&mut self, bytes_max: u64) -> Result<Option<DigestedBody<'_>>, TarError>;

    /// Begins the SHA-256 of the current body; `false` where whoever wants it has to compute it.
    fn begin_body_digest(&mut self) -> bool {
        false
    }

    /// The SHA-256 of a body that was begun and taken piece by piece.
    fn end_body_digest(&mut self) -> Option<Digest> {
        None
    }

    /// The next bytes of the current body; `None` at its end.
    fn piece(&mut self) -> Result<Option<&[u8]>, TarError>;

    /// The current body in parts, where that saves reading most of it.
    fn parts(&mut self) -> Option<&mut dyn Parts> {
        None
    }

    /// Brings a buffer for large bodies, and gives back the one that was there. One who has his own keeps it.
    fn swap_scratch(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        buffer
    }
}

impl<R: Read> Members for TarReader<R> {
    fn next_member(&mut self) -> Result<Option<Member>, TarError> {
        Self::next_member(self)
    }

    fn head(&mut self) -> Result<([u8; HEAD_BYTES], usize), TarError> {
        Self::head(self)
    }

    fn hole_bytes(&self) -> u64 {
        Self::hole_bytes(self)
    }

    fn body_buffer_bytes(&self) -> u64 {
        Self::body_buffer_bytes(self)
    }

    fn digested_body(&mut self, bytes_max: u64) -> Result<Option<DigestedBody<'_>>, TarError> {
        Self::digested_body(self, bytes_max)
    }

    fn begin_body_digest(&mut self) -> bool {
        Self::begin_body_digest(self)
    }

    fn end_body_digest(&mut self) -> Option<Digest> {
        Self::end_body_digest(self)
    }

    fn piece(&mut self) -> Result<Option<&[u8]>, TarError> {
        Self::piece(self)
    }

    fn swap_scratch(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        Self::swap_scratch(self, buffer)
    }
}

//! Who decides what is read.

use std::io;

use supercargo_content::Digest;

use crate::{Entry, HEAD_BYTES};

/// What a [`Visitor`] wants of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Nothing; the body is passed over without being copied.
    Skip,
    /// To see its first bytes before deciding.
    Head,
    /// The body.
    Body,
}

/// A body of which parts can be had in any order.
pub trait Parts {
    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// When they cannot be had; what was read of the body is void then.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// A body that is at hand.
impl Parts for &[u8] {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..));
        let part = rest.and_then(|rest| rest.get(..buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}

/// Sees the files of a layer and reads some of them.
///
/// Only regular files of at least one byte have a head or body. Of two files of one path in one layer the later
/// wins, so what a visitor knows of a path is void once [`Visitor::replaced`] names it.
///
/// A wanted body comes whole, in [`Visitor::body`], or as it passes: `open`, any number of `piece`s, `close`. Where parts of
/// it can be had (a folder, a layer with a table of contents), they are offered first.
/// Larger ones than `Limits::streamed_bytes_min` are offered as they pass, and those over `Limits::file_bytes_max`
/// come in no other way.
pub trait Visitor {
    /// Decides by path, mode and size. Hard links are asked about too: one that is wanted ends up in
    /// [`LayerPass::links`](crate::LayerPass::links), for a second pass.
    fn interest(&mut self, entry: &Entry) -> Interest;

    /// Decides by the first bytes, at most [`HEAD_BYTES`] of them.
    fn wants_head(&mut self, entry: &Entry, head: &[u8]) -> bool {
        let _ = (entry, head.len() <= HEAD_BYTES);
        false
    }

    /// Whether a wanted body's SHA-256 is wanted too. It is computed beside the digest of the layer, where that costs
    /// half of what it costs alone.
    fn wants_digest(&mut self, entry: &Entry) -> bool {
        let _ = entry;
        false
    }

    /// Takes the SHA-256 of the body that the next [`Visitor::body`]s or the next [`Visitor::close`] is about.
    fn digest(&mut self, digest: Digest) {
        let _ = digest;
    }

    /// Takes a wanted body, always whole.
    fn body(&mut self, entry: &Entry, bytes: &[u8]);

    /// Offers a wanted body in parts; `head` are its first bytes. `true` says that it has been read so, and that nothing
    /// else of it is needed.
    ///
    /// # Errors
    ///
    /// Those of the parts.
    fn parts(&mut self, entry: &Entry, head: &[u8], parts: &mut dyn Parts) -> io::Result<bool> {
        let _ = (entry, head, parts);
        Ok(false)
    }

    /// Offers a wanted body in pieces; `head` are its first bytes. `false` says that nobody reads it so. It is
    /// asked for whole then where it is small enough (`may_be_whole`), and otherwise the visitor has to say what
    /// was not read. Several files are open at once when one body has several names.
    fn open(&mut self, entry: &Entry, head: &[u8], may_be_whole: bool) -> bool {
        let _ = (entry, head, may_be_whole);
        false
    }

    /// Takes the next bytes of all open files.
    fn piece(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }

    /// Ends all open files; not complete when the archive is damaged in the middle of the body.
    fn close(&mut self, is_complete: bool) {
        let _ = is_complete;
    }

    /// Whether a file that was just closed is needed whole after all. It ends up in
    /// [`LayerPass::links`](crate::LayerPass::links) then, for a second pass, which does not offer it in pieces if
    /// `open` answers `false`. Asked only where it may be whole.
    fn again(&mut self, entry: &Entry) -> bool {
        let _ = entry;
        false
    }

    /// A path whose body was handed over has been replaced by a later entry of the same layer.
    fn replaced(&mut self, entry: &Entry) {
        let _ = entry;
    }
}

//! Who decides what is read.

use crate::{Entry, HEAD_BYTES};

/// What a [`Visitor`] wants of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Nothing; the body is passed over without being copied.
    Skip,
    /// To see its first bytes before deciding.
    Head,
    /// The whole body.
    Body,
}

/// Sees the files of a layer and reads some of them.
///
/// Only regular files of at least one byte have a head or body. Of two files of one path in one layer the later
/// wins, so what a visitor knows of a path is void once [`Visitor::replaced`] names it.
pub trait Visitor {
    /// Decides by path, mode and size. Hard links are asked about too: one that is wanted ends up in
    /// [`LayerPass::links`](crate::LayerPass::links), for a second pass.
    fn interest(&mut self, entry: &Entry) -> Interest;

    /// Decides by the first bytes, at most [`HEAD_BYTES`] of them.
    fn wants_head(&mut self, entry: &Entry, head: &[u8]) -> bool {
        let _ = (entry, head.len() <= HEAD_BYTES);
        false
    }

    /// Takes a wanted body, always whole.
    fn body(&mut self, entry: &Entry, bytes: &[u8]);

    /// A path whose body was handed over has been replaced by a later entry of the same layer.
    fn replaced(&mut self, entry: &Entry) {
        let _ = entry;
    }
}

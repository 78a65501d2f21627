//! Layers as streams of entries, and the tree that they stack up to.
//!
//! **Where in the flow.** Blob bytes come in, [`Entry`]s and wanted bodies go out in one pass; the
//! [`LayerDelta`]s of all layers make a [`FileTree`].
//!
//! **Key type.** [`LayerDelta`]: every path, link, size and whiteout of one layer.
//!
//! **The one decision.** Merging goes by the full tree, not by findings: a file that an upper layer replaces,
//! empties or turns into a folder takes its findings with it, and links resolve once, inside the image.
//!
//! **Specification.** OCI image specification v1.1, "Image Layer Filesystem Changeset"; POSIX pax.

mod delta;
mod tree;

pub use delta::{DeltaEntry, Entry, EntryKind, LayerDelta};
pub use tree::{FileTree, TreeNode};

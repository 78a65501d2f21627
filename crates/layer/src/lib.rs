//! Layers as streams of entries, and the tree that they stack up to.
//!
//! **Where in the flow.** Blob bytes come in, [`Entry`]s and wanted bodies go out in one pass; the
//! [`LayerDelta`]s of all layers make a [`FileTree`].
//!
//! **Key type.** [`LayerDelta`]: every path, link, size and whiteout of one layer; [`LayerReader`] makes it.
//!
//! **The one decision.** Merging goes by the full tree, not by findings: a file that an upper layer replaces,
//! empties or turns into a folder takes its findings with it, and links resolve once, inside the image.
//!
//! ```
//! use supercargo_content::{Descriptor, Digest, Limits, MediaType};
//! use supercargo_layer::{Budget, Entry, FileTree, Interest, LayerInput, LayerReader, Visitor};
//!
//! struct Names(Vec<String>);
//! impl Visitor for Names {
//!     fn interest(&mut self, entry: &Entry) -> Interest {
//!         if entry.path.file_name() == "os-release" { Interest::Body } else { Interest::Skip }
//!     }
//!     fn body(&mut self, entry: &Entry, bytes: &[u8]) {
//!         self.0.push(format!("{} has {} bytes", entry.path, bytes.len()));
//!     }
//! }
//!
//! let blob = [0; 1024]; // the empty archive
//! let descriptor = Descriptor::of(MediaType::OCI_LAYER, &blob);
//! let layer = LayerInput { descriptor: &descriptor, diff_id: &Digest::sha256_of(&blob) };
//! let (limits, budget) = (Limits::default(), Budget::new(Limits::default().buffered_bytes_max));
//! let reader = LayerReader { limits: &limits, budget: &budget };
//! let pass = reader.read(&blob[..], &layer, &mut Names(Vec::new()))?;
//! assert!(pass.verified && FileTree::stack([&pass.delta]).is_empty());
//! # Ok::<(), supercargo_layer::LayerError>(())
//! ```
//!
//! **Specification.** OCI image specification v1.1, "Image Layer Filesystem Changeset"; POSIX pax; eStargz and zstd:chunked
//! for layers that have a table of contents.

mod budget;
mod decompress;
mod delta;
mod error;
mod folder;
mod gzip;
mod lazy;
mod links;
mod members;
mod overlap;
mod pass;
mod place;
mod stream;
mod tar;
mod tree;
mod unnamed;
mod visitor;
mod window;
mod zstandard;

pub use budget::{Budget, OverBudget, Reservation};
pub use decompress::{Compression, DecompressError, Decompressed};
pub use delta::{DeltaEntry, Entry, EntryKind, LayerDelta};
pub use error::LayerError;
pub use lazy::{Announced, Ranged, TocError};
pub use links::WantedLink;
pub use overlap::Overlap;
pub use pass::{LayerPass, LayerReader};
pub use stream::{LayerInput, media_type_problem};
pub use tar::{BodyStream, HEAD_BYTES, Member, MemberKind, TarDamage, TarError, TarReader};
pub use tree::{FileTree, TreeNode};
pub use unnamed::BlobFacts;
pub use visitor::{Interest, Parts, Visitor};

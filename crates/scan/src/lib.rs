//! From an image to an inventory: layers in parallel, one pass each, joined in layer order.
//!
//! **Where in the flow.** Takes an [`Image`](supercargo_image::Image), streams its layers through the readers of
//! `ecosystems`, stacks the trees and settles what is visible.
//!
//! **Key type.** [`LayerRecord`]: everything a scan keeps of one layer. It names no path of this machine and
//! depends on nothing but the layer's bytes, the readers' revisions and the limits, so it can travel: it is written
//! to a [`RecordStore`] under a [`RecordKey`] and read by the next scan in place of the layer.
//!
//! **The one decision.** Results join in layer order after all layers are read; timing and thread count never
//! show in the output. The origin layer of a package is found by comparing records, never by reading again.
//!
//! **Specification.** OCI image specification v1.1, "Image Layer Filesystem Changeset".

mod archive;
mod cache;
mod collect;
mod error;
mod join;
mod kept;
mod lazy;
mod origin;
mod passed;
mod pipeline;
mod record;
mod soci;
mod workers;

pub use archive::{PassedArchive, read_archive};
pub use cache::{
    Distrust, FolderError, FolderInfo, FolderStore, KindInfo, NoRecords, PruneRule, Pruned, RecordStore,
    Reuse,
};
pub use error::{ArchiveError, ScanError};
pub use passed::PassedLayers;
pub use pipeline::{
    Known, Progress, ScanOptions, Scanned, Silent, scan, scan_known, scan_passed, scan_with_records,
};
pub use record::{
    FileFacts, Inexpressible, KeyMaker, LayerRecord, RECORD_FORMAT, RecordError, RecordKey, RecordKind,
    RecordLimits, SealedRecord, seal_inventory, unseal_inventory,
};
pub use soci::SOCI_INDEX_1;

//! Records that outlive a scan: what is asked of a store, and the store in a folder.

mod folder;
mod guard;
mod prune;
mod shelf;
mod store;
#[cfg(all(test, unix))]
mod tests;

pub use folder::{FolderError, FolderStore};
pub use guard::Distrust;
pub use prune::{FolderInfo, KindInfo, PruneRule, Pruned};
pub use shelf::Reuse;
pub(crate) use shelf::Shelf;
pub use store::{NoRecords, RecordStore};

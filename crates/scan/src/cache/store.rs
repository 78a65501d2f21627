//! What a scan asks of a place that keeps records.

use crate::{RecordKey, SealedRecord};

/// A place that keeps records between scans. Called from several threads at once.
///
/// Nothing here fails: a store that cannot be read has nothing, one that cannot be written keeps nothing, and it tells
/// its owner why by means of its own. A scan without a store gives the same answer, only later.
pub trait RecordStore: Sync {
    /// The record of a key; only one that the store has reason to believe.
    fn load(&self, key: &RecordKey) -> Option<SealedRecord>;

    /// Keeps a record.
    fn store(&self, key: &RecordKey, record: &SealedRecord);

    /// Tells that a record would have been needed, had not a larger one stood for it.
    fn used(&self, _key: &RecordKey) {}
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRecords;

impl RecordStore for NoRecords {
    fn load(&self, _key: &RecordKey) -> Option<SealedRecord> {
        None
    }

    fn store(&self, _key: &RecordKey, _record: &SealedRecord) {}
}

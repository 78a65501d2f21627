//! Where the records of layers are kept: this machine's folder first, then a registry whose records are signed.

use std::sync::atomic::{AtomicBool, Ordering};

use supercargo_scan::{FolderStore, PruneRule, RecordKey, RecordKind, RecordStore, SealedRecord};

use crate::RegistryRecords;

/// The stores of one run. Without any, every layer is read.
///
/// What came from a registry counts only for who names the same signers: it is kept in a part of the folder that has
/// their fingerprint in its name, and so is the inventory of an image as soon as one such record went into it.
#[derive(Debug, Default)]
pub struct LayerCache {
    folder: Option<FolderStore>,
    signed: Option<FolderStore>,
    registry: Option<RegistryRecords>,
    rule: PruneRule,
    has_signed: AtomicBool,
    has_stored: AtomicBool,
}

impl LayerCache {
    /// Uses a folder, a registry, both or neither. The folder is pruned by `rule` now and then.
    pub fn new(folder: Option<FolderStore>, registry: Option<RegistryRecords>, rule: PruneRule) -> Self {
        let signed = folder.as_ref().zip(registry.as_ref());
        let signed = signed.map(|(folder, registry)| folder.of_signers(registry.signers().hex()));
        Self { folder, signed, registry, rule, ..Self::default() }
    }

    /// What went wrong so far, each thing once. Nothing of it changes what a scan finds.
    pub fn take_notes(&self) -> Vec<String> {
        let folders = [&self.folder, &self.signed].into_iter().flatten().flat_map(FolderStore::take_notes);
        folders.chain(self.registry.iter().flat_map(RegistryRecords::take_notes)).collect()
    }

    /// Prunes the folder when something was put there and it is time.
    pub(crate) fn tidy(&self) {
        if let Some(folder) = self.folder.as_ref().filter(|_| self.has_stored.load(Ordering::Relaxed)) {
            folder.tidy(&self.rule);
        }
    }

    fn load_signed(&self, key: &RecordKey) -> Option<SealedRecord> {
        let registry = self.registry.as_ref()?;
        let known = self.signed.as_ref().and_then(|folder| folder.load(key));
        let record = known.or_else(|| {
            let record = registry.load(key)?;
            self.keep(self.signed.as_ref(), key, &record);
            Some(record)
        })?;
        self.has_signed.store(true, Ordering::Relaxed);
        Some(record)
    }

    fn keep(&self, folder: Option<&FolderStore>, key: &RecordKey, record: &SealedRecord) {
        if let Some(folder) = folder {
            self.has_stored.store(true, Ordering::Relaxed);
            folder.store(key, record);
        }
    }

    fn load_own(&self, key: &RecordKey) -> Option<SealedRecord> {
        let record = self.folder.as_ref()?.load(key)?;
        self.registry.iter().for_each(|registry| registry.offer(key, &record));
        Some(record)
    }
}

impl RecordStore for LayerCache {
    fn load(&self, key: &RecordKey) -> Option<SealedRecord> {
        self.load_own(key).or_else(|| self.load_signed(key))
    }

    fn store(&self, key: &RecordKey, record: &SealedRecord) {
        let rests_on_signed = key.kind() == RecordKind::Image && self.has_signed.load(Ordering::Relaxed);
        let folder = if rests_on_signed { &self.signed } else { &self.folder };
        self.keep(folder.as_ref(), key, record);
        self.registry.iter().for_each(|registry| registry.store(key, record));
    }

    fn used(&self, key: &RecordKey) {
        [&self.folder, &self.signed].into_iter().flatten().for_each(|folder| folder.used(key));
        if self.registry.as_ref().is_some_and(RegistryRecords::is_written) {
            self.load_own(key);
        }
    }
}

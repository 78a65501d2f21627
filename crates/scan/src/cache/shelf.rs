//! The records that one scan takes from a store and puts there.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use supercargo_ecosystems::Ecosystem;
use supercargo_image::ImageLayer;
use supercargo_inventory::{Inventory, LayerRef};
use supercargo_layer::Announced;

use super::RecordStore;
use crate::record::{PackedRecord, seal_inventory, unseal_inventory};
use crate::soci::Soci;
use crate::{KeyMaker, RecordError, RecordKey, RecordLimits, ScanOptions};

/// How much of a scan came from a store. It changes nothing in the inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reuse {
    /// Layers whose content was not read, because a record of them or of the whole image was there.
    pub layers: u64,
    /// Whether the whole image was.
    pub image: bool,
    /// Records that were there and could not be used, or could not be kept, and why.
    pub notes: Vec<String>,
}

/// The store as one scan sees it.
pub(crate) struct Shelf<'a> {
    store: &'a dyn RecordStore,
    keys: KeyMaker,
    table: &'a [&'a dyn Ecosystem],
    limits: RecordLimits,
    full: bool,
    soci: &'a Soci,
    layers: AtomicU64,
    notes: Mutex<Vec<String>>,
}

impl<'a> Shelf<'a> {
    pub(crate) fn new(
        store: &'a dyn RecordStore,
        table: &'a [&'a dyn Ecosystem],
        options: &ScanOptions,
        soci: &'a Soci,
    ) -> Self {
        let keys = KeyMaker::new(table, &options.limits);
        let (layers, notes) = (AtomicU64::new(0), Mutex::default());
        Self { store, keys, table, limits: RecordLimits::default(), full: options.full, soci, layers, notes }
    }

    /// The inventory of an image that was scanned before.
    pub(crate) fn inventory(&self, layers: &[ImageLayer]) -> Option<Inventory> {
        if layers.iter().any(|layer| self.is_by_toc(layer)) {
            return None;
        }
        let key = self.keys.image(layers);
        let sealed = self.store.load(&key)?;
        let inventory = unseal_inventory(&sealed, self.table, &self.limits);
        let inventory = inventory.map_err(|error| self.unusable(&key, &error)).ok()?;
        layers.iter().for_each(|layer| self.store.used(&self.keys.layer(layer)));
        Some(inventory)
    }

    /// Keeps the inventory of an image, if all of it rests on checked bytes.
    pub(crate) fn keep_inventory(
        &self,
        layers: &[ImageLayer],
        records: &[PackedRecord],
        inventory: &Inventory,
    ) {
        let is_proved = |record: &PackedRecord| record.is_verified || !record.was_read;
        if records.iter().all(is_proved) && !layers.iter().any(|layer| self.is_by_toc(layer)) {
            let key = self.keys.image(layers);
            match seal_inventory(inventory, &key) {
                Ok(sealed) => self.store.store(&key, &sealed),
                Err(error) => self.note(format!("the record {key} was not kept: {error}")),
            }
        }
    }

    /// The record of a layer that was read before, at its place in this image.
    pub(crate) fn layer(&self, place: &LayerRef, layer: &ImageLayer) -> Option<PackedRecord> {
        if self.is_by_toc(layer) {
            return None;
        }
        let key = self.keys.layer(layer);
        let sealed = self.store.load(&key)?;
        let record = PackedRecord::checked(&sealed, place.clone(), self.table, &self.limits);
        let record = record.map_err(|error| self.unusable(&key, &error)).ok()?;
        self.layers.fetch_add(1, Ordering::Relaxed);
        Some(record)
    }

    /// Keeps the record of a layer, if its bytes were checked.
    pub(crate) fn keep_layer(&self, layer: &ImageLayer, record: &PackedRecord) {
        if record.is_verified && record.was_read && !self.is_by_toc(layer) {
            let key = self.keys.layer(layer);
            self.store.store(&key, &record.seal(&key));
        }
    }

    /// Whether a layer would be read through its table of contents. What is found so can depend on whether the source
    /// serves parts, and would be another answer than a record's: neither is taken for the other.
    fn is_by_toc(&self, layer: &ImageLayer) -> bool {
        !self.full && (Announced::of(&layer.blob).is_some() || self.soci.is_about(layer))
    }

    pub(crate) fn reuse(self) -> Reuse {
        let notes = self.notes.into_inner().unwrap_or_default();
        Reuse { layers: self.layers.into_inner(), image: false, notes }
    }

    fn unusable(&self, key: &RecordKey, error: &RecordError) {
        self.note(format!("the record {key} cannot be used, its layers are read again: {error}"));
    }

    fn note(&self, note: String) {
        if let Ok(mut notes) = self.notes.lock() {
            notes.push(note);
        }
    }
}

//! A record as it waits for the others: as bytes, which take an eighth of the room.

use std::sync::Arc;

use supercargo_ecosystems::Ecosystem;
use supercargo_inventory::{LayerRef, Problem};
use supercargo_layer::LayerDelta;

use super::read::{Read, Reader};
use super::write::Writer;
use super::{FileFacts, Inexpressible, LayerRecord, RecordError, RecordKey, RecordLimits, SealedRecord};

/// A [`LayerRecord`] whose delta, facts and problems are the body of a sealed record.
#[derive(Debug, Clone)]
pub(crate) struct PackedRecord {
    pub(crate) layer: LayerRef,
    body: Arc<Vec<u8>>,
    /// Problems that were found after the record was packed.
    more_problems: Vec<Problem>,
    pub(crate) was_read: bool,
    pub(crate) is_verified: bool,
    /// Bytes of the blob that were fetched, when the layer was read through its table of contents.
    pub(crate) fetched_bytes: Option<u64>,
}

/// What stands in a body behind the facts.
pub(crate) struct Remainder {
    pub(crate) problems: Vec<Problem>,
    pub(crate) entries: u64,
    pub(crate) files_read: u64,
    pub(crate) compressed_bytes: u64,
    pub(crate) uncompressed_bytes: u64,
}

impl PackedRecord {
    /// Writes a record down.
    ///
    /// # Errors
    /// When something in the record names another layer.
    pub(crate) fn pack(record: &LayerRecord) -> Result<Self, Inexpressible> {
        let mut to = Writer::new(Vec::new(), std::slice::from_ref(&record.layer));
        to.record(record);
        let mut body = to.finish()?;
        body.shrink_to_fit();
        let LayerRecord { was_read, is_verified, fetched_bytes, .. } = *record;
        let packed = Self::of_body(body, record.layer.clone());
        Ok(Self { was_read, is_verified, fetched_bytes, ..packed })
    }

    /// The body of a record that was kept, as that of the layer at `place`.
    pub(super) fn of_sealed(sealed: &SealedRecord, place: LayerRef) -> Self {
        Self::of_body(sealed.body().to_vec(), place)
    }

    fn of_body(body: Vec<u8>, layer: LayerRef) -> Self {
        let (body, more_problems) = (Arc::new(body), Vec::new());
        // Only layers that were read whole, and compared, are kept.
        Self { layer, body, more_problems, was_read: true, is_verified: true, fetched_bytes: None }
    }

    /// A record out of a store, once all of its body has been read.
    ///
    /// # Errors
    /// When the body is not what [`PackedRecord::pack`] writes.
    pub(crate) fn checked(
        sealed: &SealedRecord,
        place: LayerRef,
        table: &[&dyn Ecosystem],
        limits: &RecordLimits,
    ) -> Result<Self, RecordError> {
        let packed = Self::of_sealed(sealed, place);
        let (_, mut facts) = packed.open(table, limits)?;
        while facts.next()?.is_some() {}
        facts.finish()?;
        Ok(packed)
    }

    /// The record to be kept, without its place in any image.
    pub(crate) fn seal(&self, key: &RecordKey) -> SealedRecord {
        SealedRecord::of_body(key, &self.body)
    }

    /// The same layer at another place, with what else was found out about it.
    pub(crate) fn at(&self, place: &LayerRef, more_problems: Vec<Problem>) -> Self {
        Self { layer: place.clone(), more_problems, ..self.clone() }
    }

    /// Reads the delta; the facts follow one file at a time.
    pub(crate) fn open<'a>(
        &'a self,
        table: &'a [&'a dyn Ecosystem],
        limits: &RecordLimits,
    ) -> Read<(LayerDelta, PackedFacts<'a>)> {
        let mut from = Reader::new(&self.body, table, limits);
        from.set_layers(vec![self.layer.clone()]);
        let delta = from.delta()?;
        let left = from.count()?;
        Ok((delta, PackedFacts { record: self, from, left }))
    }

    /// All of it at once.
    pub(super) fn unpack(&self, table: &[&dyn Ecosystem], limits: &RecordLimits) -> Read<LayerRecord> {
        let (delta, mut packed) = self.open(table, limits)?;
        let mut facts = Vec::new();
        while let Some(file) = packed.next()? {
            facts.push(file);
        }
        let Remainder { problems, entries, files_read, compressed_bytes, uncompressed_bytes } =
            packed.finish()?;
        let Self { layer, was_read, is_verified, fetched_bytes, .. } = self.clone();
        Ok(LayerRecord {
            layer,
            delta,
            facts,
            problems,
            entries,
            files_read,
            compressed_bytes,
            uncompressed_bytes,
            was_read,
            is_verified,
            fetched_bytes,
        })
    }
}

/// The facts of a packed record, one file at a time.
pub(crate) struct PackedFacts<'a> {
    record: &'a PackedRecord,
    from: Reader<'a>,
    left: u64,
}

impl PackedFacts<'_> {
    pub(crate) fn next(&mut self) -> Read<Option<FileFacts>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        self.from.file_facts().map(Some)
    }

    /// What stands behind the last of them.
    pub(crate) fn finish(self) -> Read<Remainder> {
        let mut remainder = self.from.remainder()?;
        remainder.problems.extend_from_slice(&self.record.more_problems);
        Ok(remainder)
    }
}

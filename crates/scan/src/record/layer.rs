//! The record of one layer as bytes.

use supercargo_ecosystems::Ecosystem;
use supercargo_inventory::LayerRef;
use supercargo_layer::{Entry, EntryKind, LayerDelta};

use super::packed::{PackedRecord, Remainder};
use super::read::{Read, Reader};
use super::write::Writer;
use super::{FileFacts, Inexpressible, LayerRecord, RecordError, RecordKey, RecordLimits, SealedRecord};

impl LayerRecord {
    /// The record as bytes, without its place in any image: the same layer gives the same bytes under every image.
    ///
    /// # Errors
    /// When something in the record names another layer.
    pub fn seal(&self, key: &RecordKey) -> Result<SealedRecord, Inexpressible> {
        Ok(PackedRecord::pack(self)?.seal(key))
    }

    /// The record of the layer at `place`.
    ///
    /// # Errors
    /// When the body is not what [`LayerRecord::seal`] writes.
    pub fn unseal(
        sealed: &SealedRecord,
        place: LayerRef,
        table: &[&dyn Ecosystem],
        limits: &RecordLimits,
    ) -> Result<Self, RecordError> {
        PackedRecord::of_sealed(sealed, place).unpack(table, limits)
    }
}

impl Writer<'_> {
    pub(super) fn record(&mut self, record: &LayerRecord) {
        let LayerRecord {
            // Its place is given again when the record is read.
            layer: _,
            delta: LayerDelta { entries, whiteouts, opaques },
            facts,
            problems,
            entries: count,
            files_read,
            compressed_bytes,
            uncompressed_bytes,
            // Only layers that were read and compared are kept.
            was_read: _,
            is_verified: _,
            // Only layers that were read whole are kept.
            fetched_bytes: _,
        } = record;
        self.list(entries.iter(), Self::entry);
        self.list(whiteouts.iter(), Self::path);
        self.list(opaques.iter(), Self::path);
        self.list(facts.iter(), |to, FileFacts { path, ecosystem, facts }| {
            to.path(path);
            to.text(ecosystem.0);
            to.list(facts.iter(), Self::fact);
        });
        self.list(problems.iter(), Self::problem);
        [count, files_read, compressed_bytes, uncompressed_bytes]
            .into_iter()
            .for_each(|number| self.number(*number));
    }

    fn entry(&mut self, entry: &Entry) {
        let Entry { path, kind, mode, size } = entry;
        self.path(path);
        match kind {
            EntryKind::File => self.number(0),
            EntryKind::Directory => self.number(1),
            EntryKind::Symlink(target) => {
                self.number(2);
                self.text(target);
            }
            EntryKind::HardLink(target) => {
                self.number(3);
                self.text(target.as_str());
            }
            EntryKind::Special => self.number(4),
        }
        self.number(u64::from(*mode));
        self.number(*size);
    }
}

impl Reader<'_> {
    pub(super) fn delta(&mut self) -> Read<LayerDelta> {
        Ok(LayerDelta {
            entries: self.list(Self::entry)?,
            whiteouts: self.list(Self::path)?,
            opaques: self.list(Self::path)?,
        })
    }

    pub(super) fn file_facts(&mut self) -> Read<FileFacts> {
        Ok(FileFacts { path: self.path()?, ecosystem: self.ecosystem()?, facts: self.list(Self::fact)? })
    }

    /// What stands behind the facts.
    pub(super) fn remainder(mut self) -> Read<Remainder> {
        let remainder = Remainder {
            problems: self.list(Self::problem)?,
            entries: self.number()?,
            files_read: self.number()?,
            compressed_bytes: self.number()?,
            uncompressed_bytes: self.number()?,
        };
        self.finish()?;
        Ok(remainder)
    }

    fn entry(&mut self) -> Read<Entry> {
        let path = self.path()?;
        let kind = match self.number()? {
            0 => EntryKind::File,
            1 => EntryKind::Directory,
            2 => EntryKind::Symlink(self.text()?),
            3 => EntryKind::HardLink(self.plain_path()?),
            4 => EntryKind::Special,
            found => return Err(RecordError::Code { what: "kind of entry", found }),
        };
        Ok(Entry { path, kind, mode: self.small()?, size: self.number()? })
    }
}

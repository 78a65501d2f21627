//! The joined inventory of one image as bytes.

use std::collections::BTreeMap;

use supercargo_ecosystems::Ecosystem;
use supercargo_inventory::{Coverage, Inventory, LayerRef, PackageId, Relationship};

use super::read::{Read, Reader};
use super::write::Writer;
use super::{Inexpressible, RecordError, RecordKey, RecordLimits, SealedRecord};

/// The inventory as bytes.
///
/// # Errors
/// When a relation names a package that is not there, or anything a layer that is not of the image.
pub fn seal_inventory(inventory: &Inventory, key: &RecordKey) -> Result<SealedRecord, Inexpressible> {
    let mut to = Writer::new(SealedRecord::head(key), &inventory.layers);
    to.inventory(inventory);
    Ok(SealedRecord::close(to.finish()?))
}

/// The inventory that [`seal_inventory`] wrote.
///
/// # Errors
/// When the body is not of that form.
pub fn unseal_inventory(
    sealed: &SealedRecord,
    table: &[&dyn Ecosystem],
    limits: &RecordLimits,
) -> Result<Inventory, RecordError> {
    let mut from = Reader::new(sealed.body(), table, limits);
    let inventory = from.inventory()?;
    from.finish()?;
    Ok(inventory)
}

impl Writer<'_> {
    fn inventory(&mut self, inventory: &Inventory) {
        let Inventory { distro, layers, packages, relationships, problems, coverage } = inventory;
        self.list(layers.iter(), |to, LayerRef { index, diff_id, blob }| {
            to.number(u64::from(*index));
            to.optional(diff_id.as_ref(), Self::digest);
            to.optional(blob.as_ref(), Self::digest);
        });
        self.optional(distro.as_ref(), Self::distro);
        self.list(packages.iter(), Self::package);
        let ids = packages.iter().map(|package| package.id()).enumerate();
        let positions: BTreeMap<PackageId, usize> = ids.map(|(position, id)| (id, position)).collect();
        self.list(relationships.iter(), |to, Relationship { from, kind, to: object }| {
            to.end(&positions, from);
            to.coded(*kind);
            to.end(&positions, object);
        });
        self.list(problems.iter(), Self::problem);
        self.coverage(coverage);
    }

    fn end(&mut self, positions: &BTreeMap<PackageId, usize>, id: &PackageId) {
        match positions.get(id) {
            Some(position) => self.number(*position as u64),
            None => self.refuse("package"),
        }
    }

    fn coverage(&mut self, coverage: &Coverage) {
        let Coverage { layers, layers_read, entries, files_read, .. } = coverage;
        let Coverage { compressed_bytes, uncompressed_bytes, layers_by_toc, fetched_bytes, .. } = coverage;
        [layers, layers_read, entries, files_read, compressed_bytes, uncompressed_bytes]
            .into_iter()
            .chain([layers_by_toc, fetched_bytes])
            .for_each(|number| self.number(*number));
    }
}

impl Reader<'_> {
    fn inventory(&mut self) -> Read<Inventory> {
        let layers = self.list(|from| {
            Ok(LayerRef {
                index: from.small()?,
                diff_id: from.optional(Self::digest)?,
                blob: from.optional(Self::digest)?,
            })
        })?;
        self.set_layers(layers.clone());
        let distro = self.optional(Self::distro)?;
        let packages = self.list(Self::package)?;
        let ids: Vec<PackageId> = packages.iter().map(|package| package.id()).collect();
        let relationships = self.list(|from| {
            Ok(Relationship { from: from.end(&ids)?, kind: from.coded()?, to: from.end(&ids)? })
        })?;
        let problems = self.list(Self::problem)?;
        Ok(Inventory { distro, layers, packages, relationships, problems, coverage: self.coverage()? })
    }

    fn end(&mut self, ids: &[PackageId]) -> Read<PackageId> {
        let found = self.number()?;
        let id = usize::try_from(found).ok().and_then(|position| ids.get(position));
        id.cloned().ok_or(RecordError::Reference { what: "package", found })
    }

    fn coverage(&mut self) -> Read<Coverage> {
        Ok(Coverage {
            layers: self.number()?,
            layers_read: self.number()?,
            entries: self.number()?,
            files_read: self.number()?,
            compressed_bytes: self.number()?,
            uncompressed_bytes: self.number()?,
            layers_by_toc: self.number()?,
            fetched_bytes: self.number()?,
        })
    }
}

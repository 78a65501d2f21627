//! The first layer in which a package appeared in its version.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_ecosystems::Fact;
use supercargo_inventory::{EcosystemId, ImagePath};
use supercargo_layer::EntryKind;

use crate::LayerRecord;

/// What each layer says about each file that any reader looked into.
pub(crate) struct History<'a> {
    sightings: BTreeMap<(EcosystemId, &'a ImagePath), BTreeMap<usize, BTreeSet<Identity<'a>>>>,
    breaks: Vec<BTreeSet<&'a ImagePath>>,
}

/// What makes two sightings the same package: its purl as read, name and version.
type Identity<'a> = (&'a supercargo_inventory::Purl, &'a str, Option<&'a str>);

impl<'a> History<'a> {
    /// Indexes the records of all layers, from the base up.
    pub(crate) fn new(records: &'a [LayerRecord]) -> Self {
        let mut sightings: BTreeMap<_, BTreeMap<usize, BTreeSet<Identity<'a>>>> = BTreeMap::new();
        for (layer, record) in records.iter().enumerate() {
            for file in &record.facts {
                let identities = file.facts.iter().filter_map(identity).collect();
                sightings.entry((file.ecosystem, &file.path)).or_default().insert(layer, identities);
            }
        }
        Self { sightings, breaks: records.iter().map(breaks).collect() }
    }

    /// The lowest layer from which on, without a gap, every version of the file at `path` held the package of
    /// `fact`. For anything but a package it is the layer of the finding itself.
    pub(crate) fn origin(
        &self,
        ecosystem: EcosystemId,
        path: &ImagePath,
        layer: usize,
        fact: &Fact,
    ) -> usize {
        let (Some(wanted), Some(layers)) = (identity(fact), self.sightings.get(&(ecosystem, path))) else {
            return layer;
        };
        let mut origin = layer;
        for below in (0..layer).rev() {
            if self.is_broken_by(below + 1, path) {
                break;
            }
            match layers.get(&below) {
                Some(identities) if identities.contains(&wanted) => origin = below,
                Some(_) => break,
                None => {}
            }
        }
        origin
    }

    /// Whether layer `layer` removes what lower layers had at `path`.
    fn is_broken_by(&self, layer: usize, path: &ImagePath) -> bool {
        let Some(breaks) = self.breaks.get(layer).filter(|breaks| !breaks.is_empty()) else { return false };
        std::iter::successors(Some(path.clone()), ImagePath::parent)
            .any(|ancestor| breaks.contains(&ancestor))
    }
}

fn identity(fact: &Fact) -> Option<Identity<'_>> {
    match fact {
        Fact::Package(package) => Some((&package.purl, &package.name, package.version.as_deref())),
        _ => None,
    }
}

/// Paths at and below which a layer hides what lies under it: whiteouts, opaque folders, and folders that it
/// replaces by something else.
fn breaks(record: &LayerRecord) -> BTreeSet<&ImagePath> {
    let replaced = record
        .delta
        .entries
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::Symlink(_) | EntryKind::Special));
    let removed = record.delta.whiteouts.iter().chain(&record.delta.opaques);
    removed.chain(replaced.map(|entry| &entry.path)).collect()
}

//! The first layer in which a package appeared in its version.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_ecosystems::Fact;
use supercargo_inventory::{EcosystemId, ImagePath};
use supercargo_layer::{EntryKind, LayerDelta};

use crate::FileFacts;
use crate::record::Identity;

/// What the layers below say about files that any reader looked into.
#[derive(Default)]
pub(crate) struct History {
    sightings: BTreeMap<(EcosystemId, ImagePath), BTreeMap<usize, BTreeSet<Identity>>>,
    breaks: Vec<BTreeSet<ImagePath>>,
}

impl History {
    /// Adds what the next layer removes, from the base up.
    pub(crate) fn lay(&mut self, delta: &LayerDelta) {
        self.breaks.push(breaks(delta));
    }

    /// Adds what a layer says about a file that a layer above it replaced: nobody asks for others.
    pub(crate) fn see(&mut self, layer: usize, file: &FileFacts) {
        let identities = file.facts.iter().filter_map(Identity::of).collect();
        let layers = self.sightings.entry((file.ecosystem, file.path.clone())).or_default();
        layers.insert(layer, identities);
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
        let layers = self.sightings.get(&(ecosystem, path.clone()));
        let (Some(layers), Some(wanted)) = (layers, Identity::of(fact)) else { return layer };
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

/// Paths at and below which a layer hides what lies under it: whiteouts, opaque folders, and folders that it
/// replaces by something else.
fn breaks(delta: &LayerDelta) -> BTreeSet<ImagePath> {
    let replaced =
        delta.entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Symlink(_) | EntryKind::Special));
    let removed = delta.whiteouts.iter().chain(&delta.opaques);
    removed.chain(replaced.map(|entry| &entry.path)).cloned().collect()
}

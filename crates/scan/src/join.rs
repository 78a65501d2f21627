//! Records of all layers → inventory.

use std::collections::BTreeMap;

use supercargo_ecosystems::{Ecosystem, Finding, ImageView, distro};
use supercargo_inventory::{Coverage, EcosystemId, Inventory, Problem};
use supercargo_layer::{EntryKind, FileTree};

use crate::LayerRecord;
use crate::origin::History;

/// Joins records, from the base up, to what is visible in the finished image.
pub(crate) fn join(records: &[LayerRecord], table: &[&dyn Ecosystem]) -> Inventory {
    let tree = FileTree::stack(records.iter().map(|record| &record.delta));
    let layers: Vec<_> = records.iter().map(|record| record.layer.clone()).collect();
    let mut visible = visible_findings(records, &tree);
    let view = ImageView { tree: &tree, distro: None, layers: &layers };
    let distro = distro::detect(&view, visible.get(&distro::ID).map_or(&[], Vec::as_slice));
    let view = ImageView { distro: distro.as_ref(), ..view };
    let settlements = table
        .iter()
        .map(|ecosystem| ecosystem.settle(&view, visible.remove(&ecosystem.id()).unwrap_or_default()))
        .collect();
    Inventory::assemble(distro, layers, settlements, problems(records), coverage(records))
}

/// The findings of files that no upper layer replaced or removed, with their origin.
fn visible_findings(records: &[LayerRecord], tree: &FileTree) -> BTreeMap<EcosystemId, Vec<Finding>> {
    let history = History::new(records);
    let mut visible: BTreeMap<EcosystemId, Vec<Finding>> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        for file in record.facts.iter().filter(|file| shows_layer(tree, file, index)) {
            let findings = file.facts.iter().map(|fact| {
                let origin = history.origin(file.ecosystem, &file.path, index, fact);
                let origin = records.get(origin).unwrap_or(record).layer.clone();
                Finding { path: file.path.clone(), layer: record.layer.clone(), origin, fact: fact.clone() }
            });
            visible.entry(file.ecosystem).or_default().extend(findings);
        }
    }
    visible
}

/// Whether the file that a container would see is the one of this layer.
fn shows_layer(tree: &FileTree, file: &crate::FileFacts, layer: usize) -> bool {
    tree.get(&file.path).is_some_and(|node| {
        node.layer as usize == layer && matches!(node.kind, EntryKind::File | EntryKind::HardLink(_))
    })
}

fn problems(records: &[LayerRecord]) -> Vec<Problem> {
    records.iter().flat_map(|record| record.problems.iter().cloned()).collect()
}

fn coverage(records: &[LayerRecord]) -> Coverage {
    let sum = |count: fn(&LayerRecord) -> u64| records.iter().map(count).sum();
    Coverage {
        layers: records.len() as u64,
        layers_read: sum(|record| u64::from(record.was_read)),
        entries: sum(|record| record.entries),
        files_read: sum(|record| record.files_read),
        compressed_bytes: sum(|record| record.compressed_bytes),
        uncompressed_bytes: sum(|record| record.uncompressed_bytes),
        layers_by_toc: sum(|record| u64::from(record.fetched_bytes.is_some())),
        fetched_bytes: sum(|record| record.fetched_bytes.unwrap_or(record.compressed_bytes)),
    }
}

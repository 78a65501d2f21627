//! Records of all layers → inventory.

use std::collections::BTreeMap;

use supercargo_ecosystems::{Ecosystem, Finding, ImageView, distro};
use supercargo_inventory::{Coverage, EcosystemId, Inventory, Problem};
use supercargo_layer::{EntryKind, FileTree, LayerDelta};

use crate::origin::History;
use crate::{FileFacts, LayerRecord};

/// Joins records, from the base up, to what is visible in the finished image. Facts, problems and paths are taken out of
/// the records, so that nothing is held twice.
pub(crate) fn join(records: &mut [LayerRecord], table: &[&dyn Ecosystem]) -> Inventory {
    let tree = FileTree::stack(records.iter().map(|record| &record.delta));
    let layers: Vec<_> = records.iter().map(|record| record.layer.clone()).collect();
    let (coverage, problems) = (coverage(records), problems(records));
    let mut visible = visible_findings(records, &tree);
    let view = ImageView { tree: &tree, distro: None, layers: &layers };
    let distro = distro::detect(&view, visible.get(&distro::ID).map_or(&[], Vec::as_slice));
    let view = ImageView { distro: distro.as_ref(), ..view };
    let settlements = table
        .iter()
        .map(|ecosystem| ecosystem.settle(&view, visible.remove(&ecosystem.id()).unwrap_or_default()))
        .collect();
    Inventory::assemble(distro, layers, settlements, problems, coverage)
}

/// The findings of files that no upper layer replaced or removed, with their origin.
fn visible_findings(records: &mut [LayerRecord], tree: &FileTree) -> BTreeMap<EcosystemId, Vec<Finding>> {
    let origins = origins(records, tree);
    let layers: Vec<_> = records.iter().map(|record| record.layer.clone()).collect();
    let mut visible: BTreeMap<EcosystemId, Vec<Finding>> = BTreeMap::new();
    for (record, origins) in records.iter_mut().zip(origins) {
        record.delta = LayerDelta::default();
        for (file, origins) in std::mem::take(&mut record.facts).into_iter().zip(origins) {
            let FileFacts { path, ecosystem, facts } = file;
            let findings = facts.into_iter().zip(origins.unwrap_or_default()).map(|(fact, origin)| {
                let origin = layers.get(origin).unwrap_or(&record.layer).clone();
                Finding { path: path.clone(), layer: record.layer.clone(), origin, fact }
            });
            visible.entry(ecosystem).or_default().extend(findings);
        }
    }
    visible
}

/// For each file of each record the origins of its facts; `None` where it is not visible.
fn origins(records: &[LayerRecord], tree: &FileTree) -> Vec<Vec<Option<Vec<usize>>>> {
    let history = History::new(records);
    let of_file = |layer: usize, file: &FileFacts| {
        let origin = |fact| history.origin(file.ecosystem, &file.path, layer, fact);
        shows_layer(tree, file, layer).then(|| file.facts.iter().map(origin).collect())
    };
    let of_record = |(layer, record): (usize, &LayerRecord)| {
        record.facts.iter().map(|file| of_file(layer, file)).collect()
    };
    records.iter().enumerate().map(of_record).collect()
}

/// Whether the file that a container would see is the one of this layer.
fn shows_layer(tree: &FileTree, file: &FileFacts, layer: usize) -> bool {
    tree.get(&file.path).is_some_and(|node| {
        node.layer as usize == layer && matches!(node.kind, EntryKind::File | EntryKind::HardLink(_))
    })
}

fn problems(records: &mut [LayerRecord]) -> Vec<Problem> {
    records.iter_mut().flat_map(|record| std::mem::take(&mut record.problems)).collect()
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

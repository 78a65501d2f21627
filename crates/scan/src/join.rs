//! Records of all layers → inventory.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use supercargo_ecosystems::{Ecosystem, Finding, ImageView, distro};
use supercargo_inventory::{Coverage, EcosystemId, Inventory, LayerRef, Problem};
use supercargo_layer::{EntryKind, FileTree};

use crate::FileFacts;
use crate::origin::History;
use crate::record::{PackedRecord, Read, RecordLimits, Remainder};

/// Joins records, from the base up, to what is visible in the finished image.
///
/// The records are unpacked one after the other, and of their facts only those of visible files stay: all records of a
/// large image together take several times the room of what is made of them.
pub(crate) fn join(records: &[PackedRecord], table: &[&dyn Ecosystem]) -> Read<Inventory> {
    let layers: Vec<_> = records.iter().map(|record| record.layer.clone()).collect();
    let Stacked { tree, mut visible, problems, coverage } = stack(records, &layers, table)?;
    let view = ImageView { tree: &tree, distro: None, layers: &layers };
    let distro = distro::detect(&view, visible.get(&distro::ID).map_or(&[], Vec::as_slice));
    let view = ImageView { distro: distro.as_ref(), ..view };
    let settlements = table
        .iter()
        .map(|ecosystem| ecosystem.settle(&view, visible.remove(&ecosystem.id()).unwrap_or_default()))
        .collect();
    Ok(Inventory::assemble(distro, layers, settlements, problems, coverage))
}

/// What lies over what, and what is seen from above.
#[derive(Default)]
struct Stacked {
    tree: FileTree,
    /// The findings of files that no upper layer replaced or removed, with their origin.
    visible: BTreeMap<EcosystemId, Vec<Finding>>,
    problems: Vec<Problem>,
    coverage: Coverage,
}

fn stack(records: &[PackedRecord], layers: &[LayerRef], table: &[&dyn Ecosystem]) -> Read<Stacked> {
    let (mut stacked, mut history) = (Stacked::default(), History::default());
    let mut facts = Vec::with_capacity(records.len());
    for (layer, record) in records.iter().enumerate() {
        let (delta, rest) = record.open(table, &RecordLimits::NONE)?;
        stacked.tree.lay(u32::try_from(layer).unwrap_or(u32::MAX), &delta);
        history.lay(&delta);
        facts.push(rest);
    }
    for (layer, (record, mut facts)) in records.iter().zip(facts).enumerate() {
        while let Some(file) = facts.next()? {
            let Some(node) = stacked.tree.get(&file.path) else { continue };
            let is_file = matches!(node.kind, EntryKind::File | EntryKind::HardLink(_));
            match (node.layer as usize).cmp(&layer) {
                Ordering::Equal if is_file => stacked.find(file, layer, layers, &history),
                Ordering::Greater => history.see(layer, &file),
                _ => {}
            }
        }
        stacked.count(record, facts.finish()?);
    }
    Ok(stacked)
}

impl Stacked {
    /// Adds what a visible file of this layer says.
    fn find(&mut self, file: FileFacts, layer: usize, layers: &[LayerRef], history: &History) {
        let FileFacts { path, ecosystem, facts } = file;
        let Some(layer_ref) = layers.get(layer) else { return };
        let findings = facts.into_iter().map(|fact| {
            let origin = history.origin(ecosystem, &path, layer, &fact);
            let origin = layers.get(origin).unwrap_or(layer_ref).clone();
            Finding { path: path.clone(), layer: layer_ref.clone(), origin, fact }
        });
        self.visible.entry(ecosystem).or_default().extend(findings);
    }

    fn count(&mut self, record: &PackedRecord, remainder: Remainder) {
        let Remainder { problems, entries, files_read, compressed_bytes, uncompressed_bytes } = remainder;
        self.problems.extend(problems);
        let fetched_bytes = record.fetched_bytes;
        let all = &mut self.coverage;
        for (sum, count) in [
            (&mut all.layers, 1),
            (&mut all.layers_read, u64::from(record.was_read)),
            (&mut all.entries, entries),
            (&mut all.files_read, files_read),
            (&mut all.compressed_bytes, compressed_bytes),
            (&mut all.uncompressed_bytes, uncompressed_bytes),
            (&mut all.layers_by_toc, u64::from(fetched_bytes.is_some())),
            (&mut all.fetched_bytes, fetched_bytes.unwrap_or(compressed_bytes)),
        ] {
            *sum = sum.saturating_add(count);
        }
    }
}

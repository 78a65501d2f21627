//! Hard links that somebody wants to read.

use std::collections::HashMap;

use supercargo_inventory::{ImagePath, Problem, ProblemKind};

use crate::{Entry, EntryKind};

/// A hard link that is wanted by its own name, and the file that it leads to. A file that is needed a second time
/// is its own target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedLink {
    /// The link as a regular file: its own path and mode, its target's size.
    pub entry: Entry,
    /// The path of the file, all links followed.
    pub target: ImagePath,
    /// The position of the file in the archive, counted in members from 0. A path is not enough: it may come
    /// twice, and a link leads to the version before it.
    pub member: u64,
}

/// Follows wanted links to files; those that lead nowhere in this layer are problems. `members` has the position
/// of each entry in the archive, `wanted` the indices of the links in `entries`.
pub(crate) fn trace(entries: &[Entry], members: &[u64], wanted: &[usize]) -> (Vec<WantedLink>, Vec<Problem>) {
    if wanted.is_empty() {
        return Default::default();
    }
    let positions = target_positions(entries);
    let (mut links, mut problems) = (Vec::new(), Vec::new());
    for &index in wanted {
        let Some(link) = entries.get(index) else { continue };
        match follow(entries, &positions, index).and_then(|at| Some((entries.get(at)?, *members.get(at)?))) {
            Some((file, _)) if file.kind == EntryKind::File && file.size == 0 => {}
            Some((file, member)) if file.kind == EntryKind::File => {
                let entry = Entry { kind: EntryKind::File, size: file.size, ..link.clone() };
                links.push(WantedLink { entry, target: file.path.clone(), member });
            }
            _ => {
                let message =
                    "the file that this hard link leads to is not in the same layer, it was not read";
                problems.push(Problem::new(ProblemKind::Missing, message).at(&link.path));
            }
        }
    }
    (links, problems)
}

/// Where the paths that are targets of links stand among the entries.
fn target_positions(entries: &[Entry]) -> HashMap<&ImagePath, Vec<usize>> {
    let targets = entries.iter().filter_map(|entry| match &entry.kind {
        EntryKind::HardLink(target) => Some((target, Vec::new())),
        _ => None,
    });
    let mut positions: HashMap<&ImagePath, Vec<usize>> = targets.collect();
    for (index, entry) in entries.iter().enumerate() {
        if let Some(list) = positions.get_mut(&entry.path) {
            list.push(index);
        }
    }
    positions
}

/// The entry that is no hard link at the end of a chain. Each step goes back in the archive, so it ends.
fn follow(entries: &[Entry], positions: &HashMap<&ImagePath, Vec<usize>>, mut index: usize) -> Option<usize> {
    while let EntryKind::HardLink(target) = &entries.get(index)?.kind {
        let list = positions.get(target)?;
        let before = list.partition_point(|&position| position < index).checked_sub(1)?;
        index = *list.get(before)?;
    }
    Some(index)
}

//! Who depends on whom, by position, so that every package can be reached from the root.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_inventory::{Relationship, RelationshipKind};

/// The relations of an inventory between positions of its packages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    /// What each package depends on; sorted, without itself.
    pub(crate) depends_on: Vec<Vec<usize>>,
    /// The packages that own or contain a package; sorted.
    pub(crate) held_by: BTreeMap<usize, BTreeSet<(RelationshipKind, usize)>>,
    /// Packages on which the root depends directly; sorted.
    pub(crate) top: Vec<usize>,
}

impl Graph {
    /// Joins the relations; `in_distro` tells the packages that already hang on the operating system.
    pub(crate) fn new(relationships: &[Relationship], refs: &[String], in_distro: &[bool]) -> Self {
        let position: BTreeMap<&str, usize> =
            refs.iter().enumerate().map(|(at, text)| (text.as_str(), at)).collect();
        let mut depends_on = vec![BTreeSet::new(); refs.len()];
        let mut held_by: BTreeMap<usize, BTreeSet<_>> = BTreeMap::new();
        for relationship in relationships {
            let ends = (position.get(relationship.from.as_str()), position.get(relationship.to.as_str()));
            let (Some(&from), Some(&to)) = ends else { continue };
            if from == to {
                continue;
            }
            match (relationship.kind, depends_on.get_mut(from)) {
                (RelationshipKind::DependsOn, Some(targets)) => {
                    targets.insert(to);
                }
                (kind, _) => {
                    held_by.entry(to).or_default().insert((kind, from));
                }
            }
        }
        let depends_on: Vec<Vec<usize>> =
            depends_on.into_iter().map(|targets| targets.into_iter().collect()).collect();
        let top = top_level(&depends_on, in_distro);
        Self { depends_on, held_by, top }
    }
}

/// The packages nobody depends on, and one of each cycle that nothing else leads into.
fn top_level(depends_on: &[Vec<usize>], in_distro: &[bool]) -> Vec<usize> {
    let wanted: BTreeSet<usize> = depends_on.iter().flatten().copied().collect();
    let mut seen = vec![false; depends_on.len()];
    let mut top = BTreeSet::new();
    for (at, _) in in_distro.iter().enumerate().filter(|&(_, &is_in)| is_in) {
        mark(at, depends_on, &mut seen);
    }
    let hangs_on_root = |at: &usize| !in_distro.get(*at).copied().unwrap_or(false);
    for at in (0..depends_on.len()).filter(|at| hangs_on_root(at) && !wanted.contains(at)) {
        top.insert(at);
        mark(at, depends_on, &mut seen);
    }
    for at in 0..depends_on.len() {
        if !seen.get(at).copied().unwrap_or(true) {
            top.insert(at);
            mark(at, depends_on, &mut seen);
        }
    }
    top.into_iter().collect()
}

/// Marks all that can be reached from `start`. No recursion: chains may be as long as there are packages.
fn mark(start: usize, depends_on: &[Vec<usize>], seen: &mut [bool]) {
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        match seen.get_mut(at) {
            Some(flag) if !*flag => *flag = true,
            _ => continue,
        }
        open.extend(depends_on.get(at).into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_hangs_on_the_root_by_one_of_its_members() {
        let edges = vec![vec![1], vec![2], vec![0], vec![0], vec![]];
        assert_eq!(top_level(&edges, &[false; 5]), [3, 4]);
        assert_eq!(top_level(&edges[..3], &[false; 3]), [0]);
    }

    #[test]
    fn packages_of_the_distribution_do_not_hang_on_the_root() {
        let edges = vec![vec![1], vec![], vec![1]];
        assert_eq!(top_level(&edges, &[true, true, false]), [2]);
    }

    #[test]
    fn a_very_long_chain_is_walked() {
        let edges: Vec<Vec<usize>> = (0..200_000).map(|at| vec![(at + 1) % 200_000]).collect();
        assert_eq!(top_level(&edges, &vec![false; 200_000]), [0]);
    }
}

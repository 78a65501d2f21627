//! All that was found, joined.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Coverage, Distro, LayerRef, Package, PackageId, Problem};

/// How two packages are related.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelationshipKind {
    /// `from` needs `to`.
    DependsOn,
    /// The files of `to` belong to `from` (a distribution package that ships a Python package).
    Owns,
    /// `to` is embedded in `from` (a program and the modules in it, a jar in a jar).
    Contains,
}

/// A directed relation between two packages of one inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relationship {
    /// The subject.
    pub from: PackageId,
    /// The verb.
    pub kind: RelationshipKind,
    /// The object.
    pub to: PackageId,
}

/// What one ecosystem concludes from all visible findings.
#[derive(Debug, Clone, Default)]
pub struct Settlement {
    /// The packages.
    pub packages: Vec<Package>,
    /// Relations between positions in `packages`.
    pub edges: Vec<(usize, RelationshipKind, usize)>,
    /// What could not be settled.
    pub problems: Vec<Problem>,
}

/// Everything that a scan found.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The operating system.
    pub distro: Option<Distro>,
    /// The layers from the base up.
    pub layers: Vec<LayerRef>,
    /// The packages in order of their purl; no purl twice.
    pub packages: Vec<Package>,
    /// Sorted; both ends are in `packages`.
    pub relationships: Vec<Relationship>,
    /// Sorted.
    pub problems: Vec<Problem>,
    /// How much was read.
    pub coverage: Coverage,
}

impl Inventory {
    /// Joins settlements: one package per purl, relations by purl, everything sorted.
    pub fn assemble(
        distro: Option<Distro>,
        layers: Vec<LayerRef>,
        settlements: Vec<Settlement>,
        mut problems: Vec<Problem>,
        coverage: Coverage,
    ) -> Self {
        let mut packages: BTreeMap<PackageId, Package> = BTreeMap::new();
        let mut relationships = BTreeSet::new();
        for settlement in settlements {
            let ids: Vec<PackageId> = settlement.packages.iter().map(Package::id).collect();
            relationships.extend(settlement.edges.iter().filter_map(|&(from, kind, to)| {
                let (from, to) = (ids.get(from)?.clone(), ids.get(to)?.clone());
                (from != to).then_some(Relationship { from, kind, to })
            }));
            problems.extend(settlement.problems);
            for package in settlement.packages {
                insert(&mut packages, package);
            }
        }
        relationships.extend(ownership(&packages));
        problems.sort();
        problems.dedup();
        let packages = packages.into_values().map(finished).collect();
        Self {
            distro,
            layers,
            packages,
            relationships: relationships.into_iter().collect(),
            problems,
            coverage,
        }
    }
}

fn insert(packages: &mut BTreeMap<PackageId, Package>, package: Package) {
    match packages.entry(package.id()) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(package);
        }
        std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().absorb(package),
    }
}

/// A package whose evidence is a file that another package's database lists belongs to that package.
fn ownership(packages: &BTreeMap<PackageId, Package>) -> Vec<Relationship> {
    let owner_of: BTreeMap<_, _> =
        packages.iter().flat_map(|(id, package)| package.files.iter().map(move |file| (file, id))).collect();
    let mut relations = Vec::new();
    for (id, package) in packages {
        for owner in package.evidence.iter().filter_map(|evidence| owner_of.get(&evidence.path)) {
            if *owner != id {
                let (from, to) = ((*owner).clone(), id.clone());
                relations.push(Relationship { from, kind: RelationshipKind::Owns, to });
            }
        }
    }
    relations
}

fn finished(mut package: Package) -> Package {
    package.files = Vec::new();
    package.evidence.sort();
    package.licenses.sort();
    package.links.sort();
    package.hashes.sort();
    package
}

//! Which archive holds which, and which needs which.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_inventory::{ImagePath, Package, RelationshipKind, RequirementKind, Settlement};

use super::archive::HOLDER;
use crate::{Fact, Finding, sighting};

pub(super) fn settle(visible: Vec<Finding>) -> Settlement {
    let mut packages = Vec::new();
    for finding in &visible {
        if let Fact::Package(package) = &finding.fact {
            packages.push((finding.path.clone(), sighting::place((**package).clone(), finding)));
        }
    }
    adopt_groups(&mut packages);
    let mut edges = contains(&mut packages);
    edges.extend(needs(&packages));
    let packages = packages.into_iter().map(|(_, package)| package).collect();
    Settlement { packages, edges: edges.into_iter().collect(), problems: Vec::new() }
}

/// Gives a jar that does not say its group the one under which the poms in the image require it, when all that
/// mean its major version say the same: artifacts move to other groups (Hibernate 6 did).
fn adopt_groups(packages: &mut [(ImagePath, Package)]) {
    let mut wanted: BTreeMap<String, BTreeSet<(String, Option<String>)>> = BTreeMap::new();
    for requirement in packages.iter().flat_map(|(_, package)| &package.requires) {
        let major = requirement.constraint.as_deref().map(|version| major(version).to_owned());
        for (group, artifact) in requirement.any_of.iter().filter_map(|name| name.split_once(':')) {
            wanted.entry(artifact.to_owned()).or_default().insert((group.to_owned(), major.clone()));
        }
    }
    for (_, package) in packages.iter_mut().filter(|(_, package)| package.purl.get_namespace().is_none()) {
        let own = major(package.version.as_deref().unwrap_or_default());
        let said = wanted.get(&package.name).into_iter().flatten();
        let meant = said.filter(|(_, major)| major.as_deref().is_none_or(|major| major == own));
        let groups: BTreeSet<&String> = meant.map(|(group, _)| group).collect();
        if let (1, Some(group)) = (groups.len(), groups.first()) {
            package.purl = package.purl.clone().namespace(group.as_str());
            package.properties.insert("java:group-from".into(), "dependency".into());
        }
    }
}

/// The first number of a version or of a range of versions.
fn major(version: &str) -> &str {
    let version = version.trim_start_matches(['[', '(']);
    version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()
}

type Edges = BTreeSet<(usize, RelationshipKind, usize)>;

/// The place inside the file.
fn inner(package: &Package) -> &str {
    package.evidence.first().map(|evidence| evidence.inner.as_str()).unwrap_or_default()
}

fn contains(packages: &mut [(ImagePath, Package)]) -> Edges {
    let places: BTreeMap<(ImagePath, String), usize> = packages
        .iter()
        .enumerate()
        .map(|(at, (path, package))| ((path.clone(), inner(package).to_owned()), at))
        .collect();
    let mut edges = Edges::new();
    for (at, (path, package)) in packages.iter_mut().enumerate() {
        if let Some(holder) = package.properties.remove(HOLDER) {
            let found = places.get(&(path.clone(), holder));
            edges.extend(found.map(|holder| (*holder, RelationshipKind::Contains, at)));
        }
    }
    edges
}

/// Runtime requirements. Java has one class path per program: an artifact finds others in the same file (a
/// war's libraries), else beside it in its folder, else the only one in the image.
fn needs(packages: &[(ImagePath, Package)]) -> Edges {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, (_, package)) in packages.iter().enumerate() {
        let group = package.purl.get_namespace().unwrap_or_default();
        by_name.entry(format!("{group}:{}", package.name)).or_default().push(at);
    }
    let mut edges = Edges::new();
    for (from, (path, package)) in packages.iter().enumerate() {
        for requirement in package.requires.iter().filter(|need| need.kind == RequirementKind::Runtime) {
            let names = requirement.any_of.iter();
            let candidates: Vec<usize> =
                names.filter_map(|name| by_name.get(name)).flatten().copied().collect();
            let found = nearest(packages, path, &candidates).into_iter().filter(|to| *to != from);
            edges.extend(found.map(|to| (from, RelationshipKind::DependsOn, to)));
        }
    }
    edges
}

fn nearest(packages: &[(ImagePath, Package)], path: &ImagePath, candidates: &[usize]) -> Vec<usize> {
    let of = |same: &dyn Fn(&ImagePath) -> bool| -> Vec<usize> {
        let at = |to: &&usize| packages.get(**to).is_some_and(|(other, _)| same(other));
        candidates.iter().filter(at).copied().collect()
    };
    let same_file = of(&|other| other == path);
    let same_folder = of(&|other| other.parent() == path.parent());
    match (same_file.is_empty(), same_folder.is_empty(), candidates) {
        (false, _, _) => same_file,
        (true, false, _) => same_folder,
        (true, true, [only]) => vec![*only],
        _ => Vec::new(),
    }
}

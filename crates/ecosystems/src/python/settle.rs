//! One package per metadata folder, with what lies beside it, and the edges between them.

use std::collections::BTreeMap;

use supercargo_inventory::{
    ImagePath, LinkKind, Package, Problem, ProblemKind, RelationshipKind, Requirement, RequirementKind,
    Settlement,
};

use super::{metadata, requirement};
use crate::{Fact, Finding, ImageView, sighting, text};

/// What one metadata folder (or file) holds.
#[derive(Default)]
struct Installed {
    package: Option<Package>,
    files: Vec<ImagePath>,
    notes: Vec<(String, String)>,
}

pub(super) fn settle(view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement {
    let mut folders: BTreeMap<ImagePath, Installed> = BTreeMap::new();
    for finding in visible {
        let installed = folders.entry(metadata_place(&finding.path)).or_default();
        match &finding.fact {
            Fact::Package(package) => {
                installed.package = Some(sighting::place((**package).clone(), &finding))
            }
            Fact::Files { files, .. } => installed.files.extend(files.iter().map(|(path, _)| path.clone())),
            Fact::Note { key, value, .. } => installed.notes.push((key.clone(), value.clone())),
            Fact::License { .. } | Fact::Distro(_) => {}
        }
    }
    let mut settlement = Settlement::default();
    let mut sites = Vec::new();
    for (place, installed) in folders {
        match finish(view, &place, installed) {
            Ok(package) => {
                sites.push(place.parent().unwrap_or_default());
                settlement.packages.push(package);
            }
            Err(problem) => settlement.problems.push(problem),
        }
    }
    settlement.edges = edges(&settlement.packages, &sites);
    settlement
}

/// The `dist-info`, `egg-info` or `egg` that a finding belongs to; for unpacked eggs the egg, so that its parent
/// is the folder on the module path in every form.
fn metadata_place(path: &ImagePath) -> ImagePath {
    let inside = matches!(
        path.file_name(),
        "METADATA"
            | "PKG-INFO"
            | "RECORD"
            | "INSTALLER"
            | "direct_url.json"
            | "requires.txt"
            | "installed-files.txt"
    );
    let folder = if inside { path.parent().unwrap_or_default() } else { path.clone() };
    if folder.file_name() == "EGG-INFO" { folder.parent().unwrap_or_default() } else { folder }
}

fn finish(view: &ImageView<'_>, place: &ImagePath, installed: Installed) -> Result<Package, Problem> {
    let Some(mut package) = installed.package else {
        let message = "an installed Python package without readable metadata";
        return Err(Problem {
            ecosystem: Some(super::ID),
            ..Problem::new(ProblemKind::Missing, message).at(place)
        });
    };
    package.files = installed.files;
    for (key, value) in installed.notes {
        apply(&mut package, &key, value);
    }
    if view.tree.get(&place.join("REQUESTED")).is_some() {
        package.properties.insert("python:requested".into(), "true".into());
    }
    Ok(package)
}

fn apply(package: &mut Package, key: &str, value: String) {
    match key {
        "vcs-url" => package.links.extend(text::link(LinkKind::Vcs, &value)),
        "url" => package.links.extend(text::link(LinkKind::Distribution, &value)),
        "hash" => {
            let hash = value.split_once('=').and_then(|(algorithm, hex)| text::hex_hash(algorithm, hex));
            package.hashes.extend(hash);
            return;
        }
        requirement::NOTE_RUNTIME => return require(package, &value, RequirementKind::Runtime),
        requirement::NOTE_OPTIONAL => return require(package, &value, RequirementKind::Optional),
        _ => {}
    }
    package.properties.insert(format!("python:{key}"), value);
}

fn require(package: &mut Package, specifier: &str, kind: RequirementKind) {
    if let Some(requirement) = requirement::parse(specifier) {
        let requirement = Requirement { kind, ..requirement };
        if !package.requires.contains(&requirement) {
            package.requires.push(requirement);
        }
    }
}

/// Runtime requirements that are there. A package finds those beside it first, then, as the system's interpreter
/// has several folders below `/usr`, the only one of that name in another of them.
fn edges(packages: &[Package], sites: &[ImagePath]) -> Vec<(usize, RelationshipKind, usize)> {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (position, package) in packages.iter().enumerate() {
        by_name.entry(metadata::normalized(&package.name)).or_default().push(position);
    }
    let usr = ImagePath::new("usr");
    let mut edges = Vec::new();
    for (from, package) in packages.iter().enumerate() {
        let Some(site) = sites.get(from) else { continue };
        for requirement in package.requires.iter().filter(|need| need.kind == RequirementKind::Runtime) {
            let name = requirement.any_of.first().map(|name| metadata::normalized(name)).unwrap_or_default();
            let candidates = by_name.get(&name).map(Vec::as_slice).unwrap_or_default();
            let at = |to: &&usize| sites.get(**to);
            let beside: Vec<_> = candidates.iter().filter(|to| at(to) == Some(site)).collect();
            let shared: Vec<_> = candidates
                .iter()
                .filter(|to| site.starts_with(&usr) && at(to).is_some_and(|other| other.starts_with(&usr)))
                .collect();
            let found = if beside.is_empty() && shared.len() == 1 { shared } else { beside };
            edges.extend(
                found
                    .into_iter()
                    .filter(|to| **to != from)
                    .map(|to| (from, RelationshipKind::DependsOn, *to)),
            );
        }
    }
    edges.sort();
    edges.dedup();
    edges
}

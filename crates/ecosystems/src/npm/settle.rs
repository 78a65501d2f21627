//! One package per root, what the lock file adds, and edges by Node's own search.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_inventory::{
    ImagePath, LinkKind, Package, Problem, ProblemKind, RelationshipKind, RequirementKind, Settlement,
};
use supercargo_layer::{EntryKind, FileTree};

use super::location::{self, Place};
use super::lockfile;
use crate::{Fact, Finding, ImageView, sighting, text};

/// What a lock file says of one place.
type Notes = BTreeMap<ImagePath, Vec<(String, String)>>;

pub(super) fn settle(view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement {
    let linked = linked_folders(view.tree);
    let (mut roots, mut notes) = (BTreeMap::new(), Notes::new());
    for finding in visible {
        let folder = finding.path.parent().unwrap_or_default();
        match &finding.fact {
            Fact::Package(package) => {
                let installed = location::of(&finding.path) == Place::Installed;
                if installed || linked.contains(&folder) {
                    let mut package = sighting::place((**package).clone(), &finding);
                    if !installed {
                        package.properties.insert("npm:linked".into(), "true".into());
                    }
                    roots.insert(folder, package);
                }
            }
            Fact::Note { owner, key, value } => {
                let place = folder.parent().unwrap_or_default().join(owner);
                notes.entry(place).or_default().push((key.clone(), value.clone()));
            }
            Fact::Files { .. } | Fact::License { .. } | Fact::Distro(_) => {}
        }
    }
    let mut settlement = Settlement::default();
    for (place, recorded) in &notes {
        if let Some(package) = roots.get_mut(place) {
            settlement.problems.extend(record(package, place, recorded));
        }
    }
    settlement.edges = edges(view.tree, &roots);
    settlement.packages = roots.into_values().collect();
    settlement
}

/// The folders outside of package roots that links in some `node_modules` lead to (workspaces, `npm link`).
fn linked_folders(tree: &FileTree) -> BTreeSet<ImagePath> {
    let is_link = |kind: &EntryKind| matches!(kind, EntryKind::Symlink(_));
    tree.iter()
        .filter(|(path, node)| is_link(&node.kind) && location::is_slot(path))
        .filter_map(|(path, _)| real_root(tree, path))
        .collect()
}

/// The package root that a link leads to. Layers need not list folders, so the manifest is followed.
fn real_root(tree: &FileTree, link: &ImagePath) -> Option<ImagePath> {
    tree.resolve(&link.join("package.json"))?.parent()
}

/// Adds what npm recorded. A record of another version belongs to what lay there before.
fn record(package: &mut Package, place: &ImagePath, recorded: &[(String, String)]) -> Option<Problem> {
    let version = recorded.iter().find(|(key, _)| key == "version").map(|(_, value)| value.as_str());
    if version.is_some_and(|version| package.version.as_deref() != Some(version)) {
        let message = format!(
            "`{}` is there in version `{}`, npm's lock file says `{}`",
            package.name,
            package.version.as_deref().unwrap_or_default(),
            version.unwrap_or_default()
        );
        let problem = Problem::new(ProblemKind::Inconsistent, message).at(place);
        return Some(Problem { ecosystem: Some(super::ID), ..problem });
    }
    for (key, value) in recorded {
        match key.as_str() {
            "version" => {}
            "resolved" => package.links.extend(text::link(LinkKind::Distribution, value)),
            "integrity" => package.hashes.extend(lockfile::integrity_hashes(value)),
            key => {
                package.properties.insert(format!("npm:{key}"), value.clone());
            }
        }
    }
    None
}

fn edges(tree: &FileTree, roots: &BTreeMap<ImagePath, Package>) -> Vec<(usize, RelationshipKind, usize)> {
    let position: BTreeMap<&ImagePath, usize> =
        roots.keys().enumerate().map(|(at, path)| (path, at)).collect();
    let mut edges = BTreeSet::new();
    for (from, (root, package)) in roots.iter().enumerate() {
        let folders = search_folders(tree, root);
        for requirement in package.requires.iter().filter(|need| need.kind != RequirementKind::Build) {
            let names = requirement.any_of.iter();
            let found = names.filter_map(|name| find(tree, &folders, name, &position)).next();
            edges.extend(found.filter(|to| *to != from).map(|to| (from, RelationshipKind::DependsOn, to)));
        }
    }
    edges.into_iter().collect()
}

/// The `node_modules` folders that Node searches for a package at `root`, links in the folders resolved.
fn search_folders(tree: &FileTree, root: &ImagePath) -> Vec<ImagePath> {
    let mut folders = Vec::new();
    let mut at = Some(root.clone());
    while let Some(folder) = at {
        if folder.file_name() != "node_modules" {
            let modules = folder.join("node_modules");
            folders.push(tree.resolve(&modules).unwrap_or(modules));
        }
        at = folder.parent();
    }
    folders
}

fn find(
    tree: &FileTree,
    folders: &[ImagePath],
    name: &str,
    position: &BTreeMap<&ImagePath, usize>,
) -> Option<usize> {
    folders.iter().find_map(|folder| {
        let slot = folder.join(name);
        if let Some(found) = position.get(&slot) {
            return Some(*found);
        }
        let is_link = tree.get(&slot).is_some_and(|node| matches!(node.kind, EntryKind::Symlink(_)));
        is_link.then(|| real_root(tree, &slot)).flatten().and_then(|real| position.get(&real).copied())
    })
}

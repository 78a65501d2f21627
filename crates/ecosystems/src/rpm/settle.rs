//! The databases of a finished image → packages and their dependencies.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_inventory::{ImagePath, Problem, ProblemKind, Settlement};

use super::wal;
use crate::installed::{self, Capabilities, Folders};
use crate::{Fact, Finding, ImageView};

/// Joins the databases of all folders.
pub(super) fn settle(view: &ImageView<'_>, visible: &[Finding]) -> Settlement {
    let current = current_databases(visible);
    let mut folders = Folders::new(view.tree);
    let mut settlement = Settlement::default();
    for finding in visible {
        match &finding.fact {
            Fact::Package(package) if current.contains(&finding.path) => {
                let mut package = installed::placed((**package).clone(), finding);
                package.purl = installed::of_distro(&package.purl, view.distro, namespace);
                package.files = folders.all_real(&package.files);
                settlement.packages.push(package);
            }
            Fact::Note { owner, key, value } if key == wal::UNAPPLIED => {
                settlement.problems.extend(unapplied(view, finding, owner, value));
            }
            _ => {}
        }
    }
    let index = Capabilities::with_paths(&settlement.packages, &mut folders);
    installed::add_dependencies(&mut settlement, |_, _, name| index.find(name));
    settlement
}

/// In each folder the database that a current rpm would open: the first kind that holds packages.
fn current_databases(visible: &[Finding]) -> BTreeSet<ImagePath> {
    let mut folders: BTreeMap<ImagePath, BTreeSet<(usize, ImagePath)>> = BTreeMap::new();
    for finding in visible.iter().filter(|finding| matches!(finding.fact, Fact::Package(_))) {
        let rank = rank(finding.path.file_name());
        let folder = finding.path.parent().unwrap_or_default();
        folders.entry(folder).or_default().insert((rank, finding.path.clone()));
    }
    folders.into_values().filter_map(|found| found.into_iter().next()).map(|(_, path)| path).collect()
}

fn rank(file_name: &str) -> usize {
    // A log that could be read by itself is newer than the database beside it.
    let order = ["rpmdb.sqlite-wal", "rpmdb.sqlite", "Packages.db", "Packages"];
    order.iter().position(|name| *name == file_name).unwrap_or(order.len())
}

fn unapplied(view: &ImageView<'_>, finding: &Finding, database: &str, pages: &str) -> Option<Problem> {
    view.tree.get(&ImagePath::new(database))?;
    let message = format!("{pages} pages of the database are newer in this log and were not applied");
    let problem = Problem::new(ProblemKind::Unsupported, message).at(&finding.path);
    Some(Problem { layer: Some(finding.layer.clone()), ecosystem: Some(super::package::ID), ..problem })
}

/// The vendor's name in package URLs, where it is not the `ID` of os-release.
fn namespace(id: &str) -> &str {
    match id {
        "rhel" => "redhat",
        "sles" | "sled" | "sle_hpc" | "sles_sap" | "sle-micro" | "sl-micro" => "suse",
        id if id.starts_with("opensuse") => "opensuse",
        id => id,
    }
}

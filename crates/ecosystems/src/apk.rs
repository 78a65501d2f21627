//! Alpine packages: the database of apk-tools, in its older and its newer place.
//!
//! Two databases in one image that differ are two installations, each with its own dependencies. Source: the
//! installed-database section of apk-tools' format description (one letter, a colon, a value per line).

mod database;

use std::collections::BTreeMap;

use supercargo_inventory::{EcosystemId, ImagePath, Package, Problem, Settlement};

use crate::installed::{self, Capabilities, Folders};
use crate::{Candidate, Description, Ecosystem, Fact, Finding, Findings, ImageView, Want};

pub(crate) const ID: EcosystemId = EcosystemId("apk");

/// Reader of apk's installed database.
pub(crate) struct Apk;

impl Ecosystem for Apk {
    fn id(&self) -> EcosystemId {
        ID
    }

    fn description(&self) -> Description {
        Description {
            title: "Alpine packages",
            purl_types: &["apk"],
            reads: "lib/apk/db/installed and usr/lib/apk/db/installed",
        }
    }

    fn revision(&self) -> u32 {
        1
    }

    fn wants(&self) -> &'static [Want] {
        &[Want::Path("lib/apk/db/installed"), Want::Path("usr/lib/apk/db/installed")]
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        database::read(file, out)
    }

    fn settle(&self, view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement {
        let mut databases: BTreeMap<ImagePath, Vec<Package>> = BTreeMap::new();
        let mut folders = Folders::new(view.tree);
        for finding in &visible {
            if let Fact::Package(package) = &finding.fact {
                let mut package = installed::placed((**package).clone(), finding);
                package.purl = installed::of_distro(&package.purl, view.distro, |id| id);
                package.files = folders.all_real(&package.files);
                databases.entry(finding.path.clone()).or_default().push(package);
            }
        }
        let mut settlement = Settlement::default();
        for packages in databases.into_values() {
            add_database(&mut settlement, packages, &mut folders);
        }
        settlement
    }
}

fn add_database(settlement: &mut Settlement, packages: Vec<Package>, folders: &mut Folders<'_>) {
    let index = Capabilities::with_paths(&packages, folders);
    let mut database = Settlement { packages, ..Settlement::default() };
    installed::add_dependencies(&mut database, |_, _, name| index.find(name));
    let first = settlement.packages.len();
    settlement
        .edges
        .extend(database.edges.into_iter().map(|(from, kind, to)| (first + from, kind, first + to)));
    settlement.packages.extend(database.packages);
    settlement.problems.extend(database.problems);
}

#[cfg(test)]
mod tests;

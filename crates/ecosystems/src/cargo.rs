//! Rust programs built with cargo-auditable: the dependency list in their section `.dep-v0`.
//!
//! Specification: cargo-auditable's `PARSING.md`: zlib-compressed JSON, packages that refer to each other by
//! position. Crates that only the build needed are not in the program and are left out.

mod audit_data;

use std::collections::BTreeMap;

use auditable_info::Error;
use supercargo_inventory::{
    EcosystemId, ImagePath, Package, Problem, ProblemKind, RelationshipKind, Settlement,
};

use crate::{
    Candidate, Description, Ecosystem, Fact, Finding, Findings, ImageView, Want, executable, sighting,
};

const ID: EcosystemId = EcosystemId("cargo");
/// Bytes of the unpacked list.
const JSON_BYTES_MAX: usize = 16 << 20;

/// Crates in Rust programs.
pub(crate) struct Cargo;

impl Ecosystem for Cargo {
    fn id(&self) -> EcosystemId {
        ID
    }

    fn description(&self) -> Description {
        Description {
            title: "Rust crates",
            purl_types: &["cargo"],
            reads: "dependency lists that cargo-auditable put into programs and libraries (ELF, PE, Mach-O)",
        }
    }

    fn revision(&self) -> u32 {
        1
    }

    fn wants(&self) -> &'static [Want] {
        executable::WANTS
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        // What is wrong with the executable itself is reported by the reader of Go programs.
        let programs = executable::programs(file.bytes).unwrap_or_default();
        if !programs.iter().any(|program| executable::section(program, &[".dep-v0"]).is_some()) {
            return Ok(());
        }
        match auditable_info::json_from_slice(file.bytes, JSON_BYTES_MAX) {
            Ok(json) => audit_data::packages(file, &json, out),
            Err(Error::NoAuditData) => Ok(()),
            Err(error @ (Error::InputLimitExceeded | Error::OutputLimitExceeded)) => {
                Err(Problem::new(ProblemKind::LimitHit, format!("cargo-auditable data: {error}")))
            }
            Err(error) => Err(Problem::malformed(format!("cargo-auditable data: {error}"))),
        }
    }

    fn settle(&self, _view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement {
        let mut programs: BTreeMap<ImagePath, Vec<Package>> = BTreeMap::new();
        for finding in visible {
            if let Fact::Package(package) = &finding.fact {
                let placed = sighting::place((**package).clone(), &finding);
                programs.entry(finding.path).or_default().push(placed);
            }
        }
        let mut settlement = Settlement::default();
        for packages in programs.into_values() {
            add_program(&mut settlement, packages);
        }
        settlement
    }
}

/// Requirements name crate and version, so each leads to one package of the same program.
fn add_program(settlement: &mut Settlement, packages: Vec<Package>) {
    let first = settlement.packages.len();
    let key = |package: &Package| (package.name.clone(), package.version.clone());
    let position: BTreeMap<_, _> =
        packages.iter().enumerate().map(|(at, package)| (key(package), at)).collect();
    for (from, package) in packages.iter().enumerate() {
        for requirement in &package.requires {
            let version = requirement.constraint.as_deref().and_then(|text| text.strip_prefix('='));
            let names = requirement.any_of.iter();
            let found = names.filter_map(|name| position.get(&(name.clone(), version.map(str::to_owned))));
            let edge = |to: &usize| (first + from, RelationshipKind::DependsOn, first + *to);
            settlement.edges.extend(found.map(edge));
        }
    }
    settlement.packages.extend(packages);
}

#[cfg(test)]
mod tests;

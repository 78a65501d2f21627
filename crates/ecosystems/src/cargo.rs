//! Rust programs built with cargo-auditable: the dependency list in their section `.dep-v0`.
//!
//! Specification: cargo-auditable's `PARSING.md`: zlib-compressed JSON, packages that refer to each other by
//! position. Crates that only the build needed are not in the program and are left out.

mod audit_data;
mod lists;

use std::collections::BTreeMap;

use object::ReadRef;
use supercargo_inventory::{EcosystemId, ImagePath, Package, Problem, RelationshipKind, Settlement};

use self::lists::Lists;
use crate::executable::{Layout, Program};
use crate::{
    BodySink, Candidate, Description, Ecosystem, Fact, Finding, Findings, ImageView, PartedFile, Passer,
    Want, executable, sighting,
};

const ID: EcosystemId = EcosystemId("cargo");
/// The section.
const SECTION: &str = ".dep-v0";
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
        3
    }

    fn wants(&self) -> &'static [Want] {
        executable::WANTS
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        // What is wrong with the executable itself is reported by the reader of Go programs.
        for (layout, data) in executable::programs(file.bytes).unwrap_or_default() {
            if let Some(packed) = section(&layout, data)? {
                return audit_data::packages(file.path, file.limits, &audit_data::json(packed)?, out);
            }
        }
        Ok(())
    }

    fn read_parts(&self, file: &PartedFile<'_>, out: &mut Findings) -> Option<Result<(), Problem>> {
        let layout = executable::parted(file.data())?.unwrap_or_default();
        let packed = layout.map_or(Ok(None), |layout| section(&layout, file.data()));
        Some(packed.and_then(|packed| match packed {
            Some(packed) => audit_data::packages(file.path, file.limits, &audit_data::json(packed)?, out),
            None => Ok(()),
        }))
    }

    fn stream(&self, file: &Passer<'_>) -> Option<Box<dyn BodySink>> {
        Some(executable::sink(file, Lists::default(), read_captured))
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

/// Reads a program that has passed.
fn read_captured(program: &Program<'_>, out: &mut Findings) -> Result<(), Problem> {
    let captured = program.captured;
    let layout = match executable::passed(captured, SECTION) {
        Ok(Some(layout)) => layout,
        Err(problem) if captured.is_cut || !captured.is_empty() => {
            out.unread = Some(problem);
            return Ok(());
        }
        // What could not be read at all is reported by the reader of Go programs.
        _ => return Ok(()),
    };
    let Some(section) = layout.section(&[SECTION]) else { return Ok(()) };
    let mut parts = captured.parts_in(section.range());
    let part = parts.find(|(offset, _)| *offset == section.offset).map(|(_, bytes)| bytes);
    match part.or_else(|| captured.read_bytes_at(section.offset, section.size).ok()) {
        Some(packed) => audit_data::packages(program.path, program.limits, &audit_data::json(packed)?, out),
        None => {
            out.unread = Some(executable::unread("its cargo-auditable data was not recognised"));
            Ok(())
        }
    }
}

/// The section of a program.
fn section<'a>(layout: &Layout, data: impl ReadRef<'a>) -> Result<Option<&'a [u8]>, Problem> {
    let section = layout.section(&[SECTION]);
    section
        .map(|section| data.read_bytes_at(section.offset, section.size).map_err(|()| outside()))
        .transpose()
}

fn outside() -> Problem {
    Problem::malformed("the section of cargo-auditable data lies outside the file")
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

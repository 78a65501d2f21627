//! Go programs: the build information that the toolchain puts into every binary.
//!
//! Specification: package `debug/buildinfo` of Go for both formats (pointers up to Go 1.17, inline from 1.18) and
//! `runtime/debug.ParseBuildInfo` for the text. A module keeps its whole path: `example.org/a/b` may have a
//! version that `example.org/a` never had. The main module's `(devel)` is not a version and stays out of the purl.

mod build_info;
mod modules;
mod settings;

use std::collections::BTreeMap;

use supercargo_inventory::{
    EcosystemId, ImagePath, Package, PackageKind, Problem, Purl, RelationshipKind, Settlement, Technique,
};

use self::build_info::{ALIGNMENT as HEADER_ALIGNMENT, Headers, search};
use crate::executable::{Program, Region};
use crate::{
    BodySink, Candidate, Description, Ecosystem, Fact, Finding, Findings, ImageView, PartedFile, Passer,
    Want, executable, sighting,
};

const ID: EcosystemId = EcosystemId("go");
/// The section of ELF files.
const SECTION: &str = ".go.buildinfo";

/// Modules in Go programs.
pub(crate) struct Go;

impl Ecosystem for Go {
    fn id(&self) -> EcosystemId {
        ID
    }

    fn description(&self) -> Description {
        Description {
            title: "Go modules",
            purl_types: &["golang"],
            reads: "build information in programs and libraries (ELF, PE, Mach-O)",
        }
    }

    fn revision(&self) -> u32 {
        4
    }

    fn wants(&self) -> &'static [Want] {
        executable::WANTS
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        for (layout, data) in executable::programs(file.bytes)? {
            if let Some(info) = build_info::of(&layout, data, &|region| region.of(data).and_then(search))? {
                modules::packages(file.path, file.limits, &info, out);
                // The other architectures of a universal file hold the same modules.
                return Ok(());
            }
        }
        Ok(())
    }

    fn read_parts(&self, file: &PartedFile<'_>, out: &mut Findings) -> Option<Result<(), Problem>> {
        let data = file.data();
        let find = |region: &Region| region.of(data).and_then(search);
        let info = executable::parted(data)?
            .and_then(|layout| layout.map_or(Ok(None), |layout| build_info::of(&layout, data, &find)));
        Some(info.map(|info| {
            info.into_iter().for_each(|info| modules::packages(file.path, file.limits, &info, out));
        }))
    }

    fn stream(&self, file: &Passer<'_>) -> Option<Box<dyn BodySink>> {
        Some(executable::sink(file, Headers, read_captured))
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
        Ok(None) => return Ok(()),
        Err(problem) => {
            out.unread = Some(problem);
            return Ok(());
        }
    };
    let find = |region: &Region| {
        let aligned = |(offset, _): &(u64, &[u8])| (offset - region.offset).is_multiple_of(HEADER_ALIGNMENT);
        captured.parts_in(region.range()).find(aligned).map(|(_, bytes)| bytes)
    };
    if build_info::locate(&layout, &find).is_some_and(|header| !build_info::is_inline(header)) {
        out.unread = Some(executable::unread("its build information is of the older form, with pointers"));
    } else if let Some(info) = build_info::of(&layout, captured, &find)? {
        modules::packages(program.path, program.limits, &info, out);
    }
    Ok(())
}

/// The main module needs all others; which of them need each other is not recorded.
fn add_program(settlement: &mut Settlement, packages: Vec<Package>) {
    let first = settlement.packages.len();
    let is_main = |package: &Package| package.kind == PackageKind::Application;
    if let Some(main) = packages.iter().position(is_main) {
        let others = (0..packages.len()).filter(|other| *other != main);
        let edge = |other| (first + main, RelationshipKind::DependsOn, first + other);
        settlement.edges.extend(others.map(edge));
    }
    settlement.packages.extend(packages);
}

/// A module with its whole path as the name.
fn module(file: &ImagePath, path: &str, version: Option<&str>) -> Package {
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    let purl = Purl::new("golang", name).namespace(namespace).version(version.unwrap_or_default());
    let mut package = Package::new(ID, purl, path);
    package.evidence.push(sighting::seen(file, "", Technique::BinaryAnalysis));
    package
}

#[cfg(test)]
mod tests;

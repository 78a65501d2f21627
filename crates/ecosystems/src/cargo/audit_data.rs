//! The JSON of cargo-auditable, checked.

use std::io::Read;

use flate2::read::ZlibDecoder;
use serde::Deserialize;
use supercargo_content::Limits;
use supercargo_inventory::{
    ImagePath, Package, PackageKind, Problem, ProblemKind, Purl, Requirement, RequirementKind, Technique,
};

use super::JSON_BYTES_MAX;
use crate::{Findings, sighting, text};

#[derive(Deserialize)]
struct RawList {
    packages: Vec<RawPackage>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    version: String,
    source: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    dependencies: Vec<usize>,
    #[serde(default)]
    root: bool,
}

impl RawPackage {
    fn is_build_only(&self) -> bool {
        self.kind.as_deref() == Some("build")
    }
}

/// The list unpacked.
pub(super) fn json(packed: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut json = Vec::new();
    let mut reader = ZlibDecoder::new(packed).take(JSON_BYTES_MAX as u64 + 1);
    let damaged = |error| Problem::malformed(format!("cargo-auditable data: {error}"));
    reader.read_to_end(&mut json).map_err(damaged)?;
    if json.len() > JSON_BYTES_MAX {
        let message = format!("cargo-auditable data unpacks to more than {JSON_BYTES_MAX} bytes");
        return Err(Problem::new(ProblemKind::LimitHit, message));
    }
    Ok(json)
}

/// Puts out the packages that are in the program, each with requirements that name crate and version.
pub(super) fn packages(
    file: &ImagePath,
    limits: &Limits,
    json: &[u8],
    out: &mut Findings,
) -> Result<(), Problem> {
    let list: RawList = serde_json::from_slice(json)
        .map_err(|error| Problem::malformed(format!("cargo-auditable data: {error}")))?;
    check_counts(&list, limits)?;
    if list.packages.iter().filter(|package| package.root).count() > 1 {
        out.problem(Problem::new(ProblemKind::Inconsistent, "cargo-auditable data names more than one root"));
    }
    if has_cycle(&list.packages) {
        out.problem(Problem::new(
            ProblemKind::Inconsistent,
            "cargo-auditable data has dependencies in a circle",
        ));
    }
    for raw in list.packages.iter().filter(|raw| !raw.is_build_only()) {
        match package(file, raw, &list.packages) {
            Some(package) => out.package(package),
            None => out.problem(Problem::malformed("cargo-auditable data names a crate that cannot exist")),
        }
    }
    Ok(())
}

fn check_counts(list: &RawList, limits: &Limits) -> Result<(), Problem> {
    let edges: usize = list.packages.iter().map(|package| package.dependencies.len()).sum();
    let count = u64::try_from(list.packages.len().saturating_add(edges)).unwrap_or(u64::MAX);
    if count > limits.entries_max {
        let message = format!("{count} packages and dependencies in cargo-auditable data (`entries_max`)");
        return Err(Problem::new(ProblemKind::LimitHit, message));
    }
    let named = list.packages.iter().flat_map(|package| &package.dependencies);
    match named.max() {
        Some(position) if *position >= list.packages.len() => Err(Problem::malformed(format!(
            "cargo-auditable data refers to package {position}, which is not there"
        ))),
        _ => Ok(()),
    }
}

/// Takes away packages without dependencies until none is left, or only circles are.
fn has_cycle(packages: &[RawPackage]) -> bool {
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); packages.len()];
    let mut open: Vec<usize> = packages.iter().map(|package| package.dependencies.len()).collect();
    for (from, package) in packages.iter().enumerate() {
        for to in &package.dependencies {
            needed_by.get_mut(*to).into_iter().for_each(|list| list.push(from));
        }
    }
    let mut done: Vec<usize> = (0..packages.len()).filter(|at| open.get(*at) == Some(&0)).collect();
    let mut next = 0;
    while let Some(at) = done.get(next).copied() {
        next += 1;
        for from in needed_by.get(at).into_iter().flatten() {
            if let Some(left) = open.get_mut(*from) {
                *left -= 1;
                if *left == 0 {
                    done.push(*from);
                }
            }
        }
    }
    done.len() < packages.len()
}

fn package(file: &ImagePath, raw: &RawPackage, all: &[RawPackage]) -> Option<Package> {
    let safe = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let name = text::token(&raw.name).filter(|name| name.chars().all(safe))?;
    let version = text::token(&raw.version)?;
    let mut package = Package::new(super::ID, Purl::new("cargo", name).version(version), name);
    package.evidence.push(sighting::seen(file, "", Technique::BinaryAnalysis));
    if raw.root {
        package.kind = PackageKind::Application;
    }
    if let Some(source) = text::token(&raw.source) {
        package.properties.insert("cargo:source".into(), source.to_owned());
    }
    let needed = raw.dependencies.iter().filter_map(|at| all.get(*at));
    package.requires = needed.filter(|needed| !needed.is_build_only()).map(requirement).collect();
    Some(package)
}

fn requirement(raw: &RawPackage) -> Requirement {
    let constraint = Some(format!("={}", raw.version));
    Requirement { any_of: vec![raw.name.clone()], constraint, kind: RequirementKind::Runtime }
}

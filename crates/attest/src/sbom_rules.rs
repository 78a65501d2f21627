//! Rules for SBOMs: CycloneDX JSON and SPDX 2 JSON.

use serde::Deserialize;

use crate::licence_rule::{DeniedLicence, denied};
use crate::sbom_document::{SbomDocument, SbomPackage};
use crate::text_rule::glob;
use crate::{PolicyReason, Profile, Statement};

/// What an SBOM must say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SbomRules {
    /// Licences that no package may have, unless its expression leaves the choice of another; `*` stands for any text.
    pub denied_licences: Vec<String>,
    /// Packages that must not be there, by package URL, or by name where there is none; `*` stands for any text.
    pub denied_packages: Vec<String>,
    /// What every package must have.
    pub required_fields: Vec<Field>,
    /// The smallest number of packages.
    pub packages_min: usize,
    /// The compliance profiles that it must pass.
    pub profiles: Vec<&'static Profile>,
}

/// Something that a package of an SBOM has or lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// Its version.
    Version,
    /// Its package URL.
    Purl,
    /// A licence, declared or concluded.
    Licence,
    /// Who supplies, publishes or makes it.
    Supplier,
    /// A hash of its bytes.
    Hash,
}

/// More reasons of one rule are counted and not listed.
const REASONS_MAX: usize = 100;

impl SbomRules {
    pub(crate) fn check(&self, statement: &Statement) -> Vec<PolicyReason> {
        let document = match SbomDocument::read(&statement.predicate_bytes()) {
            Ok(document) => document,
            Err(found) => {
                return vec![PolicyReason::Predicate { expected: "CycloneDX or SPDX 2 JSON", found }];
            }
        };
        let packages = || document.components.iter().map(|component| &component.package);
        let mut reasons = Vec::new();
        let found = packages().count();
        if found < self.packages_min {
            reasons.push(PolicyReason::PackagesTooFew { expected: self.packages_min, found });
        }
        bounded("licence", packages().flat_map(|package| self.licences(package)), &mut reasons);
        bounded("package", packages().filter_map(|package| self.denied(package)), &mut reasons);
        reasons.extend(self.required_fields.iter().filter_map(|&field| lacking(field, packages())));
        for profile in &self.profiles {
            let gaps = profile.gaps_of(&document).into_iter();
            reasons.extend(gaps.map(|gap| PolicyReason::Profile { profile: profile.name, gap }));
        }
        reasons
    }

    fn licences(&self, package: &SbomPackage) -> Vec<PolicyReason> {
        let reason = |DeniedLicence { rule, licence }| PolicyReason::Licence {
            expected: rule,
            found: licence,
            package: package.describe(),
        };
        package.licences.iter().filter_map(|text| denied(&self.denied_licences, text)).map(reason).collect()
    }

    fn denied(&self, package: &SbomPackage) -> Option<PolicyReason> {
        let name = package.purl.as_deref().unwrap_or(&package.name);
        let expected = self.denied_packages.iter().find(|rule| glob(rule, name))?.clone();
        Some(PolicyReason::Package { expected, found: package.describe() })
    }
}

/// The first reasons of a rule, and how many more there are.
fn bounded(rule: &'static str, found: impl Iterator<Item = PolicyReason>, reasons: &mut Vec<PolicyReason>) {
    let mut found = found.fuse();
    reasons.extend(found.by_ref().take(REASONS_MAX));
    let count = found.count();
    if count > 0 {
        reasons.push(PolicyReason::More { rule, count });
    }
}

fn lacking<'p>(field: Field, packages: impl Iterator<Item = &'p SbomPackage>) -> Option<PolicyReason> {
    let mut lacking = packages.filter(|package| !package.has(field));
    let first = lacking.next()?;
    let missing = 1 + lacking.count();
    Some(PolicyReason::Field { field: field.as_str(), missing, package: first.describe() })
}

impl Field {
    fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Purl => "purl",
            Self::Licence => "licence",
            Self::Supplier => "supplier",
            Self::Hash => "hash",
        }
    }
}

impl SbomPackage {
    fn has(&self, field: Field) -> bool {
        match field {
            Field::Version => self.version.as_ref().is_some_and(|version| !version.is_empty()),
            Field::Purl => self.purl.is_some(),
            Field::Licence => !self.licences.is_empty(),
            Field::Supplier => self.has_supplier,
            Field::Hash => self.has_hash,
        }
    }
}

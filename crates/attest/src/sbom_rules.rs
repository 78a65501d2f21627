//! Rules for SBOMs: CycloneDX JSON and SPDX 2 JSON, read only as far as the rules need.

use serde::Deserialize;

use crate::{PolicyReason, Statement};

/// What an SBOM must say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SbomRules {
    /// Licences that no package may have, also not as one choice of several; `*` stands for any text.
    pub denied_licences: Vec<String>,
    /// Packages that must not be there, by package URL, or by name where there is none; `*` stands for any text.
    pub denied_packages: Vec<String>,
    /// What every package must have.
    pub required_fields: Vec<Field>,
    /// The smallest number of packages.
    pub packages_min: usize,
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

/// A package of an SBOM, whatever the format.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SbomPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// Its licence expressions, declared and concluded.
    pub licences: Vec<String>,
    /// Whether it says who supplies, publishes or makes it.
    pub has_supplier: bool,
    /// Whether it has a hash of its bytes.
    pub has_hash: bool,
}

/// The packages of a CycloneDX or SPDX 2 document in JSON, nested ones included; files and operating systems are none.
/// The error says in words why it is no such document.
pub fn sbom_packages(json: &[u8]) -> Result<Vec<SbomPackage>, String> {
    packages(json)
}

impl SbomRules {
    pub(crate) fn check(&self, statement: &Statement) -> Vec<PolicyReason> {
        let packages = match packages(&statement.predicate_bytes()) {
            Ok(packages) => packages,
            Err(found) => {
                return vec![PolicyReason::Predicate { expected: "CycloneDX or SPDX 2 JSON", found }];
            }
        };
        let mut reasons = Vec::new();
        if packages.len() < self.packages_min {
            let (expected, found) = (self.packages_min, packages.len());
            reasons.push(PolicyReason::PackagesTooFew { expected, found });
        }
        reasons.extend(packages.iter().flat_map(|package| self.licences(package)).take(REASONS_MAX));
        reasons.extend(packages.iter().filter_map(|package| self.denied(package)).take(REASONS_MAX));
        reasons.extend(self.required_fields.iter().filter_map(|&field| lacking(field, &packages)));
        reasons
    }

    fn licences(&self, package: &SbomPackage) -> Vec<PolicyReason> {
        let mut reasons = Vec::new();
        for found in package.licences.iter().flat_map(|expression| ids(expression)) {
            let rule =
                self.denied_licences.iter().find(|rule| glob(&rule.to_lowercase(), &found.to_lowercase()));
            let Some(expected) = rule.cloned() else { continue };
            reasons.push(PolicyReason::Licence {
                expected,
                found: excerpt(found),
                package: package.describe(),
            });
        }
        reasons
    }

    fn denied(&self, package: &SbomPackage) -> Option<PolicyReason> {
        let name = package.purl.as_deref().unwrap_or(&package.name);
        let expected = self.denied_packages.iter().find(|rule| glob(rule, name))?.clone();
        Some(PolicyReason::Package { expected, found: package.describe() })
    }
}

fn lacking(field: Field, packages: &[SbomPackage]) -> Option<PolicyReason> {
    let lacks = |package: &&SbomPackage| !package.has(field);
    let first = packages.iter().find(lacks)?;
    let missing = packages.iter().filter(lacks).count();
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

    fn describe(&self) -> String {
        excerpt(self.purl.as_deref().unwrap_or(&self.name))
    }
}

/// The identifiers in a licence expression.
fn ids(expression: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || c == '(' || c == ')';
    expression
        .split(between)
        .filter(|word| !matches!(*word, "" | "AND" | "OR" | "WITH" | "and" | "or" | "with"))
}

/// Whether all of `text` matches; `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

fn excerpt(text: &str) -> String {
    text.chars().take(200).collect()
}

fn packages(json: &[u8]) -> Result<Vec<SbomPackage>, String> {
    let document: Document = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    match (document.bom_format.as_deref(), document.spdx_version) {
        (Some("CycloneDX"), None) => {
            let mut packages = Vec::new();
            document.components.into_iter().for_each(|component| component.collect(&mut packages));
            Ok(packages)
        }
        (None, Some(version)) if version.starts_with("SPDX-2.") => {
            Ok(document.packages.into_iter().map(SbomPackage::from).collect())
        }
        _ => {
            Err("a document that says neither `bomFormat: CycloneDX` nor `spdxVersion: SPDX-2.…`".to_owned())
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bom_format: Option<String>,
    spdx_version: Option<String>,
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    packages: Vec<SpdxPackage>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    name: String,
    version: Option<String>,
    purl: Option<String>,
    #[serde(default)]
    licenses: Vec<LicenceChoice>,
    publisher: Option<String>,
    supplier: Option<Named>,
    manufacturer: Option<Named>,
    #[serde(default)]
    hashes: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

#[derive(Deserialize)]
struct LicenceChoice {
    license: Option<LicenceName>,
    expression: Option<String>,
}

#[derive(Deserialize)]
struct LicenceName {
    id: Option<String>,
    name: Option<String>,
}

impl Component {
    /// Files and the operating system are no packages; what is nested counts as well.
    fn collect(self, packages: &mut Vec<SbomPackage>) {
        let is_named = |who: &Option<Named>| who.as_ref().is_some_and(|who| who.name.is_some());
        let has_supplier =
            self.publisher.is_some() || is_named(&self.supplier) || is_named(&self.manufacturer);
        let licence = |choice: LicenceChoice| {
            choice.expression.or_else(|| choice.license.and_then(|name| name.id.or(name.name)))
        };
        if !matches!(self.kind.as_deref(), Some("file" | "operating-system")) {
            packages.push(SbomPackage {
                name: self.name,
                version: self.version,
                purl: self.purl,
                licences: self.licenses.into_iter().filter_map(licence).collect(),
                has_supplier,
                has_hash: !self.hashes.is_empty(),
            });
        }
        self.components.into_iter().for_each(|component| component.collect(packages));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpdxPackage {
    #[serde(default)]
    name: String,
    version_info: Option<String>,
    supplier: Option<String>,
    license_declared: Option<String>,
    license_concluded: Option<String>,
    #[serde(default)]
    checksums: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    external_refs: Vec<ExternalRef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_type: String,
    reference_locator: String,
}

impl From<SpdxPackage> for SbomPackage {
    fn from(package: SpdxPackage) -> Self {
        let said = |text: Option<String>| text.filter(|text| text != "NOASSERTION" && text != "NONE");
        let is_purl = |reference: &ExternalRef| reference.reference_type == "purl";
        let licences = [said(package.license_declared), said(package.license_concluded)];
        Self {
            name: package.name,
            version: package.version_info,
            purl: package.external_refs.into_iter().find(is_purl).map(|purl| purl.reference_locator),
            licences: licences.into_iter().flatten().collect(),
            has_supplier: said(package.supplier).is_some(),
            has_hash: !package.checksums.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in
            [("AGPL-*", "AGPL-3.0-only"), ("*", ""), ("a*c*e", "abcde"), ("pkg:npm/*@1.*", "pkg:npm/x@1.2")]
        {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("AGPL", "AGPL-3.0-only"), ("a*a", "a"), ("", "a"), ("*b", "a"), ("a*b*c", "acb")]
        {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn both_formats_give_the_same_package() {
        let cyclonedx = br#"{"bomFormat":"CycloneDX","components":[{"type":"operating-system","name":"os"},
            {"type":"library","name":"a","version":"1","purl":"pkg:npm/a@1","publisher":"p",
             "licenses":[{"expression":"MIT OR (Apache-2.0 AND X)"}],"hashes":[{"alg":"SHA-256","content":"00"}]}]}"#;
        let spdx =
            br#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"a","versionInfo":"1","supplier":"Person: p",
            "licenseDeclared":"MIT OR (Apache-2.0 AND X)","licenseConcluded":"NOASSERTION","checksums":[{}],
            "externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/a@1"}]}]}"#;
        let (one, two) = (packages(cyclonedx).unwrap(), packages(spdx).unwrap());
        assert_eq!(one, two);
        assert_eq!(ids(&one[0].licences[0]).collect::<Vec<_>>(), ["MIT", "Apache-2.0", "X"]);
        assert!(packages(b"{}").is_err() && packages(b"[").is_err());
    }
}

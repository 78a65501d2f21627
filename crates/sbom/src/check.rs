//! Looks for references that lead nowhere, which the validators of both standards do not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::FormatId;

/// A reference that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// Two elements have the same reference.
    #[error("reference `{0}` is given to two elements")]
    Duplicate(String),
    /// Nothing has this reference.
    #[error("{from} refers to `{to}`, which is not in the document")]
    Dangling {
        /// Where the reference stands.
        from: String,
        /// The reference.
        to: String,
    },
    /// A component that `dependencies` does not mention as `ref`; CycloneDX reads this as "unknown".
    #[error("component `{0}` has no entry in `dependencies`")]
    Unlisted(String),
    /// A component with two entries in `dependencies`.
    #[error("component `{0}` has two entries in `dependencies`")]
    ListedTwice(String),
    /// An element that no chain of relations from the described one reaches.
    #[error("`{0}` cannot be reached from the described element")]
    Unreachable(String),
}

/// Why a document is not in order.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The bytes are not JSON.
    #[error("the document is not valid JSON")]
    Json(#[from] serde_json::Error),
    /// The document has no described element.
    #[error("the document describes nothing: expected {0}")]
    NoSubject(&'static str),
    /// References are not as they must be; sorted.
    #[error("{} references are not in order; the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    References(Vec<Fault>),
}

/// Checks the references of a document: each is unique, none dangles, every element can be reached. Formats
/// without references are in order.
///
/// # Errors
/// [`CheckError::References`] with every fault; the others when there is nothing to check.
pub fn check(bytes: &[u8], format: FormatId) -> Result<(), CheckError> {
    let faults = match format.name() {
        "cyclonedx-json" => cyclonedx(&serde_json::from_slice(bytes)?)?,
        "spdx-json" => spdx(&serde_json::from_slice(bytes)?)?,
        _ => return Ok(()),
    };
    if faults.is_empty() { Ok(()) } else { Err(CheckError::References(faults.into_iter().collect())) }
}

/// What a document defines and how it is tied together.
#[derive(Default)]
struct References {
    defined: BTreeSet<String>,
    edges: BTreeMap<String, Vec<String>>,
    faults: BTreeSet<Fault>,
}

impl References {
    fn define(&mut self, reference: &str) {
        if !self.defined.insert(reference.to_owned()) {
            self.faults.insert(Fault::Duplicate(reference.to_owned()));
        }
    }

    /// Notes that `place` names `to`.
    fn mention(&mut self, place: &str, to: &str) {
        if !self.defined.contains(to) {
            self.faults.insert(Fault::Dangling { from: place.to_owned(), to: to.to_owned() });
        }
    }

    fn connect(&mut self, from: &str, to: &str) {
        self.edges.entry(from.to_owned()).or_default().push(to.to_owned());
    }

    fn reach_from(&mut self, start: &str) {
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                open.extend(self.edges.get(at).into_iter().flatten().map(String::as_str));
            }
        }
        let lost = self.defined.iter().filter(|reference| !seen.contains(reference.as_str()));
        let faults: Vec<Fault> = lost.map(|reference| Fault::Unreachable(reference.clone())).collect();
        self.faults.extend(faults);
    }
}

fn cyclonedx(bom: &Value) -> Result<BTreeSet<Fault>, CheckError> {
    let root = bom.pointer("/metadata/component/bom-ref").and_then(Value::as_str);
    let root = root.ok_or(CheckError::NoSubject("`metadata.component` with a `bom-ref`"))?;
    let mut references = References::default();
    references.define(root);
    define_components(list(bom, "components"), &mut references);
    let mut listed = BTreeSet::new();
    for entry in list(bom, "dependencies") {
        let from = text(entry, "ref");
        references.mention("dependencies", from);
        if !listed.insert(from) {
            references.faults.insert(Fault::ListedTwice(from.to_owned()));
        }
        for to in list(entry, "dependsOn").iter().chain(list(entry, "provides")).filter_map(Value::as_str) {
            references.mention(from, to);
            references.connect(from, to);
        }
    }
    for composition in list(bom, "compositions") {
        let parts = list(composition, "assemblies").iter().chain(list(composition, "dependencies"));
        parts.filter_map(Value::as_str).for_each(|to| references.mention("compositions", to));
    }
    let unlisted: Vec<Fault> = references
        .defined
        .iter()
        .filter(|reference| !listed.contains(reference.as_str()))
        .map(|reference| Fault::Unlisted(reference.clone()))
        .collect();
    references.faults.extend(unlisted);
    references.reach_from(root);
    Ok(references.faults)
}

/// Components may hold components. serde_json bounds the depth.
fn define_components(components: &[Value], references: &mut References) {
    for component in components {
        match component.get("bom-ref").and_then(Value::as_str) {
            Some(reference) => references.define(reference),
            None => {
                references.faults.insert(Fault::Unlisted(text(component, "name").to_owned()));
            }
        }
        define_components(list(component, "components"), references);
    }
}

fn spdx(document: &Value) -> Result<BTreeSet<Fault>, CheckError> {
    let root = text(document, "SPDXID");
    if root.is_empty() || list(document, "documentDescribes").is_empty() {
        return Err(CheckError::NoSubject("`SPDXID` and `documentDescribes`"));
    }
    let mut references = References::default();
    references.define(root);
    for part in ["packages", "files", "snippets"] {
        list(document, part).iter().for_each(|element| references.define(text(element, "SPDXID")));
    }
    for described in list(document, "documentDescribes").iter().filter_map(Value::as_str) {
        references.mention("documentDescribes", described);
        references.connect(root, described);
    }
    for relationship in list(document, "relationships") {
        let (from, to) = (text(relationship, "spdxElementId"), text(relationship, "relatedSpdxElement"));
        references.mention("relationships", from);
        if !matches!(to, "NONE" | "NOASSERTION") && !to.starts_with("DocumentRef-") {
            references.mention(from, to);
            references.connect(from, to);
        }
    }
    references.reach_from(root);
    spdx_licenses(document, &mut references);
    Ok(references.faults)
}

/// Each `LicenseRef-` of a package must have its text.
fn spdx_licenses(document: &Value, references: &mut References) {
    let known: BTreeSet<&str> =
        list(document, "hasExtractedLicensingInfos").iter().map(|info| text(info, "licenseId")).collect();
    for package in list(document, "packages") {
        for field in ["licenseConcluded", "licenseDeclared"] {
            for word in crate::license::words(text(package, field)) {
                if word.starts_with("LicenseRef-") && !known.contains(word) {
                    let (from, to) = (text(package, "SPDXID").to_owned(), word.to_owned());
                    references.faults.insert(Fault::Dangling { from, to });
                }
            }
        }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(document: &Value, format: FormatId) -> Vec<Fault> {
        match check(document.to_string().as_bytes(), format) {
            Ok(()) => vec![],
            Err(CheckError::References(faults)) => faults,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn cyclonedx_faults_are_told_apart() {
        let bom = json!({
            "metadata": {"component": {"bom-ref": "r"}},
            "components": [{"bom-ref": "a"}, {"bom-ref": "a"}, {"bom-ref": "b"}, {"bom-ref": "c"}],
            "dependencies": [
                {"ref": "r", "dependsOn": ["a", "x"]}, {"ref": "a"}, {"ref": "a"}, {"ref": "b"},
            ],
            "compositions": [{"aggregate": "complete", "assemblies": ["y"]}],
        });
        let dangling = |from: &str, to: &str| Fault::Dangling { from: from.into(), to: to.into() };
        assert_eq!(
            faults(&bom, FormatId::CYCLONEDX_JSON_1_7),
            [
                Fault::Duplicate("a".into()),
                dangling("compositions", "y"),
                dangling("r", "x"),
                Fault::Unlisted("c".into()),
                Fault::ListedTwice("a".into()),
                Fault::Unreachable("b".into()),
                Fault::Unreachable("c".into()),
            ]
        );
    }

    #[test]
    fn spdx_faults_are_told_apart() {
        let document = json!({
            "SPDXID": "SPDXRef-DOCUMENT",
            "documentDescribes": ["SPDXRef-a"],
            "packages": [
                {"SPDXID": "SPDXRef-a", "licenseDeclared": "(LicenseRef-x AND LicenseRef-y)"},
                {"SPDXID": "SPDXRef-b"},
            ],
            "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-y"}],
            "relationships": [
                {"spdxElementId": "SPDXRef-a", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-c"},
                {"spdxElementId": "SPDXRef-a", "relationshipType": "CONTAINS", "relatedSpdxElement": "NONE"},
            ],
        });
        let dangling = |to: &str| Fault::Dangling { from: "SPDXRef-a".into(), to: to.into() };
        assert_eq!(
            faults(&document, FormatId::SPDX_JSON_2_3),
            [dangling("LicenseRef-x"), dangling("SPDXRef-c"), Fault::Unreachable("SPDXRef-b".into())]
        );
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for format in [FormatId::CYCLONEDX_JSON_1_6, FormatId::SPDX_JSON_2_3] {
            assert!(matches!(check(b"{", format), Err(CheckError::Json(_))));
            assert!(matches!(check(b"[]", format), Err(CheckError::NoSubject(_))));
            assert!(matches!(check("[".repeat(100_000).as_bytes(), format), Err(CheckError::Json(_))));
        }
        assert!(check(b"anything", FormatId::TABLE).is_ok());
    }
}

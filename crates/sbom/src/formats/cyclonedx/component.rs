//! One package.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;
use supercargo_inventory::{Evidence, Package, PackageKind, Technique};

use super::license::{Choice, choices};
use super::parts::{Contact, ExternalReference, Hash, Organization, Property, external_references, hash};
use super::{Edition, properties};
use crate::Document;
use crate::document::{has_purl, location, shown_name};
use crate::license::{main_claims, other_claims};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    pub(super) bom_ref: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supplier: Option<Organization<'a>>,
    /// Until 1.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<&'a str>,
    /// Since 1.6.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) authors: Vec<Contact<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<&'a str>,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) licenses: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpe: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_references: Vec<ExternalReference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<ComponentEvidence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property<'a>>,
}

impl<'a> Component<'a> {
    /// A component of which only type and name are known.
    pub(super) fn new(kind: &'static str, name: &'a str) -> Self {
        Self {
            kind,
            bom_ref: None,
            supplier: None,
            author: None,
            authors: Vec::new(),
            group: None,
            name,
            version: None,
            description: None,
            hashes: Vec::new(),
            licenses: Vec::new(),
            cpe: None,
            purl: None,
            external_references: Vec::new(),
            evidence: None,
            properties: Vec::new(),
        }
    }
}

/// The component of the package at a position.
pub(super) fn of_package(document: &Document, at: usize, edition: Edition) -> Option<Component<'_>> {
    let (package, reference) = (document.packages.get(at)?, document.reference(at)?);
    let (group, name) = group_and_name(package);
    let author = package.author.as_ref();
    let kind = match package.kind {
        PackageKind::Library => "library",
        PackageKind::Application => "application",
    };
    Some(Component {
        bom_ref: Some(reference),
        supplier: package.supplier.as_ref().map(Organization::of),
        author: author.map(|party| party.name.as_str()).filter(|_| edition == Edition::V1_5),
        authors: author.map(Contact::of).filter(|_| edition > Edition::V1_5).into_iter().collect(),
        group,
        version: package.version.as_deref().map(Cow::Borrowed),
        description: package.description.as_deref(),
        hashes: package.hashes.iter().filter_map(hash).collect(),
        licenses: choices(main_claims(package), edition),
        purl: has_purl(package).then_some(Cow::Borrowed(reference)),
        external_references: external_references(&package.links),
        evidence: evidence(package, reference, edition),
        properties: properties::of_package(document, at, package),
        ..Component::new(kind, shown_name(name, reference))
    })
}

/// Group and name, for the ecosystems that tell them apart. Readers join them again.
fn group_and_name(package: &Package) -> (Option<&str>, &str) {
    match (package.purl.kind(), package.purl.get_namespace()) {
        ("maven" | "npm" | "composer", Some(group)) => (Some(group), package.purl.name()),
        _ => (None, &package.name),
    }
}

#[derive(Serialize)]
pub(super) struct ComponentEvidence<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identities<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    occurrences: Vec<Occurrence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Choice<'a>>,
}

/// One statement until 1.5, a list of them since.
#[derive(Serialize)]
#[serde(untagged)]
enum Identities<'a> {
    One(Identity<'a>),
    Many([Identity<'a>; 1]),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    field: &'static str,
    confidence: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    concluded_value: Option<&'a str>,
    methods: Vec<Method>,
}

#[derive(Serialize)]
struct Method {
    technique: &'static str,
    confidence: f32,
    value: String,
}

#[derive(Serialize)]
struct Occurrence {
    location: String,
}

fn evidence<'a>(package: &'a Package, purl: &'a str, edition: Edition) -> Option<ComponentEvidence<'a>> {
    let licenses = choices(other_claims(package), edition);
    let places: BTreeSet<String> = package.evidence.iter().map(location).collect();
    let occurrences = places.into_iter().map(|location| Occurrence { location }).collect();
    let is_empty = package.evidence.is_empty() && licenses.is_empty();
    (!is_empty).then(|| ComponentEvidence {
        identity: identity(package, purl, edition),
        occurrences,
        licenses,
    })
}

fn identity<'a>(package: &'a Package, purl: &'a str, edition: Edition) -> Option<Identities<'a>> {
    let methods: BTreeSet<(Technique, String)> =
        package.evidence.iter().map(|evidence: &Evidence| (evidence.technique, location(evidence))).collect();
    let best = methods.iter().map(|(technique, _)| technique.confidence_percent()).max()?;
    let method = |(technique, value): (Technique, String)| Method {
        technique: technique.name(),
        confidence: fraction(technique.confidence_percent()),
        value,
    };
    let methods = methods.into_iter().map(method).collect();
    let concluded_value = Some(purl).filter(|_| edition > Edition::V1_5);
    let identity = Identity { field: "purl", confidence: fraction(best), concluded_value, methods };
    Some(if edition > Edition::V1_5 { Identities::Many([identity]) } else { Identities::One(identity) })
}

/// Hundredths as the number between 0 and 1 that the format wants.
fn fraction(percent: u8) -> f32 {
    f32::from(percent.min(100)) / 100.0
}

//! One package.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;
use supercargo_inventory::{Evidence, Package, PackageKind, Technique};

use super::license::{Choice, Mixing, choices};
use super::parts::{Contact, ExternalReference, Hash, Organization, Property, external_references, hash};
use super::properties;
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
pub(super) fn of_package(document: &Document, at: usize, mixing: Mixing) -> Option<Component<'_>> {
    let (package, reference) = (document.packages.get(at)?, document.reference(at)?);
    let (group, name) = group_and_name(package);
    let kind = match package.kind {
        PackageKind::Library => "library",
        PackageKind::Application => "application",
    };
    Some(Component {
        bom_ref: Some(reference),
        supplier: package.supplier.as_ref().map(Organization::of),
        authors: package.author.iter().map(Contact::of).collect(),
        group,
        version: package.version.as_deref().map(Cow::Borrowed),
        description: package.description.as_deref(),
        hashes: package.hashes.iter().filter_map(hash).collect(),
        licenses: choices(main_claims(package), mixing),
        purl: has_purl(package).then_some(Cow::Borrowed(reference)),
        external_references: external_references(&package.links),
        evidence: evidence(package, reference, mixing),
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    identity: Vec<Identity<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    occurrences: Vec<Occurrence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Choice<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    field: &'static str,
    confidence: f32,
    concluded_value: &'a str,
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

fn evidence<'a>(package: &'a Package, purl: &'a str, mixing: Mixing) -> Option<ComponentEvidence<'a>> {
    let licenses = choices(other_claims(package), mixing);
    let places: BTreeSet<String> = package.evidence.iter().map(location).collect();
    let occurrences = places.into_iter().map(|location| Occurrence { location }).collect();
    let is_empty = package.evidence.is_empty() && licenses.is_empty();
    (!is_empty).then(|| ComponentEvidence { identity: identity(package, purl), occurrences, licenses })
}

fn identity<'a>(package: &'a Package, purl: &'a str) -> Vec<Identity<'a>> {
    let methods: BTreeSet<(Technique, String)> =
        package.evidence.iter().map(|evidence: &Evidence| (evidence.technique, location(evidence))).collect();
    let Some(best) = methods.iter().map(|(technique, _)| technique.confidence_percent()).max() else {
        return Vec::new();
    };
    let method = |(technique, value): (Technique, String)| Method {
        technique: technique.name(),
        confidence: fraction(technique.confidence_percent()),
        value,
    };
    let methods = methods.into_iter().map(method).collect();
    vec![Identity { field: "purl", confidence: fraction(best), concluded_value: purl, methods }]
}

/// Hundredths as the number between 0 and 1 that the format wants.
fn fraction(percent: u8) -> f32 {
    f32::from(percent.min(100)) / 100.0
}

//! The parts of an SPDX 2 document that rules and profiles ask for (SPDX 2.2 and 2.3, JSON).

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::sbom_document::{
    ComponentFacts, DocumentFacts, Graph, Said, SbomComponent, SbomDocument, SbomFormat, SbomPackage,
    is_approved,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spdx {
    spdx_version: String,
    document_namespace: Option<String>,
    creation_info: Option<CreationInfo>,
    #[serde(default)]
    document_describes: Vec<String>,
    #[serde(default)]
    packages: Vec<Package>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Deserialize, Default)]
struct CreationInfo {
    created: Option<String>,
    comment: Option<String>,
    #[serde(default)]
    creators: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: String,
    related_spdx_element: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: Option<String>,
    #[serde(default)]
    name: String,
    version_info: Option<String>,
    package_file_name: Option<String>,
    primary_package_purpose: Option<String>,
    supplier: Option<String>,
    originator: Option<String>,
    license_declared: Option<String>,
    license_concluded: Option<String>,
    #[serde(default)]
    checksums: Vec<Checksum>,
    #[serde(default)]
    external_refs: Vec<ExternalRef>,
}

#[derive(Deserialize)]
struct Checksum {
    algorithm: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_type: String,
    reference_locator: String,
}

impl Spdx {
    pub(crate) fn settle(self) -> SbomDocument {
        let (graph, mut roots) = graph(self.relationships);
        roots.extend(self.document_describes);
        let mut facts = self.creation_info.unwrap_or_default().facts();
        facts.identity = Said::of(self.document_namespace.as_deref()) == Said::Something;
        facts.primary_component = !roots.is_empty();
        let components = self.packages.into_iter().map(|package| package.settle(&graph, &roots)).collect();
        let version = self.spdx_version.strip_prefix("SPDX-").unwrap_or_default().to_owned();
        SbomDocument { format: SbomFormat::Spdx, version, facts, components }
    }
}

/// Who depends on whom, and what the document describes.
fn graph(relationships: Vec<Relationship>) -> (Graph, BTreeSet<String>) {
    let (mut graph, mut roots) = (Graph::default(), BTreeSet::new());
    for relationship in relationships {
        let Relationship { spdx_element_id: from, related_spdx_element: to, .. } = relationship;
        match relationship.relationship_type.as_str() {
            "DESCRIBES" => {
                roots.insert(to);
            }
            "DESCRIBED_BY" => {
                roots.insert(from);
            }
            // These say of the element on the right what stands on the left.
            kind if kind.ends_with("_OF") || kind == "CONTAINED_BY" => {
                graph.from.insert(to);
                graph.to.insert(from);
            }
            _ => {
                graph.from.insert(from);
                graph.to.insert(to);
            }
        }
    }
    (graph, roots)
}

impl CreationInfo {
    fn facts(&self) -> DocumentFacts {
        let of = |kind: &'static str| self.creators.iter().filter_map(move |one| one.strip_prefix(kind));
        let named = |name: &str| Said::of(Some(name)) == Said::Something;
        let people = || of("Person:").chain(of("Organization:"));
        // `Tool: name-1.2`; a name may hold hyphens itself.
        let has_version = |tool: &str| {
            tool.rsplit_once('-').is_some_and(|(_, version)| version.contains(|c: char| c.is_ascii_digit()))
        };
        DocumentFacts {
            author: people().any(named),
            author_contact: people().any(has_contact),
            timestamp: Said::of(self.created.as_deref()) == Said::Something,
            tool_name: of("Tool:").any(named),
            tool_version: of("Tool:").any(has_version),
            generation_context: Said::of(self.comment.as_deref()) == Said::Something,
            ..DocumentFacts::default()
        }
    }
}

/// `Jane (jane@example.org)`
fn has_contact(name: &str) -> bool {
    name.rsplit_once('(').is_some_and(|(_, contact)| contact.contains('@'))
}

impl Package {
    fn settle(self, graph: &Graph, roots: &BTreeSet<String>) -> SbomComponent {
        let is_logical = self.id.as_ref().is_some_and(|id| roots.contains(id))
            || self.primary_package_purpose.as_deref() == Some("OPERATING-SYSTEM");
        let facts = ComponentFacts { is_logical, ..self.facts(graph) };
        let said = |text: Option<String>| text.filter(|text| Said::of(Some(text)) == Said::Something);
        let is_purl = |reference: &ExternalRef| reference.reference_type == "purl";
        let licences = [said(self.license_declared), said(self.license_concluded)];
        let package = SbomPackage {
            name: self.name,
            version: self.version_info,
            purl: self.external_refs.into_iter().find(is_purl).map(|purl| purl.reference_locator),
            licences: licences.into_iter().flatten().collect(),
            has_supplier: facts.supplier == Said::Something,
            has_hash: !self.checksums.is_empty(),
        };
        SbomComponent { package, facts }
    }

    fn facts(&self, graph: &Graph) -> ComponentFacts {
        let reference = self.id.as_deref();
        let said = |text: &Option<String>| Said::of(text.as_deref());
        let supplier = said(&self.supplier);
        let who = [&self.supplier, &self.originator];
        let algorithm = |sum: &Checksum| sum.algorithm.as_deref().is_some_and(is_approved);
        ComponentFacts {
            version: said(&self.version_info),
            supplier,
            producer: supplier.max(said(&self.originator)),
            producer_contact: who.into_iter().flatten().any(|name| has_contact(name)),
            identifier: self.external_refs.iter().any(ExternalRef::identifies),
            approved_hash: self.checksums.iter().any(algorithm),
            licence: said(&self.license_declared).max(said(&self.license_concluded)),
            distribution_licence: said(&self.license_concluded) == Said::Something,
            in_graph: graph.has(reference),
            has_dependencies: graph.tells_of(reference),
            file_name: said(&self.package_file_name) == Said::Something,
            ..ComponentFacts::default()
        }
    }
}

impl ExternalRef {
    fn identifies(&self) -> bool {
        const IDENTIFIERS: [&str; 6] = ["purl", "cpe22Type", "cpe23Type", "swid", "swh", "gitoid"];
        IDENTIFIERS.contains(&self.reference_type.as_str())
    }
}

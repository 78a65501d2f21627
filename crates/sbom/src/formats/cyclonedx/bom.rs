//! The whole file.

use std::io::Write;

use serde::Serialize;
use supercargo_content::MediaType;

use super::component::{self, Component};
use super::parts::{Contact, Organization, Property};
use super::subject::{self, SUBJECT_REF, SYSTEM_REF};
use super::{Edition, properties};
use crate::json::{self, Lazy};
use crate::{Document, EncodeError, Format, FormatId, identity};

/// One version of the specification.
pub(crate) struct CycloneDx {
    id: FormatId,
    version: &'static str,
    schema: &'static str,
    summary: &'static str,
    edition: Edition,
}

/// Version 1.5, for readers that stop there.
pub(crate) static V1_5: CycloneDx = CycloneDx {
    id: FormatId::CYCLONEDX_JSON_1_5,
    version: "1.5",
    schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    summary: "CycloneDX 1.5, JSON",
    edition: Edition::V1_5,
};

/// Version 1.6.
pub(crate) static V1_6: CycloneDx = CycloneDx {
    id: FormatId::CYCLONEDX_JSON_1_6,
    version: "1.6",
    schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    summary: "CycloneDX 1.6, JSON",
    edition: Edition::V1_6,
};

/// Version 1.7.
pub(crate) static V1_7: CycloneDx = CycloneDx {
    id: FormatId::CYCLONEDX_JSON_1_7,
    version: "1.7",
    schema: "http://cyclonedx.org/schema/bom-1.7.schema.json",
    summary: "CycloneDX 1.7, JSON",
    edition: Edition::V1_7,
};

impl Format for CycloneDx {
    fn id(&self) -> FormatId {
        self.id
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn media_type(&self) -> MediaType {
        MediaType::new(format!("application/vnd.cyclonedx+json; version={}", self.version))
    }

    fn file_suffix(&self) -> &'static str {
        ".cdx.json"
    }

    fn predicate_type(&self) -> Option<&'static str> {
        Some("https://cyclonedx.org/bom")
    }

    fn encode(&self, document: &Document, out: &mut dyn Write) -> Result<(), EncodeError> {
        let bom = Bom {
            schema: self.schema,
            bom_format: "CycloneDX",
            spec_version: self.version,
            serial_number: format!("urn:uuid:{}", identity::uuid(document, self.id)),
            version: 1,
            metadata: metadata(document, self.edition),
            components: Lazy(|| components(document, self.edition)),
            dependencies: Lazy(|| dependencies(document)),
            compositions: compositions(document),
        };
        json::write(&bom, out).map_err(|error| EncodeError::new(self.id, error))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a, C, D> {
    #[serde(rename = "$schema")]
    schema: &'a str,
    bom_format: &'a str,
    spec_version: &'a str,
    serial_number: String,
    version: u32,
    metadata: Metadata<'a>,
    components: C,
    dependencies: D,
    compositions: Vec<Composition<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    timestamp: String,
    lifecycles: [Lifecycle; 1],
    tools: Tools<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manufacture: Option<Organization<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manufacturer: Option<Organization<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Contact<'a>>,
    component: Component<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<Organization<'a>>,
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
struct Lifecycle {
    phase: &'static str,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: [Component<'a>; 1],
}

fn metadata(document: &Document, edition: Edition) -> Metadata<'_> {
    let options = &document.options;
    let (authors, makers): (Vec<_>, Vec<_>) = options.author.iter().partition(|party| party.is_person);
    let maker = || makers.iter().copied().map(Organization::of).next();
    Metadata {
        timestamp: document.created(),
        lifecycles: [Lifecycle { phase: "post-build" }],
        tools: Tools { components: [subject::tool(options)] },
        manufacture: maker().filter(|_| edition == Edition::V1_5),
        manufacturer: maker().filter(|_| edition > Edition::V1_5),
        authors: authors.into_iter().map(Contact::of).collect(),
        component: subject::root(document),
        supplier: options.supplier.as_ref().map(Organization::of),
        properties: properties::of_run(document),
    }
}

fn components(document: &Document, edition: Edition) -> impl Iterator<Item = Component<'_>> {
    let system = document.distro.as_ref().map(subject::operating_system);
    let packages = document.entries().map(move |(at, _, _)| at);
    system.into_iter().chain(packages.filter_map(move |at| component::of_package(document, at, edition)))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    depends_on: Vec<&'a str>,
}

/// One entry for each component, in order of their references within each level.
fn dependencies(document: &Document) -> impl Iterator<Item = Dependency<'_>> {
    let system = document.distro.as_ref().map(|_| of_system(document));
    let packages = document.entries().map(|(at, reference, _)| {
        let targets = document.graph.depends_on.get(at).into_iter().flatten();
        Dependency { reference, depends_on: targets.filter_map(|&to| document.reference(to)).collect() }
    });
    std::iter::once(of_subject(document)).chain(system).chain(packages)
}

fn of_subject(document: &Document) -> Dependency<'_> {
    let top = document.graph.top.iter().filter_map(|&at| document.reference(at));
    let system = document.distro.as_ref().map(|_| SYSTEM_REF);
    Dependency { reference: SUBJECT_REF, depends_on: system.into_iter().chain(top).collect() }
}

fn of_system(document: &Document) -> Dependency<'_> {
    let packages = document.entries().filter(|(at, _, _)| document.is_in_distro(*at));
    Dependency { reference: SYSTEM_REF, depends_on: packages.map(|(_, reference, _)| reference).collect() }
}

#[derive(Serialize)]
struct Composition<'a> {
    aggregate: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assemblies: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<&'a str>,
}

/// What the image is made of is known when all of it was read. Whether each package's own dependencies are
/// all there cannot be known from an image.
fn compositions(document: &Document) -> Vec<Composition<'_>> {
    let aggregate = match document.is_complete() {
        false => "incomplete",
        // What a table of contents does not name may still be in the layer.
        true if document.layers_by_toc() > 0 => "unknown",
        true => "complete",
    };
    let mut compositions =
        vec![Composition { aggregate, assemblies: vec![SUBJECT_REF], dependencies: vec![SUBJECT_REF] }];
    if !document.refs.is_empty() {
        let dependencies = document.refs.iter().map(String::as_str).collect();
        compositions.push(Composition { aggregate: "unknown", assemblies: vec![], dependencies });
    }
    compositions
}

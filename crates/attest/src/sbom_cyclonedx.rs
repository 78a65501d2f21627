//! The parts of a CycloneDX document that rules and profiles ask for (CycloneDX 1.4 to 1.7, JSON).

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::sbom_document::{
    ComponentFacts, DocumentFacts, Graph, Said, SbomComponent, SbomDocument, SbomFormat, SbomPackage,
    is_approved,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bom {
    spec_version: Option<String>,
    serial_number: Option<String>,
    metadata: Option<Metadata>,
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default)]
    compositions: Vec<Composition>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    timestamp: Option<String>,
    #[serde(default)]
    authors: Vec<Contact>,
    manufacturer: Option<Organisation>,
    manufacture: Option<Organisation>,
    supplier: Option<Organisation>,
    tools: Option<Tools>,
    #[serde(default)]
    lifecycles: Vec<IgnoredAny>,
    component: Option<Root>,
}

#[derive(Deserialize)]
struct Root {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Contact {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Organisation {
    name: Option<String>,
    #[serde(default)]
    url: Vec<String>,
    #[serde(default)]
    contact: Vec<Contact>,
}

/// The form of 1.5 and later, and the one before.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tools {
    Components {
        #[serde(default)]
        components: Vec<Tool>,
    },
    List(Vec<Tool>),
}

#[derive(Deserialize)]
struct Tool {
    name: Option<String>,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    depends_on: Vec<String>,
}

#[derive(Deserialize)]
struct Composition {
    aggregate: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    name: String,
    version: Option<String>,
    purl: Option<String>,
    cpe: Option<String>,
    swid: Option<IgnoredAny>,
    #[serde(default)]
    swhid: Vec<IgnoredAny>,
    #[serde(default)]
    omnibor_id: Vec<IgnoredAny>,
    #[serde(default)]
    licenses: Vec<LicenceChoice>,
    publisher: Option<String>,
    supplier: Option<Organisation>,
    manufacturer: Option<Organisation>,
    #[serde(default)]
    authors: Vec<Contact>,
    #[serde(default)]
    hashes: Vec<Hash>,
    #[serde(default)]
    external_references: Vec<ExternalReference>,
    #[serde(default)]
    properties: Vec<Property>,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Hash {
    alg: Option<String>,
}

#[derive(Deserialize)]
struct ExternalReference {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    hashes: Vec<Hash>,
}

#[derive(Deserialize)]
struct Property {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
struct LicenceChoice {
    license: Option<LicenceName>,
    expression: Option<String>,
    acknowledgement: Option<String>,
}

#[derive(Deserialize)]
struct LicenceName {
    id: Option<String>,
    name: Option<String>,
    acknowledgement: Option<String>,
}

impl Bom {
    pub(crate) fn settle(self) -> SbomDocument {
        let mut graph = Graph::default();
        for dependency in self.dependencies {
            graph.from.insert(dependency.reference);
            graph.to.extend(dependency.depends_on);
        }
        let mut facts = self.metadata.unwrap_or_default().facts();
        facts.identity = self.serial_number.is_some_and(|serial| !serial.is_empty());
        facts.completeness = self.compositions.iter().any(|composition| composition.aggregate.is_some());
        let mut components = Vec::new();
        self.components.into_iter().for_each(|component| component.collect(&graph, &mut components));
        let version = self.spec_version.unwrap_or_default();
        SbomDocument { format: SbomFormat::CycloneDx, version, facts, components }
    }
}

impl Metadata {
    fn facts(&self) -> DocumentFacts {
        let organisations = || [&self.manufacturer, &self.manufacture, &self.supplier].into_iter().flatten();
        let people = || self.authors.iter();
        let tools: &[Tool] = match &self.tools {
            Some(Tools::Components { components }) => components,
            Some(Tools::List(tools)) => tools,
            None => &[],
        };
        DocumentFacts {
            author: people().any(Contact::is_named) || organisations().any(Organisation::is_named),
            author_contact: people().any(Contact::has_email)
                || organisations().any(Organisation::has_contact),
            timestamp: is_filled(self.timestamp.as_ref()),
            tool_name: tools.iter().any(|tool| is_filled(tool.name.as_ref())),
            tool_version: tools.iter().any(|tool| is_filled(tool.version.as_ref())),
            generation_context: !self.lifecycles.is_empty(),
            primary_component: self.component.as_ref().is_some_and(|root| is_filled(root.name.as_ref())),
            ..DocumentFacts::default()
        }
    }
}

fn is_filled(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

impl Contact {
    fn is_named(&self) -> bool {
        is_filled(self.name.as_ref()) || self.has_email()
    }

    fn has_email(&self) -> bool {
        is_filled(self.email.as_ref())
    }
}

impl Organisation {
    fn is_named(&self) -> bool {
        is_filled(self.name.as_ref())
    }

    fn has_contact(&self) -> bool {
        !self.url.is_empty() || self.contact.iter().any(Contact::has_email)
    }
}

impl LicenceChoice {
    fn is_concluded(&self) -> bool {
        let inner = self.license.as_ref().and_then(|name| name.acknowledgement.as_deref());
        self.acknowledgement.as_deref().or(inner) == Some("concluded")
    }

    fn into_text(self) -> Option<String> {
        self.expression.or_else(|| self.license.and_then(|name| name.id.or(name.name)))
    }
}

impl Component {
    /// Files and the operating system are no packages; what is nested counts as well.
    fn collect(mut self, graph: &Graph, components: &mut Vec<SbomComponent>) {
        let nested = std::mem::take(&mut self.components);
        if !matches!(self.kind.as_deref(), Some("file" | "operating-system")) {
            components.push(self.settle(graph));
        }
        nested.into_iter().for_each(|component| component.collect(graph, components));
    }

    fn settle(self, graph: &Graph) -> SbomComponent {
        let facts = self.facts(graph);
        let has_supplier = facts.supplier == Said::Something;
        let licences: Vec<String> = self.licenses.into_iter().filter_map(LicenceChoice::into_text).collect();
        let facts = ComponentFacts { licence: said_of(&licences), ..facts };
        let package = SbomPackage {
            name: self.name,
            version: self.version,
            purl: self.purl,
            licences,
            has_supplier,
            has_hash: !self.hashes.is_empty(),
        };
        SbomComponent { package, facts }
    }

    fn facts(&self, graph: &Graph) -> ComponentFacts {
        let organisations = || [&self.supplier, &self.manufacturer].into_iter().flatten();
        let supplier = Said::when(self.publisher.is_some() || organisations().any(Organisation::is_named));
        let reference = self.reference.as_deref();
        let deployable = |reference: &&ExternalReference| {
            matches!(reference.kind.as_deref(), Some("distribution" | "distribution-intake"))
        };
        let sha512 = |reference: &ExternalReference| {
            reference.hashes.iter().any(|hash| hash.alg.as_deref() == Some("SHA-512"))
        };
        ComponentFacts {
            version: Said::of(self.version.as_deref()),
            supplier,
            producer: supplier,
            producer_contact: organisations().any(Organisation::has_contact)
                || self.authors.iter().any(Contact::has_email),
            identifier: self.has_identifier(),
            approved_hash: self.hashes.iter().any(|hash| hash.alg.as_deref().is_some_and(is_approved)),
            deployable_sha512: self.external_references.iter().filter(deployable).any(sha512),
            distribution_licence: self.licenses.iter().any(LicenceChoice::is_concluded),
            in_graph: graph.has(reference),
            has_dependencies: graph.tells_of(reference),
            file_name: self.has_property("bsi:component:filename"),
            executable: self.has_property("bsi:component:executable"),
            archive: self.has_property("bsi:component:archive"),
            structured: self.has_property("bsi:component:structured"),
            ..ComponentFacts::default()
        }
    }

    fn has_identifier(&self) -> bool {
        is_filled(self.purl.as_ref())
            || is_filled(self.cpe.as_ref())
            || self.swid.is_some()
            || !self.swhid.is_empty()
            || !self.omnibor_id.is_empty()
    }

    fn has_property(&self, name: &str) -> bool {
        let is = |property: &Property| {
            property.name.as_deref() == Some(name) && is_filled(property.value.as_ref())
        };
        self.properties.iter().any(is)
    }
}

fn said_of(licences: &[String]) -> Said {
    licences.iter().map(|text| Said::of(Some(text))).max().unwrap_or_default()
}

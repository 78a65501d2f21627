//! The whole file.

use std::io::Write;

use serde::Serialize;
use supercargo_content::MediaType;
use supercargo_inventory::{Party, RelationshipKind};

use super::license::{ExtractedLicense, extracted};
use super::package;
use crate::document::shown_name;
use crate::identity::{slug, spdx_id, uuid};
use crate::iri::is_mail;
use crate::json::{self, Lazy};
use crate::text::one_line;
use crate::{Document, EncodeError, Format, FormatId, SubjectKind};

/// Version 2.3.
pub(crate) struct SpdxJson;

const DOCUMENT_ID: &str = "SPDXRef-DOCUMENT";

/// The most problems that are listed one by one; their number is always given.
const PROBLEMS_MAX: usize = 1000;

impl Format for SpdxJson {
    fn id(&self) -> FormatId {
        FormatId::SPDX_JSON_2_3
    }

    fn summary(&self) -> &'static str {
        "SPDX 2.3, JSON"
    }

    fn media_type(&self) -> MediaType {
        MediaType::new("application/spdx+json")
    }

    fn file_suffix(&self) -> &'static str {
        ".spdx.json"
    }

    fn predicate_type(&self) -> Option<&'static str> {
        Some("https://spdx.dev/Document")
    }

    fn encode(&self, document: &Document, out: &mut dyn Write) -> Result<(), EncodeError> {
        let names = Names::of(document);
        let name = shown_name(&document.subject.name, "unnamed");
        let file = SpdxDocument {
            spdx_version: "SPDX-2.3",
            data_license: "CC0-1.0",
            spdx_id: DOCUMENT_ID,
            name,
            document_namespace: format!(
                "https://spdx.org/spdxdocs/{}-{}",
                slug(name),
                uuid(document, self.id())
            ),
            creation_info: creation_info(document),
            comment: problems(document),
            document_describes: [&names.subject],
            packages: Lazy(|| package::all(document, &names)),
            has_extracted_licensing_infos: extracted(document),
            relationships: Lazy(|| relationships(document, &names)),
        };
        json::write(&file, out).map_err(|error| EncodeError::new(self.id(), error))
    }
}

/// The identifiers of all elements.
pub(super) struct Names {
    pub(super) subject: String,
    pub(super) system: Option<String>,
    pub(super) packages: Vec<String>,
}

impl Names {
    fn of(document: &Document) -> Self {
        let prefix = match document.subject.kind {
            SubjectKind::Container => "ContainerImage",
            SubjectKind::RootFs => "RootFs",
        };
        let name = document.subject.name.rsplit('/').next().unwrap_or_default();
        let packages = document.entries().map(|(_, purl, package)| {
            spdx_id("Package", &format!("{}-{}", package.purl.kind(), package.name), purl)
        });
        Self {
            subject: spdx_id(prefix, name, &document.subject.name),
            system: document
                .distro
                .as_ref()
                .map(|distro| spdx_id("OperatingSystem", &distro.id, &distro.qualifier())),
            packages: packages.collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxDocument<'a, P, R> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    spdx_id: &'static str,
    name: &'a str,
    document_namespace: String,
    creation_info: CreationInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    document_describes: [&'a str; 1],
    packages: P,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<ExtractedLicense>,
    relationships: R,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationInfo {
    created: String,
    creators: Vec<String>,
    license_list_version: String,
    comment: String,
}

fn creation_info(document: &Document) -> CreationInfo {
    let options = &document.options;
    let mut creators: Vec<String> = options.author.iter().filter_map(actor).collect();
    creators.push(tool(document));
    let version: Vec<&str> = spdx::license_version().split('.').take(2).collect();
    CreationInfo {
        created: document.created(),
        creators,
        license_list_version: version.join("."),
        comment: creation_comment(document),
    }
}

/// `Tool: supercargo-0.1.0`.
pub(super) fn tool(document: &Document) -> String {
    let options = &document.options;
    format!("Tool: {}-{}", one_line(&options.tool_name), one_line(&options.tool_version))
}

/// `Organization: Name (mail)`. Brackets of the name become square, because readers take the last round pair
/// for the address.
pub(super) fn actor(party: &Party) -> Option<String> {
    let name = one_line(&party.name).replace('(', "[").replace(')', "]");
    let kind = if party.is_person { "Person" } else { "Organization" };
    let email = party.email.as_deref().filter(|email| is_mail(email) && **email != *name);
    match email {
        _ if name.is_empty() => None,
        Some(email) => Some(format!("{kind}: {name} ({email})")),
        None => Some(format!("{kind}: {name}")),
    }
}

/// The generation context, under the name that the CISA 2026 mapping gives it, and how much was read.
fn creation_comment(document: &Document) -> String {
    let coverage = &document.coverage;
    let mut comment = format!(
        "Analyzed. Layers read: {} of {}. Files read: {}. Problems: {}.",
        coverage.layers_read,
        coverage.layers,
        coverage.files_read,
        document.problems.len()
    );
    if document.layers_by_toc() > 0 {
        let count = document.layers_by_toc();
        comment.push_str(&format!(
            " Layers read through their table of contents, digests not checked: {count}."
        ));
    }
    for (key, value) in &document.options.options {
        comment.push_str(&format!(" Option {}={}.", one_line(key), one_line(value)));
    }
    comment
}

fn problems(document: &Document) -> Option<String> {
    let lines: Vec<String> =
        document.problems.iter().take(PROBLEMS_MAX).map(|problem| one_line(&problem.to_string())).collect();
    (!lines.is_empty()).then(|| format!("Could not be read:\n{}", lines.join("\n")))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship<'a> {
    spdx_element_id: &'a str,
    relationship_type: &'static str,
    related_spdx_element: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

impl<'a> Relationship<'a> {
    fn new(from: &'a str, kind: &'static str, to: &'a str) -> Self {
        Self { spdx_element_id: from, relationship_type: kind, related_spdx_element: to, comment: None }
    }
}

fn relationships<'a>(document: &'a Document, names: &'a Names) -> impl Iterator<Item = Relationship<'a>> {
    let describes = Relationship::new(DOCUMENT_ID, "DESCRIBES", &names.subject);
    let system = names.system.iter().map(|system| Relationship::new(&names.subject, "CONTAINS", system));
    let packages = names.packages.iter().map(|name| Relationship::new(&names.subject, "CONTAINS", name));
    let of_system = names.system.iter().flat_map(move |system| {
        let own = names.packages.iter().enumerate().filter(|(at, _)| document.is_in_distro(*at));
        own.map(move |(_, name)| Relationship::new(system, "CONTAINS", name))
    });
    std::iter::once(describes)
        .chain(system)
        .chain(packages)
        .chain(of_system)
        .chain(between_packages(document, names))
}

fn between_packages<'a>(document: &'a Document, names: &'a Names) -> impl Iterator<Item = Relationship<'a>> {
    let name_of = |at: usize| names.packages.get(at).map(String::as_str);
    let needs = document.graph.depends_on.iter().enumerate().flat_map(move |(from, targets)| {
        let ends = targets.iter().filter_map(move |&to| Some((name_of(from)?, name_of(to)?)));
        ends.map(|(from, to)| Relationship::new(from, "DEPENDS_ON", to))
    });
    let holds = document.graph.held_by.iter().flat_map(move |(&to, holders)| {
        holders.iter().filter_map(move |&(kind, from)| {
            let comment =
                (kind == RelationshipKind::Owns).then_some("the files of the latter belong to the former");
            Some(Relationship { comment, ..Relationship::new(name_of(from)?, "CONTAINS", name_of(to)?) })
        })
    });
    needs.chain(holds)
}

//! The image, the operating system and the packages.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use supercargo_content::Algorithm;
use supercargo_inventory::{
    Distro, HashAlgorithm, LayerRef, LinkKind, Package as Found, PackageHash, PackageKind,
};

use super::document::{Names, actor, tool};
use super::license::declared;
use crate::document::{has_purl, layer_of, location, shown_name};
use crate::iri::{cpe_type, is_web_address};
use crate::text::one_line;
use crate::{Document, SubjectKind};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package<'a> {
    name: &'a str,
    #[serde(rename = "SPDXID")]
    spdx_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    originator: Option<String>,
    download_location: &'a str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
    primary_package_purpose: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum<'a> {
    algorithm: &'static str,
    checksum_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotation {
    annotator: String,
    annotation_date: String,
    annotation_type: &'static str,
    comment: String,
}

impl<'a> Package<'a> {
    fn new(name: &'a str, spdx_id: &'a str, purpose: &'static str) -> Self {
        Self {
            name,
            spdx_id,
            version_info: None,
            supplier: None,
            originator: None,
            download_location: "NOASSERTION",
            files_analyzed: false,
            checksums: Vec::new(),
            homepage: None,
            source_info: None,
            license_concluded: "NOASSERTION",
            license_declared: "NOASSERTION".to_owned(),
            copyright_text: "NOASSERTION",
            summary: None,
            comment: None,
            external_refs: Vec::new(),
            primary_package_purpose: purpose,
            annotations: Vec::new(),
        }
    }
}

/// The image, then the operating system, then the packages in order of their purl.
pub(super) fn all<'a>(document: &'a Document, names: &'a Names) -> impl Iterator<Item = Package<'a>> {
    let subject = subject(document, &names.subject);
    let system = document.distro.as_ref().zip(names.system.as_deref());
    let packages = document.entries().zip(&names.packages);
    std::iter::once(subject)
        .chain(system.map(|(distro, name)| operating_system(document, distro, name)))
        .chain(packages.map(|((_, purl, package), name)| of_package(document, purl, package, name)))
}

fn subject<'a>(document: &'a Document, name: &'a str) -> Package<'a> {
    let subject = &document.subject;
    let digest = subject.manifest.as_ref().map(|manifest| &manifest.digest);
    let purpose = match subject.kind {
        SubjectKind::Container => "CONTAINER",
        SubjectKind::RootFs => "OTHER",
    };
    let checksum = digest.map(|digest| Checksum {
        algorithm: match digest.algorithm() {
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
        },
        checksum_value: digest.hex(),
    });
    Package {
        version_info: digest.map(ToString::to_string),
        supplier: document.options.supplier.as_ref().and_then(actor),
        checksums: checksum.into_iter().collect(),
        external_refs: subject.purl().map(purl_ref).into_iter().collect(),
        annotations: annotation(document, subject_facts(document)),
        ..Package::new(shown_name(&subject.name, "unnamed"), name, purpose)
    }
}

fn operating_system<'a>(document: &Document, distro: &'a Distro, name: &'a str) -> Package<'a> {
    let version = distro.version_id.as_ref().or(distro.codename.as_ref());
    let cpe = distro.cpe.as_deref().and_then(|cpe| Some((cpe_type(cpe)?, cpe)));
    let cpe = cpe.map(|(kind, cpe)| ExternalRef {
        reference_category: "SECURITY",
        reference_type: kind,
        reference_locator: cpe.to_owned(),
    });
    let facts = [
        ("distro:qualifier".to_owned(), distro.qualifier()),
        ("distro:path".to_owned(), distro.path.to_string()),
    ];
    Package {
        version_info: version.cloned(),
        homepage: distro.home_url.as_deref().filter(|url| is_web_address(url)),
        summary: distro.pretty_name.as_deref(),
        external_refs: cpe.into_iter().collect(),
        annotations: annotation(document, facts.into()),
        ..Package::new(shown_name(&distro.id, "linux"), name, "OPERATING_SYSTEM")
    }
}

fn of_package<'a>(document: &Document, purl: &'a str, package: &'a Found, name: &'a str) -> Package<'a> {
    let purpose = match package.kind {
        PackageKind::Library => "LIBRARY",
        PackageKind::Application => "APPLICATION",
    };
    let address = |kind| {
        let links = package.links.iter().filter(move |link| link.kind == kind);
        links.map(|link| link.url.as_str()).find(|url| is_web_address(url))
    };
    let supplier = package.supplier.as_ref().and_then(actor);
    Package {
        version_info: package.version.clone(),
        supplier: Some(supplier.unwrap_or_else(|| "NOASSERTION".to_owned())),
        originator: package.author.as_ref().and_then(actor),
        download_location: address(LinkKind::Distribution).unwrap_or("NOASSERTION"),
        checksums: package.hashes.iter().filter_map(checksum).collect(),
        homepage: address(LinkKind::Website),
        source_info: package.source.as_ref().map(built_from),
        license_declared: declared(package),
        summary: package.description.as_deref().filter(|text| !text.is_empty()),
        comment: evidence(package),
        external_refs: has_purl(package).then(|| purl_ref(purl.to_owned())).into_iter().collect(),
        annotations: annotation(document, facts(package)),
        ..Package::new(shown_name(&package.name, purl), name, purpose)
    }
}

fn checksum(hash: &PackageHash) -> Option<Checksum<'_>> {
    let (algorithm, digits) = match hash.algorithm {
        HashAlgorithm::Md5 => ("MD5", 32),
        HashAlgorithm::Sha1 => ("SHA1", 40),
        HashAlgorithm::Sha256 => ("SHA256", 64),
        HashAlgorithm::Sha384 => ("SHA384", 96),
        HashAlgorithm::Sha512 => ("SHA512", 128),
    };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_whole = hash.hex.len() == digits && hash.hex.bytes().all(is_hex);
    is_whole.then_some(Checksum { algorithm, checksum_value: &hash.hex })
}

fn purl_ref(purl: String) -> ExternalRef {
    ExternalRef { reference_category: "PACKAGE-MANAGER", reference_type: "purl", reference_locator: purl }
}

/// The words from which scanners take the source package.
fn built_from((name, version): &(String, Option<String>)) -> String {
    let version = version.as_deref().map(|version| format!(" {}", one_line(version))).unwrap_or_default();
    format!("built package from: {}{version}", one_line(name))
}

fn evidence(package: &Found) -> Option<String> {
    let lines: BTreeSet<String> = package
        .evidence
        .iter()
        .map(|evidence| {
            let (place, layer) = (location(evidence), evidence.layer.index);
            format!("found by {} in {place} of layer {layer}", evidence.technique.name())
        })
        .collect();
    (!lines.is_empty()).then(|| lines.into_iter().collect::<Vec<_>>().join("\n"))
}

fn facts(package: &Found) -> BTreeMap<String, String> {
    let mut facts = package.properties.clone();
    facts.insert("ecosystem".to_owned(), package.ecosystem.0.to_owned());
    for (name, layer) in [("layer", layer_of(package)), ("origin", package.origin.as_ref())] {
        layer.iter().for_each(|layer| layer_facts(name, layer, &mut facts));
    }
    for link in
        package.links.iter().filter(|link| link.kind != LinkKind::Distribution || !is_web_address(&link.url))
    {
        let kind = match link.kind {
            LinkKind::Website if is_web_address(&link.url) => continue,
            LinkKind::Website => "website",
            LinkKind::Vcs => "vcs",
            LinkKind::IssueTracker => "issue-tracker",
            LinkKind::Documentation => "documentation",
            LinkKind::Distribution => "distribution",
        };
        facts.entry(format!("link:{kind}")).or_insert_with(|| link.url.clone());
    }
    facts
}

fn subject_facts(document: &Document) -> BTreeMap<String, String> {
    let subject = &document.subject;
    let mut facts = BTreeMap::new();
    let mut add = |name: String, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("image:id".to_owned(), subject.image_id.as_ref().map(ToString::to_string));
    add("image:platform".to_owned(), subject.platform.as_ref().map(ToString::to_string));
    add("image:tag".to_owned(), subject.tag.clone());
    subject.labels.iter().for_each(|(key, value)| add(format!("image:label:{key}"), Some(value.clone())));
    subject
        .annotations
        .iter()
        .for_each(|(key, value)| add(format!("image:annotation:{key}"), Some(value.clone())));
    for layer in &document.layers {
        layer_facts(&format!("layer:{}", layer.index), layer, &mut facts);
    }
    facts
}

fn layer_facts(prefix: &str, layer: &LayerRef, facts: &mut BTreeMap<String, String>) {
    facts.insert(format!("{prefix}:index"), layer.index.to_string());
    for (name, digest) in [("diffID", &layer.diff_id), ("digest", &layer.blob)] {
        facts.extend(digest.iter().map(|digest| (format!("{prefix}:{name}"), digest.to_string())));
    }
}

/// One annotation that holds the facts as a JSON object.
fn annotation(document: &Document, facts: BTreeMap<String, String>) -> Vec<Annotation> {
    let comment = serde_json::to_string(&facts).unwrap_or_default();
    let annotation = Annotation {
        annotator: tool(document),
        annotation_date: document.created(),
        annotation_type: "OTHER",
        comment,
    };
    if facts.is_empty() { vec![] } else { vec![annotation] }
}

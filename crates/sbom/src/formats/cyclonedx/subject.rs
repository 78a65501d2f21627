//! The image, its operating system, and the tool.

use std::borrow::Cow;

use supercargo_content::Algorithm;
use supercargo_inventory::Distro;

use super::component::Component;
use super::parts::{ExternalReference, Hash, Property};
use super::properties;
use crate::document::shown_name;
use crate::iri::{cpe_type, is_iri};
use crate::{Document, DocumentOptions, SubjectKind};

/// The reference of the image. No package URL, so that it cannot be a package's.
pub(super) const SUBJECT_REF: &str = "subject";

/// The reference of the operating system.
pub(super) const SYSTEM_REF: &str = "operating-system";

/// The component that the document describes.
pub(super) fn root(document: &Document) -> Component<'_> {
    let subject = &document.subject;
    let digest = subject.manifest.as_ref().map(|manifest| &manifest.digest);
    let kind = match subject.kind {
        SubjectKind::Container => "container",
        SubjectKind::RootFs => "file",
    };
    Component {
        bom_ref: Some(SUBJECT_REF),
        version: digest.map(|digest| Cow::Owned(digest.to_string())),
        hashes: digest
            .map(|digest| Hash { alg: algorithm(digest.algorithm()), content: digest.hex() })
            .into_iter()
            .collect(),
        purl: subject.purl().map(Cow::Owned),
        properties: properties::of_subject(document),
        ..Component::new(kind, shown_name(&subject.name, "unnamed"))
    }
}

fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    }
}

/// The component under which scanners look for the distribution's packages.
pub(super) fn operating_system(distro: &Distro) -> Component<'_> {
    let home = distro.home_url.as_deref().filter(|url| is_iri(url));
    let version = distro.version_id.as_deref().or(distro.codename.as_deref());
    Component {
        bom_ref: Some(SYSTEM_REF),
        version: version.map(Cow::Borrowed),
        description: distro.pretty_name.as_deref(),
        cpe: distro.cpe.as_deref().filter(|cpe| cpe_type(cpe).is_some()),
        external_references: home.map(|url| ExternalReference { url, kind: "website" }).into_iter().collect(),
        properties: properties::of_distro(distro),
        ..Component::new("operating-system", shown_name(&distro.id, "linux"))
    }
}

/// The program that wrote the document.
pub(super) fn tool(options: &DocumentOptions) -> Component<'_> {
    Component {
        version: Some(Cow::Borrowed(&options.tool_version)),
        properties: options
            .options
            .iter()
            .map(|(key, value)| Property::new(format!("supercargo:option:{key}"), value))
            .collect(),
        ..Component::new("application", shown_name(&options.tool_name, "supercargo"))
    }
}

//! Small parts that many places of the file share.

use std::borrow::Cow;

use serde::Serialize;
use supercargo_inventory::{HashAlgorithm, Link, LinkKind, PackageHash, Party};

use crate::iri::{is_iri, is_mail};

/// A name and a value. Names may repeat.
#[derive(Serialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Property<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

impl<'a> Property<'a> {
    pub(super) fn new(name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

#[derive(Serialize)]
pub(super) struct Organization<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    url: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contact: Vec<Contact<'a>>,
}

impl<'a> Organization<'a> {
    pub(super) fn of(party: &'a Party) -> Self {
        let email = party.email.as_deref().filter(|email| is_mail(email));
        Self {
            name: &party.name,
            url: party.url.as_deref().filter(|url| is_iri(url)).into_iter().collect(),
            contact: email.map(|email| Contact { name: None, email: Some(email) }).into_iter().collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Contact<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

impl<'a> Contact<'a> {
    pub(super) fn of(party: &'a Party) -> Self {
        Self { name: Some(&party.name), email: party.email.as_deref().filter(|email| is_mail(email)) }
    }
}

#[derive(Serialize)]
pub(super) struct Hash<'a> {
    pub(super) alg: &'static str,
    pub(super) content: &'a str,
}

/// A hash whose digits fit its algorithm.
pub(super) fn hash(hash: &PackageHash) -> Option<Hash<'_>> {
    let (alg, digits) = match hash.algorithm {
        HashAlgorithm::Md5 => ("MD5", 32),
        HashAlgorithm::Sha1 => ("SHA-1", 40),
        HashAlgorithm::Sha256 => ("SHA-256", 64),
        HashAlgorithm::Sha384 => ("SHA-384", 96),
        HashAlgorithm::Sha512 => ("SHA-512", 128),
    };
    let is_whole = hash.hex.len() == digits && hash.hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then_some(Hash { alg, content: &hash.hex })
}

#[derive(Serialize)]
pub(super) struct ExternalReference<'a> {
    pub(super) url: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

/// Links that are addresses; the others become properties.
pub(super) fn external_references(links: &[Link]) -> Vec<ExternalReference<'_>> {
    let addresses = links.iter().filter(|link| is_iri(&link.url));
    addresses.map(|link| ExternalReference { url: &link.url, kind: link_type(link.kind) }).collect()
}

pub(super) fn link_type(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Website => "website",
        LinkKind::Vcs => "vcs",
        LinkKind::IssueTracker => "issue-tracker",
        LinkKind::Documentation => "documentation",
        LinkKind::Distribution => "distribution",
    }
}

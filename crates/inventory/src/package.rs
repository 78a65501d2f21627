//! The neutral record of one package.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Evidence, ImagePath, LayerRef, LicenseClaim, Purl};

/// The name of an ecosystem, as in the table of the crate `ecosystems`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EcosystemId(pub &'static str);

impl fmt::Display for EcosystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The identity of a package in an inventory: its canonical purl.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(String);

impl PackageId {
    /// The canonical purl.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<PackageId> for String {
    fn from(PackageId(purl): PackageId) -> Self {
        purl
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a package is to its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageKind {
    /// Code that other code uses.
    Library,
    /// A program of its own, such as the main module of a Go binary.
    Application,
}

/// A person or organisation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The web address.
    pub url: Option<String>,
    /// Whether this is known to be a person and not an organisation.
    pub is_person: bool,
}

impl Party {
    /// Reads `Name <mail@example.org>`; `None` when there is no name and no address.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, email) = match text.split_once('<') {
            Some((name, rest)) => (name.trim(), rest.split('>').next().map(str::trim)),
            None if text.contains('@') && !text.contains(' ') => ("", Some(text)),
            None => (text, None),
        };
        let email = email.filter(|email| !email.is_empty()).map(str::to_owned);
        let name = name.trim_matches(['"', '\'', ' ', ',']).to_owned();
        let name = if name.is_empty() { email.clone()? } else { name };
        Some(Self { name, email, url: None, is_person: false })
    }
}

/// What a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// The project's web site.
    Website,
    /// The source repository.
    Vcs,
    /// The issue tracker.
    IssueTracker,
    /// Documentation.
    Documentation,
    /// Where the package was downloaded from.
    Distribution,
}

/// A link from the metadata.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// What it leads to.
    pub kind: LinkKind,
    /// The address as it stands there.
    pub url: String,
}

/// A hash algorithm that package databases use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgorithm {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A hash of the package as it was delivered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageHash {
    /// The algorithm.
    pub algorithm: HashAlgorithm,
    /// Lowercase hexadecimal digits.
    pub hex: String,
}

/// When a requirement counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequirementKind {
    /// Always.
    Runtime,
    /// Only where it is there (recommendations, extras, peers).
    Optional,
    /// Only while building or testing.
    Build,
}

/// What a package says it needs, before anyone looked whether it is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The name as the ecosystem writes it. Alternatives (`a | b`) are separate texts in order.
    pub any_of: Vec<String>,
    /// The version constraint as written.
    pub constraint: Option<String>,
    /// When it counts.
    pub kind: RequirementKind,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Which ecosystem found it.
    pub ecosystem: EcosystemId,
    /// What it is.
    pub kind: PackageKind,
    /// The package URL.
    pub purl: Purl,
    /// The name as its ecosystem writes it.
    pub name: String,
    /// The version as its ecosystem writes it, epoch included.
    pub version: Option<String>,
    /// The source package that it was built from: name and version.
    pub source: Option<(String, Option<String>)>,
    /// What the metadata says of the licence.
    pub licenses: Vec<LicenseClaim>,
    /// Who distributes it.
    pub supplier: Option<Party>,
    /// Who made it.
    pub author: Option<Party>,
    /// One line on what it is.
    pub description: Option<String>,
    /// Links from the metadata.
    pub links: Vec<Link>,
    /// Hashes of the package as delivered.
    pub hashes: Vec<PackageHash>,
    /// Names under which others may require it (virtual packages, sonames).
    pub provides: Vec<String>,
    /// What it says it needs.
    pub requires: Vec<Requirement>,
    /// Files that its database says it installed. Emptied once overlaps are known.
    pub files: Vec<ImagePath>,
    /// Where it was seen.
    pub evidence: Vec<Evidence>,
    /// The first layer in which it appeared in this version.
    pub origin: Option<LayerRef>,
    /// Anything else, by namespaced key (`dpkg:section`).
    pub properties: BTreeMap<String, String>,
}

impl Package {
    /// A package of which nothing but the name is known.
    pub fn new(ecosystem: EcosystemId, purl: Purl, name: impl Into<String>) -> Self {
        Self {
            ecosystem,
            kind: PackageKind::Library,
            version: purl.get_version().map(str::to_owned),
            purl,
            name: name.into(),
            source: None,
            licenses: Vec::new(),
            supplier: None,
            author: None,
            description: None,
            links: Vec::new(),
            hashes: Vec::new(),
            provides: Vec::new(),
            requires: Vec::new(),
            files: Vec::new(),
            evidence: Vec::new(),
            origin: None,
            properties: BTreeMap::new(),
        }
    }

    /// The identity in an inventory.
    pub fn id(&self) -> PackageId {
        PackageId(self.purl.to_string())
    }

    /// Joins what another sighting of the same purl knows. Nothing is lost but hashes that disagree: they
    /// belong to one of the sightings, not to the package.
    pub fn absorb(&mut self, other: Self) {
        if !self.hashes.is_empty() && !other.hashes.is_empty() && self.hashes != other.hashes {
            self.hashes.retain(|hash| other.hashes.contains(hash));
        } else {
            extend_unique(&mut self.hashes, other.hashes);
        }
        extend_unique(&mut self.licenses, other.licenses);
        extend_unique(&mut self.links, other.links);
        extend_unique(&mut self.provides, other.provides);
        extend_unique(&mut self.requires, other.requires);
        extend_unique(&mut self.evidence, other.evidence);
        self.files.extend(other.files);
        self.source = self.source.take().or(other.source);
        self.supplier = self.supplier.take().or(other.supplier);
        self.author = self.author.take().or(other.author);
        self.description = self.description.take().or(other.description);
        self.origin = match (self.origin.take(), other.origin) {
            (Some(a), Some(b)) => Some(if a.index <= b.index { a } else { b }),
            (a, b) => a.or(b),
        };
        for (key, value) in other.properties {
            self.properties.entry(key).or_insert(value);
        }
    }
}

fn extend_unique<T: PartialEq>(items: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !items.contains(&item) {
            items.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_are_read_in_every_usual_form() {
        let party = |text: &str| Party::parse(text).map(|party| (party.name, party.email));
        assert_eq!(party("A B <a@b.c>"), Some(("A B".into(), Some("a@b.c".into()))));
        assert_eq!(party("<a@b.c>"), Some(("a@b.c".into(), Some("a@b.c".into()))));
        assert_eq!(party("ACME, Inc."), Some(("ACME, Inc.".into(), None)));
        assert_eq!(party("  "), None);
    }
}

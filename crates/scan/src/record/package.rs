//! Packages, facts, problems and what they are made of. Patterns name every field, so that none is forgotten.

use supercargo_ecosystems::Fact;
use supercargo_inventory::{
    Distro, Evidence, LicenseClaim, Link, Package, PackageHash, Party, Problem, Purl, Requirement,
};

use super::RecordError;
use super::read::{Read, Reader};
use super::write::Writer;

/// Room for most identities.
const IDENTITY_BYTES: usize = 128;

/// What makes two sightings the same package: its purl as read, name and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity(Box<[u8]>);

impl Identity {
    /// That of a package; `None` for any other fact.
    pub(crate) fn of(fact: &Fact) -> Option<Self> {
        let Fact::Package(package) = fact else { return None };
        let mut to = Writer::new(Vec::with_capacity(IDENTITY_BYTES), &[]);
        to.purl(&package.purl);
        to.text(&package.name);
        to.optional_text(package.version.as_deref());
        to.finish().ok().map(|bytes| Self(bytes.into()))
    }
}

impl Writer<'_> {
    pub(super) fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Package(package) => {
                self.number(0);
                self.package(package);
            }
            Fact::Files { owner, files } => {
                self.number(1);
                self.text(owner);
                self.list(files.iter(), |to, (path, hash)| {
                    to.path(path);
                    to.optional(hash.as_ref(), Self::hash);
                });
            }
            Fact::License { owner, claim } => {
                self.number(2);
                self.text(owner);
                self.license(claim);
            }
            Fact::Distro(distro) => {
                self.number(3);
                self.distro(distro);
            }
            Fact::Note { owner, key, value } => {
                self.number(4);
                [owner, key, value].into_iter().for_each(|text| self.text(text));
            }
        }
    }

    pub(super) fn package(&mut self, package: &Package) {
        let Package { ecosystem, kind, purl, name, version, source, .. } = package;
        self.text(ecosystem.0);
        self.coded(*kind);
        self.purl(purl);
        self.text(name);
        self.optional_text(version.as_deref());
        self.optional(source.as_ref(), |to, (name, version)| {
            to.text(name);
            to.optional_text(version.as_deref());
        });
        self.claims(package);
        self.places(package);
    }

    /// What the metadata says.
    fn claims(&mut self, package: &Package) {
        let Package { licenses, supplier, author, description, links, hashes, provides, requires, .. } =
            package;
        self.list(licenses.iter(), Self::license);
        self.optional(supplier.as_ref(), Self::party);
        self.optional(author.as_ref(), Self::party);
        self.optional_text(description.as_deref());
        self.list(links.iter(), |to, Link { kind, url }| {
            to.coded(*kind);
            to.text(url);
        });
        self.list(hashes.iter(), Self::hash);
        self.list(provides.iter(), |to, name| to.text(name));
        self.list(requires.iter(), |to, Requirement { any_of, constraint, kind }| {
            to.list(any_of.iter(), |to, name| to.text(name));
            to.optional_text(constraint.as_deref());
            to.coded(*kind);
        });
    }

    fn places(&mut self, package: &Package) {
        let Package {
            files,
            evidence,
            origin,
            properties,
            // Written by `package` and `claims`; named here so that a new field does not compile unwritten.
            ecosystem: _,
            kind: _,
            purl: _,
            name: _,
            version: _,
            source: _,
            licenses: _,
            supplier: _,
            author: _,
            description: _,
            links: _,
            hashes: _,
            provides: _,
            requires: _,
        } = package;
        self.list(files.iter(), Self::path);
        self.list(evidence.iter(), |to, Evidence { path, inner, layer, technique }| {
            to.path(path);
            to.text(inner);
            to.layer(layer);
            to.coded(*technique);
        });
        self.optional(origin.as_ref(), Self::layer);
        self.number(properties.len() as u64);
        for (key, value) in properties {
            self.text(key);
            self.text(value);
        }
    }

    fn purl(&mut self, purl: &Purl) {
        self.text(purl.kind());
        self.optional_text(purl.get_namespace());
        self.text(purl.name());
        self.optional_text(purl.get_version());
        self.number(purl.qualifiers().len() as u64);
        for (key, value) in purl.qualifiers() {
            self.text(key);
            self.text(value);
        }
        self.optional_text(purl.get_subpath());
    }

    fn license(&mut self, claim: &LicenseClaim) {
        let LicenseClaim { text, expression, source } = claim;
        self.text(text);
        self.optional_text(expression.as_deref());
        self.coded(*source);
    }

    fn party(&mut self, party: &Party) {
        let Party { name, email, url, is_person } = party;
        self.text(name);
        self.optional_text(email.as_deref());
        self.optional_text(url.as_deref());
        self.flag(*is_person);
    }

    fn hash(&mut self, hash: &PackageHash) {
        let PackageHash { algorithm, hex } = hash;
        self.coded(*algorithm);
        self.hex(hex);
    }

    pub(super) fn distro(&mut self, distro: &Distro) {
        let Distro { id, id_like, name, pretty_name, version_id, codename, cpe, home_url, path } = distro;
        self.text(id);
        self.list(id_like.iter(), |to, like| to.text(like));
        for text in [name, pretty_name, version_id, codename, cpe, home_url] {
            self.optional_text(text.as_deref());
        }
        self.path(path);
    }

    pub(super) fn problem(&mut self, problem: &Problem) {
        let Problem { layer, path, ecosystem, kind, message } = problem;
        self.optional(layer.as_ref(), Self::layer);
        self.optional(path.as_ref(), Self::path);
        self.optional_text(ecosystem.map(|id| id.0));
        self.coded(*kind);
        self.text(message);
    }
}

impl Reader<'_> {
    pub(super) fn fact(&mut self) -> Read<Fact> {
        Ok(match self.number()? {
            0 => Fact::Package(Box::new(self.package()?)),
            1 => Fact::Files {
                owner: self.text()?,
                files: self.list(|from| Ok((from.path()?, from.optional(Self::hash)?)))?,
            },
            2 => Fact::License { owner: self.text()?, claim: self.license()? },
            3 => Fact::Distro(self.distro()?),
            4 => Fact::Note { owner: self.text()?, key: self.text()?, value: self.text()? },
            found => return Err(RecordError::Code { what: "kind of fact", found }),
        })
    }

    /// Fields of a struct expression are read in the order in which they stand here: that of the writer.
    pub(super) fn package(&mut self) -> Read<Package> {
        Ok(Package {
            ecosystem: self.ecosystem()?,
            kind: self.coded()?,
            purl: self.purl()?,
            name: self.text()?,
            version: self.optional_text()?,
            source: self.optional(|from| Ok((from.text()?, from.optional_text()?)))?,
            licenses: self.list(Self::license)?,
            supplier: self.optional(Self::party)?,
            author: self.optional(Self::party)?,
            description: self.optional_text()?,
            links: self.list(|from| Ok(Link { kind: from.coded()?, url: from.text()? }))?,
            hashes: self.list(Self::hash)?,
            provides: self.list(Self::text)?,
            requires: self.list(Self::requirement)?,
            files: self.list(Self::path)?,
            evidence: self.list(Self::evidence)?,
            origin: self.optional(Self::layer)?,
            properties: self.list(Self::pair)?.into_iter().collect(),
        })
    }

    fn pair(&mut self) -> Read<(String, String)> {
        Ok((self.text()?, self.text()?))
    }

    fn purl(&mut self) -> Read<Purl> {
        let (kind, namespace) = (self.text()?, self.optional_text()?);
        let mut purl = Purl::new(kind, self.text()?).namespace(namespace.unwrap_or_default());
        purl = purl.version(self.optional_text()?.unwrap_or_default());
        for (key, value) in self.list(Self::pair)? {
            purl = purl.qualifier(key, value);
        }
        Ok(purl.subpath(self.optional_text()?.unwrap_or_default()))
    }

    fn requirement(&mut self) -> Read<Requirement> {
        Ok(Requirement {
            any_of: self.list(Self::text)?,
            constraint: self.optional_text()?,
            kind: self.coded()?,
        })
    }

    fn evidence(&mut self) -> Read<Evidence> {
        Ok(Evidence {
            path: self.path()?,
            inner: self.text()?,
            layer: self.layer()?,
            technique: self.coded()?,
        })
    }

    fn license(&mut self) -> Read<LicenseClaim> {
        Ok(LicenseClaim { text: self.text()?, expression: self.optional_text()?, source: self.coded()? })
    }

    fn party(&mut self) -> Read<Party> {
        Ok(Party {
            name: self.text()?,
            email: self.optional_text()?,
            url: self.optional_text()?,
            is_person: self.flag()?,
        })
    }

    fn hash(&mut self) -> Read<PackageHash> {
        Ok(PackageHash { algorithm: self.coded()?, hex: self.hex()? })
    }

    pub(super) fn distro(&mut self) -> Read<Distro> {
        Ok(Distro {
            id: self.text()?,
            id_like: self.list(Self::text)?,
            name: self.optional_text()?,
            pretty_name: self.optional_text()?,
            version_id: self.optional_text()?,
            codename: self.optional_text()?,
            cpe: self.optional_text()?,
            home_url: self.optional_text()?,
            path: self.path()?,
        })
    }

    pub(super) fn problem(&mut self) -> Read<Problem> {
        Ok(Problem {
            layer: self.optional(Self::layer)?,
            path: self.optional(Self::path)?,
            ecosystem: self.optional(Self::ecosystem)?,
            kind: self.coded()?,
            message: self.text()?,
        })
    }
}

//! One archive, and the archives in it, from memory.

use std::borrow::Cow;

use supercargo_content::Digest;
use supercargo_inventory::{
    HashAlgorithm, LicenseClaim, LinkKind, Package, PackageHash, Party, Problem, ProblemKind, Purl,
    Requirement, RequirementKind, Technique,
};

use super::file_name::{self, FileName};
use super::identity::{self, Identity};
use super::manifest::Manifest;
use super::pom::{self, Dependency, Pom};
use super::properties::{self, Coordinates};
use crate::zip::{Archive, Budget, Entry};
use crate::{Candidate, Findings, sighting, text};

/// Bytes of one metadata file.
const METADATA_BYTES_MAX: u64 = 4 << 20;
/// Artifacts shaded into one archive.
const POMS_MAX: usize = 10_000;
/// The property that carries, from `read` to `settle`, the place of the archive that holds a package.
pub(super) const HOLDER: &str = "java:holder";

/// Reads a candidate and everything in it.
pub(super) fn read(file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
    let mut reading = Reading { file, budget: Budget::new(file.limits), out };
    reading.archive(file.path.as_str(), "", None, file.bytes, 0)
}

/// What goes through all archives of one candidate.
struct Reading<'a, 'b> {
    file: &'a Candidate<'a>,
    budget: Budget,
    out: &'b mut Findings,
}

/// The metadata of one archive.
#[derive(Default)]
struct Metadata {
    poms: Vec<Coordinates>,
    xml: Vec<(Pom, String)>,
    manifest: Manifest,
}

impl Reading<'_, '_> {
    /// Reads the archive `name` that lies at `inner` (empty for the file itself) in the package at `holder`.
    fn archive(
        &mut self,
        name: &str,
        inner: &str,
        holder: Option<&str>,
        bytes: &[u8],
        depth: usize,
    ) -> Result<(), Problem> {
        let Some(name) = file_name::parse(name) else { return Ok(()) };
        let archive = Archive::open(bytes, self.file.limits, &mut self.budget, is_wanted)?;
        self.report(archive.problems.iter().cloned(), inner);
        let metadata = self.metadata(&archive, inner);
        let identity = identity::decide(&name, &metadata.poms, &metadata.manifest);
        match &identity {
            Some(identity) => self.put_archive(&name, identity, &metadata, bytes, inner, holder),
            None => self.report([unidentified()], inner),
        }
        let own = identity.as_ref().and_then(|identity| identity.own_pom);
        let holder = if identity.is_some() { Some(inner) } else { holder };
        self.put_shaded(&metadata, own, inner, holder);
        for entry in archive.entries.iter().filter(|entry| file_name::is_archive(&entry.name)) {
            self.nested(&archive, entry, inner, holder, depth);
        }
        Ok(())
    }

    fn nested(
        &mut self,
        archive: &Archive<'_>,
        entry: &Entry,
        inner: &str,
        holder: Option<&str>,
        depth: usize,
    ) {
        let place = below(inner, &entry.name);
        if depth >= self.file.limits.nesting_depth_max {
            let message = "archives nested too deeply (`nesting_depth_max`)";
            return self.report([Problem::new(ProblemKind::LimitHit, message)], &place);
        }
        let result = match self.entry(archive, entry, u64::MAX, inner) {
            Ok(bytes) => self.archive(&entry.name, &place, holder, &bytes, depth + 1),
            Err(problem) => Err(problem),
        };
        self.report(result.err(), &place);
    }

    fn metadata(&mut self, archive: &Archive<'_>, inner: &str) -> Metadata {
        let mut metadata = Metadata::default();
        let mut poms = 0;
        for entry in archive.entries.iter().filter(|entry| !file_name::is_archive(&entry.name)) {
            poms += 1;
            if poms > POMS_MAX {
                let message = format!("more than {POMS_MAX} metadata files; the rest is ignored");
                self.report([Problem::new(ProblemKind::LimitHit, message)], inner);
                break;
            }
            match self.entry(archive, entry, METADATA_BYTES_MAX, inner) {
                Ok(bytes) => metadata.add(&entry.name, &bytes),
                Err(problem) => self.report([problem], inner),
            }
        }
        metadata.complete();
        metadata
    }

    fn entry<'d>(
        &mut self,
        archive: &Archive<'d>,
        entry: &Entry,
        max: u64,
        inner: &str,
    ) -> Result<Cow<'d, [u8]>, Problem> {
        let mut problems = Vec::new();
        let bytes = archive.read(entry, max, &mut self.budget, &mut problems);
        self.report(problems, inner);
        bytes
    }

    fn put_archive(
        &mut self,
        name: &FileName<'_>,
        identity: &Identity,
        metadata: &Metadata,
        bytes: &[u8],
        inner: &str,
        holder: Option<&str>,
    ) {
        let mut purl = purl(&identity.coordinates);
        if let Some(classifier) = &identity.classifier {
            purl = purl.qualifier("classifier", classifier.clone());
        }
        if name.extension != "jar" {
            purl = purl.qualifier("type", name.extension);
        }
        let mut package = self.package(purl, &identity.coordinates, inner, identity.technique, holder);
        let hex = Digest::sha256_of(bytes).hex().to_owned();
        package.hashes.push(PackageHash { algorithm: HashAlgorithm::Sha256, hex });
        if identity.own_manifest {
            describe_by_manifest(&mut package, &metadata.manifest);
        }
        if let Some(pom) = metadata.pom_of(&identity.coordinates) {
            describe_by_pom(&mut package, pom);
        }
        self.out.package(package);
    }

    fn put_shaded(&mut self, metadata: &Metadata, own: Option<usize>, inner: &str, holder: Option<&str>) {
        for (_, pom) in metadata.poms.iter().enumerate().filter(|(at, _)| Some(*at) != own) {
            if pom.version.is_none() {
                continue;
            }
            let place = below(inner, &format!("META-INF/maven/{}/{}", pom.group, pom.artifact));
            let mut package = self.package(purl(pom), pom, &place, Technique::ManifestAnalysis, holder);
            if let Some(pom) = metadata.pom_of(pom) {
                describe_by_pom(&mut package, pom);
            }
            self.out.package(package);
        }
    }

    fn package(
        &self,
        purl: Purl,
        coordinates: &Coordinates,
        inner: &str,
        technique: Technique,
        holder: Option<&str>,
    ) -> Package {
        let mut package = Package::new(super::ID, purl, coordinates.artifact.clone());
        package.evidence.push(sighting::seen(self.file.path, inner, technique));
        package.properties.extend(holder.map(|holder| (HOLDER.to_owned(), holder.to_owned())));
        package
    }

    /// Adds problems; the place inside the file goes into the message.
    fn report(&mut self, problems: impl IntoIterator<Item = Problem>, inner: &str) {
        for problem in problems {
            let message = match inner {
                "" => problem.message,
                inner => format!("{} (at `{inner}`)", problem.message),
            };
            self.out.problem(Problem { message, ..problem });
        }
    }
}

impl Metadata {
    fn add(&mut self, name: &str, bytes: &[u8]) {
        if name == "META-INF/MANIFEST.MF" {
            self.manifest = Manifest::parse(bytes);
        } else if name.ends_with("/pom.properties") {
            self.poms.extend(properties::parse(bytes));
        } else {
            self.xml.push((pom::parse(bytes), name.to_owned()));
        }
    }

    /// A pom without properties beside it speaks for itself.
    fn complete(&mut self) {
        for (pom, name) in &self.xml {
            let Some(coordinates) = &pom.coordinates else { continue };
            let folder = name.rsplit('/').nth(1);
            let is_known = |known: &Coordinates| known.artifact == coordinates.artifact;
            if folder == Some(coordinates.artifact.as_str()) && !self.poms.iter().any(is_known) {
                self.poms.push(coordinates.clone());
            }
        }
    }

    fn pom_of(&self, wanted: &Coordinates) -> Option<&Pom> {
        let is_it = |pom: &Pom| {
            pom.coordinates
                .as_ref()
                .is_some_and(|found| found.artifact == wanted.artifact && found.group == wanted.group)
        };
        self.xml.iter().map(|(pom, _)| pom).find(|pom| is_it(pom))
    }
}

fn is_wanted(name: &str) -> bool {
    let in_maven = || {
        let rest = name.strip_prefix("META-INF/maven/")?;
        let mut parts = rest.split('/').skip(2);
        Some(matches!(parts.next()?, "pom.properties" | "pom.xml") && parts.next().is_none())
    };
    name == "META-INF/MANIFEST.MF" || in_maven() == Some(true) || file_name::is_archive(name)
}

fn below(inner: &str, name: &str) -> String {
    if inner.is_empty() { name.to_owned() } else { format!("{inner}!/{name}") }
}

fn unidentified() -> Problem {
    let message = "an archive of unknown identity: no pom, and no version in its manifest or name";
    Problem::new(ProblemKind::Unsupported, message)
}

fn purl(coordinates: &Coordinates) -> Purl {
    Purl::new("maven", coordinates.artifact.clone())
        .namespace(coordinates.group.clone())
        .version(coordinates.version.clone().unwrap_or_default())
}

fn describe_by_manifest(package: &mut Package, manifest: &Manifest) {
    let license = manifest.get("bundle-license").filter(|license| !license.contains("://"));
    package.licenses.extend(license.map(LicenseClaim::declared));
    let vendor = manifest.get("bundle-vendor").or_else(|| manifest.get("implementation-vendor"));
    package.supplier = vendor.and_then(Party::parse);
    package.description = manifest.get("bundle-description").and_then(text::line);
    package.links.extend(manifest.get("bundle-docurl").and_then(|url| text::link(LinkKind::Website, url)));
    for (header, key) in
        [("bundle-symbolicname", "java:symbolic-name"), ("automatic-module-name", "java:module-name")]
    {
        package.properties.extend(manifest.get(header).map(|value| (key.to_owned(), value.to_owned())));
    }
}

fn describe_by_pom(package: &mut Package, pom: &Pom) {
    if !pom.licenses.is_empty() {
        package.licenses =
            pom.licenses.iter().filter_map(|name| text::line(name)).map(LicenseClaim::declared).collect();
    }
    package.description = pom.description.as_deref().and_then(text::line).or(package.description.take());
    let supplier = pom.organization.as_deref().and_then(text::line).and_then(|name| Party::parse(&name));
    package.supplier = supplier.or(package.supplier.take());
    let links =
        [(LinkKind::Website, &pom.url), (LinkKind::Vcs, &pom.scm), (LinkKind::IssueTracker, &pom.issues)];
    let links = links.into_iter().filter_map(|(kind, url)| text::link(kind, url.as_deref()?));
    package.links.extend(links.filter(|link| !link.url.contains("${")));
    package.links.sort();
    package.links.dedup();
    package.requires = pom.dependencies.iter().map(requirement).collect();
}

fn requirement(dependency: &Dependency) -> Requirement {
    let Coordinates { group, artifact, version } = &dependency.coordinates;
    let kind = match dependency.scope.as_str() {
        "test" => RequirementKind::Build,
        "provided" | "system" => RequirementKind::Optional,
        _ if dependency.optional => RequirementKind::Optional,
        _ => RequirementKind::Runtime,
    };
    Requirement { any_of: vec![format!("{group}:{artifact}")], constraint: version.clone(), kind }
}

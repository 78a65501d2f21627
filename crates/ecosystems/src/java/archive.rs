//! One archive, and the archives in it: from memory, or as they pass.

use std::borrow::Cow;

use supercargo_content::{Digest, Limits};
use supercargo_inventory::{
    HashAlgorithm, ImagePath, LicenseClaim, LinkKind, Package, PackageHash, Party, Problem, ProblemKind,
    Purl, Requirement, RequirementKind, Technique,
};

use super::file_name::{self, FileName};
use super::identity::{self, Identity};
use super::manifest::Manifest;
use super::pom::{self, Dependency, Pom};
use super::properties::{self, Coordinates};
use crate::zip::{Allowance, Archive, Budget, Entry, Passing, Role};
use crate::{BodySink, Candidate, Findings, Passer, sighting, text};

/// Bytes of one metadata file.
const METADATA_BYTES_MAX: u64 = 4 << 20;
/// Artifacts shaded into one archive.
const POMS_MAX: usize = 10_000;
/// The property that carries, from `read` to `settle`, the place of the archive that holds a package.
pub(super) const HOLDER: &str = "java:holder";

/// Reads a candidate and everything in it.
pub(super) fn read(file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
    let mut shared = Allowance::new(file.limits, file.bytes.len() as u64);
    if file_name::parse(file.path.as_str()).is_none() {
        return Ok(());
    }
    let archive =
        Archive::open(file.bytes, role, file.limits.nesting_depth_max, &mut shared)?.with_sha256(file.sha256);
    let mut reading = Reading { path: file.path, shared, out };
    reading.archive(file.path.as_str(), "", None, archive, 0);
    Ok(())
}

/// The same for a file that passes.
pub(super) fn stream(file: &Passer<'_>) -> Box<dyn BodySink> {
    let shared = Allowance::new(file.limits, file.size).put_away();
    let passing = Passing::unhashed(role, file.limits.nesting_depth_max);
    Box::new(Sink { path: file.path.clone(), limits: file.limits.clone(), passing, shared: Some(shared) })
}

/// An archive that passes.
struct Sink {
    path: ImagePath,
    limits: Limits,
    passing: Passing,
    /// What is left of the limits, between two pieces.
    shared: Option<(Budget, u64)>,
}

impl BodySink for Sink {
    fn push(&mut self, bytes: &[u8]) {
        if let Some(left) = self.shared.take() {
            let mut shared = Allowance::taken_up(&self.limits, left);
            self.passing.push(bytes, &mut shared);
            self.shared = Some(shared.put_away());
        }
    }

    fn finish(self: Box<Self>, sha256: Option<&Digest>, out: &mut Findings) -> Result<(), Problem> {
        let Some(left) = self.shared else { return Ok(()) };
        let shared = Allowance::taken_up(&self.limits, left);
        let archive = self.passing.finish(&shared)?.with_sha256(sha256);
        let mut reading = Reading { path: &self.path, shared, out };
        reading.archive(self.path.as_str(), "", None, archive, 0);
        Ok(())
    }
}

/// What goes through all archives of one file.
struct Reading<'a, 'b> {
    path: &'a ImagePath,
    shared: Allowance<'a>,
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
        mut archive: Archive<'_>,
        depth: usize,
    ) {
        let Some(name) = file_name::parse(name) else { return };
        self.report(std::mem::take(&mut archive.problems), inner);
        let metadata = self.metadata(&archive, inner);
        let identity = identity::decide(&name, &metadata.poms, &metadata.manifest);
        match &identity {
            Some(identity) => self.put_archive(&name, identity, &metadata, &archive, inner, holder),
            None => self.report([unidentified()], inner),
        }
        let own = identity.as_ref().and_then(|identity| identity.own_pom);
        let holder = if identity.is_some() { Some(inner) } else { holder };
        self.put_shaded(&metadata, own, inner, holder);
        for entry in std::mem::take(&mut archive.entries) {
            if role(&entry.name) == Role::Archive {
                self.nested(&mut archive, &entry, inner, holder, depth);
            }
        }
    }

    fn nested(
        &mut self,
        archive: &mut Archive<'_>,
        entry: &Entry,
        inner: &str,
        holder: Option<&str>,
        depth: usize,
    ) {
        let place = below(inner, &entry.name);
        let Some(depth_left) = self.shared.limits.nesting_depth_max.checked_sub(depth + 1) else {
            let message = "archives nested too deeply (`nesting_depth_max`)";
            return self.report([Problem::new(ProblemKind::LimitHit, message)], &place);
        };
        let mut problems = Vec::new();
        let nested = archive.nested(entry, role, depth_left, &mut self.shared, &mut problems);
        self.report(problems, inner);
        match nested {
            Ok(nested) => self.archive(&entry.name, &place, holder, nested, depth + 1),
            Err(problem) => self.report([problem], &place),
        }
    }

    fn metadata(&mut self, archive: &Archive<'_>, inner: &str) -> Metadata {
        let mut metadata = Metadata::default();
        let mut poms = 0;
        for entry in archive.entries.iter().filter(|entry| role(&entry.name) == Role::Metadata) {
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
        archive: &'d Archive<'_>,
        entry: &Entry,
        max: u64,
        inner: &str,
    ) -> Result<Cow<'d, [u8]>, Problem> {
        let mut problems = Vec::new();
        let bytes = archive.read(entry, max, &mut self.shared, &mut problems);
        self.report(problems, inner);
        bytes
    }

    fn put_archive(
        &mut self,
        name: &FileName<'_>,
        identity: &Identity,
        metadata: &Metadata,
        archive: &Archive<'_>,
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
        let hash =
            |digest: Digest| PackageHash { algorithm: HashAlgorithm::Sha256, hex: digest.hex().to_owned() };
        package.hashes.extend(archive.sha256().map(hash));
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
        package.evidence.push(sighting::seen(self.path, inner, technique));
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

/// What an entry is to us, by its name.
fn role(name: &str) -> Role {
    let in_maven = || {
        let rest = name.strip_prefix("META-INF/maven/")?;
        let mut parts = rest.split('/').skip(2);
        Some(matches!(parts.next()?, "pom.properties" | "pom.xml") && parts.next().is_none())
    };
    if name == "META-INF/MANIFEST.MF" || in_maven() == Some(true) {
        Role::Metadata
    } else if file_name::is_archive(name) {
        Role::Archive
    } else {
        Role::None
    }
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

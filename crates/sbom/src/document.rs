//! The neutral document: what every format writes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use supercargo_content::{Descriptor, Digest, Platform};
use supercargo_inventory::{
    Coverage, Distro, Evidence, Inventory, LayerRef, Package, Party, Problem, RelationshipKind,
};

use crate::graph::Graph;

/// What kind of thing the document describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A container image.
    Container,
    /// A folder or file that holds a root file system.
    RootFs,
}

/// What the document describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What kind of thing it is.
    pub kind: SubjectKind,
    /// The repository without tag and digest (`docker.io/library/alpine`), or the base name of a folder or file.
    pub name: String,
    /// The tag under which it was asked for.
    pub tag: Option<String>,
    /// The manifest that was scanned.
    pub manifest: Option<Descriptor>,
    /// The digest of the image's configuration.
    pub image_id: Option<Digest>,
    /// The platform of the image.
    pub platform: Option<Platform>,
    /// Labels of the configuration.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

impl Subject {
    /// An image of which nothing but the repository is known yet.
    pub fn container(name: impl Into<String>) -> Self {
        Self {
            kind: SubjectKind::Container,
            name: name.into(),
            tag: None,
            manifest: None,
            image_id: None,
            platform: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// A folder.
    pub fn rootfs(name: impl Into<String>) -> Self {
        Self { kind: SubjectKind::RootFs, ..Self::container(name) }
    }

    /// The package URL of the manifest: `pkg:oci/alpine@sha256:…?arch=…&repository_url=…&tag=…`.
    pub fn purl(&self) -> Option<String> {
        let manifest = self.manifest.as_ref()?;
        let name = self.name.rsplit('/').next().unwrap_or_default().to_lowercase();
        let architecture = self.platform.as_ref().map(|platform| platform.architecture.clone());
        let purl = supercargo_inventory::Purl::new("oci", name)
            .version(manifest.digest.to_string())
            .qualifier("arch", architecture.unwrap_or_default())
            .qualifier("repository_url", self.name.to_lowercase())
            .qualifier("tag", self.tag.clone().unwrap_or_default());
        (!purl.name().is_empty()).then(|| purl.to_string())
    }
}

/// What the run adds to what was found. Each field changes the output, so each is an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentOptions {
    /// When the document counts as made. Written in UTC to the second; years before 1 become 1.
    pub created: Timestamp,
    /// The program that made it.
    pub tool_name: String,
    /// That program's version.
    pub tool_version: String,
    /// The options that change what is found, by name.
    pub options: BTreeMap<String, String>,
    /// Who answers for the document.
    pub author: Option<Party>,
    /// Who supplies the image.
    pub supplier: Option<Party>,
}

impl DocumentOptions {
    /// Options of a tool, made at the Unix epoch, without author and supplier.
    pub fn new(tool_name: impl Into<String>, tool_version: impl Into<String>) -> Self {
        Self {
            created: Timestamp::UNIX_EPOCH,
            tool_name: tool_name.into(),
            tool_version: tool_version.into(),
            options: BTreeMap::new(),
            author: None,
            supplier: None,
        }
    }
}

/// A software bill of materials, before it is written in a format.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) subject: Subject,
    pub(crate) options: DocumentOptions,
    pub(crate) distro: Option<Distro>,
    pub(crate) layers: Vec<LayerRef>,
    pub(crate) packages: Vec<Package>,
    /// The canonical purl of each package, which is also its reference.
    pub(crate) refs: Vec<String>,
    /// Whether a package belongs to the operating system.
    pub(crate) in_distro: Vec<bool>,
    pub(crate) graph: Graph,
    pub(crate) problems: Vec<Problem>,
    pub(crate) coverage: Coverage,
}

impl Document {
    /// Joins what was found, what it was found in, and who looked. Packages are put in order of their purl;
    /// of two with the same purl the first stays.
    pub fn new(inventory: Inventory, subject: Subject, options: DocumentOptions) -> Self {
        let Inventory { distro, layers, packages, relationships, problems, coverage } = inventory;
        let mut packages: Vec<(String, Package)> =
            packages.into_iter().map(|package| (package.id().into(), package)).collect();
        packages.sort_by(|(a, _), (b, _)| a.cmp(b));
        packages.dedup_by(|(later, _), (first, _)| later == first);
        let (refs, packages): (Vec<String>, Vec<Package>) = packages.into_iter().unzip();
        let in_distro: Vec<bool> =
            packages.iter().map(|package| distro.is_some() && is_os_type(package.purl.kind())).collect();
        let graph = Graph::new(&relationships, &refs, &in_distro);
        Self { subject, options, distro, layers, packages, refs, in_distro, graph, problems, coverage }
    }

    /// What the document describes.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The packages in order of their purl.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// What could not be read.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether every layer was read and nothing in them was unreadable.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && self.coverage.layers_read >= self.coverage.layers
    }

    /// Layers that were read through their table of contents, so that their digests were not checked.
    pub(crate) fn layers_by_toc(&self) -> u64 {
        self.coverage.layers_by_toc
    }

    /// `2026-11-24T02:40:00Z`.
    pub(crate) fn created(&self) -> String {
        const YEAR_ONE: i64 = -62_135_596_800;
        let seconds = self.options.created.as_second().max(YEAR_ONE);
        let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Packages with their references.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (usize, &str, &Package)> {
        let pairs = self.refs.iter().zip(&self.packages).enumerate();
        pairs.map(|(at, (key, package))| (at, key.as_str(), package))
    }

    /// The reference of the package at a position.
    pub(crate) fn reference(&self, at: usize) -> Option<&str> {
        self.refs.get(at).map(String::as_str)
    }

    /// Whether the package at a position belongs to the operating system.
    pub(crate) fn is_in_distro(&self, at: usize) -> bool {
        self.in_distro.get(at).copied().unwrap_or(false)
    }

    /// The packages that own or contain the one at a position.
    pub(crate) fn holders(&self, at: usize) -> impl Iterator<Item = (RelationshipKind, &str)> {
        let held = self.graph.held_by.get(&at).into_iter().flatten();
        held.filter_map(|&(kind, from)| Some((kind, self.reference(from)?)))
    }
}

/// Types of package URL whose packages make up an operating system.
fn is_os_type(kind: &str) -> bool {
    matches!(kind, "apk" | "deb" | "rpm" | "alpm")
}

/// The name that is shown: never empty.
pub(crate) fn shown_name<'a>(name: &'a str, otherwise: &'a str) -> &'a str {
    if name.trim().is_empty() { otherwise } else { name }
}

/// Whether the reference of a package is also a valid package URL: one without a name is none.
pub(crate) fn has_purl(package: &Package) -> bool {
    !package.purl.name().is_empty()
}

/// The layer in which a package stands: that of its first sighting from the base up.
pub(crate) fn layer_of(package: &Package) -> Option<&LayerRef> {
    package.evidence.iter().map(|evidence| &evidence.layer).min()
}

/// Where a package was seen: a path in the image, and the place in that file after `!/`.
pub(crate) fn location(evidence: &Evidence) -> String {
    match evidence.inner.as_str() {
        "" => evidence.path.to_string(),
        inner => format!("{}!/{}", evidence.path, inner.trim_start_matches('/')),
    }
}

//! Which artifact an archive is.

use supercargo_inventory::Technique;

use super::file_name::FileName;
use super::manifest::Manifest;
use super::properties::Coordinates;

/// What is believed of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The coordinates.
    pub(super) coordinates: Coordinates,
    /// The classifier in the file name.
    pub(super) classifier: Option<String>,
    /// What it was told by.
    pub(super) technique: Technique,
    /// Which of the given poms is the archive's own.
    pub(super) own_pom: Option<usize>,
    /// Whether the manifest speaks of this artifact. A shaded jar may carry that of something shaded into it.
    pub(super) own_manifest: bool,
}

/// Decides among the poms in an archive, its manifest and its name. `None` when none of them names an artifact and
/// a version.
pub(super) fn decide(name: &FileName<'_>, poms: &[Coordinates], manifest: &Manifest) -> Option<Identity> {
    if let Some(at) = own_pom(name, poms, manifest) {
        let mut coordinates = poms.get(at)?.clone();
        let fallback = || name.version.or_else(|| manifest.version()).map(str::to_owned);
        coordinates.version = coordinates.version.or_else(fallback);
        let classifier = classifier(name, &coordinates);
        let own_manifest = speaks_of(manifest, coordinates.version.as_deref());
        let (technique, own_pom) = (Technique::ManifestAnalysis, Some(at));
        return Some(Identity { coordinates, classifier, technique, own_pom, own_manifest });
    }
    let (artifact, version, technique) = by_name(name, manifest)?;
    let own_manifest = speaks_of(manifest, Some(version));
    let group = manifest.group(artifact).filter(|_| own_manifest).unwrap_or_default().to_owned();
    let coordinates = Coordinates { group, artifact: artifact.to_owned(), version: Some(version.to_owned()) };
    let classifier = name.classifier.map(str::to_owned);
    Some(Identity { coordinates, classifier, technique, own_pom: None, own_manifest })
}

/// The pom whose artifact the file is named after, the longest such name first; otherwise the only pom, unless the
/// file's name says that it is something else.
fn own_pom(name: &FileName<'_>, poms: &[Coordinates], manifest: &Manifest) -> Option<usize> {
    let named = |pom: &Coordinates| {
        let rest = name.stem.strip_prefix(pom.artifact.as_str());
        rest.is_some_and(|rest| rest.is_empty() || is_version_of(rest, pom))
    };
    let best = poms
        .iter()
        .enumerate()
        .filter(|(_, pom)| named(pom))
        .max_by_key(|(at, pom)| (pom.artifact.len(), usize::MAX - at));
    if let Some((at, _)) = best {
        return Some(at);
    }
    let same =
        |pom: &Coordinates, version: Option<&str>| pom.version.is_some() && pom.version.as_deref() == version;
    let only = |pom: &&Coordinates| {
        name.version.is_none() || same(pom, name.version) || same(pom, manifest.get("implementation-version"))
    };
    match poms {
        [pom] => Some(pom).filter(only).map(|_| 0),
        _ => None,
    }
}

/// Whether `-…` after an artifact's name is its version, or begins like some version or classifier.
fn is_version_of(rest: &str, pom: &Coordinates) -> bool {
    let Some(rest) = rest.strip_prefix(['-', '_']) else { return false };
    let version = pom.version.as_deref().unwrap_or_default();
    rest.starts_with(|c: char| c.is_ascii_digit()) || (!version.is_empty() && rest.contains(version))
}

/// What follows `artifact-version-` in the name.
fn classifier(name: &FileName<'_>, own: &Coordinates) -> Option<String> {
    let version = own.version.as_deref()?;
    let rest = name.stem.strip_prefix(own.artifact.as_str())?.strip_prefix('-')?.strip_prefix(version)?;
    rest.strip_prefix('-').filter(|rest| !rest.is_empty()).map(str::to_owned)
}

/// Artifact and version by file name and manifest. Where both know a version and they differ, the name wins: it is
/// what the repository serves the file under, while manifests carry OSGi's spelling, build numbers or the
/// version of a specification.
fn by_name<'a>(name: &FileName<'a>, manifest: &'a Manifest) -> Option<(&'a str, &'a str, Technique)> {
    match (name.version, manifest.version()) {
        (Some(version), Some(said)) if agree(said, version) => {
            Some((name.artifact, version, Technique::ManifestAnalysis))
        }
        (Some(version), _) => Some((name.artifact, version, Technique::Filename)),
        (None, Some(version)) => Some((name.stem, version, Technique::ManifestAnalysis)),
        (None, None) => None,
    }
}

fn speaks_of(manifest: &Manifest, version: Option<&str>) -> bool {
    manifest.version().zip(version).is_none_or(|(said, version)| agree(said, version))
}

/// Whether two spellings mean one version: `9.4.1.v2020` and `9.4.1`.
fn agree(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

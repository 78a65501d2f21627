//! Which manifests of an index are wanted.

use std::collections::BTreeSet;

use supercargo_content::{Descriptor, Digest, Limits, Platform};

use crate::document::{is_image_config, is_unknown};
use crate::listing::listed;
use crate::{Document, DocumentError, Index, PlatformChoice, ResolveError, parse_config, parse_document};

/// Gives the checked bytes of a manifest, index or configuration.
pub type Fetch<'a> = dyn FnMut(&Descriptor) -> Result<Vec<u8>, ResolveError> + 'a;

/// Annotation by which BuildKit marks what is not an image.
const DOCKER_REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// Annotation by which BuildKit binds an attestation to its image.
const DOCKER_REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";
/// Chooses images from an index; nested indexes are walked.
///
/// - Attestations and artifacts are passed over.
/// - [`Host`](PlatformChoice::Host) and [`Only`](PlatformChoice::Only) take the image whose platform is exactly the
///   wanted one, else the only one that satisfies it. Where entries name no platform, their configurations are
///   asked, unless there is only one.
/// - [`All`](PlatformChoice::All) takes each once, in the order of the index.
///
/// # Errors
/// [`Platform`](ResolveError::Platform) when nothing fits, [`Ambiguous`](ResolveError::Ambiguous) when several do;
/// [`Damaged`](ResolveError::Damaged) for loops, for too deep nesting, and for what `fetch` gives.
pub fn choose(
    index: &Index,
    choice: &PlatformChoice,
    place: &str,
    limits: &Limits,
    fetch: &mut Fetch<'_>,
) -> Result<Vec<Descriptor>, ResolveError> {
    let images = images_of(index, place, limits, fetch)?;
    let wanted = match choice {
        PlatformChoice::All if !images.is_empty() => return Ok(images),
        PlatformChoice::All => return Err(no_platform("all", place, &images)),
        PlatformChoice::Host(wanted) | PlatformChoice::Only(wanted) => wanted,
    };
    match images.as_slice() {
        [only] if only.platform.is_none() => Ok(images),
        _ => {
            let images = with_platforms(images, place, limits, fetch)?;
            best(&images, wanted, place).map(|image| vec![image])
        }
    }
}

/// The images of an index in its order, nested indexes included, each once.
pub(crate) fn images_of(
    index: &Index,
    place: &str,
    limits: &Limits,
    fetch: &mut Fetch<'_>,
) -> Result<Vec<Descriptor>, ResolveError> {
    let mut walk = Walk { place, limits, fetch, path: Vec::new(), seen: BTreeSet::new(), images: Vec::new() };
    walk.index(index)?;
    Ok(walk.images)
}

/// BuildKit's attestation manifests for one image of an index. They are not signed.
pub fn buildkit_attestations<'a>(index: &'a Index, image: &Digest) -> Vec<&'a Descriptor> {
    let image = image.to_string();
    let is_for_it = |entry: &&Descriptor| entry.annotations.get(DOCKER_REFERENCE_DIGEST) == Some(&image);
    index.manifests.iter().filter(|entry| is_attestation(entry)).filter(is_for_it).collect()
}

/// Whether an entry is an attestation or an artifact rather than an image.
pub(crate) fn is_aside(entry: &Descriptor) -> bool {
    let is_artifact = entry.artifact_type.as_ref().is_some_and(|kind| !is_image_config(kind));
    is_attestation(entry) || is_artifact || entry.platform.as_ref().is_some_and(is_unknown)
}

fn is_attestation(entry: &Descriptor) -> bool {
    entry.annotations.get(DOCKER_REFERENCE_TYPE).is_some_and(|kind| kind == "attestation-manifest")
}

struct Walk<'a, 'f> {
    place: &'a str,
    limits: &'a Limits,
    fetch: &'a mut Fetch<'f>,
    /// The indexes that are open, from the outside in.
    path: Vec<Digest>,
    seen: BTreeSet<Digest>,
    images: Vec<Descriptor>,
}

impl Walk<'_, '_> {
    fn index(&mut self, index: &Index) -> Result<(), ResolveError> {
        index.manifests.iter().filter(|entry| !is_aside(entry)).try_for_each(|entry| self.entry(entry))
    }

    fn entry(&mut self, entry: &Descriptor) -> Result<(), ResolveError> {
        if self.path.contains(&entry.digest) {
            return Err(self.damaged(&entry.digest, DocumentError::Loop));
        }
        if !self.seen.insert(entry.digest.clone()) {
            return Ok(());
        }
        if self.seen.len() > self.limits.manifests_max {
            return Err(self.too_many());
        }
        if entry.media_type.is_manifest() {
            self.images.push(entry.clone());
            return Ok(());
        }
        if entry.media_type.is_index() || says_nothing(entry) { self.open(entry) } else { Ok(()) }
    }

    fn open(&mut self, entry: &Descriptor) -> Result<(), ResolveError> {
        let limit = self.limits.nesting_depth_max;
        if self.path.len() >= limit {
            return Err(self.damaged(&entry.digest, DocumentError::TooDeep { limit }));
        }
        let bytes = (self.fetch)(entry)?;
        match parse_document(&bytes, Some(&entry.media_type), self.limits) {
            Ok(Document::Index(index)) => {
                self.path.push(entry.digest.clone());
                self.index(&index)?;
                self.path.pop();
            }
            Ok(Document::Manifest(manifest)) => {
                self.images.push(Descriptor { media_type: manifest.media_type, ..entry.clone() });
            }
            Err(reason) => return Err(self.damaged(&entry.digest, reason)),
        }
        Ok(())
    }

    fn damaged(&self, digest: &Digest, reason: DocumentError) -> ResolveError {
        ResolveError::damaged("index", digest, self.place, reason)
    }

    fn too_many(&self) -> ResolveError {
        ResolveError::Limit {
            what: "the number of manifests",
            place: self.place.to_owned(),
            found: self.seen.len() as u64,
            limit: self.limits.manifests_max as u64,
            flag: "--manifests-max",
        }
    }
}

/// Descriptors without a useful media type: the document itself must say what it is.
fn says_nothing(entry: &Descriptor) -> bool {
    matches!(entry.media_type.as_str(), "" | "application/json" | "application/octet-stream" | "text/plain")
}

fn with_platforms(
    images: Vec<Descriptor>,
    place: &str,
    limits: &Limits,
    fetch: &mut Fetch<'_>,
) -> Result<Vec<Descriptor>, ResolveError> {
    let mut named = Vec::with_capacity(images.len());
    for mut image in images {
        if image.platform.is_none() {
            match config_platform(&image, place, limits, fetch)? {
                Looked::Image(platform) => image.platform = platform,
                Looked::Artifact => continue,
            }
        }
        named.push(image);
    }
    Ok(named)
}

pub(crate) enum Looked {
    Image(Option<Platform>),
    Artifact,
}

/// The platform in the configuration of an image that its descriptor does not give.
pub(crate) fn config_platform(
    image: &Descriptor,
    place: &str,
    limits: &Limits,
    fetch: &mut Fetch<'_>,
) -> Result<Looked, ResolveError> {
    let damaged = |what, digest, reason| ResolveError::damaged(what, digest, place, reason);
    let bytes = fetch(image)?;
    let document = parse_document(&bytes, Some(&image.media_type), limits)
        .map_err(|reason| damaged("manifest", &image.digest, reason))?;
    let Document::Manifest(manifest) = document else { return Ok(Looked::Artifact) };
    if !manifest.is_image() {
        return Ok(Looked::Artifact);
    }
    let bytes = fetch(&manifest.config)?;
    let config = parse_config(&bytes, limits)
        .map_err(|reason| damaged("configuration", &manifest.config.digest, reason))?;
    Ok(Looked::Image(config.platform))
}

fn best(images: &[Descriptor], wanted: &Platform, place: &str) -> Result<Descriptor, ResolveError> {
    let those = |fits: fn(&Platform, &Platform) -> bool| -> Vec<Descriptor> {
        let fits = |image: &&Descriptor| image.platform.as_ref().is_some_and(|has| fits(has, wanted));
        images.iter().filter(fits).cloned().collect()
    };
    let exact = those(|has, wanted| has.satisfies(wanted) && wanted.satisfies(has));
    let fitting = if exact.is_empty() { those(Platform::satisfies) } else { exact };
    match fitting.as_slice() {
        [] => Err(no_platform(&wanted.to_string(), place, images)),
        [one] => Ok(one.clone()),
        several => Err(ResolveError::Ambiguous {
            wanted: wanted.to_string(),
            place: place.to_owned(),
            there: listed(several),
        }),
    }
}

fn no_platform(wanted: &str, place: &str, images: &[Descriptor]) -> ResolveError {
    ResolveError::Platform { wanted: wanted.to_owned(), place: place.to_owned(), there: listed(images) }
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;

//! Image layouts: the version file, `index.json`, and which of its entries is meant.

use std::io;
use std::sync::Arc;

use serde::Deserialize;
use supercargo_content::{Descriptor, Digest, LimitExceeded, Limits, MediaType};

use crate::choose::{Looked, choose, config_platform, is_aside};
use crate::document::excerpt;
use crate::files::{Files, LayoutBlobs, blob_name, read_small};
use crate::listing::listed;
use crate::open::{fetch_document, open_all, resolve};
use crate::raw::parse_json;
use crate::{
    Blobs, DocumentError, Index, PlatformChoice, Reference, RegistryReference, ResolveError, Resolved,
    Selector, parse_index,
};

/// Annotation with the tag of an entry, or with its whole name.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Annotation with the whole name, as containerd and Docker write it.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// Annotation by which `cosign save` says what an entry is.
pub(crate) const COSIGN_KIND: &str = "kind";
/// What `cosign save` writes before the kind.
pub(crate) const COSIGN_KIND_PREFIX: &str = "dev.cosignproject.cosign/";

/// Resolves a selector in an image layout.
pub(crate) fn open_layout(
    files: Arc<dyn Files>,
    reference: &Reference,
    selector: &Selector,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Resolved, ResolveError> {
    let place = reference.to_string();
    check_version(files.as_ref(), &place)?;
    let index = read_index(files.as_ref(), &place, limits)?;
    let blobs: Arc<dyn Blobs> = Arc::new(LayoutBlobs(Arc::clone(&files)));
    let layout =
        Layout { files: files.as_ref(), blobs: blobs.as_ref(), index: &index, place: &place, limits };
    let chosen = match layout.select(selector)? {
        Selected::One(root) => return resolve(reference, &root, choice, &blobs, limits),
        Selected::Platforms(manifests) => {
            let index = Index { manifests, ..index };
            let mut fetch =
                |what: &Descriptor| fetch_document(blobs.as_ref(), what, "manifest", &place, limits);
            choose(&index, choice, &place, limits, &mut fetch)?
        }
    };
    let images = open_all(reference, &chosen, None, choice, &blobs, limits)?;
    Ok(Resolved { images, index: None })
}

/// Checks `oci-layout` (OCI image specification v1.1, "oci-layout file").
pub(crate) fn check_version(files: &dyn Files, place: &str) -> Result<(), ResolveError> {
    const NAME: &str = "oci-layout";
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RawVersion {
        image_layout_version: String,
    }
    let bytes = small(files, NAME, place, 4096)?.ok_or_else(|| ResolveError::no_layout(place, NAME))?;
    let version = parse_json::<RawVersion>(&bytes).and_then(|raw| match raw.image_layout_version.as_str() {
        "1.0.0" => Ok(()),
        other => Err(DocumentError::LayoutVersion { found: excerpt(other) }),
    });
    version.map_err(|reason| ResolveError::damaged("file", &NAME, place, reason))
}

/// Reads and checks `index.json`.
pub(crate) fn read_index(files: &dyn Files, place: &str, limits: &Limits) -> Result<Index, ResolveError> {
    const NAME: &str = "index.json";
    let bytes = small(files, NAME, place, limits.manifest_bytes_max)?;
    let bytes = bytes.ok_or_else(|| ResolveError::no_layout(place, NAME))?;
    parse_index(&bytes, limits).map_err(|reason| ResolveError::damaged("index", &NAME, place, reason))
}

fn small(
    files: &dyn Files,
    name: &str,
    place: &str,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, ResolveError> {
    read_small(files, name, bytes_max).map_err(|source| {
        let over = source.get_ref().is_some_and(|inner| inner.is::<LimitExceeded>());
        if over && name == "index.json" {
            let limits = Limits { manifest_bytes_max: bytes_max, ..Limits::default() };
            return ResolveError::document_limit("index", place, bytes_max.saturating_add(1), &limits);
        }
        ResolveError::Io { place: format!("`{name}` of {place}"), source }
    })
}

enum Selected {
    /// One manifest or index.
    One(Box<Descriptor>),
    /// Images that differ only in their platform, as if `index.json` were their index.
    Platforms(Vec<Descriptor>),
}

struct Layout<'a> {
    files: &'a dyn Files,
    blobs: &'a dyn Blobs,
    index: &'a Index,
    place: &'a str,
    limits: &'a Limits,
}

impl Layout<'_> {
    fn select(&self, selector: &Selector) -> Result<Selected, ResolveError> {
        match selector {
            Selector::Digest(digest) => self.by_digest(digest).map(|one| Selected::One(Box::new(one))),
            Selector::Tag(tag) => self.by_tag(tag),
            Selector::Only => {
                let entries = self.index.manifests.iter().filter(|entry| !is_attached(entry)).cloned();
                self.one_of("the only image", entries.collect())
            }
        }
    }

    /// Any manifest of the layout may be named, also one inside an index: its digest proves it.
    fn by_digest(&self, digest: &Digest) -> Result<Descriptor, ResolveError> {
        if let Some(entry) = self.index.manifests.iter().find(|entry| entry.digest == *digest) {
            return Ok(entry.clone());
        }
        let file = self.files.open(&blob_name(digest)).map_err(|source| self.io(digest, source))?;
        let file = file.ok_or_else(|| self.not_found(&digest.to_string()))?;
        Ok(Descriptor::new(MediaType::new(""), digest.clone(), file.len))
    }

    fn by_tag(&self, tag: &str) -> Result<Selected, ResolveError> {
        let those = |fits: fn(&str, &str) -> bool| -> Vec<Descriptor> {
            let fits = |entry: &&Descriptor| names(entry).any(|name| fits(name, tag));
            self.index.manifests.iter().filter(fits).cloned().collect()
        };
        let exact = those(|name, tag| name == tag);
        let found = if exact.is_empty() { those(has_tag) } else { exact };
        if found.is_empty() {
            return Err(self.not_found(tag));
        }
        self.one_of(tag, found)
    }

    fn one_of(&self, wanted: &str, mut entries: Vec<Descriptor>) -> Result<Selected, ResolveError> {
        if entries.len() > 1 {
            entries = self.without_artifacts(entries)?;
        }
        let ambiguous = |entries: &[Descriptor]| ResolveError::Ambiguous {
            wanted: wanted.to_owned(),
            place: self.place.to_owned(),
            there: listed(entries),
        };
        match entries.as_slice() {
            [] => Err(self.not_found(wanted)),
            [one] => Ok(Selected::One(Box::new(one.clone()))),
            several if differ_in_platform(several) => Ok(Selected::Platforms(entries)),
            several => Err(ambiguous(several)),
        }
    }

    /// Drops manifests that turn out not to be images, where the descriptor did not say so.
    fn without_artifacts(&self, entries: Vec<Descriptor>) -> Result<Vec<Descriptor>, ResolveError> {
        let (place, limits) = (self.place, self.limits);
        let mut fetch = |what: &Descriptor| fetch_document(self.blobs, what, "manifest", place, limits);
        let mut images = Vec::new();
        for entry in entries {
            let is_image = !entry.media_type.is_manifest()
                || matches!(config_platform(&entry, place, limits, &mut fetch)?, Looked::Image(_));
            if is_image {
                images.push(entry);
            }
        }
        Ok(images)
    }

    fn not_found(&self, wanted: &str) -> ResolveError {
        let entries: Vec<_> =
            self.index.manifests.iter().filter(|entry| !is_attached(entry)).cloned().collect();
        ResolveError::NotFound {
            wanted: wanted.to_owned(),
            place: self.place.to_owned(),
            there: listed(&entries),
        }
    }

    fn io(&self, digest: &Digest, source: io::Error) -> ResolveError {
        ResolveError::Io { place: format!("`{}` of {}", blob_name(digest), self.place), source }
    }
}

/// Attestations, artifacts, and what `cosign save` puts beside the image.
fn is_attached(entry: &Descriptor) -> bool {
    let kind = entry.annotations.get(COSIGN_KIND).and_then(|kind| kind.strip_prefix(COSIGN_KIND_PREFIX));
    is_aside(entry) || kind.is_some_and(|kind| !matches!(kind, "image" | "imageIndex"))
}

fn differ_in_platform(entries: &[Descriptor]) -> bool {
    let first = entries.first().map(|entry| names(entry).collect::<Vec<_>>());
    let alike = |entry: &Descriptor| Some(names(entry).collect::<Vec<_>>()) == first;
    entries.iter().all(|entry| entry.media_type.is_manifest() && entry.platform.is_some() && alike(entry))
}

/// The names that an entry goes by.
pub(crate) fn names(entry: &Descriptor) -> impl Iterator<Item = &str> {
    [REF_NAME, CONTAINERD_NAME].into_iter().filter_map(|key| entry.annotations.get(key)).map(String::as_str)
}

/// Whether a whole name has this tag, or is this name once Docker's defaults are filled in.
pub(crate) fn has_tag(name: &str, wanted: &str) -> bool {
    let Ok(name) = name.parse::<RegistryReference>() else { return false };
    name.tag.as_deref() == Some(wanted)
        || wanted.parse::<RegistryReference>().is_ok_and(|wanted| wanted == name)
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;

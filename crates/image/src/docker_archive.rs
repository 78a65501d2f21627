//! `docker-archive:FILE`: what `docker save` and `podman save` write.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use supercargo_content::{
    Algorithm, ContentMismatch, Descriptor, Digest, HashingReader, LimitExceeded, Limits, MediaType,
};

use crate::choose::images_of;
use crate::document::excerpt;
use crate::files::{LayoutBlobs, OldLayer, OldLayerError, OldLayers, blob_name, read_small};
use crate::layout::{check_version, has_tag, read_index};
use crate::listing::list;
use crate::names::inside;
use crate::open::{check_platform, fetch_document, open_image};
use crate::raw::parse_json;
use crate::tar_index::Archive;
use crate::{
    Blobs, Content, DocumentError, Image, ImageConfig, ImageLayer, PlatformChoice, Reference, ResolveError,
    Resolved, Selector, Source, parse_config, parse_manifest,
};

/// The list of images in the archive.
const LIST: &str = "manifest.json";

/// An archive as `docker save` writes it, which must not be compressed as a whole: layers are read where they lie.
///
/// Current archives hold an OCI image layout too; then the image has a manifest digest. Older ones have none, and
/// the image is known by its ID. Layers may be compressed; the digest of such a layer is computed when the archive
/// is opened, unless its name says it.
///
/// A tag is compared with the names in the list: as it stands, then as the tag or with Docker's defaults filled
/// in. A digest is that of the image ID or, where there is one, of the manifest.
#[derive(Debug, Clone, Copy, Default)]
pub struct DockerArchive;

impl Source for DockerArchive {
    fn scheme(&self) -> &'static str {
        "docker-archive"
    }

    fn open(
        &self,
        at: &Reference,
        platform: &PlatformChoice,
        limits: &Limits,
    ) -> Result<Resolved, ResolveError> {
        let Reference::DockerArchive { file, selector } = at else {
            return Err(ResolveError::wrong_scheme(self.scheme(), at));
        };
        let archive = Archive::open(file, limits).map_err(|error| ResolveError::archive(file, error))?;
        open_docker_archive(Arc::new(archive), at, file, selector, platform, limits)
    }
}

/// Resolves a selector in a Docker archive whose members are known.
pub(crate) fn open_docker_archive(
    files: Arc<dyn OldLayers>,
    reference: &Reference,
    file: &Path,
    selector: &Selector,
    platform: &PlatformChoice,
    limits: &Limits,
) -> Result<Resolved, ResolveError> {
    let opened = Opened { files, reference, place: reference.to_string(), limits };
    let image = opened.image(file, selector)?;
    check_platform(&image, platform, &opened.place)?;
    Ok(Resolved { images: vec![image], index: None })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawEntry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// One image of the list, with the bytes of its configuration.
struct Entry {
    names: Vec<String>,
    layers: Vec<String>,
    config: Vec<u8>,
    image_id: Digest,
    manifest: Option<Descriptor>,
}

struct Opened<'a> {
    files: Arc<dyn OldLayers>,
    reference: &'a Reference,
    place: String,
    limits: &'a Limits,
}

impl Opened<'_> {
    fn image(&self, file: &Path, selector: &Selector) -> Result<Image, ResolveError> {
        let entry = self.select(self.entries(file)?, selector)?;
        match &entry.manifest {
            Some(manifest) => {
                let blobs: Arc<dyn Blobs> = Arc::new(self.blobs());
                open_image(self.reference, manifest, None, &blobs, self.limits)
            }
            None => self.old_image(entry),
        }
    }

    fn entries(&self, file: &Path) -> Result<Vec<Entry>, ResolveError> {
        let list = self.read(LIST)?.ok_or_else(|| ResolveError::WrongKind {
            place: format!("`{}`", file.display()),
            expected: "a Docker archive",
            reason: "there is no `manifest.json`",
            next_step: format!(
                "if it holds an OCI image layout, open it as `oci-archive:{}`",
                file.display()
            ),
        })?;
        let raw: Vec<RawEntry> = parse_json(&list).map_err(|reason| self.damaged("list", &LIST, reason))?;
        if raw.len() > self.limits.manifests_max {
            let (found, limit) = (raw.len(), self.limits.manifests_max);
            return Err(self.damaged("list", &LIST, DocumentError::TooMany { what: "images", found, limit }));
        }
        let manifests = self.manifests_by_config()?;
        raw.into_iter().map(|raw| self.entry(raw, &manifests)).collect()
    }

    fn entry(&self, raw: RawEntry, manifests: &BTreeMap<Digest, Descriptor>) -> Result<Entry, ResolveError> {
        let path = inside("", &raw.config).map_err(|reason| self.damaged("list", &LIST, reason))?;
        let missing = || self.damaged("list", &LIST, DocumentError::Missing { path: excerpt(&raw.config) });
        let config = self.read(&path)?.ok_or_else(missing)?;
        let image_id = Digest::sha256_of(&config);
        if let Some(expected) = digest_in_name(&path).filter(|expected| *expected != image_id) {
            let mismatch = ContentMismatch::Digest { expected, found: image_id };
            return Err(self.damaged("configuration", &path, mismatch.into()));
        }
        Ok(Entry {
            names: raw.repo_tags.unwrap_or_default(),
            layers: raw.layers.unwrap_or_default(),
            manifest: manifests.get(&image_id).cloned(),
            config,
            image_id,
        })
    }

    /// The manifests of the OCI image layout inside, by the digest of their configuration. Manifests that are
    /// listed but absent are passed over: `docker save` writes the index of an image with one platform's blobs.
    fn manifests_by_config(&self) -> Result<BTreeMap<Digest, Descriptor>, ResolveError> {
        let has = |name: &str| self.files.has(name);
        let mut by_config = BTreeMap::new();
        if !has("oci-layout") || !has("index.json") {
            return Ok(by_config);
        }
        check_version(self.files.as_ref(), &self.place)?;
        let mut index = read_index(self.files.as_ref(), &self.place, self.limits)?;
        index.manifests.retain(|entry| has(&blob_name(&entry.digest)));
        let blobs = self.blobs();
        let mut fetch =
            |what: &Descriptor| fetch_document(&blobs, what, "manifest", &self.place, self.limits);
        for manifest in images_of(&index, &self.place, self.limits, &mut fetch)? {
            if !has(&blob_name(&manifest.digest)) {
                continue;
            }
            let parsed = parse_manifest(&fetch(&manifest)?, self.limits)
                .map_err(|reason| self.damaged("manifest", &manifest.digest, reason))?;
            by_config.entry(parsed.config.digest).or_insert(manifest);
        }
        Ok(by_config)
    }

    fn select(&self, entries: Vec<Entry>, selector: &Selector) -> Result<Entry, ResolveError> {
        let there = listed(&entries);
        let is_exact = |entry: &Entry| match selector {
            Selector::Only => true,
            Selector::Tag(tag) => entry.names.contains(tag),
            Selector::Digest(digest) => {
                entry.image_id == *digest || entry.manifest.as_ref().is_some_and(|m| m.digest == *digest)
            }
        };
        let fits = |entry: &Entry| match selector {
            Selector::Tag(tag) => entry.names.iter().any(|name| has_tag(name, tag)),
            _ => false,
        };
        let exact = entries.iter().any(is_exact);
        let mut found: Vec<Entry> =
            entries.into_iter().filter(|entry| if exact { is_exact(entry) } else { fits(entry) }).collect();
        let wanted = match selector {
            Selector::Only => "the only image".to_owned(),
            Selector::Tag(tag) => tag.clone(),
            Selector::Digest(digest) => digest.to_string(),
        };
        let place = self.place.clone();
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (None, _) => Err(ResolveError::NotFound { wanted, place, there }),
            (Some(last), false) => {
                found.push(last);
                Err(ResolveError::Ambiguous { wanted, place, there: listed(&found) })
            }
        }
    }

    fn old_image(&self, entry: Entry) -> Result<Image, ResolveError> {
        let config = parse_config(&entry.config, self.limits)
            .map_err(|reason| self.damaged("configuration", &entry.image_id, reason))?;
        let (layers, names) = self.old_layers(&entry, &config)?;
        Ok(Image {
            reference: self.reference.clone(),
            manifest: None,
            image_id: Some(entry.image_id),
            index: None,
            annotations: BTreeMap::new(),
            config,
            content: Content::Layers {
                layers,
                blobs: Arc::new(NamedBlobs { files: Arc::clone(&self.files), names }),
            },
        })
    }

    fn old_layers(
        &self,
        entry: &Entry,
        config: &ImageConfig,
    ) -> Result<(Vec<ImageLayer>, BTreeMap<Digest, String>), ResolveError> {
        let (layers, diff_ids) = (entry.layers.len(), config.diff_ids.len());
        if layers != diff_ids {
            return Err(self.damaged("list", &LIST, DocumentError::LayerCount { layers, diff_ids }));
        }
        let mut names = BTreeMap::new();
        let mut found = Vec::with_capacity(layers);
        for (name, diff_id) in entry.layers.iter().zip(&config.diff_ids) {
            let in_list = |reason| self.damaged("list", &LIST, reason);
            let path = inside("", name).map_err(in_list)?;
            let layer = self.files.old_layer(&path).map_err(|error| match error {
                OldLayerError::Link(reason) => in_list(reason),
                OldLayerError::Io(source) => self.io(&path, source),
            })?;
            let layer = layer.ok_or_else(|| in_list(DocumentError::Missing { path: excerpt(name) }))?;
            let blob = self.old_blob(&path, layer, diff_id).map_err(|source| self.io(&path, source))?;
            names.insert(blob.digest.clone(), path);
            found.push(ImageLayer { blob, diff_id: diff_id.clone() });
        }
        Ok((found, names))
    }

    /// The digest of a layer that is not compressed is its diff ID. All of them are checked when they are read.
    fn old_blob(&self, path: &str, layer: OldLayer, diff_id: &Digest) -> io::Result<Descriptor> {
        let OldLayer { media_type, digest, size } = layer;
        let is_plain = media_type == MediaType::DOCKER_LAYER;
        let named = digest_in_name(path).filter(|_| path.starts_with("blobs/"));
        let known = digest.or_else(|| if is_plain { Some(diff_id.clone()) } else { named });
        if let Some(digest) = known {
            return Ok(Descriptor::new(media_type, digest, size));
        }
        let gone = || io::Error::new(io::ErrorKind::NotFound, "it is not there any more");
        let file = self.files.open(path)?.ok_or_else(gone)?;
        let mut reader = HashingReader::new(file.reader, Algorithm::Sha256);
        io::copy(&mut reader, &mut io::sink())?;
        let (digest, len) = reader.finish();
        Ok(Descriptor::new(media_type, digest, len))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ResolveError> {
        read_small(self.files.as_ref(), name, self.limits.manifest_bytes_max).map_err(|source| {
            if source.get_ref().is_some_and(|inner| inner.is::<LimitExceeded>()) {
                let found = self.limits.manifest_bytes_max.saturating_add(1);
                return ResolveError::document_limit("list", &self.place, found, self.limits);
            }
            self.io(name, source)
        })
    }

    fn blobs(&self) -> LayoutBlobs {
        LayoutBlobs(Arc::clone(&self.files) as _)
    }

    fn damaged(
        &self,
        what: &'static str,
        name: &dyn std::fmt::Display,
        reason: DocumentError,
    ) -> ResolveError {
        ResolveError::damaged(what, name, &self.place, reason)
    }

    fn io(&self, name: &str, source: io::Error) -> ResolveError {
        ResolveError::Io { place: format!("`{}` of {}", excerpt(name), self.place), source }
    }
}

/// Blobs whose names in the archive are not their digests.
struct NamedBlobs {
    files: Arc<dyn OldLayers>,
    names: BTreeMap<Digest, String>,
}

impl Blobs for NamedBlobs {
    fn blob(&self, what: &Descriptor) -> io::Result<Box<dyn Read + Send + '_>> {
        let absent =
            || io::Error::new(io::ErrorKind::NotFound, format!("{} is not in the archive", what.digest));
        let name = self.names.get(&what.digest).ok_or_else(absent)?;
        Ok(self.files.open(name)?.ok_or_else(absent)?.reader)
    }
}

/// `HEX.json` and `blobs/sha256/HEX` name the digest of what they hold.
fn digest_in_name(path: &str) -> Option<Digest> {
    let hex = path.strip_prefix("blobs/sha256/").or_else(|| path.strip_suffix(".json"))?;
    format!("sha256:{hex}").parse().ok()
}

fn listed(entries: &[Entry]) -> String {
    list(entries, |entry| match entry.names.first() {
        Some(name) => format!("`{}` ({})", excerpt(name), entry.image_id),
        None => entry.image_id.to_string(),
    })
}

#[cfg(test)]
#[path = "docker_archive_tests.rs"]
mod tests;

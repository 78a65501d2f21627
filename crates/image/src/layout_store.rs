//! Attachments in an OCI image layout on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use supercargo_content::{Algorithm, Descriptor, Digest, LimitExceeded, Limits, MediaType};

use crate::artifact::{EMPTY_CONFIG, fallback_tag};
use crate::files::{Folder, LayoutBlobs, blob_name, read_small};
use crate::layout::{COSIGN_KIND, COSIGN_KIND_PREFIX, REF_NAME, check_version, names, read_index};
use crate::layout_write::LayoutWriter;
use crate::open::read_checked;
use crate::{
    Artifact, AttachmentError, Attachments, Document, Index, ResolveError, TaggedError, TaggedLayer,
    parse_document,
};

/// An OCI image layout in a folder, as a store of attachments.
///
/// **Reading.** Referrers are the manifests listed in `index.json` (and in the index under the tag
/// `sha256-HEX`) whose subject is the wanted one, and manifests that lie in `blobs` without being listed:
/// `cosign save` leaves them so.
///
/// **Writing.** Blobs are written beside their place and renamed; the manifest is listed in `index.json` with its
/// artifact type and annotations, as oras does. Writers that use this type take a lock on the file `oci-layout`
/// while they change `index.json`, so that none loses another's entry; the lock ends with its process. Other
/// tools do not know the lock. Attaching the same artifact again changes nothing.
#[derive(Debug)]
pub struct OciLayoutStore {
    dir: PathBuf,
    limits: Limits,
}

impl OciLayoutStore {
    /// Opens the layout in a folder.
    ///
    /// # Errors
    /// When `oci-layout` or `index.json` is missing or damaged.
    pub fn open(dir: impl Into<PathBuf>, limits: &Limits) -> Result<Self, AttachmentError> {
        let store = Self { dir: dir.into(), limits: limits.clone() };
        let place = store.place();
        check_version(&store.files(), &place)
            .and_then(|()| read_index(&store.files(), &place, limits))
            .map_err(|error| AttachmentError::new("open", place, error))?;
        Ok(store)
    }

    fn place(&self) -> String {
        format!("oci:{}", self.dir.display())
    }

    fn files(&self) -> Folder {
        Folder(self.dir.clone())
    }

    fn blobs(&self) -> LayoutBlobs {
        LayoutBlobs(Arc::new(self.files()))
    }

    fn index(&self) -> Result<Index, ResolveError> {
        read_index(&self.files(), &self.place(), &self.limits)
    }

    fn find_referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, LayoutStoreError> {
        let mut search = Search { store: self, subject, seen: BTreeSet::new(), found: Vec::new() };
        let index = self.index()?;
        for entry in &index.manifests {
            search.entry(entry)?;
        }
        for entry in
            index.manifests.iter().filter(|entry| names(entry).any(|name| name == fallback_tag(subject)))
        {
            if let Some(Document::Index(list)) = self.document(entry)? {
                list.manifests.iter().try_for_each(|entry| search.entry(entry))?;
            }
        }
        for digest in self.small_blobs()? {
            search.blob(&digest)?;
        }
        Ok(search.found)
    }

    /// A listed manifest or index; `None` when its blob is not in the layout, which sparse layouts may do.
    fn document(&self, entry: &Descriptor) -> Result<Option<Document>, LayoutStoreError> {
        let Some(bytes) = self.bytes(entry)? else { return Ok(None) };
        let document = parse_document(&bytes, Some(&entry.media_type), &self.limits);
        Ok(Some(
            document
                .map_err(|reason| ResolveError::damaged("manifest", &entry.digest, &self.place(), reason))?,
        ))
    }

    fn bytes(&self, what: &Descriptor) -> Result<Option<Vec<u8>>, LayoutStoreError> {
        let limit_bytes = self.limits.manifest_bytes_max;
        if what.size > limit_bytes {
            return Err(LayoutStoreError::TooLong { digest: what.digest.clone(), limit_bytes });
        }
        match read_checked(&self.blobs(), what) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(|source| self.io(&blob_name(&what.digest), source)),
        }
    }

    /// The digests of all blobs that may be manifests, in order.
    fn small_blobs(&self) -> Result<BTreeSet<Digest>, LayoutStoreError> {
        let mut digests = BTreeSet::new();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let folder = self.dir.join("blobs").join(algorithm.name());
            if !folder.is_dir() {
                continue;
            }
            let failed = |source| self.io(&format!("blobs/{}", algorithm.name()), source);
            for (count, entry) in std::fs::read_dir(&folder).map_err(failed)?.enumerate() {
                if count as u64 >= self.limits.entries_max {
                    return Err(LayoutStoreError::TooManyBlobs { limit: self.limits.entries_max });
                }
                let entry = entry.map_err(failed)?;
                let is_small = entry
                    .metadata()
                    .is_ok_and(|blob| blob.is_file() && blob.len() <= self.limits.manifest_bytes_max);
                let name = entry.file_name().into_string().unwrap_or_default();
                let digest = format!("{}:{name}", algorithm.name()).parse();
                digests.extend(digest.ok().filter(|_| is_small));
            }
        }
        Ok(digests)
    }

    fn find_tagged(&self, tag: &str) -> Result<Option<Descriptor>, LayoutStoreError> {
        let index = self.index()?;
        let by_name = index.manifests.iter().find(|entry| names(entry).any(|name| name == tag));
        Ok(by_name.or_else(|| saved_by_cosign(&index, tag)).cloned())
    }

    fn write(&self, artifact: &Artifact) -> Result<Descriptor, LayoutStoreError> {
        let subject = &artifact.subject.digest;
        if !self.dir.join(blob_name(subject)).is_file() {
            return Err(LayoutStoreError::NoSubject { subject: subject.clone() });
        }
        let manifest = artifact.to_manifest();
        let writer = LayoutWriter::new(&self.dir);
        writer.blob(&manifest.config.digest, EMPTY_CONFIG)?;
        writer.blob(&manifest.layer.digest, &artifact.content)?;
        writer.blob(&manifest.descriptor.digest, &manifest.bytes)?;
        writer.list(&manifest.descriptor, self.limits.manifest_bytes_max)?;
        Ok(manifest.descriptor)
    }

    /// Under the lock of all writers, so that none loses another's layer.
    fn append(&self, tag: &str, layer: &TaggedLayer) -> Result<Descriptor, LayoutStoreError> {
        let writer = LayoutWriter::new(&self.dir);
        let _lock = writer.lock()?;
        let current = self.find_tagged(tag)?;
        let body = current.as_ref().map(|entry| self.bytes(entry)).transpose()?.flatten();
        match (layer.appended_to(body.as_deref(), self.limits.layers_max)?, current) {
            (None, Some(current)) => Ok(current),
            (None, None) => Err(LayoutStoreError::Tagged(TaggedError::NoLayers)),
            (Some(next), _) => {
                writer.blob(&next.config.digest, &next.config_bytes)?;
                writer.blob(&next.layer.digest, &layer.content)?;
                writer.blob(&next.descriptor.digest, &next.bytes)?;
                writer.name(&tagged_entry(tag, &next.descriptor), tag, self.limits.manifest_bytes_max)?;
                Ok(next.descriptor)
            }
        }
    }

    fn io(&self, name: &str, source: io::Error) -> LayoutStoreError {
        LayoutStoreError::Io { path: self.dir.join(name), source }
    }
}

impl Attachments for OciLayoutStore {
    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, AttachmentError> {
        let place = || format!("{subject} in {}", self.place());
        self.find_referrers(subject)
            .map_err(|error| AttachmentError::new("list what hangs on", place(), error))
    }

    fn tagged(&self, tag: &str) -> Result<Option<Descriptor>, AttachmentError> {
        self.find_tagged(tag)
            .map_err(|error| AttachmentError::new("find tag", format!("`{tag}` in {}", self.place()), error))
    }

    fn fetch(&self, what: &Descriptor) -> Result<Vec<u8>, AttachmentError> {
        let limit_bytes = self.limits.attachment_bytes_max;
        let failed =
            |error| AttachmentError::new("fetch", format!("{} from {}", what.digest, self.place()), error);
        if what.size > limit_bytes {
            return Err(failed(LayoutStoreError::TooLong { digest: what.digest.clone(), limit_bytes }));
        }
        read_checked(&self.blobs(), what).map_err(|source| failed(self.io(&blob_name(&what.digest), source)))
    }

    fn attach(&self, artifact: &Artifact) -> Result<Descriptor, AttachmentError> {
        let place = || format!("{} in {}", artifact.subject.digest, self.place());
        self.write(artifact).map_err(|error| AttachmentError::new("attach to", place(), error))
    }

    fn append_tagged(&self, tag: &str, layer: &TaggedLayer) -> Result<Descriptor, AttachmentError> {
        let place = || format!("`{tag}` in {}", self.place());
        self.append(tag, layer).map_err(|error| AttachmentError::new("add to tag", place(), error))
    }
}

/// The entry of a tag, marked as `cosign save` marks it, so that nobody takes it for an image.
fn tagged_entry(tag: &str, manifest: &Descriptor) -> Descriptor {
    let mut entry = manifest.clone();
    entry.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
    let kind = if tag.ends_with(".att") { "atts" } else { "sigs" };
    entry.annotations.insert(COSIGN_KIND.to_owned(), format!("{COSIGN_KIND_PREFIX}{kind}"));
    entry
}

/// `sha256-HEX.att` in a folder that `cosign save` wrote: the entry of that kind, when the image is `sha256:HEX`.
fn saved_by_cosign<'a>(index: &'a Index, tag: &str) -> Option<&'a Descriptor> {
    let (image, suffix) = tag.split_once('.')?;
    let wanted: &'static [&'static str] = match suffix {
        "att" => &["atts"],
        "sig" => &["sigs"],
        _ => return None,
    };
    let of_kind = |kinds: &'static [&'static str]| {
        index.manifests.iter().filter(move |entry| {
            let kind =
                entry.annotations.get(COSIGN_KIND).and_then(|kind| kind.strip_prefix(COSIGN_KIND_PREFIX));
            kind.is_some_and(|kind| kinds.contains(&kind))
        })
    };
    let mut images = of_kind(&["image", "imageIndex"]);
    let only = images.next().filter(|_| images.next().is_none())?;
    if fallback_tag(&only.digest) != image {
        return None;
    }
    of_kind(wanted).next()
}

struct Search<'a> {
    store: &'a OciLayoutStore,
    subject: &'a Digest,
    seen: BTreeSet<Digest>,
    found: Vec<Descriptor>,
}

impl Search<'_> {
    fn entry(&mut self, entry: &Descriptor) -> Result<(), LayoutStoreError> {
        let is_new = self.seen.insert(entry.digest.clone());
        if !is_new || !(entry.media_type.is_manifest() || entry.media_type.is_index()) {
            return Ok(());
        }
        match self.store.document(entry)? {
            Some(document) => self.take(entry, &document),
            None => Ok(()),
        }
    }

    /// A blob is a referrer only when it is a sound manifest; most blobs are none.
    fn blob(&mut self, digest: &Digest) -> Result<(), LayoutStoreError> {
        if self.seen.contains(digest) {
            return Ok(());
        }
        let name = blob_name(digest);
        let failed = |source| self.store.io(&name, source);
        if !begins_like_json(&self.store.dir.join(&name)).map_err(failed)? {
            return Ok(());
        }
        let limit = self.store.limits.manifest_bytes_max;
        let bytes = match read_small(&self.store.files(), &name, limit) {
            Err(error) if error.get_ref().is_some_and(|inner| inner.is::<LimitExceeded>()) => None,
            other => other.map_err(failed)?,
        };
        let Some(bytes) = bytes else { return Ok(()) };
        let Ok(document) = parse_document(&bytes, None, &self.store.limits) else { return Ok(()) };
        let entry = Descriptor::new(MediaType::new(""), digest.clone(), bytes.len() as u64);
        let is_referrer = document.subject().is_some_and(|subject| subject.digest == *self.subject);
        // The digest is checked here, since nobody listed this blob.
        if is_referrer && self.store.bytes(&entry)?.is_some() { self.take(&entry, &document) } else { Ok(()) }
    }

    fn take(&mut self, entry: &Descriptor, document: &Document) -> Result<(), LayoutStoreError> {
        if document.subject().is_none_or(|subject| subject.digest != *self.subject) {
            return Ok(());
        }
        let limit = self.store.limits.attachments_max;
        if self.found.len() >= limit {
            return Err(LayoutStoreError::TooManyReferrers { limit });
        }
        let listed: &BTreeMap<String, String> = &entry.annotations;
        self.found.push(Descriptor {
            media_type: document.media_type().clone(),
            artifact_type: entry.artifact_type.clone().or_else(|| document.artifact_type().cloned()),
            annotations: if listed.is_empty() { document.annotations().clone() } else { listed.clone() },
            ..entry.clone()
        });
        Ok(())
    }
}

fn begins_like_json(path: &Path) -> io::Result<bool> {
    use std::io::Read as _;
    let mut first = [0; 1];
    let read = std::fs::File::open(path)?.read(&mut first)?;
    Ok(read == 1 && matches!(first[0], b'{' | b' ' | b'\n' | b'\r' | b'\t'))
}

/// Why a layout on disk could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutStoreError {
    /// The layout is damaged.
    #[error(transparent)]
    Layout(#[from] ResolveError),
    /// Reading or writing failed.
    #[error("failed to access `{path}`")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The image that something is to hang on is not here.
    #[error("{subject} is not in the layout: attach to an image that is")]
    NoSubject {
        /// Its digest.
        subject: Digest,
    },
    /// A document or attachment over its limit.
    #[error("{digest} is longer than the limit of {limit_bytes} bytes")]
    TooLong {
        /// Its digest.
        digest: Digest,
        /// The limit.
        limit_bytes: u64,
    },
    /// More referrers than are looked at.
    #[error("more than {limit} artifacts hang on it; raise the limit with `--attachments-max`")]
    TooManyReferrers {
        /// The limit.
        limit: usize,
    },
    /// More blobs than are looked at.
    #[error("more than {limit} blobs; raise the limit with `--entries-max`")]
    TooManyBlobs {
        /// The limit.
        limit: u64,
    },
    /// `index.json` is not an object with a list of manifests.
    #[error("`{path}` is not an image index")]
    NotAnIndex {
        /// The file.
        path: PathBuf,
    },
    /// What is behind a tag takes no further layer.
    #[error(transparent)]
    Tagged(#[from] TaggedError),
    /// Another process holds the lock for too long.
    #[error("`{path}` is locked by another writer: try again when it is done")]
    Locked {
        /// The file.
        path: PathBuf,
    },
}

#[cfg(test)]
#[path = "layout_store_tests.rs"]
mod tests;

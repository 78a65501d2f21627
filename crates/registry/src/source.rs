//! Images behind `registry:` references.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use bytes::Bytes;
use supercargo_content::{Descriptor, Limits};
use supercargo_image::{
    Blobs, Content, Document, Image, ImageConfig, PlatformChoice, Reference, RegistryReference, ResolveError,
    Resolved, Source, fetch_document, parse_document, resolve,
};

use crate::blobs::RepositoryBlobs;
use crate::host::Repository;
use crate::manifest::{Manifest, Name};
use crate::{RegistryClient, RegistryError};

/// The source of `registry:` references. The tag is resolved once; everything after that goes by digest.
#[derive(Debug, Clone)]
pub struct RegistrySource {
    client: RegistryClient,
}

impl RegistrySource {
    /// A source on a client.
    pub fn new(client: RegistryClient) -> Self {
        Self { client }
    }

    /// As [`Source::open`], and for a plain manifest without asking for its configuration: one request. Such an image
    /// has neither platform nor layers; it is for what is known by digest, such as verification.
    pub fn pin(
        &self,
        at: &Reference,
        platform: &PlatformChoice,
        limits: &Limits,
    ) -> Result<Resolved, ResolveError> {
        let place = at.to_string();
        let (root, blobs) = self.rooted(at)?;
        if matches!(platform, PlatformChoice::Only(_)) {
            return resolve(at, &root, platform, &blobs, limits).map_err(|error| plain(error, &place));
        }
        let bytes = fetch_document(blobs.as_ref(), &root, "manifest", &place, limits)?;
        match parse_document(&bytes, Some(&root.media_type), limits) {
            Ok(Document::Manifest(manifest)) if manifest.is_image() => {
                let image = Image {
                    reference: at.clone(),
                    manifest: Some(Descriptor { media_type: manifest.media_type, ..root }),
                    image_id: Some(manifest.config.digest),
                    index: None,
                    annotations: manifest.annotations,
                    config: ImageConfig::default(),
                    content: Content::Layers { layers: Vec::new(), blobs },
                };
                Ok(Resolved { images: vec![image], index: None })
            }
            _ => resolve(at, &root, platform, &blobs, limits).map_err(|error| plain(error, &place)),
        }
    }

    /// The manifest or index behind a reference, and the store that has it at hand.
    fn rooted(&self, at: &Reference) -> Result<(Descriptor, Arc<dyn Blobs>), ResolveError> {
        let place = at.to_string();
        let Reference::Registry(reference) = at else {
            let (wanted, there) = (place.clone(), "nothing: it is no registry reference".to_owned());
            return Err(ResolveError::NotFound { wanted, place, there });
        };
        let failed =
            |source: RegistryError| ResolveError::Registry { place: place.clone(), source: Box::new(source) };
        let (repository, root) = self.root(reference).map_err(failed)?;
        let inner = RepositoryBlobs::new(self.client.clone(), repository);
        let descriptor = root.descriptor.clone();
        Ok((descriptor, Arc::new(WithRoot { root: root.descriptor, bytes: root.body, inner })))
    }

    fn root(&self, at: &RegistryReference) -> Result<(Repository, Manifest), RegistryError> {
        let repository = Repository::of(at)?;
        let manifest = self.client.wait(self.client.session.manifest(&repository, Name::of(at)))?;
        Ok((repository, manifest))
    }
}

impl Source for RegistrySource {
    fn scheme(&self) -> &'static str {
        "registry"
    }

    fn open(
        &self,
        at: &Reference,
        platform: &PlatformChoice,
        limits: &Limits,
    ) -> Result<Resolved, ResolveError> {
        let (root, blobs) = self.rooted(at)?;
        resolve(at, &root, platform, &blobs, limits).map_err(|error| plain(error, &at.to_string()))
    }
}

/// The repository, with the manifest that is at hand already.
struct WithRoot {
    root: Descriptor,
    bytes: Bytes,
    inner: RepositoryBlobs,
}

impl Blobs for WithRoot {
    fn blob(&self, what: &Descriptor) -> io::Result<Box<dyn Read + Send + '_>> {
        if what.digest == self.root.digest {
            return Ok(Box::new(Cursor::new(self.bytes.clone())));
        }
        self.inner.blob(what)
    }

    fn part(
        &self,
        what: &Descriptor,
        offset: u64,
        len: u64,
    ) -> io::Result<Option<Box<dyn Read + Send + '_>>> {
        self.inner.part(what, offset, len)
    }
}

/// A refusal of the registry that came through a stream is the registry's, not the disk's.
fn plain(error: ResolveError, place: &str) -> ResolveError {
    match error {
        ResolveError::Io { source, .. } if RegistryError::find_in(&source).is_some() => {
            ResolveError::Registry { place: place.to_owned(), source: Box::new(source) }
        }
        error => error,
    }
}

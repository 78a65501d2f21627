//! The synchronous face of the client.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_image::RegistryReference;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::blobs::RepositoryBlobs;
use crate::host::Repository;
use crate::manifest::{Name, Pushed};
use crate::session::Session;
use crate::upload::{BlobPush, OpenBlob};
use crate::{RegistryAttachments, RegistryError, RegistryOptions, RegistrySource, referrers};

/// A client of registries. Cheap to clone; all clones share connections, tokens and limits.
///
/// It owns the threads that do the network work, and every call blocks until it is done: it is for plain threads,
/// not for tasks of an asynchronous runtime.
#[derive(Clone)]
pub struct RegistryClient {
    engine: Arc<Engine>,
    pub(crate) session: Arc<Session>,
}

/// A manifest with its descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedManifest {
    /// Media type, digest and size of the bytes.
    pub descriptor: Descriptor,
    /// The bytes as the registry keeps them.
    pub bytes: Vec<u8>,
}

impl RegistryClient {
    /// A client. Nothing is opened or read yet but for settings of plain HTTP and proxies.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistryError> {
        let session = Arc::new(Session::new(options)?);
        Ok(Self { engine: Arc::new(Engine::new()?), session })
    }

    /// Opens images by `registry:` references.
    pub fn source(&self) -> RegistrySource {
        RegistrySource::new(self.clone())
    }

    /// The manifest that a reference stands for; by digest where it has one, else by tag. Mirrors are asked first.
    /// At most [`Limits::manifest_bytes_max`] bytes.
    pub fn manifest(&self, at: &RegistryReference) -> Result<FetchedManifest, RegistryError> {
        let repository = Repository::of(at)?;
        let manifest = self.wait(self.session.manifest(&repository, Name::of(at)))?;
        Ok(FetchedManifest { descriptor: manifest.descriptor, bytes: manifest.body.to_vec() })
    }

    /// The blobs and manifests of a repository, as streams. Mirrors are asked first.
    pub fn blobs(&self, at: &RegistryReference) -> Result<RepositoryBlobs, RegistryError> {
        Ok(RepositoryBlobs::new(self.clone(), Repository::of(at)?))
    }

    /// What hangs on the images of a repository.
    pub fn attachments(&self, at: &RegistryReference) -> Result<RegistryAttachments, RegistryError> {
        Ok(RegistryAttachments::new(self.clone(), Repository::of(at)?))
    }

    /// The referrers of a subject, of one artifact type or all: from the referrers API, or from the fallback tag
    /// when the registry answers the API with 404. At most [`Limits::attachments_max`].
    pub fn referrers(
        &self,
        at: &RegistryReference,
        subject: &Digest,
        artifact_type: Option<&MediaType>,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let repository = Repository::of(at)?;
        self.wait(referrers::list(&self.session, &repository, subject, artifact_type))
    }

    /// Whether the repository has a blob.
    pub fn has_blob(&self, at: &RegistryReference, blob: &Descriptor) -> Result<bool, RegistryError> {
        let place = self.session.origin(&Repository::of(at)?)?;
        self.wait(self.session.has_blob(&place, blob))
    }

    /// Brings a blob into a repository: it is there, or is mounted from `mount_from` (a repository of the same
    /// host), or is sent, in chunks when it is large. `open` is called again when an upload starts anew; the bytes
    /// are checked by the registry against the digest.
    pub fn push_blob(
        &self,
        at: &RegistryReference,
        blob: &Descriptor,
        mount_from: Option<&str>,
        open: &OpenBlob<'_>,
    ) -> Result<BlobPush, RegistryError> {
        let place = self.session.origin(&Repository::of(at)?)?;
        let from = mount_from.map(|name| Repository::new(&at.host, name)).transpose()?;
        self.wait(self.session.push_blob(&place, blob, from.as_ref(), open))
    }

    /// Writes a manifest: under the tag when the reference has one and no digest, else by digest.
    pub fn push_manifest(
        &self,
        at: &RegistryReference,
        media_type: &MediaType,
        bytes: Vec<u8>,
    ) -> Result<Pushed, RegistryError> {
        let place = self.session.origin(&Repository::of(at)?)?;
        let own = Digest::sha256_of(&bytes);
        let name = match (&at.digest, &at.tag) {
            (Some(digest), _) => Name::Digest(digest),
            (None, Some(tag)) => Name::Tag(tag),
            (None, None) => Name::Digest(&own),
        };
        self.wait(self.session.put_manifest(&place, name, media_type, bytes.into(), None))
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.session.options.limits
    }

    /// Runs on this thread what waits for the network; the connections are driven by the threads of the client.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.engine.handle.block_on(work)
    }
}

impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClient").field("options", &self.session.options).finish_non_exhaustive()
    }
}

/// The threads.
struct Engine {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Engine {
    fn new() -> Result<Self, RegistryError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("registry").enable_all().build();
        let failed = |error: std::io::Error| RegistryError::Setting {
            setting: "threads".to_owned(),
            reason: error.to_string(),
        };
        let runtime = runtime.map_err(failed)?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

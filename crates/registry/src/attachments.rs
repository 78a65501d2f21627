//! What hangs on the images of one repository.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use supercargo_content::{Descriptor, Digest, VerifyingReader, read_bounded};
use supercargo_image::{Artifact, ArtifactManifest, AttachmentError, Attachments, EMPTY_CONFIG, TaggedLayer};

use crate::blobs::RepositoryBlobs;
use crate::host::Repository;
use crate::manifest::{Name, is_kept_as_manifest};
use crate::session::Session;
use crate::{RegistryClient, RegistryError, fallback, referrers, tagged};

/// The attachments in one repository, in the referrers API or the fallback tag.
#[derive(Debug, Clone)]
pub struct RegistryAttachments {
    client: RegistryClient,
    repository: Repository,
}

impl RegistryAttachments {
    pub(crate) fn new(client: RegistryClient, repository: Repository) -> Self {
        Self { client, repository }
    }

    fn error(
        &self,
        action: &'static str,
        what: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> AttachmentError {
        AttachmentError {
            action,
            place: format!("{}@{what}", self.repository.display()),
            source: source.into(),
        }
    }
}

impl Attachments for RegistryAttachments {
    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, AttachmentError> {
        let list = self.client.wait(referrers::list(&self.client.session, &self.repository, subject, None));
        list.map_err(|error| self.error("list what hangs on", &subject.to_string(), error))
    }

    fn tagged(&self, tag: &str) -> Result<Option<Descriptor>, AttachmentError> {
        let look = async {
            let place = self.client.session.origin(&self.repository)?;
            match self.client.session.manifest_at(&place, Name::Tag(tag)).await {
                Ok(manifest) => Ok(Some(manifest.descriptor)),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.client.wait(look).map_err(|error| self.error("look up", tag, error))
    }

    fn fetch(&self, what: &Descriptor) -> Result<Vec<u8>, AttachmentError> {
        let limits = self.client.limits();
        let limit_bytes = if is_kept_as_manifest(&what.media_type) {
            limits.manifest_bytes_max
        } else {
            limits.attachment_bytes_max
        };
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            self.error("fetch", &what.digest.to_string(), error)
        };
        if what.size > limit_bytes {
            let what = format!("{} of {}", what.media_type, self.repository.display());
            return Err(failed(RegistryError::TooLarge { what, limit_bytes }.into()));
        }
        let stream = RepositoryBlobs::new(self.client.clone(), self.repository.clone()).open(what);
        let stream = stream.map_err(|error| failed(error.into()))?;
        let checked = VerifyingReader::new(stream, what.digest.clone(), what.size);
        read_bounded(checked, limit_bytes).map_err(|error| failed(error.into()))
    }

    fn attach(&self, artifact: &Artifact) -> Result<Descriptor, AttachmentError> {
        let subject = artifact.subject.digest.to_string();
        let attached = self.client.wait(attach(&self.client.session, &self.repository, artifact));
        attached.map_err(|error| self.error("attach to", &subject, error))
    }

    fn append_tagged(&self, tag: &str, layer: &TaggedLayer) -> Result<Descriptor, AttachmentError> {
        let append = async {
            let turn = turn(&format!("{}:{tag}", self.repository.display()));
            let _turn = turn.lock().await;
            tagged::append(&self.client.session, &self.repository, tag, layer).await
        };
        self.client.wait(append).map_err(|error| self.error("add to tag", tag, error))
    }
}

async fn attach(
    session: &Arc<Session>,
    repository: &Repository,
    artifact: &Artifact,
) -> Result<Descriptor, RegistryError> {
    let place = session.origin(repository)?;
    let ArtifactManifest { bytes, descriptor: manifest, config, layer } = artifact.to_manifest();
    session.push_blob(&place, &config, None, &|| Ok(Box::new(Cursor::new(EMPTY_CONFIG)))).await?;
    session.push_blob(&place, &layer, None, &|| Ok(Box::new(Cursor::new(&artifact.content)))).await?;
    let name = Name::Digest(&manifest.digest);
    let pushed = session.put_manifest(&place, name, &manifest.media_type, bytes.into(), None).await?;
    let subject = &artifact.subject.digest;
    // Amazon's registry takes notice of the subject and yet has no API, so the API is asked.
    if !pushed.subject_noticed || referrers::list_by_api(session, &place, subject).await?.is_none() {
        let turn = turn(&format!("{}@{subject}", place.display()));
        let _turn = turn.lock().await;
        fallback::add(session, &place, subject, &manifest).await?;
    }
    Ok(manifest)
}

/// Writers of one process take turns at an index; those of other processes are met by reading again.
fn turn(index: &str) -> Arc<tokio::sync::Mutex<()>> {
    static TURNS: Mutex<BTreeMap<String, Weak<tokio::sync::Mutex<()>>>> = Mutex::new(BTreeMap::new());
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    turns.retain(|_, turn| turn.strong_count() > 0);
    if let Some(turn) = turns.get(index).and_then(Weak::upgrade) {
        return turn;
    }
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    turns.insert(index.to_owned(), Arc::downgrade(&turn));
    turn
}

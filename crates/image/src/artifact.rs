//! Things that hang on an image, and the stores that can hold them.

use std::collections::BTreeMap;

use supercargo_content::{Descriptor, Digest, MediaType};

/// A single-file artifact that refers to a subject (OCI image specification v1.1, "Guidelines for Artifact Usage").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// What it is: `artifactType`.
    pub artifact_type: MediaType,
    /// The media type of its one layer.
    pub layer_type: MediaType,
    /// The bytes of its one layer.
    pub content: Vec<u8>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// What it refers to.
    pub subject: Descriptor,
}

/// A store in which artifacts hang on subjects: a registry repository or an OCI layout.
///
/// Everything returned is checked against its digest.
pub trait Attachments: Send + Sync {
    /// The manifests that refer to a subject. Their artifact types and annotations are those of the manifests
    /// where the list does not give them.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, AttachmentError>;

    /// The manifest behind a tag, for layouts that use tags (`sha256-….att`); `None` when there is none.
    fn tagged(&self, tag: &str) -> Result<Option<Descriptor>, AttachmentError>;

    /// The bytes of a manifest or blob.
    fn fetch(&self, what: &Descriptor) -> Result<Vec<u8>, AttachmentError>;

    /// Writes an artifact and makes it a referrer of its subject. Returns the descriptor of its manifest.
    fn attach(&self, artifact: &Artifact) -> Result<Descriptor, AttachmentError>;
}

/// Why a store could not list, fetch or attach.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} {place}")]
pub struct AttachmentError {
    /// `list what hangs on`, `fetch`, `attach to` …
    pub action: &'static str,
    /// What it was done to.
    pub place: String,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

//! Things that hang on an image, and the stores that can hold them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use supercargo_content::{Descriptor, Digest, MediaType};

use crate::TaggedLayer;

/// The bytes of the empty configuration.
pub const EMPTY_CONFIG: &[u8] = b"{}";

/// Up to this many bytes, the content stands in the manifest as well (`data` of its descriptor), which spares readers a
/// request. Base64 makes a third more of it, and registries must take manifests of 4 MiB.
const INLINE_BYTES_MAX: usize = 256 * 1_024;

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

/// The manifest of an [`Artifact`], ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactManifest {
    /// The bytes of the manifest.
    pub bytes: Vec<u8>,
    /// Its descriptor, with artifact type and annotations, as it stands in a list of referrers.
    pub descriptor: Descriptor,
    /// The configuration; its bytes are [`EMPTY_CONFIG`].
    pub config: Descriptor,
    /// The one layer; its bytes are [`Artifact::content`].
    pub layer: Descriptor,
}

impl Artifact {
    /// The manifest: the same bytes for the same artifact, always.
    ///
    /// Of the subject only media type, digest and size are written.
    pub fn to_manifest(&self) -> ArtifactManifest {
        let config = Descriptor::of(MediaType::OCI_EMPTY, EMPTY_CONFIG);
        let layer = Descriptor::of(self.layer_type.clone(), &self.content);
        let bytes = json(&WireManifest {
            schema_version: 2,
            media_type: MediaType::OCI_MANIFEST.as_str(),
            artifact_type: self.artifact_type.as_str(),
            config: WireDescriptor::plain(&config),
            layers: [WireDescriptor { data: self.inline(), ..WireDescriptor::plain(&layer) }],
            subject: WireDescriptor::plain(&self.subject),
            annotations: &self.annotations,
        });
        let descriptor = Descriptor {
            artifact_type: Some(self.artifact_type.clone()),
            annotations: self.annotations.clone(),
            ..Descriptor::of(MediaType::OCI_MANIFEST, &bytes)
        };
        ArtifactManifest { bytes, descriptor, config, layer }
    }

    fn inline(&self) -> Option<String> {
        let is_small = self.content.len() <= INLINE_BYTES_MAX;
        is_small.then(|| STANDARD.encode(&self.content))
    }
}

/// The tag under which referrers are listed where there is no referrers API (OCI distribution specification
/// v1.1, "Referrers Tag Schema"): `sha256-HEX`, at most 64 digits.
pub fn fallback_tag(subject: &Digest) -> String {
    let hex = subject.hex();
    format!("{}-{}", subject.algorithm().name(), hex.get(..64).unwrap_or(hex))
}

/// The tag under which cosign before version 3 kept what belongs to an image: `sha256-HEX.att`.
pub fn cosign_tag(subject: &Digest, kind: CosignKind) -> String {
    format!("{}-{}.{}", subject.algorithm().name(), subject.hex(), kind.suffix())
}

/// What cosign keeps under tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CosignKind {
    /// Signatures: `.sig`.
    Signatures,
    /// Attestations: `.att`.
    Attestations,
    /// An unsigned SBOM: `.sbom`.
    Sbom,
}

impl CosignKind {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Signatures => "sig",
            Self::Attestations => "att",
            Self::Sbom => "sbom",
        }
    }
}

/// The JSON of a descriptor in an index, with artifact type and annotations.
pub(crate) fn entry_json(what: &Descriptor) -> serde_json::Value {
    serde_json::to_value(WireDescriptor::full(what)).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireManifest<'a> {
    schema_version: u8,
    media_type: &'a str,
    artifact_type: &'a str,
    config: WireDescriptor<'a>,
    layers: [WireDescriptor<'a>; 1],
    subject: WireDescriptor<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireDescriptor<'a> {
    media_type: &'a str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl<'a> WireDescriptor<'a> {
    fn plain(what: &'a Descriptor) -> Self {
        let (media_type, digest) = (what.media_type.as_str(), what.digest.to_string());
        Self { media_type, digest, size: what.size, annotations: None, artifact_type: None, data: None }
    }

    fn full(what: &'a Descriptor) -> Self {
        let annotations = Some(&what.annotations).filter(|all| !all.is_empty());
        let artifact_type = what.artifact_type.as_ref().map(MediaType::as_str);
        Self { annotations, artifact_type, ..Self::plain(what) }
    }
}

/// Writing structs of texts and numbers to memory cannot fail.
fn json(manifest: &WireManifest<'_>) -> Vec<u8> {
    serde_json::to_vec(manifest).unwrap_or_default()
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

    /// Adds a layer to the manifest behind a tag, which is made when it is not there. Returns the manifest's
    /// descriptor. The same layer is never added twice.
    fn append_tagged(&self, tag: &str, layer: &TaggedLayer) -> Result<Descriptor, AttachmentError>;
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

impl AttachmentError {
    /// An error about `place` with its cause.
    pub fn new(
        action: &'static str,
        place: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { action, place: place.into(), source: source.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact() -> Artifact {
        Artifact {
            artifact_type: MediaType::SIGSTORE_BUNDLE_V03,
            layer_type: MediaType::SIGSTORE_BUNDLE_V03,
            content: b"{}".to_vec(),
            annotations: BTreeMap::from([("b".into(), "2".into()), ("a".into(), "1".into())]),
            subject: Descriptor {
                annotations: BTreeMap::from([("not".into(), "written".into())]),
                ..Descriptor::of(MediaType::OCI_MANIFEST, b"subject")
            },
        }
    }

    #[test]
    fn an_independent_reader_reads_the_manifest() {
        let written = artifact().to_manifest();
        let read = oci_spec::image::ImageManifest::from_reader(written.bytes.as_slice()).unwrap();
        assert_eq!(
            read.artifact_type().as_ref().unwrap().to_string(),
            MediaType::SIGSTORE_BUNDLE_V03.as_str()
        );
        assert_eq!(
            read.subject().as_ref().unwrap().digest().to_string(),
            artifact().subject.digest.to_string()
        );
        assert_eq!(read.config().digest().to_string(), written.config.digest.to_string());
        assert_eq!(read.layers()[0].size(), 2);
        assert_eq!(read.annotations().as_ref().unwrap().len(), 2);
        assert_eq!(written.bytes, artifact().to_manifest().bytes);
    }

    #[test]
    fn we_read_what_we_write() {
        let written = artifact().to_manifest();
        let read = crate::parse_manifest(&written.bytes, &supercargo_content::Limits::default()).unwrap();
        let subject = read.subject.unwrap();
        assert_eq!((subject.digest, subject.annotations.len()), (artifact().subject.digest, 0));
        assert_eq!(Some(read.annotations), Some(written.descriptor.annotations));
    }

    #[test]
    fn tags_are_those_of_the_specification_and_of_cosign() {
        let digest = Digest::sha256_of(b"");
        assert_eq!(fallback_tag(&digest), format!("sha256-{}", digest.hex()));
        assert_eq!(cosign_tag(&digest, CosignKind::Attestations), format!("sha256-{}.att", digest.hex()));
        let long: Digest = format!("sha512:{}", "ab".repeat(64)).parse().unwrap();
        assert_eq!(fallback_tag(&long).len(), "sha512-".len() + 64);
    }
}

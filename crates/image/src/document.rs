//! Manifests, indexes and configurations: bytes in, checked values out.

use std::collections::BTreeMap;
use std::sync::Arc;

use supercargo_content::{
    ContentMismatch, Descriptor, Digest, DigestParseError, Limits, MediaType, Platform,
};

use crate::raw::{RawConfig, RawDescriptor, RawDocument, parse_json, unambiguous};
use crate::{ImageConfig, Manifest};

/// An index after its checks (OCI image specification v1.1, "Image Index"; Docker's manifest list).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The media type.
    pub media_type: MediaType,
    /// The artifact type, where the index is not one of images.
    pub artifact_type: Option<MediaType>,
    /// Manifests and further indexes, in the order of the document.
    pub manifests: Vec<Descriptor>,
    /// What it refers to.
    pub subject: Option<Descriptor>,
    /// Free annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest digest can lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A list of manifests.
    Index(Box<Index>),
    /// An image or an artifact.
    Manifest(Box<Manifest>),
}

impl Document {
    /// The media type: the document's own or, where it has none, the one that its shape says.
    pub fn media_type(&self) -> &MediaType {
        match self {
            Self::Index(index) => &index.media_type,
            Self::Manifest(manifest) => &manifest.media_type,
        }
    }

    /// What it refers to.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Index(index) => index.subject.as_ref(),
            Self::Manifest(manifest) => manifest.subject.as_ref(),
        }
    }

    /// The artifact type; for an image and an index of images there is none.
    pub fn artifact_type(&self) -> Option<&MediaType> {
        match self {
            Self::Index(index) => index.artifact_type.as_ref(),
            Self::Manifest(manifest) => manifest.artifact_type.as_ref(),
        }
    }

    /// The annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Index(index) => &index.annotations,
            Self::Manifest(manifest) => &manifest.annotations,
        }
    }
}

/// Parses a manifest or an index.
///
/// `declared` is what the descriptor or the registry's `Content-Type` says. The document's own `mediaType` must
/// name the same kind; where neither says it, the shape does. A document that is both kinds at once is refused,
/// because two readers would see two images behind one digest (OCI advisory GHSA-mc8v-mgrf-8f4m).
///
/// # Errors
/// [`DocumentError`], one variant for each check. The length of `bytes` is the caller's to bound.
pub fn parse_document(
    bytes: &[u8],
    declared: Option<&MediaType>,
    limits: &Limits,
) -> Result<Document, DocumentError> {
    let raw: RawDocument = parse_json(bytes)?;
    unambiguous(&raw.rest, RawDocument::KEYS)?;
    let kind = kind_of(&raw, declared)?;
    match kind {
        Kind::Index => index(raw, declared, limits).map(Box::new).map(Document::Index),
        Kind::Manifest => manifest(raw, declared, limits).map(Box::new).map(Document::Manifest),
    }
}

/// Parses an index. See [`parse_document`].
///
/// # Errors
/// As [`parse_document`]; a manifest is [`DocumentError::OtherKind`].
pub fn parse_index(bytes: &[u8], limits: &Limits) -> Result<Index, DocumentError> {
    match parse_document(bytes, None, limits)? {
        Document::Index(index) => Ok(*index),
        Document::Manifest(_) => Err(DocumentError::OtherKind { expected: "an index", found: "a manifest" }),
    }
}

/// Parses a manifest. See [`parse_document`].
///
/// # Errors
/// As [`parse_document`]; an index is [`DocumentError::OtherKind`].
pub fn parse_manifest(bytes: &[u8], limits: &Limits) -> Result<Manifest, DocumentError> {
    match parse_document(bytes, None, limits)? {
        Document::Manifest(manifest) => Ok(*manifest),
        Document::Index(_) => Err(DocumentError::OtherKind { expected: "a manifest", found: "an index" }),
    }
}

/// Parses the configuration of an image (OCI image specification v1.1, "Image Configuration").
///
/// # Errors
/// [`DocumentError`], one variant for each check.
pub fn parse_config(bytes: &[u8], limits: &Limits) -> Result<ImageConfig, DocumentError> {
    let raw: RawConfig = parse_json(bytes)?;
    unambiguous(&raw.rest, RawConfig::KEYS)?;
    let rootfs = raw.rootfs.unwrap_or_default();
    if !matches!(rootfs.kind.as_deref(), None | Some("" | "layers")) {
        return Err(DocumentError::RootfsType { found: excerpt(&rootfs.kind.unwrap_or_default()) });
    }
    let diff_ids = rootfs.diff_ids.unwrap_or_default();
    within("diff IDs", diff_ids.len(), limits.layers_max)?;
    let diff_ids = diff_ids.iter().map(|text| digest("rootfs.diff_ids", text)).collect::<Result<_, _>>()?;
    let history = raw.history.unwrap_or_default().into_iter().filter(|step| step.empty_layer != Some(true));
    Ok(ImageConfig {
        platform: raw.platform.checked(),
        created: raw.created.filter(|time| !time.is_empty()),
        diff_ids,
        labels: raw.config.and_then(|config| config.labels).unwrap_or_default(),
        created_by: history.map(|step| step.created_by.unwrap_or_default()).collect(),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Index,
    Manifest,
}

impl Kind {
    fn of(media_type: &str) -> Option<Self> {
        let media_type = MediaType::new(media_type);
        match (media_type.is_index(), media_type.is_manifest()) {
            (true, _) => Some(Self::Index),
            (_, true) => Some(Self::Manifest),
            _ => None,
        }
    }
}

fn kind_of(raw: &RawDocument, declared: Option<&MediaType>) -> Result<Kind, DocumentError> {
    let own = raw.media_type.as_deref().filter(|text| !text.is_empty());
    let old_type = |text: &str| text.starts_with("application/vnd.docker.distribution.manifest.v1+");
    if raw.fs_layers.is_some() || own.is_some_and(old_type) || declared.is_some_and(|m| old_type(m.as_str()))
    {
        return Err(DocumentError::SchemaOne);
    }
    check_version(raw)?;
    let shape = match (raw.manifests.is_some(), raw.layers.is_some() || raw.config.is_some()) {
        (true, true) => return Err(DocumentError::BothKinds),
        (true, false) => Some(Kind::Index),
        (false, true) => Some(Kind::Manifest),
        (false, false) => None,
    };
    let own_kind = match own {
        Some(own) => Some(Kind::of(own).ok_or_else(|| DocumentError::MediaType { found: excerpt(own) })?),
        None => None,
    };
    let declared_kind = declared.and_then(|media_type| Kind::of(media_type.as_str()));
    let known: Vec<Kind> = [shape, own_kind, declared_kind].into_iter().flatten().collect();
    match known.as_slice() {
        [] => Err(DocumentError::NeitherKind),
        [first, rest @ ..] if rest.iter().all(|kind| kind == first) => Ok(*first),
        _ => Err(DocumentError::KindsDisagree {
            declared: declared.map_or_else(|| "nothing".to_owned(), |m| excerpt(m.as_str())),
            own: own.map_or_else(|| "nothing".to_owned(), excerpt),
        }),
    }
}

fn check_version(raw: &RawDocument) -> Result<(), DocumentError> {
    match &raw.schema_version {
        Some(version) if version.as_u64() == Some(2) => Ok(()),
        Some(version) if version.as_u64() == Some(1) => Err(DocumentError::SchemaOne),
        other => Err(DocumentError::SchemaVersion {
            found: other.as_ref().map_or_else(|| "nothing".to_owned(), |found| excerpt(&found.to_string())),
        }),
    }
}

fn index(raw: RawDocument, declared: Option<&MediaType>, limits: &Limits) -> Result<Index, DocumentError> {
    let media_type = media_type(&raw, declared).unwrap_or(MediaType::OCI_INDEX);
    let manifests = raw.manifests.unwrap_or_default();
    within("manifests", manifests.len(), limits.manifests_max)?;
    Ok(Index {
        media_type,
        artifact_type: raw.artifact_type.filter(|text| !text.is_empty()).map(MediaType::new),
        manifests: descriptors("manifests", manifests)?,
        subject: raw.subject.map(|subject| descriptor("subject", subject)).transpose()?,
        annotations: raw.annotations.unwrap_or_default(),
    })
}

fn manifest(
    raw: RawDocument,
    declared: Option<&MediaType>,
    limits: &Limits,
) -> Result<Manifest, DocumentError> {
    let media_type = media_type(&raw, declared).unwrap_or(MediaType::OCI_MANIFEST);
    let layers = raw.layers.unwrap_or_default();
    within("layers", layers.len(), limits.layers_max)?;
    let config = descriptor("config", raw.config.ok_or(DocumentError::NoConfig)?)?;
    let artifact_type = raw.artifact_type.filter(|text| !text.is_empty()).map(MediaType::new);
    let is_image = is_image_config(&config.media_type);
    Ok(Manifest {
        media_type,
        artifact_type: artifact_type.or_else(|| (!is_image).then(|| config.media_type.clone())),
        config,
        layers: descriptors("layers", layers)?,
        subject: raw.subject.map(|subject| descriptor("subject", subject)).transpose()?,
        annotations: raw.annotations.unwrap_or_default(),
    })
}

/// The configurations that images have; old registries give `application/octet-stream`.
pub(crate) fn is_image_config(media_type: &MediaType) -> bool {
    *media_type == MediaType::OCI_CONFIG
        || *media_type == MediaType::DOCKER_CONFIG
        || media_type.as_str() == "application/octet-stream"
}

fn media_type(raw: &RawDocument, declared: Option<&MediaType>) -> Option<MediaType> {
    let own = raw.media_type.as_deref().filter(|text| !text.is_empty()).map(MediaType::new);
    own.or_else(|| declared.filter(|m| m.is_index() || m.is_manifest()).cloned())
}

fn descriptors(place: &'static str, raw: Vec<RawDescriptor>) -> Result<Vec<Descriptor>, DocumentError> {
    raw.into_iter().map(|raw| descriptor(place, raw)).collect()
}

fn descriptor(place: &'static str, raw: RawDescriptor) -> Result<Descriptor, DocumentError> {
    unambiguous(&raw.rest, RawDescriptor::KEYS)?;
    let size = raw.size.as_u64().filter(|&size| i64::try_from(size).is_ok());
    let found = || excerpt(&raw.size.to_string());
    let size = size.ok_or_else(|| DocumentError::Size { place, found: found() })?;
    let mut descriptor = Descriptor {
        media_type: MediaType::new(raw.media_type.unwrap_or_default()),
        digest: digest(place, &raw.digest)?,
        size,
        annotations: raw.annotations.unwrap_or_default(),
        platform: raw.platform.and_then(crate::raw::RawPlatform::checked),
        artifact_type: raw.artifact_type.filter(|text| !text.is_empty()).map(MediaType::new),
        urls: raw.urls.unwrap_or_default(),
        data: None,
    };
    if let Some(data) = raw.data {
        descriptor.data = Some(checked_data(place, &descriptor, &data)?);
    }
    Ok(descriptor)
}

/// Embedded bytes must be those of the digest.
fn checked_data(place: &'static str, what: &Descriptor, data: &str) -> Result<Arc<[u8]>, DocumentError> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(data);
    let bytes = bytes.ok().filter(|bytes| {
        let mut hasher = supercargo_content::Hasher::new(what.digest.algorithm());
        hasher.update(bytes);
        bytes.len() as u64 == what.size && hasher.finish() == what.digest
    });
    bytes.map(Arc::from).ok_or_else(|| DocumentError::Data { place, digest: what.digest.clone() })
}

fn digest(place: &'static str, text: &str) -> Result<Digest, DocumentError> {
    text.parse().map_err(|reason| DocumentError::Digest { place, reason })
}

fn within(what: &'static str, found: usize, limit: usize) -> Result<(), DocumentError> {
    if found > limit {
        return Err(DocumentError::TooMany { what, found, limit });
    }
    Ok(())
}

/// A hostile document may hold megabytes where a word is meant.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(160).collect()
}

/// What is wrong with a manifest, an index, a configuration or the list of an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not JSON, or lack a field, or hold one twice; the text is the JSON reader's.
    #[error("not the JSON that was expected: {0}")]
    Json(String),
    /// Two keys that some readers take for the same one.
    #[error("the key `{key}` differs from `{known}` only in case: readers disagree on which one counts")]
    AmbiguousKey {
        /// The key.
        key: String,
        /// The key that it imitates.
        known: &'static str,
    },
    /// The document is an index and a manifest at once.
    #[error("both an index and a manifest: `manifests` stands beside `layers` or `config`")]
    BothKinds,
    /// The document is neither.
    #[error("neither an index nor a manifest: expected `manifests`, or `config` and `layers`")]
    NeitherKind,
    /// What was declared, what the document says and its shape differ.
    #[error("index and manifest mixed up: the descriptor says `{declared}`, the document `{own}`")]
    KindsDisagree {
        /// What the descriptor says.
        declared: String,
        /// What the document says.
        own: String,
    },
    /// A manifest where an index is meant, or the other way round.
    #[error("expected {expected}, found {found}")]
    OtherKind {
        /// What was expected.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The document's own media type is not one of a manifest.
    #[error("`{found}` is not the media type of an index or manifest")]
    MediaType {
        /// The media type.
        found: String,
    },
    /// Docker's first manifest format, which has no configuration and is long dead.
    #[error("the image has a Docker schema 1 manifest: push it again with a current tool")]
    SchemaOne,
    /// Some other version.
    #[error("expected `schemaVersion` 2, found {found}")]
    SchemaVersion {
        /// What is there.
        found: String,
    },
    /// A manifest without configuration.
    #[error("the manifest has no `config`")]
    NoConfig,
    /// A digest that is none.
    #[error("bad digest in `{place}`: {reason}")]
    Digest {
        /// The field.
        place: &'static str,
        /// What is wrong.
        reason: DigestParseError,
    },
    /// A size that is negative, not whole, or beyond 2⁶³−1.
    #[error("bad size in `{place}`: expected a whole number of bytes, found {found}")]
    Size {
        /// The field.
        place: &'static str,
        /// What is there.
        found: String,
    },
    /// The bytes embedded in a descriptor are not those of its digest.
    #[error("the `data` embedded in `{place}` is not that of {digest}")]
    Data {
        /// The field.
        place: &'static str,
        /// The digest of the descriptor.
        digest: Digest,
    },
    /// More of something than the limits allow.
    #[error("{found} {what}, at most {limit} are read")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The root file system is described in an unknown way.
    #[error("expected `rootfs.type` `layers`, found `{found}`")]
    RootfsType {
        /// What is there.
        found: String,
    },
    /// Manifest and configuration disagree about the number of layers.
    #[error("the manifest has {layers} layers, the configuration {diff_ids} diff IDs")]
    LayerCount {
        /// Layers of the manifest.
        layers: usize,
        /// Diff IDs of the configuration.
        diff_ids: usize,
    },
    /// An index that contains itself.
    #[error("the index contains itself")]
    Loop,
    /// Indexes inside indexes beyond the limit.
    #[error("indexes are nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The manifest is not that of an image.
    #[error("not an image but an artifact of type `{artifact_type}`")]
    NotAnImage {
        /// The artifact type.
        artifact_type: String,
    },
    /// The bytes are not those of the digest, or not as many.
    #[error(transparent)]
    Content(#[from] ContentMismatch),
    /// The version of an image layout is not ours.
    #[error("expected `imageLayoutVersion` 1.0.0, found `{found}`")]
    LayoutVersion {
        /// What is there.
        found: String,
    },
    /// A name that leaves the archive.
    #[error("the path `{path}` leaves the archive")]
    Escape {
        /// The path.
        path: String,
    },
    /// A member that is named but not there.
    #[error("`{path}` is not in the archive")]
    Missing {
        /// The path.
        path: String,
    },
    /// Links inside an archive that lead in circles or nowhere.
    #[error("the link `{path}` leads nowhere")]
    Link {
        /// The path.
        path: String,
    },
    /// A member that occurs more than once, so that two readers may see two images.
    #[error("`{path}` is in the archive more than once")]
    Twice {
        /// The path.
        path: String,
    },
}

impl Manifest {
    /// Whether this is an image: its configuration is one, and some layer is an archive of files.
    ///
    /// Cosign's `.att` and BuildKit's older attestation manifests carry an image configuration too; their layers
    /// are statements.
    pub fn is_image(&self) -> bool {
        let is_archive = |layer: &Descriptor| {
            let media_type = layer.media_type.as_str();
            media_type.contains(".tar") || media_type == "application/octet-stream"
        };
        is_image_config(&self.config.media_type)
            && (self.layers.is_empty() || self.layers.iter().any(is_archive))
    }
}

/// Whether the descriptor names no platform on purpose (BuildKit's attestations say `unknown/unknown`).
pub(crate) fn is_unknown(platform: &Platform) -> bool {
    platform.os == "unknown" && platform.architecture == "unknown"
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;

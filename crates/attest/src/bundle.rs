//! Sigstore bundles, versions 0.1 to 0.3, parsed strictly.

use std::fmt;
use std::sync::Arc;

use sigstore_types::SignatureBytes;
use supercargo_content::{Digest, Limits, MediaType};

use crate::bundle_wire;
use crate::entry::LogEntry;
use crate::envelope::Envelope;
use crate::{Statement, StatementError, simple_signing};

/// A signature and what is needed to verify it without a network (protobuf-specs, sigstore_bundle.proto).
///
/// What was signed cannot be read from here; [`crate::verify`] hands it out.
#[derive(Clone, PartialEq)]
pub struct Bundle {
    pub(crate) version: BundleVersion,
    pub(crate) material: Material,
    pub(crate) content: Content,
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) timestamps: Vec<Vec<u8>>,
}

/// The version of the format. Later ones are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BundleVersion {
    /// No bundle: what cosign hung on tags before, with the log's promise in an annotation.
    Cosign,
    /// 0.1: the log's promise, or its proof.
    V01,
    /// 0.2: the log's proof.
    V02,
    /// 0.3: one certificate instead of a chain.
    V03,
}

/// Who is said to have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaterialKind {
    /// A key that the bundle only hints at.
    PublicKey,
    /// A certificate.
    Certificate,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Material {
    PublicKey { hint: String },
    Certificate { leaf: Vec<u8>, intermediates: Vec<Vec<u8>> },
}

#[derive(Clone, PartialEq)]
pub(crate) enum Content {
    Envelope(Envelope),
    Message { digest: Option<sigstore_types::MessageDigest>, signature: Vec<u8> },
    SimpleSigning { payload: Arc<Vec<u8>>, signature: Vec<u8> },
}

impl Bundle {
    /// The largest number of log entries and of timestamps that a bundle may carry, each.
    pub const EVIDENCE_MAX: usize = 32;
    /// The largest number of certificates in a chain (versions 0.1 and 0.2).
    pub const CHAIN_MAX: usize = 16;

    /// Parses the JSON of a bundle of at most `limits.attachment_bytes_max` bytes.
    ///
    /// Stricter than protobuf's JSON: unknown fields, both members of a choice, more than one signature,
    /// repeated evidence, and base64 that is not the standard alphabet with padding are errors.
    pub fn parse(json: &[u8], limits: &Limits) -> Result<Self, BundleError> {
        let (max, found) = (limits.attachment_bytes_max, json.len() as u64);
        if found > max {
            return Err(BundleError::TooLong { max, found });
        }
        bundle_wire::parse(json)
    }

    /// The version of the format.
    pub fn version(&self) -> BundleVersion {
        self.version
    }

    /// Whether a key or a certificate is said to have signed.
    pub fn material(&self) -> MaterialKind {
        match self.material {
            Material::PublicKey { .. } => MaterialKind::PublicKey,
            Material::Certificate { .. } => MaterialKind::Certificate,
        }
    }

    /// The hint at the key that signed. Nobody vouches for it.
    pub fn key_hint(&self) -> Option<&str> {
        match &self.material {
            Material::PublicKey { hint } => Some(hint),
            Material::Certificate { .. } => None,
        }
    }

    /// Whether a statement is signed, and not the artifact itself.
    pub fn has_statement(&self) -> bool {
        !matches!(self.content, Content::Message { .. })
    }

    /// The number of log entries.
    pub fn log_entries(&self) -> usize {
        self.entries.len()
    }

    /// The number of RFC 3161 timestamps.
    pub fn timestamps(&self) -> usize {
        self.timestamps.len()
    }

    /// The statement inside, which **nobody has verified**: for listings that say so, and for choosing which
    /// bundle to verify. `None` when the bundle signs an artifact itself.
    pub fn statement_without_verifying(&self) -> Option<Result<Statement, StatementError>> {
        match &self.content {
            Content::Envelope(envelope) => Some(Statement::read(envelope.payload.clone())),
            Content::SimpleSigning { payload, .. } => Some(simple_signing::read(payload.clone())),
            Content::Message { .. } => None,
        }
    }

    /// The certificate's subject and issuer, which **nobody has verified**: for listings that say so.
    pub fn identity_without_verifying(&self) -> Option<(String, String)> {
        let Material::Certificate { leaf, .. } = &self.material else { return None };
        let certificate = sigstore_types::DerCertificate::from_bytes(leaf);
        let info = sigstore_crypto::parse_certificate_info(&certificate).ok()?;
        Some((info.identity?.as_str().to_owned(), info.issuer.unwrap_or_default()))
    }

    pub(crate) fn signature(&self) -> SignatureBytes {
        SignatureBytes::from_bytes(match &self.content {
            Content::Envelope(envelope) => &envelope.signature,
            Content::Message { signature, .. } | Content::SimpleSigning { signature, .. } => signature,
        })
    }
}

impl BundleVersion {
    /// Whether a log's promise stands in for its proof.
    pub(crate) fn takes_promises(self) -> bool {
        matches!(self, Self::Cosign | Self::V01)
    }

    /// The version that a media type names.
    pub(crate) fn of(media_type: &str) -> Option<Self> {
        Some(match media_type {
            "application/vnd.dev.sigstore.bundle+json;version=0.1" => Self::V01,
            "application/vnd.dev.sigstore.bundle+json;version=0.2" => Self::V02,
            "application/vnd.dev.sigstore.bundle+json;version=0.3" => Self::V03,
            other if other == MediaType::SIGSTORE_BUNDLE_V03.as_str() => Self::V03,
            _ => return None,
        })
    }
}

impl fmt::Display for BundleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cosign => "cosign's annotations",
            Self::V01 => "0.1",
            Self::V02 => "0.2",
            Self::V03 => "0.3",
        })
    }
}

impl fmt::Display for MaterialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublicKey => "a key",
            Self::Certificate => "a certificate",
        })
    }
}

/// Without the payload: nobody has verified it.
impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("version", &self.version)
            .field("material", &self.material())
            .field("log_entries", &self.entries.len())
            .field("timestamps", &self.timestamps.len())
            .field("signature", &Digest::sha256_of(self.signature().as_bytes()))
            .finish_non_exhaustive()
    }
}

/// Why bytes are not a bundle that we accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The file is longer than the limit.
    #[error("the bundle has {found} bytes, the limit is {max}")]
    TooLong {
        /// The limit, in bytes.
        max: u64,
        /// The length, in bytes.
        found: u64,
    },
    /// Not JSON of the right shape.
    #[error("not a Sigstore bundle: {0}")]
    Json(String),
    /// An unknown version.
    #[error("unsupported bundle media type: expected version 0.1, 0.2 or 0.3, found `{found}`")]
    Version {
        /// The media type found.
        found: String,
    },
    /// Both members of a choice, or none.
    #[error("expected exactly one of {expected}, found {found}")]
    Choice {
        /// The members of the choice.
        expected: &'static str,
        /// How many are there.
        found: usize,
    },
    /// Not exactly one signature in the envelope.
    #[error("expected exactly one signature in the envelope, found {found}")]
    Signatures {
        /// How many are there.
        found: usize,
    },
    /// Too much of something.
    #[error("expected at most {max} {what}, found {found}")]
    TooMany {
        /// What there is too much of.
        what: Evidence,
        /// The limit.
        max: usize,
        /// How many are there.
        found: usize,
    },
    /// Twice the same.
    #[error("{what} number {index} repeats an earlier one")]
    Repeated {
        /// What is repeated.
        what: Evidence,
        /// The position of the repetition, from 0.
        index: usize,
    },
    /// A chain where one certificate is meant, or an empty chain.
    #[error("a version {version} bundle carries {found} certificates in a chain: expected {expected}")]
    Chain {
        /// The version of the bundle.
        version: BundleVersion,
        /// What the version allows.
        expected: &'static str,
        /// How many are there.
        found: usize,
    },
    /// A field is not standard base64.
    #[error("field `{field}` is not standard base64 with padding")]
    Base64 {
        /// The field.
        field: &'static str,
    },
    /// A log entry is damaged or of an unknown kind.
    #[error("log entry number {index} is not readable: {detail}")]
    LogEntry {
        /// The position of the entry, from 0.
        index: usize,
        /// What the reader says.
        detail: String,
    },
    /// An annotation of cosign's older layout is damaged or missing.
    #[error("annotation `{name}` is not readable: {detail}")]
    Annotation {
        /// The annotation.
        name: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The hint in the material and the key id in the envelope name different keys.
    #[error("the bundle hints at key `{hint}` and its envelope at `{key_id}`")]
    KeyHints {
        /// The hint of the material.
        hint: String,
        /// The key id of the envelope.
        key_id: String,
    },
}

/// What a bundle can have too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Entries of a transparency log.
    LogEntries,
    /// RFC 3161 timestamps.
    Timestamps,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogEntries => "log entries",
            Self::Timestamps => "timestamps",
        })
    }
}

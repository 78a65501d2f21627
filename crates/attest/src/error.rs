//! Why an attestation is refused: one variant per check, with what was expected and found.

use jiff::Timestamp;
use supercargo_content::Digest;

use crate::{BundleError, CheckName, MaterialKind, PredicateType, StatementError, Window};

/// The first check that failed. Positions of log entries and timestamps count from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The bundle is damaged, ambiguous, or carries too much.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The payload is no statement of a known version.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The bundle signs an artifact itself where a statement is meant.
    #[error("the bundle holds a signature over an artifact: expected an in-toto statement")]
    NoStatement,
    /// The payload of the envelope is no statement.
    #[error("payload type mismatch: expected `application/vnd.in-toto+json`, found `{found}`")]
    PayloadType {
        /// The payload type of the envelope.
        found: String,
    },
    /// A key is expected and a certificate there, or the other way round.
    #[error("signer mismatch: expected {expected}, found {found}")]
    Signer {
        /// What the policy asks for.
        expected: MaterialKind,
        /// What the bundle carries.
        found: MaterialKind,
    },
    /// The signature is not the signer's, or not over these bytes.
    #[error("signature mismatch: expected a signature by {expected}, found one that does not verify{}", hint_text(.hint))]
    Signature {
        /// The key or keys, by fingerprint, or the certificate.
        expected: String,
        /// The key at which the bundle hints.
        hint: Option<String>,
    },
    /// A signature over a digest cannot be checked from the digest alone.
    #[error("the {algorithm} signature is over the file itself: give the file instead of its digest")]
    ArtifactBytesNeeded {
        /// The algorithm of the key, or the hash that the bundle names.
        algorithm: String,
    },
    /// The digest that the bundle names is not the artifact's.
    #[error("artifact digest mismatch: expected {expected}, found {found}")]
    MessageDigest {
        /// The artifact's, in hexadecimal.
        expected: String,
        /// The bundle's, in hexadecimal.
        found: String,
    },
    /// There is evidence to check and nobody to trust.
    #[error("{needed_for} cannot be checked without a trusted root: give one")]
    TrustedRootMissing {
        /// What needs it.
        needed_for: &'static str,
        /// The check that needs it.
        check: CheckName,
    },
    /// No authority of the trusted root has made this timestamp, or not over this signature.
    #[error(
        "timestamp {index} mismatch: expected one over this signature by an authority of the trusted root, found: {found}"
    )]
    Timestamp {
        /// The position of the timestamp.
        index: usize,
        /// What the check says.
        found: String,
    },
    /// The authority was not to be trusted at the time that it vouches for.
    #[error("timestamp {index} is from outside the authority's validity: found {found}")]
    TimestampWindow {
        /// The position of the timestamp.
        index: usize,
        /// The time in it.
        found: Timestamp,
    },
    /// Fewer authorities than needed vouch for the time.
    #[error("too few timestamps: expected {expected}, found {found}")]
    TimestampsTooFew {
        /// How many authorities are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Nobody vouches for the time of signing, which a certificate needs.
    #[error("no trusted time of signing: expected a timestamp or a log's promise, found none")]
    NoTrustedTime,
    /// A log says that it saw the signature in the future.
    #[error("log entry {index} is from the future: expected at most {expected}, found {found}")]
    TimeInFuture {
        /// The position of the entry.
        index: usize,
        /// The time of checking.
        expected: Timestamp,
        /// The time of the log.
        found: Timestamp,
    },
    /// An entry comes without proof that it is in the log.
    #[error("log entry {index} has no inclusion proof: expected one in every entry")]
    LogProofMissing {
        /// The position of the entry.
        index: usize,
    },
    /// The proof does not lead to the root hash.
    #[error("log entry {index} is not in the log: expected root hash {expected}, found: {found}")]
    LogInclusion {
        /// The position of the entry.
        index: usize,
        /// The root hash of the checkpoint.
        expected: String,
        /// What the check says.
        found: String,
    },
    /// Proof and checkpoint speak of different trees.
    #[error("log entry {index} mixes two trees: expected the checkpoint's {expected}, found {found}")]
    LogCheckpoint {
        /// The position of the entry.
        index: usize,
        /// Size and root hash in the checkpoint.
        expected: String,
        /// Size and root hash in the proof.
        found: String,
    },
    /// No log of the trusted root has signed the checkpoint.
    #[error(
        "log entry {index} is of an untrusted log: expected a checkpoint signed by {expected}, found one of `{found}`"
    )]
    LogUnknown {
        /// The position of the entry.
        index: usize,
        /// The logs of the trusted root.
        expected: String,
        /// The origin line of the checkpoint.
        found: String,
    },
    /// The entry names another log than the one that signed.
    #[error("log entry {index} names another log: expected log id {expected}, found {found}")]
    LogId {
        /// The position of the entry.
        index: usize,
        /// The id of the log that signed, in hexadecimal.
        expected: String,
        /// The id in the entry, in hexadecimal.
        found: String,
    },
    /// The checkpoint names another log than the one that signed.
    #[error("log entry {index} names another origin: expected `{expected}`, found `{found}`")]
    LogOrigin {
        /// The position of the entry.
        index: usize,
        /// The host of the log that signed.
        expected: String,
        /// The origin line of the checkpoint.
        found: String,
    },
    /// The log's key was not valid then.
    #[error(
        "log entry {index} is signed by a log key that was not valid: expected a time within {expected}, found {found}"
    )]
    LogKeyWindow {
        /// The position of the entry.
        index: usize,
        /// When the key was valid.
        expected: Window,
        /// A time of signing, or the time of checking when nobody vouches for one.
        found: Timestamp,
    },
    /// The key was not trusted then.
    #[error("{key} was not trusted: expected a time within {expected}, found {found}")]
    KeyWindow {
        /// The key.
        key: String,
        /// When it is trusted.
        expected: Window,
        /// A time of signing, or the time of checking when nobody vouches for one.
        found: Timestamp,
    },
    /// The log's promise is not the log's.
    #[error("log entry {index} carries a promise that its log did not sign: expected log {expected}")]
    LogPromise {
        /// The position of the entry.
        index: usize,
        /// The id of the log that the entry names, in hexadecimal.
        expected: String,
    },
    /// The entry is about something else.
    #[error("log entry {index} is about another {field}: expected {expected}, found {found}")]
    LogEntryMismatch {
        /// The position of the entry.
        index: usize,
        /// What differs.
        field: LoggedField,
        /// The bundle's.
        expected: String,
        /// The entry's.
        found: String,
    },
    /// The entry cannot be read, or is of a kind that does not fit.
    #[error("log entry {index} is not readable as {kind}: {detail}")]
    LogEntryMalformed {
        /// The position of the entry.
        index: usize,
        /// The kind and version that it claims.
        kind: String,
        /// What the reader says.
        detail: String,
    },
    /// Fewer logs than needed have the signature.
    #[error("too few log entries: expected entries in {expected} logs, found {found}")]
    LogsTooFew {
        /// How many logs are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The certificate was not good when the signature was made.
    #[error("certificate refused: {0}")]
    Certificate(#[from] CertificateError),
    /// The certificate is for somebody else.
    #[error("identity mismatch: expected `{expected}`, found `{}`", .found.as_deref().unwrap_or("none"))]
    Identity {
        /// What the policy asks for; several rules are joined with `or`.
        expected: String,
        /// The certificate's.
        found: Option<String>,
    },
    /// The certificate rests on the word of somebody else.
    #[error("issuer mismatch: expected `{expected}`, found `{}`", .found.as_deref().unwrap_or("none"))]
    Issuer {
        /// What the policy asks for; several rules are joined with `or`.
        expected: String,
        /// The certificate's.
        found: Option<String>,
    },
    /// The statement is about something else.
    #[error("subject mismatch: expected {expected}, found {found}")]
    Subject {
        /// The artifact's digest.
        expected: Digest,
        /// The digests of the subjects, the first few.
        found: String,
    },
    /// The statement is about something else as well.
    #[error("the statement has further subjects: expected {expected} alone, found {found}")]
    OtherSubject {
        /// The artifact's digest.
        expected: Digest,
        /// The digests of the first other subject.
        found: String,
    },
    /// The statement claims something of another type.
    #[error("predicate type mismatch: expected `{expected}`, found `{found}`")]
    PredicateType {
        /// What the policy asks for.
        expected: PredicateType,
        /// The statement's.
        found: PredicateType,
    },
}

/// What a log entry can be wrong about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedField {
    /// The digest of what was signed.
    Digest,
    /// The signature.
    Signature,
    /// The key or certificate.
    Signer,
}

impl std::fmt::Display for LoggedField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Digest => "digest",
            Self::Signature => "signature",
            Self::Signer => "signer",
        })
    }
}

/// Why a certificate was not good when the signature was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not a certificate that can be read.
    #[error("it is not readable: {0}")]
    Malformed(String),
    /// No authority of the trusted root has given it out for signing code.
    #[error("expected a chain to an authority of the trusted root, found: {0}")]
    Chain(String),
    /// No authority of the trusted root was valid then.
    #[error("expected an authority of the trusted root that was valid at {0}, found none")]
    NoAuthority(Timestamp),
    /// The signature is older than the certificate.
    #[error("expected a signature from {not_before} on, found one of {found}")]
    NotYetValid {
        /// The first moment of the certificate.
        not_before: Timestamp,
        /// A time of signing.
        found: Timestamp,
    },
    /// The signature is younger than the certificate.
    #[error("expected a signature until {not_after}, found one of {found}")]
    Expired {
        /// The last moment of the certificate.
        not_after: Timestamp,
        /// A time of signing.
        found: Timestamp,
    },
    /// No certificate log of the trusted root has seen it.
    #[error("expected a signed certificate timestamp of a log of the trusted root, found: {0}")]
    CertificateLog(String),
}

pub(crate) fn hint_text(hint: &Option<String>) -> String {
    hint.as_ref().map(|hint| format!(" (the bundle hints at key {hint})")).unwrap_or_default()
}

//! What a caller asks of an attestation.

use std::fmt;

use jiff::Timestamp;
use supercargo_content::Digest;

use crate::{PredicateType, PublicKey};

/// What must hold for an attestation to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Who must have signed.
    pub signer: ExpectedSigner,
    /// The predicate type that is wanted; `None` takes any.
    pub predicate_type: Option<PredicateType>,
    /// What the subjects beside the wanted one may be.
    pub other_subjects: OtherSubjects,
    /// How much evidence of log and time is needed.
    pub evidence: EvidenceNeeded,
    /// The time of checking. Nothing may come from later, and it stands in for the time of signing where
    /// nobody vouches for that.
    pub now: Timestamp,
}

/// Who must have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectedSigner {
    /// One of these keys.
    Keys(Vec<PublicKey>),
    /// A certificate for this identity, given out on the word of this issuer.
    Identity {
        /// The subject of the certificate.
        identity: TextRule,
        /// The issuer of the identity token.
        issuer: TextRule,
    },
}

/// How a claim of a certificate is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextRule {
    /// Byte for byte.
    Exactly(String),
}

/// What the subjects of a statement beside the wanted one may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherSubjects {
    /// Any: in-toto lets a statement cover many artifacts, and GitHub's do.
    Allowed,
    /// None: each subject is the wanted digest and no other, as in what we sign ourselves.
    Refused,
}

/// How much evidence of log and time is needed. What a bundle carries beyond that is checked as strictly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidenceNeeded {
    /// Entries in different logs.
    pub logs_min: usize,
    /// Timestamps of different authorities.
    pub timestamps_min: usize,
    /// For certificates: a signed certificate timestamp of a log of the trusted root.
    pub certificate_log: bool,
}

impl Policy {
    /// Signed by one of `keys`; neither log nor timestamp is needed, so that it works without any service.
    pub fn keys(keys: Vec<PublicKey>, now: Timestamp) -> Self {
        let evidence = EvidenceNeeded { logs_min: 0, timestamps_min: 0, certificate_log: true };
        Self::new(ExpectedSigner::Keys(keys), evidence, now)
    }

    /// Signed with a certificate for exactly `identity` from exactly `issuer`; a log entry is needed.
    pub fn identity(identity: impl Into<String>, issuer: impl Into<String>, now: Timestamp) -> Self {
        let (identity, issuer) = (TextRule::Exactly(identity.into()), TextRule::Exactly(issuer.into()));
        let evidence = EvidenceNeeded { logs_min: 1, timestamps_min: 0, certificate_log: true };
        Self::new(ExpectedSigner::Identity { identity, issuer }, evidence, now)
    }

    /// Of this predicate type only.
    #[must_use]
    pub fn predicate_type(mut self, predicate_type: PredicateType) -> Self {
        self.predicate_type = Some(predicate_type);
        self
    }

    /// With this much evidence.
    #[must_use]
    pub fn evidence(mut self, evidence: EvidenceNeeded) -> Self {
        self.evidence = evidence;
        self
    }

    /// With this rule for further subjects.
    #[must_use]
    pub fn other_subjects(mut self, rule: OtherSubjects) -> Self {
        self.other_subjects = rule;
        self
    }

    fn new(signer: ExpectedSigner, evidence: EvidenceNeeded, now: Timestamp) -> Self {
        Self { signer, predicate_type: None, other_subjects: OtherSubjects::Allowed, evidence, now }
    }
}

impl TextRule {
    pub(crate) fn admits(&self, found: &str) -> bool {
        match self {
            Self::Exactly(expected) => expected == found,
        }
    }
}

impl fmt::Display for TextRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(text) => f.write_str(text),
        }
    }
}

/// What the signature or the statement is about.
#[derive(Debug, Clone, Copy)]
pub enum Artifact<'a> {
    /// Something known by its digest, such as an image manifest.
    Digest(&'a Digest),
    /// The bytes themselves. Needed only for Ed25519 signatures over a file.
    Bytes(&'a [u8]),
}

impl Artifact<'_> {
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Digest(digest) => (*digest).clone(),
            Self::Bytes(bytes) => Digest::sha256_of(bytes),
        }
    }
}

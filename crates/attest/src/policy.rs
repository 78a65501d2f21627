//! What a caller asks of an attestation.

use jiff::Timestamp;
use supercargo_content::{Algorithm, Digest, Hasher};

use crate::{PredicateType, PublicKey, Statement, TextRule, TrustedKey};

/// What must hold for an attestation to be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Who may have signed: any one of these. How many different ones are needed is asked of several
    /// attestations together, not of one.
    pub signers: Vec<ExpectedSigner>,
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

/// Who may have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectedSigner {
    /// This key, in its time.
    Key(TrustedKey),
    /// A certificate for this identity, given out on the word of this issuer.
    Identity {
        /// The subject of the certificate.
        identity: TextRule,
        /// The issuer of the identity token.
        issuer: TextRule,
    },
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
    /// The same for signatures by keys, where that differs.
    pub key_logs_min: Option<usize>,
    /// Timestamps of different authorities.
    pub timestamps_min: usize,
    /// For certificates: a signed certificate timestamp of a log of the trusted root.
    pub certificate_log: bool,
}

impl EvidenceNeeded {
    /// What Sigstore's public-good instance gives: for certificates an entry in a log and the word of a certificate
    /// log; for keys nothing, so that they work without any service.
    pub const USUAL: Self =
        Self { logs_min: 1, key_logs_min: Some(0), timestamps_min: 0, certificate_log: true };
    /// What keys need: nothing.
    pub const KEYS: Self = Self { logs_min: 0, key_logs_min: None, ..Self::USUAL };
}

impl Policy {
    /// Signed by one of `keys`; neither log nor timestamp is needed, so that it works without any service.
    pub fn keys(keys: Vec<PublicKey>, now: Timestamp) -> Self {
        let signer = |key| ExpectedSigner::Key(TrustedKey::always(key));
        Self::signers(keys.into_iter().map(signer).collect(), now).evidence(EvidenceNeeded::KEYS)
    }

    /// Signed with a certificate for exactly `identity` from exactly `issuer`; a log entry is needed.
    pub fn identity(identity: impl Into<String>, issuer: impl Into<String>, now: Timestamp) -> Self {
        let (identity, issuer) = (TextRule::Exactly(identity.into()), TextRule::Exactly(issuer.into()));
        Self::signers(vec![ExpectedSigner::Identity { identity, issuer }], now)
    }

    /// Signed by any one of `signers`, with the usual evidence.
    pub fn signers(signers: Vec<ExpectedSigner>, now: Timestamp) -> Self {
        let (predicate_type, other_subjects) = (None, OtherSubjects::Allowed);
        Self { signers, predicate_type, other_subjects, evidence: EvidenceNeeded::USUAL, now }
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

    pub(crate) fn trusted_keys(&self) -> impl Iterator<Item = &TrustedKey> {
        self.signers.iter().filter_map(|signer| match signer {
            ExpectedSigner::Key(key) => Some(key),
            ExpectedSigner::Identity { .. } => None,
        })
    }

    /// Identity and issuer of every holder of a certificate who may have signed.
    pub(crate) fn identities(&self) -> impl Iterator<Item = (&TextRule, &TextRule)> {
        self.signers.iter().filter_map(|signer| match signer {
            ExpectedSigner::Identity { identity, issuer } => Some((identity, issuer)),
            ExpectedSigner::Key(_) => None,
        })
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

    /// The digest under which a statement is about it; the first of the digests where it is not.
    pub(crate) fn digest_in(&self, statement: &Statement) -> Digest {
        let is_subject = |digest: &Digest| statement.subjects().iter().any(|subject| subject.is(digest));
        let usual = self.digest();
        match self {
            Self::Bytes(bytes) if !is_subject(&usual) => {
                let mut hasher = Hasher::new(Algorithm::Sha512);
                hasher.update(bytes);
                Some(hasher.finish()).filter(is_subject).unwrap_or(usual)
            }
            _ => usual,
        }
    }
}

//! Policy files: which attestations an image must have, signed by whom, how fresh, and saying what.

use jiff::{SignedDuration, Timestamp};

use crate::policy_wire;
use crate::sbom_rules::SbomRules;
use crate::slsa_rules::SlsaRules;
use crate::{
    EvidenceNeeded, ExpectedSigner, KeySetError, OtherSubjects, PatternError, Policy, PolicyReason,
    PredicateType, PredicateTypeError, Report, Statement,
};

/// A policy: every requirement must be met. Its TOML is described by `schemas/policy.schema.json`.
///
/// ```
/// use supercargo_attest::PolicyFile;
///
/// let policy = PolicyFile::read(r#"
///     [[require]]
///     name = "sbom"
///     type = "cyclonedx"
///     max-age = "90d"
///     signer = [{ identity = "release@example.org", issuer = "https://accounts.example.org" }]
///     sbom = { denied-licences = ["AGPL-*"], required-fields = ["version", "purl"] }
/// "#)?;
/// assert_eq!(policy.requirements[0].name, "sbom");
/// # Ok::<(), supercargo_attest::PolicyFileError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFile {
    /// What must hold, in the order of the file; at least one.
    pub requirements: Vec<Requirement>,
}

/// One kind of attestation that must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// What people call it; unique in the file.
    pub name: String,
    /// The predicate type.
    pub predicate_type: PredicateType,
    /// Who may have signed.
    pub signers: Vec<ExpectedSigner>,
    /// How many different ones of them are needed.
    pub threshold: usize,
    /// Which of several attestations must satisfy it.
    pub which: Which,
    /// How long ago the signature may have been made; it needs a trusted time then.
    pub max_age: Option<SignedDuration>,
    /// What the subjects beside the image may be.
    pub other_subjects: OtherSubjects,
    /// How much evidence of log and time is needed.
    pub evidence: EvidenceNeeded,
    /// Rules for provenance.
    pub slsa: Option<SlsaRules>,
    /// Rules for SBOMs.
    pub sbom: Option<SbomRules>,
}

/// Which of several attestations of one type must satisfy a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one with the latest trusted time of signing, of those whose signature passes.
    Newest,
    /// Every one that is there, whoever signed it.
    All,
    /// At least one.
    Any,
}

impl PolicyFile {
    /// The longest policy file, in bytes.
    pub const BYTES_MAX: usize = 1024 * 1_024;
    /// The largest number of requirements.
    pub const REQUIREMENTS_MAX: usize = 256;

    /// Reads a policy; what is not understood is an error.
    pub fn read(toml: &str) -> Result<Self, PolicyFileError> {
        if toml.len() > Self::BYTES_MAX {
            return Err(PolicyFileError::TooLong { max: Self::BYTES_MAX });
        }
        policy_wire::read(toml)
    }
}

impl Requirement {
    /// The signatures that it asks for, checked at `now`.
    pub fn policy(&self, now: Timestamp) -> Policy {
        Policy::signers(self.signers.clone(), now)
            .evidence(self.evidence)
            .other_subjects(self.other_subjects)
            .predicate_type(self.predicate_type.clone())
    }

    /// Everything that a statement lacks whose signature has been verified; nothing when it satisfies the rules.
    pub fn check(&self, statement: &Statement, report: &Report, now: Timestamp) -> Vec<PolicyReason> {
        let mut reasons = Vec::new();
        if let Some(max_age) = self.max_age {
            reasons.extend(too_old(report, max_age, now));
        }
        if let Some(rules) = &self.slsa {
            reasons.extend(rules.check(statement));
        }
        if let Some(rules) = &self.sbom {
            reasons.extend(rules.check(statement));
        }
        reasons
    }
}

fn too_old(report: &Report, max_age: SignedDuration, now: Timestamp) -> Option<PolicyReason> {
    let Some(&signed) = report.times.first() else { return Some(PolicyReason::NoSigningTime { max_age }) };
    let age = now.duration_since(signed);
    (age > max_age).then_some(PolicyReason::TooOld { max_age, signed })
}

/// Why a file is not a policy that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileError {
    /// Longer than the limit.
    #[error("longer than the limit of {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// No TOML of the right shape.
    #[error("not a policy: {0}")]
    Toml(String),
    /// No requirement, or too many.
    #[error("expected 1 to {max} requirements, found {found}")]
    Count {
        /// The limit.
        max: usize,
        /// How many there are.
        found: usize,
    },
    /// Two requirements share a name.
    #[error("two requirements are named `{name}`")]
    Name {
        /// The name.
        name: String,
    },
    /// A predicate type cannot be read.
    #[error("requirement `{name}`: {source}")]
    PredicateType {
        /// The requirement.
        name: String,
        /// The cause.
        source: PredicateTypeError,
    },
    /// A signer is neither a key nor an identity with its issuer.
    #[error(
        "requirement `{name}`: expected each signer to be a `key`, or an `identity` with its `issuer`; {detail}"
    )]
    Signer {
        /// The requirement.
        name: String,
        /// What is wrong.
        detail: &'static str,
    },
    /// A key cannot be used.
    #[error("requirement `{name}`: {source}")]
    Key {
        /// The requirement.
        name: String,
        /// The cause.
        source: KeySetError,
    },
    /// A pattern cannot be used.
    #[error("requirement `{name}`: {source}")]
    Pattern {
        /// The requirement.
        name: String,
        /// The cause.
        source: PatternError,
    },
    /// More signers are needed than are named.
    #[error("requirement `{name}`: a threshold of {threshold} can never be met by {signers} signers")]
    Threshold {
        /// The requirement.
        name: String,
        /// How many are needed.
        threshold: usize,
        /// How many are named.
        signers: usize,
    },
    /// An age cannot be read.
    #[error("requirement `{name}`: `{found}` is not an age, such as `12h` or `90d`")]
    Age {
        /// The requirement.
        name: String,
        /// What stands there.
        found: String,
    },
    /// Rules that do not fit the predicate type.
    #[error("requirement `{name}`: `{rules}` rules say nothing about {predicate_type}")]
    Rules {
        /// The requirement.
        name: String,
        /// `slsa` or `sbom`.
        rules: &'static str,
        /// The predicate type.
        predicate_type: PredicateType,
    },
}

#[cfg(test)]
#[path = "policy_file_tests.rs"]
mod tests;

//! Policy files: which attestations an image must have, signed by whom, how fresh, and saying what.

use jiff::{SignedDuration, Timestamp};
use supercargo_content::Digest;

use crate::expression_input::Input;
use crate::sbom_rules::SbomRules;
use crate::slsa_rules::SlsaRules;
use crate::{
    EvidenceNeeded, ExpectedSigner, Expression, OtherSubjects, Policy, PolicyFileError, PolicyReason,
    PredicateType, RegoModule, Report, Statement, SummaryRules, policy_wire,
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
    /// The name that it gives itself, a URI; verification summaries carry it.
    pub uri: Option<String>,
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The verification summary that is accepted in place of all requirements.
    pub accept_summary: Option<Requirement>,
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
    /// Rules for verification summaries.
    pub summary: Option<SummaryRules>,
    /// Expressions that must be true.
    pub expressions: Vec<Expression>,
    /// Modules that must not refuse.
    pub rego: Vec<RegoModule>,
}

/// Which of several attestations of one type must satisfy a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one with the latest trusted time of signing, of those whose signature passes. Where several are without a
    /// trusted time, none can be told to be older, and each must. Of verification summaries it is the one that was
    /// verified last.
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
        if let Some(rules) = &self.summary {
            reasons.extend(rules.check(statement, now).into_iter().map(PolicyReason::Summary));
        }
        if !self.expressions.is_empty() || !self.rego.is_empty() {
            reasons.extend(self.programs(&Input::new(statement, report, now)));
        }
        reasons
    }

    fn programs(&self, input: &Input<'_>) -> Vec<PolicyReason> {
        let untrue = |rule: &Expression| {
            let reason = rule.check(input)?;
            Some(PolicyReason::Expression { rule: rule.name.clone(), reason })
        };
        let mut reasons: Vec<_> = self.expressions.iter().filter_map(untrue).collect();
        for module in &self.rego {
            let refused = module.check(input).into_iter();
            reasons.extend(refused.map(|reason| PolicyReason::Rego { rule: module.name.clone(), reason }));
        }
        reasons
    }

    /// Which of two attestations is the newer: it compares greater. An attestation that concerns the requirement less
    /// than another, such as a verification summary of another policy, is older than any that does.
    pub fn rank(&self, statement: &Statement, report: &Report) -> (bool, Option<Timestamp>) {
        match &self.summary {
            Some(rules) => rules.rank(statement),
            None => (true, report.times.first().copied()),
        }
    }

    /// The level of the build track that a statement with a trusted builder shows; `None` when that is not asked.
    pub fn build_level(&self, statement: &Statement) -> Option<u8> {
        self.slsa.as_ref()?.level_of(statement)
    }
}

fn too_old(report: &Report, max_age: SignedDuration, now: Timestamp) -> Option<PolicyReason> {
    let Some(&signed) = report.times.first() else { return Some(PolicyReason::NoSigningTime { max_age }) };
    let age = now.duration_since(signed);
    (age > max_age).then_some(PolicyReason::TooOld { max_age, signed })
}

#[cfg(test)]
#[path = "policy_file_tests.rs"]
mod tests;

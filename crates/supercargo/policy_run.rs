//! A policy and what hangs on an image → a verdict with every reason.

use std::collections::BTreeSet;

use jiff::Timestamp;
use supercargo_attest::{
    Artifact, Bundle, PolicyFile, PolicyReason, PredicateType, Requirement, SignedBy, Statement, TrustedRoot,
    Verified, VerifyError, Which, examine,
};
use supercargo_content::{Digest, Limits};
use supercargo_image::Image;

use crate::Error;
use crate::carrier::CarrierError;
use crate::verification::{Bundles, each_found};

/// What a policy is checked with.
#[derive(Debug, Clone, Copy)]
pub struct PolicyOptions<'a> {
    /// The authorities and logs to trust.
    pub trusted_root: Option<&'a TrustedRoot>,
    /// The time of checking.
    pub now: Timestamp,
    /// Bounds.
    pub limits: &'a Limits,
}

/// What came of a policy.
#[derive(Debug)]
pub struct PolicyVerdict {
    /// One for each requirement, in the order of the file.
    pub requirements: Vec<RequirementVerdict>,
}

/// What came of one requirement.
#[derive(Debug)]
pub struct RequirementVerdict {
    /// Its name.
    pub name: String,
    /// What satisfies it: the carriers of the attestations.
    pub satisfied_by: Vec<Satisfying>,
    /// Every reason why it is not satisfied; none when it is.
    pub reasons: Vec<RequirementReason>,
}

/// An attestation that satisfies a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Satisfying {
    /// The manifest that carries it; `None` for one from a file.
    pub carrier: Option<Digest>,
    /// Who signed it.
    pub signer: SignedBy,
    /// The earliest trusted time of signing.
    pub time: Option<Timestamp>,
}

/// Why a requirement is not satisfied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequirementReason {
    /// There is no attestation of the type.
    #[error("expected an attestation of type `{expected}`, found {found}")]
    Missing {
        /// The type.
        expected: String,
        /// The types that there are.
        found: String,
    },
    /// An attestation is refused.
    #[error("{}: {error}", place(.carrier))]
    Refused {
        /// The manifest that carries it.
        carrier: Option<Digest>,
        /// The check that failed.
        error: Box<VerifyError>,
    },
    /// An attestation cannot be read.
    #[error("{}: {error}", place(.carrier))]
    Damaged {
        /// The manifest that carries it.
        carrier: Option<Digest>,
        /// The cause.
        error: String,
    },
    /// An attestation with a good signature breaks a rule.
    #[error("{}: {reason}", place(.carrier))]
    Rule {
        /// The manifest that carries it.
        carrier: Option<Digest>,
        /// The rule.
        reason: Box<PolicyReason>,
    },
    /// Fewer different signers than needed.
    #[error("expected {expected} different signers, found {found}")]
    Signers {
        /// How many are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}

fn place(carrier: &Option<Digest>) -> String {
    carrier.as_ref().map_or_else(|| "the bundle given".to_owned(), |digest| format!("attestation {digest}"))
}

impl PolicyVerdict {
    /// Whether every requirement is satisfied.
    pub fn is_satisfied(&self) -> bool {
        self.requirements.iter().all(|requirement| requirement.reasons.is_empty())
    }
}

/// What was found for one requirement. What is refused is not kept, only why: a hostile registry could fill the memory.
#[derive(Default)]
struct Evidence {
    signed: Vec<Signed>,
    refused: Vec<RequirementReason>,
}

/// An attestation whose signature passes.
struct Signed {
    carrier: Option<Digest>,
    statement: Verified<Statement>,
}

/// Checks an image against a policy. Everything that hangs on it is looked at, cosign's older tags too.
pub fn check_policy(
    image: &Image,
    bundles: &Bundles<'_>,
    policy: &PolicyFile,
    options: &PolicyOptions<'_>,
) -> Result<PolicyVerdict, Error> {
    let mut evidence: Vec<Evidence> = policy.requirements.iter().map(|_| Evidence::default()).collect();
    let mut types = BTreeSet::new();
    each_found(image, bundles, options.limits, &mut |found, subject, is_file| {
        if found.bundle.as_ref().is_ok_and(|bundle| !bundle.has_statement()) {
            return;
        }
        let carrier = (!is_file).then_some(found.carrier);
        let claimed = claimed_type(&found.bundle);
        types.extend(claimed.as_ref().map(|claimed| format!("`{claimed}`")));
        for (requirement, evidence) in policy.requirements.iter().zip(&mut evidence) {
            // What cannot be read might be of the type.
            if claimed.as_ref().is_some_and(|claimed| !requirement.predicate_type.admits(claimed)) {
                continue;
            }
            match verify(&found.bundle, subject, requirement, options) {
                Ok(statement) => evidence.signed.push(Signed { carrier: carrier.clone(), statement }),
                Err(Refusal::Check(error)) => {
                    evidence.refused.push(RequirementReason::Refused { carrier: carrier.clone(), error });
                }
                Err(Refusal::Damaged(error)) => {
                    evidence.refused.push(RequirementReason::Damaged { carrier: carrier.clone(), error });
                }
            }
        }
    })?;
    let pairs = policy.requirements.iter().zip(evidence);
    let requirements = pairs.map(|(requirement, evidence)| judge(requirement, evidence, &types, options.now));
    Ok(PolicyVerdict { requirements: requirements.collect() })
}

/// The type that a bundle claims; `None` for what cannot be read.
fn claimed_type(bundle: &Result<Bundle, CarrierError>) -> Option<PredicateType> {
    let statement = bundle.as_ref().ok()?.statement_without_verifying()?.ok()?;
    Some(statement.predicate_type().clone())
}

enum Refusal {
    Check(Box<VerifyError>),
    Damaged(String),
}

fn verify(
    bundle: &Result<Bundle, CarrierError>,
    subject: &Digest,
    requirement: &Requirement,
    options: &PolicyOptions<'_>,
) -> Result<Verified<Statement>, Refusal> {
    let bundle = bundle.as_ref().map_err(|error| Refusal::Damaged(error.to_string()))?;
    let policy = requirement.policy(options.now);
    let (_, outcome) = examine(bundle, Artifact::Digest(subject), &policy, options.trusted_root);
    outcome.and_then(Verified::into_statement).map_err(|error| Refusal::Check(Box::new(error)))
}

fn judge(
    requirement: &Requirement,
    evidence: Evidence,
    types: &BTreeSet<String>,
    now: Timestamp,
) -> RequirementVerdict {
    let mut verdict =
        RequirementVerdict { name: requirement.name.clone(), satisfied_by: Vec::new(), reasons: Vec::new() };
    if evidence.signed.is_empty() && evidence.refused.is_empty() {
        let found = types.iter().cloned().collect::<Vec<_>>().join(", ");
        let found = if found.is_empty() { "none at all".to_owned() } else { found };
        let expected = requirement.predicate_type.uri().to_owned();
        verdict.reasons.push(RequirementReason::Missing { expected, found });
        return verdict;
    }
    weigh(requirement, evidence, now, &mut verdict);
    verdict
}

/// Chooses what counts by the requirement's [`Which`], and checks it.
fn weigh(requirement: &Requirement, evidence: Evidence, now: Timestamp, verdict: &mut RequirementVerdict) {
    let Evidence { mut signed, refused } = evidence;
    // The newest first; those of equal or unknown time stay in the order of their carriers.
    signed.sort_by_key(|one| std::cmp::Reverse(one.statement.report().times.first().copied()));
    if requirement.which == Which::Newest && requirement.threshold == 1 {
        signed.truncate(1);
    }
    let mut broken = Vec::new();
    for one in &signed {
        let reasons = requirement.check(&one.statement, one.statement.report(), now);
        match (reasons.is_empty(), &one.statement.report().signer) {
            (true, Some(signer)) => verdict.satisfied_by.push(one.satisfying(signer)),
            _ => broken.extend(reasons.into_iter().map(|reason| one.reason(reason))),
        }
    }
    let found = different(&verdict.satisfied_by);
    let enough = found >= requirement.threshold;
    match requirement.which {
        Which::Any | Which::Newest if enough => {}
        Which::All if enough && broken.is_empty() && refused.is_empty() => {}
        _ => {
            verdict.reasons.extend(broken);
            verdict.reasons.extend(refused);
            if !enough && (found > 0 || verdict.reasons.is_empty()) {
                let expected = requirement.threshold;
                verdict.reasons.push(RequirementReason::Signers { expected, found });
            }
        }
    }
}

fn different(satisfying: &[Satisfying]) -> usize {
    let mut signers: Vec<&SignedBy> = Vec::new();
    for one in satisfying {
        if !signers.iter().any(|known| known.is_same(&one.signer)) {
            signers.push(&one.signer);
        }
    }
    signers.len()
}

impl Signed {
    fn satisfying(&self, signer: &SignedBy) -> Satisfying {
        let time = self.statement.report().times.first().copied();
        Satisfying { carrier: self.carrier.clone(), signer: signer.clone(), time }
    }

    fn reason(&self, reason: PolicyReason) -> RequirementReason {
        RequirementReason::Rule { carrier: self.carrier.clone(), reason: Box::new(reason) }
    }
}

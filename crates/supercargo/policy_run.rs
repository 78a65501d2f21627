//! A policy and what hangs on an image → a verdict with every reason.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::slice;
use std::sync::Arc;

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
    /// Whether a verification summary may stand in for the requirements, where the policy accepts one. A summary that
    /// is itself to be summed up may not: it would never grow old.
    pub accept_summary: bool,
    /// Bounds.
    pub limits: &'a Limits,
}

/// What came of a policy.
#[derive(Debug)]
pub struct PolicyVerdict {
    /// What came of the verification summary, where the policy accepts one.
    pub summary: Option<RequirementVerdict>,
    /// One for each requirement, in the order of the file; none when the summary stands in for them.
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
    /// The level of its trusted builder, where the requirement asks for one.
    pub build_level: Option<u8>,
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
        error: Arc<CarrierError>,
    },
    /// An attestation with a good signature breaks a rule.
    #[error("{}: {reason}", place(.carrier))]
    Rule {
        /// The manifest that carries it.
        carrier: Option<Digest>,
        /// The rule.
        reason: Box<PolicyReason>,
    },
    /// Several attestations are there, which of them is the newest cannot be told, and one of them breaks a rule.
    #[error(
        "expected to know the newest of {found} attestations, found {untimed} without a trusted time of signing"
    )]
    NewestUnknown {
        /// How many there are.
        found: usize,
        /// How many of them have no trusted time.
        untimed: usize,
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
    /// Whether the summary is accepted, or every requirement satisfied.
    pub fn is_satisfied(&self) -> bool {
        self.is_by_summary() || self.requirements.iter().all(RequirementVerdict::is_satisfied)
    }

    /// Whether a verification summary stands in for the requirements.
    pub fn is_by_summary(&self) -> bool {
        self.summary.as_ref().is_some_and(RequirementVerdict::is_satisfied)
    }
}

impl RequirementVerdict {
    /// Whether there is no reason against it.
    pub fn is_satisfied(&self) -> bool {
        self.reasons.is_empty()
    }
}

impl RequirementReason {
    /// The manifest of the attestation that it is about; the outer `None` when it is about none.
    pub fn carrier(&self) -> Option<Option<&Digest>> {
        match self {
            Self::Refused { carrier, .. } | Self::Damaged { carrier, .. } | Self::Rule { carrier, .. } => {
                Some(carrier.as_ref())
            }
            Self::Missing { .. } | Self::NewestUnknown { .. } | Self::Signers { .. } => None,
        }
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
    let accepted = policy.accept_summary.as_ref().filter(|_| options.accept_summary);
    let summary = match accepted {
        Some(summary) => check_each(image, bundles, slice::from_ref(summary), options)?.pop(),
        None => None,
    };
    let mut verdict = PolicyVerdict { summary, requirements: Vec::new() };
    if !verdict.is_by_summary() {
        verdict.requirements = check_each(image, bundles, &policy.requirements, options)?;
    }
    Ok(verdict)
}

fn check_each(
    image: &Image,
    bundles: &Bundles<'_>,
    requirements: &[Requirement],
    options: &PolicyOptions<'_>,
) -> Result<Vec<RequirementVerdict>, Error> {
    let mut evidence: Vec<Evidence> = requirements.iter().map(|_| Evidence::default()).collect();
    let mut types = BTreeSet::new();
    each_found(image, bundles, options.limits, &mut |found, subject, is_file| {
        if found.bundle.as_ref().is_ok_and(|bundle| !bundle.has_statement()) {
            return;
        }
        let carrier = (!is_file).then_some(found.carrier);
        let bundle = found.bundle.map_err(Arc::new);
        let claimed = claimed_type(&bundle);
        types.extend(claimed.as_ref().map(|claimed| format!("`{claimed}`")));
        for (requirement, evidence) in requirements.iter().zip(&mut evidence) {
            // What cannot be read might be of the type.
            if claimed.as_ref().is_some_and(|claimed| !requirement.predicate_type.admits(claimed)) {
                continue;
            }
            match verify(&bundle, subject, requirement, options) {
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
    let pairs = requirements.iter().zip(evidence);
    Ok(pairs.map(|(requirement, evidence)| judge(requirement, evidence, &types, options.now)).collect())
}

/// The type that a bundle claims; `None` for what cannot be read.
fn claimed_type(bundle: &Result<Bundle, Arc<CarrierError>>) -> Option<PredicateType> {
    let statement = bundle.as_ref().ok()?.statement_without_verifying()?.ok()?;
    Some(statement.predicate_type().clone())
}

enum Refusal {
    Check(Box<VerifyError>),
    Damaged(Arc<CarrierError>),
}

fn verify(
    bundle: &Result<Bundle, Arc<CarrierError>>,
    subject: &Digest,
    requirement: &Requirement,
    options: &PolicyOptions<'_>,
) -> Result<Verified<Statement>, Refusal> {
    let bundle = bundle.as_ref().map_err(|error| Refusal::Damaged(error.clone()))?;
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
    let untimed = order(requirement, &mut signed);
    let candidates = signed.len();
    let mut broken = Vec::new();
    for one in &signed {
        let reasons = requirement.check(&one.statement, one.statement.report(), now);
        match (reasons.is_empty(), &one.statement.report().signer) {
            (true, Some(signer)) => verdict.satisfied_by.push(one.satisfying(signer, requirement)),
            _ => broken.extend(reasons.into_iter().map(|reason| one.reason(reason))),
        }
    }
    let found = different(&verdict.satisfied_by);
    let enough = found >= requirement.threshold;
    let is_satisfied = enough
        && match requirement.which {
            Which::Any => true,
            Which::Newest => requirement.threshold > 1 || broken.is_empty(),
            Which::All => broken.is_empty() && refused.is_empty(),
        };
    if is_satisfied {
        return;
    }
    if untimed > 0 && candidates > 1 {
        verdict.reasons.push(RequirementReason::NewestUnknown { found: candidates, untimed });
    }
    verdict.reasons.extend(broken);
    verdict.reasons.extend(refused);
    if !enough && (found > 0 || verdict.reasons.is_empty()) {
        verdict.reasons.push(RequirementReason::Signers { expected: requirement.threshold, found });
    }
}

/// Puts the newest first, and keeps of the others only those that might be newer still: how many have no time. Those of
/// equal rank stay in the order of their carriers.
fn order(requirement: &Requirement, signed: &mut Vec<Signed>) -> usize {
    let rank = |one: &Signed| requirement.rank(&one.statement, one.statement.report());
    signed.sort_by_cached_key(|one| Reverse(rank(one)));
    if requirement.which != Which::Newest || requirement.threshold > 1 {
        return 0;
    }
    let Some((concerns, _)) = signed.first().map(rank) else { return 0 };
    let mut is_first = true;
    signed.retain(|one| std::mem::take(&mut is_first) || rank(one) == (concerns, None));
    signed.iter().filter(|one| rank(one).1.is_none()).count()
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
    fn satisfying(&self, signer: &SignedBy, requirement: &Requirement) -> Satisfying {
        let time = self.statement.report().times.first().copied();
        let build_level = requirement.build_level(&self.statement);
        Satisfying { carrier: self.carrier.clone(), signer: signer.clone(), time, build_level }
    }

    fn reason(&self, reason: PolicyReason) -> RequirementReason {
        RequirementReason::Rule { carrier: self.carrier.clone(), reason: Box::new(reason) }
    }
}

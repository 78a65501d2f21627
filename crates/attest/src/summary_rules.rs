//! Rules for verification summaries (SLSA v1.2, "How to verify" of a VSA): steps 4 to 7, and how fresh.

use jiff::{SignedDuration, Timestamp};
use supercargo_content::Digest;

use crate::summary::{SummaryError, SummaryResult, VerificationSummary, excerpt};
use crate::{Statement, TextRule};

/// What a verification summary must say. Who may have signed it is the requirement's to say; the pair of signer and
/// verifier is what is trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryRules {
    /// The verifier.
    pub verifier_id: String,
    /// From where the artifact is fetched.
    pub resource_uri: TextRule,
    /// The policies, by digest; any when empty.
    pub policy_digests: Vec<Digest>,
    /// The levels; a higher one of the same track will do.
    pub levels: Vec<String>,
    /// How long ago the verification may have been.
    pub max_age: Option<SignedDuration>,
}

/// A verifier's clock may be ahead of ours by this much.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

impl SummaryRules {
    pub(crate) fn check(&self, statement: &Statement, now: Timestamp) -> Vec<SummaryReason> {
        let summary = match VerificationSummary::read(statement) {
            Ok(summary) => summary,
            Err(error) => return vec![SummaryReason::Unreadable(error)],
        };
        let mut reasons = Vec::new();
        reasons.extend(self.verifier(&summary));
        reasons.extend(self.resource(&summary));
        reasons.extend(self.policy(&summary));
        reasons.extend(result(&summary));
        reasons.extend(self.levels.iter().filter_map(|level| missing(level, &summary)));
        reasons.extend(self.age(&summary, now));
        reasons.extend(version(&summary));
        reasons
    }

    /// Orders summaries: those of this verifier under these policies come last, and of them the newest. A `FAILED` of
    /// today outweighs a `PASSED` of yesterday, and one of another policy outweighs neither.
    pub(crate) fn rank(&self, statement: &Statement) -> (bool, Option<Timestamp>) {
        let Ok(summary) = VerificationSummary::read(statement) else { return (false, None) };
        let concerns = self.verifier(&summary).is_none()
            && self.policy(&summary).is_none()
            && self.resource(&summary).is_none();
        (concerns, summary.time_verified)
    }

    fn verifier(&self, summary: &VerificationSummary) -> Option<SummaryReason> {
        let (expected, found) = (self.verifier_id.clone(), excerpt(&summary.verifier_id));
        (summary.verifier_id != expected).then_some(SummaryReason::Verifier { expected, found })
    }

    fn resource(&self, summary: &VerificationSummary) -> Option<SummaryReason> {
        let (expected, found) = (self.resource_uri.to_string(), excerpt(&summary.resource_uri));
        let admitted = self.resource_uri.admits(&summary.resource_uri);
        (!admitted).then_some(SummaryReason::ResourceUri { expected, found })
    }

    fn policy(&self, summary: &VerificationSummary) -> Option<SummaryReason> {
        if self.policy_digests.is_empty() || self.policy_digests.iter().any(|one| summary.policy.is(one)) {
            return None;
        }
        let expected: Vec<String> = self.policy_digests.iter().map(ToString::to_string).collect();
        Some(SummaryReason::Policy { expected: expected.join(" or "), found: summary.policy.describe() })
    }

    fn age(&self, summary: &VerificationSummary, now: Timestamp) -> Option<SummaryReason> {
        let max_age = self.max_age?;
        let Some(verified) = summary.time_verified else { return Some(SummaryReason::NoTime { max_age }) };
        let age = now.duration_since(verified);
        if age < -AHEAD_MAX {
            return Some(SummaryReason::Future { now, verified });
        }
        (age > max_age).then_some(SummaryReason::TooOld { max_age, verified })
    }
}

fn result(summary: &VerificationSummary) -> Option<SummaryReason> {
    (summary.result != SummaryResult::Passed).then_some(SummaryReason::Result { found: summary.result })
}

fn missing(expected: &str, summary: &VerificationSummary) -> Option<SummaryReason> {
    if summary.verified_levels.iter().any(|found| implies(found, expected)) {
        return None;
    }
    let found: Vec<String> =
        summary.verified_levels.iter().take(16).map(|level| format!("`{}`", excerpt(level))).collect();
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    Some(SummaryReason::Level { expected: expected.to_owned(), found })
}

/// Whether `found` is `expected`, or a higher level of the same track.
fn implies(found: &str, expected: &str) -> bool {
    if found == expected {
        return true;
    }
    let split = |level: &str| {
        let (track, number) = level.strip_prefix("SLSA_")?.rsplit_once("_LEVEL_")?;
        Some((track.to_owned(), number.parse::<u8>().ok()?))
    };
    match (split(found), split(expected)) {
        (Some((track, found)), Some((wanted, expected))) => track == wanted && found >= expected,
        _ => false,
    }
}

/// Minor versions only add; none stands for any of them.
fn version(summary: &VerificationSummary) -> Option<SummaryReason> {
    let found = summary.slsa_version.as_deref()?;
    let minor = found.strip_prefix("1.").is_some_and(|minor| minor.parse::<u16>().is_ok());
    (!minor).then(|| SummaryReason::SlsaVersion { found: excerpt(found) })
}

/// Why a verification summary does not do: one variant per check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryReason {
    /// It cannot be read.
    #[error("verification summary: expected one of SLSA 1, found {0}")]
    Unreadable(SummaryError),
    /// Somebody else verified.
    #[error("verifier: expected `{expected}`, found `{found}`")]
    Verifier {
        /// The verifier asked for.
        expected: String,
        /// The one in the summary.
        found: String,
    },
    /// It was verified as something fetched from elsewhere.
    #[error("resource URI: expected `{expected}`, found `{found}`")]
    ResourceUri {
        /// The URI asked for.
        expected: String,
        /// The one in the summary.
        found: String,
    },
    /// It was verified against another policy.
    #[error("policy digest: expected {expected}, found {found}")]
    Policy {
        /// The digests asked for.
        expected: String,
        /// Those in the summary.
        found: String,
    },
    /// It was refused.
    #[error("verification result: expected PASSED, found {}", found.as_str())]
    Result {
        /// The result.
        found: SummaryResult,
    },
    /// A level was not reached.
    #[error("verified level: expected `{expected}`, found {found}")]
    Level {
        /// The level asked for.
        expected: String,
        /// Those in the summary.
        found: String,
    },
    /// It was verified too long ago.
    #[error(
        "time verified: expected one of the last {}, found {verified}",
        crate::policy_reason::hours(max_age)
    )]
    TooOld {
        /// The largest age.
        max_age: SignedDuration,
        /// When it was verified.
        verified: Timestamp,
    },
    /// It does not say when it was verified.
    #[error("time verified: expected one of the last {}, found none", crate::policy_reason::hours(max_age))]
    NoTime {
        /// The largest age.
        max_age: SignedDuration,
    },
    /// It was verified in the future.
    #[error("time verified: expected one before {now}, found {verified}")]
    Future {
        /// The time of checking.
        now: Timestamp,
        /// The time in the summary.
        verified: Timestamp,
    },
    /// It is of another version of SLSA.
    #[error("SLSA version: expected 1.x, found `{found}`")]
    SlsaVersion {
        /// The version.
        found: String,
    },
}

impl SummaryReason {
    /// The rule, in lowercase words.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "predicate",
            Self::Verifier { .. } => "verifier",
            Self::ResourceUri { .. } => "resource uri",
            Self::Policy { .. } => "policy digest",
            Self::Result { .. } => "verification result",
            Self::Level { .. } => "verified level",
            Self::TooOld { .. } | Self::NoTime { .. } | Self::Future { .. } => "time verified",
            Self::SlsaVersion { .. } => "slsa version",
        }
    }
}

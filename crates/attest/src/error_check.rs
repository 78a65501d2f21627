//! The failed check as a row of a report: which one, what was expected and what found.

use crate::error::{CertificateError, hint_text};
use crate::{Check, CheckName, CheckState, VerifyError};

impl VerifyError {
    /// The check that failed.
    pub fn check(&self) -> CheckName {
        match self {
            Self::Bundle(_) => CheckName::Bundle,
            Self::Statement(_) | Self::NoStatement | Self::PayloadType { .. } => CheckName::Statement,
            Self::Signer { .. } => CheckName::Signer,
            Self::Signature { .. } | Self::ArtifactBytesNeeded { .. } => CheckName::Signature,
            Self::Timestamp { .. } | Self::TimestampWindow { .. } | Self::TimestampsTooFew { .. } => {
                CheckName::Timestamp
            }
            Self::NoTrustedTime => CheckName::SigningTime,
            Self::TrustedRootMissing { check, .. } => *check,
            Self::LogPromise { .. } | Self::TimeInFuture { .. } => CheckName::LogPromise,
            Self::LogProofMissing { .. } | Self::LogInclusion { .. } => CheckName::LogProof,
            Self::LogCheckpoint { .. }
            | Self::LogUnknown { .. }
            | Self::LogId { .. }
            | Self::LogOrigin { .. } => CheckName::LogCheckpoint,
            Self::LogEntryMismatch { .. } | Self::LogEntryMalformed { .. } => CheckName::LogEntry,
            Self::LogKeyWindow { .. } | Self::LogsTooFew { .. } => CheckName::Log,
            Self::KeyWindow { .. } => CheckName::KeyValidity,
            Self::Certificate(CertificateError::NotYetValid { .. } | CertificateError::Expired { .. }) => {
                CheckName::CertificateValidity
            }
            Self::Certificate(CertificateError::CertificateLog(_)) => CheckName::CertificateLog,
            Self::Certificate(_) => CheckName::Certificate,
            Self::Identity { .. } => CheckName::Identity,
            Self::Issuer { .. } => CheckName::Issuer,
            Self::MessageDigest { .. } | Self::Subject { .. } | Self::OtherSubject { .. } => {
                CheckName::Subject
            }
            Self::PredicateType { .. } => CheckName::PredicateType,
        }
    }

    /// The check as a row of a report.
    pub fn as_check(&self) -> Check {
        let pair = self.of_evidence().or_else(|| self.of_content());
        let (expected, found) =
            pair.unwrap_or_else(|| ("a bundle that verifies".to_owned(), self.to_string()));
        Check { name: self.check(), expected, found, state: CheckState::Failed }
    }

    /// What was expected and found of logs and timestamps.
    fn of_evidence(&self) -> Pair {
        match self {
            Self::Timestamp { found, .. } => pair("over this signature by a trusted authority", found),
            Self::TimestampWindow { found, .. } => pair("within the authority's validity", found),
            Self::TimestampsTooFew { expected, found } | Self::LogsTooFew { expected, found } => {
                pair(expected, found)
            }
            Self::NoTrustedTime => pair("a trusted time of signing", "none"),
            Self::TimeInFuture { expected, found, .. } => pair(format!("at most {expected}"), found),
            Self::LogProofMissing { index } => {
                pair("a proof in every entry", format!("none in entry {index}"))
            }
            Self::LogInclusion { expected, found, .. }
            | Self::LogCheckpoint { expected, found, .. }
            | Self::LogUnknown { expected, found, .. }
            | Self::LogId { expected, found, .. }
            | Self::LogOrigin { expected, found, .. }
            | Self::LogEntryMismatch { expected, found, .. } => pair(expected, found),
            Self::LogKeyWindow { expected, found, .. } => {
                pair(format!("a log key that was valid: {expected}"), found)
            }
            Self::KeyWindow { key, expected, found } => pair(format!("{key} within {expected}"), found),
            Self::LogPromise { expected, .. } => {
                pair(format!("signed by log {expected}"), "another signature")
            }
            Self::LogEntryMalformed { kind, detail, .. } => pair(kind, detail),
            Self::TrustedRootMissing { .. } => pair("a trusted root", "none"),
            _ => None,
        }
    }

    /// What was expected and found of signer, signature and statement.
    fn of_content(&self) -> Pair {
        let text = |found: &Option<String>| found.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Self::Signer { expected, found } => pair(expected, found),
            Self::Signature { expected, hint } => {
                pair(expected, format!("one that does not verify{}", hint_text(hint)))
            }
            Self::ArtifactBytesNeeded { .. } => pair("the file", "its digest"),
            Self::MessageDigest { expected, found } => pair(expected, found),
            Self::Identity { expected, found } | Self::Issuer { expected, found } => {
                pair(expected.replace("` or `", " or "), text(found))
            }
            Self::Subject { expected, found } | Self::OtherSubject { expected, found } => {
                pair(expected, found)
            }
            Self::PredicateType { expected, found } => pair(expected, found),
            Self::PayloadType { found } => pair("application/vnd.in-toto+json", found),
            Self::NoStatement => pair("an in-toto statement", "a signature over an artifact"),
            Self::Statement(error) => pair("an in-toto statement", error),
            Self::Bundle(error) => pair("a Sigstore bundle", error),
            Self::Certificate(error) => of_certificate(error),
            _ => None,
        }
    }
}

/// Without `expected`, which stands in the column before it.
fn of_certificate(error: &CertificateError) -> Pair {
    match error {
        CertificateError::Malformed(detail) => pair("a certificate", detail),
        CertificateError::Chain(detail) => pair("a chain to an authority of the trusted root", detail),
        CertificateError::NoAuthority(time) => pair(format!("an authority that was valid at {time}"), "none"),
        CertificateError::NotYetValid { not_before, found } => {
            pair(format!("a signature from {not_before} on"), found)
        }
        CertificateError::Expired { not_after, found } => {
            pair(format!("a signature until {not_after}"), found)
        }
        CertificateError::CertificateLog(detail) => {
            pair("a signed certificate timestamp of a log of the trusted root", detail)
        }
    }
}

type Pair = Option<(String, String)>;

fn pair(expected: impl ToString, found: impl ToString) -> Pair {
    Some((expected.to_string(), found.to_string()))
}

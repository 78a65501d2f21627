//! What was checked, for people and for `--json`.

use std::fmt;
use std::ops::Deref;

use jiff::Timestamp;

use crate::{CertificateClaims, MaterialKind, Statement, VerifyError};

/// One thing that was compared, or would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was compared.
    pub name: CheckName,
    /// What was asked for.
    pub expected: String,
    /// What was there, or why nobody looked.
    pub found: String,
    /// What came of it.
    pub state: CheckState,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// Found as expected.
    Passed,
    /// Found otherwise. At most one check of a report.
    Failed,
    /// Not looked at, because an earlier check failed.
    NotReached,
    /// Nothing to look at, and nothing was asked for.
    NotNeeded,
}

/// The checks, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CheckName {
    /// The bundle is well formed and carries no more evidence than allowed.
    Bundle,
    /// It was signed by the kind of signer that is expected.
    Signer,
    /// The signature is the signer's, over these bytes.
    Signature,
    /// Authorities of the trusted root, in their time, vouch for the time of this signature.
    Timestamp,
    /// A log of the trusted root has signed the promise to take the entry, and its time.
    LogPromise,
    /// Somebody trusted vouches for the time of signing.
    SigningTime,
    /// The entry leads to the root hash of the checkpoint.
    LogProof,
    /// A log of the trusted root has signed the checkpoint.
    LogCheckpoint,
    /// Each log entry is about this signature, signer and digest.
    LogEntry,
    /// Enough logs have the signature, and their keys were valid.
    Log,
    /// The key was trusted when the signature was made.
    KeyValidity,
    /// The certificate was valid at the time of signing.
    CertificateValidity,
    /// The certificate chains to an authority of the trusted root, at the time of signing.
    Certificate,
    /// A log of the trusted root has seen the certificate.
    CertificateLog,
    /// The certificate is for an expected identity.
    Identity,
    /// The certificate rests on the word of the expected issuer.
    Issuer,
    /// The payload is a statement of a known version.
    Statement,
    /// The statement, or the signature itself, is about the expected artifact.
    Subject,
    /// The predicate is of the expected type.
    PredicateType,
}

impl CheckName {
    /// Every check, in order.
    pub const ALL: &'static [Self] = &[
        Self::Bundle,
        Self::Signer,
        Self::Signature,
        Self::Timestamp,
        Self::LogPromise,
        Self::SigningTime,
        Self::LogProof,
        Self::LogCheckpoint,
        Self::LogEntry,
        Self::Log,
        Self::KeyValidity,
        Self::CertificateValidity,
        Self::Certificate,
        Self::CertificateLog,
        Self::Identity,
        Self::Issuer,
        Self::Statement,
        Self::Subject,
        Self::PredicateType,
    ];

    /// The name in reports: lowercase words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Signer => "signer",
            Self::Signature => "signature",
            Self::Timestamp => "timestamp",
            Self::LogPromise => "log promise",
            Self::SigningTime => "signing time",
            Self::LogProof => "log proof",
            Self::LogCheckpoint => "log checkpoint",
            Self::Log => "log",
            Self::LogEntry => "log entry",
            Self::KeyValidity => "key validity",
            Self::Certificate => "certificate",
            Self::CertificateValidity => "certificate validity",
            Self::CertificateLog => "certificate log",
            Self::Identity => "identity",
            Self::Issuer => "issuer",
            Self::Statement => "statement",
            Self::Subject => "subject",
            Self::PredicateType => "predicate type",
        }
    }

    /// Whether the check is made for signatures by this kind of signer.
    fn concerns(self, signer: MaterialKind) -> bool {
        match self {
            Self::KeyValidity => signer == MaterialKind::PublicKey,
            Self::Certificate
            | Self::CertificateValidity
            | Self::CertificateLog
            | Self::Identity
            | Self::Issuer => signer == MaterialKind::Certificate,
            _ => true,
        }
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl CheckState {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotReached => "not reached",
            Self::NotNeeded => "not needed",
        }
    }
}

/// Everything that was checked, and what was not and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The checks, in the order of [`CheckName`]; several of one name where there are several entries or
    /// timestamps.
    pub checks: Vec<Check>,
    /// Who signed, as far as that was established.
    pub signer: Option<SignedBy>,
    /// The moments for which log or authority vouch, earliest first.
    pub times: Vec<Timestamp>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// A key, by its fingerprint.
    Key {
        /// The SHA-256 of its SubjectPublicKeyInfo.
        fingerprint: supercargo_content::Digest,
    },
    /// The holder of an identity.
    Identity {
        /// The subject of the certificate.
        identity: String,
        /// The issuer of the identity token.
        issuer: String,
        /// What the certificate says about the build.
        claims: Box<CertificateClaims>,
    },
}

impl SignedBy {
    /// Whether both are the same key, or the same identity of the same issuer.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key { fingerprint: one }, Self::Key { fingerprint: two }) => one == two,
            (
                Self::Identity { identity: one, issuer: by, .. },
                Self::Identity { identity: two, issuer: of, .. },
            ) => one == two && by == of,
            _ => false,
        }
    }
}

impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { fingerprint } => write!(f, "key {fingerprint}"),
            Self::Identity { identity, issuer, .. } => write!(f, "`{identity}` of `{issuer}`"),
        }
    }
}

impl Report {
    /// A report of one failure that was seen before anything else was checked.
    pub fn of_failure(check: Check, signer: MaterialKind) -> Self {
        let failed = check.name;
        let mut report = Self { checks: vec![check], ..Self::default() };
        for &name in CheckName::ALL.iter().filter(|&&name| name != failed && name.concerns(signer)) {
            report.checks.push(not_reached(name, failed));
        }
        report.checks.sort_by_key(|check| check.name);
        report
    }

    /// The check that failed, if one did.
    pub fn failed(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.state == CheckState::Failed)
    }

    pub(crate) fn passed(&mut self, name: CheckName, expected: impl Into<String>, found: impl Into<String>) {
        let (expected, found) = (expected.into(), found.into());
        self.checks.push(Check { name, expected, found, state: CheckState::Passed });
    }

    /// Adds a row for every check that was not made, and puts all in order.
    pub(crate) fn complete(&mut self, signer: MaterialKind) {
        let failed = self.failed().map(|check| check.name);
        for &name in CheckName::ALL.iter().filter(|name| name.concerns(signer)) {
            if self.checks.iter().any(|check| check.name == name) {
                continue;
            }
            self.checks.push(not_made(name, failed));
        }
        self.checks.sort_by_key(|check| check.name);
    }

    /// One line: each check and what was found, `bundle 0.3 · signature by key sha256:… · …`.
    pub fn line(&self) -> String {
        let part = |check: &Check| match check.state {
            CheckState::Passed => Some(format!("{} {}", check.name, check.found)),
            CheckState::Failed => Some(format!(
                "{} NOT as expected: expected {}, found {}",
                check.name, check.expected, check.found
            )),
            CheckState::NotReached | CheckState::NotNeeded => None,
        };
        self.checks.iter().filter_map(part).collect::<Vec<_>>().join(" · ")
    }
}

fn not_made(name: CheckName, failed: Option<CheckName>) -> Check {
    match failed {
        Some(failed) if failed < name => not_reached(name, failed),
        _ => Check {
            name,
            expected: String::new(),
            found: "nothing to check, and nothing was asked for".to_owned(),
            state: CheckState::NotNeeded,
        },
    }
}

fn not_reached(name: CheckName, failed: CheckName) -> Check {
    let found = format!("not reached because the check `{failed}` failed");
    Check { name, expected: String::new(), found, state: CheckState::NotReached }
}

/// Something that passed every check of a policy, with the report of them.
///
/// Only this crate makes one. It dereferences to what was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    report: Report,
}

impl<T> Verified<T> {
    pub(crate) fn new(value: T, report: Report) -> Self {
        Self { value, report }
    }

    /// What was checked.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Gives up the proof and keeps what was verified.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl Verified<Option<Statement>> {
    /// The statement and its proof; the error stands for a bundle that signs the artifact itself.
    pub fn into_statement(self) -> Result<Verified<Statement>, VerifyError> {
        match self.value {
            Some(value) => Ok(Verified { value, report: self.report }),
            None => Err(VerifyError::NoStatement),
        }
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_check_in_order() {
        assert!(CheckName::ALL.is_sorted());
        assert_eq!(CheckName::ALL.len(), CheckName::PredicateType as usize + 1);
    }

    #[test]
    fn what_was_not_reached_says_why() {
        let failed = Check {
            name: CheckName::Log,
            expected: "1".into(),
            found: "0".into(),
            state: CheckState::Failed,
        };
        let mut report = Report { checks: vec![failed.clone()], ..Report::default() };
        report.complete(MaterialKind::Certificate);
        let state = |name: CheckName| report.checks.iter().find(|check| check.name == name).unwrap().state;
        assert_eq!(state(CheckName::Identity), CheckState::NotReached);
        assert_eq!(state(CheckName::Timestamp), CheckState::NotNeeded);
        assert!(report.checks.iter().all(|check| check.name != CheckName::KeyValidity));
        assert_eq!(report.line(), "log NOT as expected: expected 1, found 0");
        let report = Report::of_failure(failed, MaterialKind::PublicKey);
        let not_reached = report.checks.iter().filter(|check| check.state == CheckState::NotReached);
        assert_eq!(not_reached.count() + 1, report.checks.len());
    }
}

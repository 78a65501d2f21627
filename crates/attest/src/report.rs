//! What was checked, for people and for `--json`.

use std::fmt;
use std::ops::Deref;

use jiff::Timestamp;

use crate::{Statement, VerifyError};

/// One thing that was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was compared.
    pub name: CheckName,
    /// What was asked for.
    pub expected: String,
    /// What was there.
    pub found: String,
    /// Whether they agree.
    pub ok: bool,
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
    /// Authorities of the trusted root vouch for the time of signing.
    Timestamp,
    /// Each log entry is in a log of the trusted root, whose key was valid.
    Log,
    /// Each log entry is about this signature.
    LogEntry,
    /// The certificate chains to an authority of the trusted root, at the time of signing.
    Certificate,
    /// A log of the trusted root has seen the certificate.
    CertificateLog,
    /// The certificate is for the expected identity.
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
    /// The name in reports: lowercase words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Signer => "signer",
            Self::Signature => "signature",
            Self::Timestamp => "timestamp",
            Self::Log => "log",
            Self::LogEntry => "log entry",
            Self::Certificate => "certificate",
            Self::CertificateLog => "certificate log",
            Self::Identity => "identity",
            Self::Issuer => "issuer",
            Self::Statement => "statement",
            Self::Subject => "subject",
            Self::PredicateType => "predicate type",
        }
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything that was checked, the failing check last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The checks, in the order in which they were made.
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
    },
}

impl Report {
    pub(crate) fn passed(&mut self, name: CheckName, expected: impl Into<String>, found: impl Into<String>) {
        let (expected, found) = (expected.into(), found.into());
        self.checks.push(Check { name, expected, found, ok: true });
    }

    /// One line: each check and what was found, `bundle 0.3 · signature by key sha256:… · …`.
    pub fn line(&self) -> String {
        let part = |check: &Check| match check.ok {
            true => format!("{} {}", check.name, check.found),
            false => {
                format!("{} NOT as expected: expected {}, found {}", check.name, check.expected, check.found)
            }
        };
        self.checks.iter().map(part).collect::<Vec<_>>().join(" · ")
    }
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

//! The order of the checks. Each is made by us; certificates are handed to `sigstore-verify` as well.

use std::borrow::Cow;

use jiff::Timestamp;
use sigstore_types::TimestampToken;
use supercargo_content::Digest;

use crate::bundle::{Content, Material};
use crate::certificate;
use crate::envelope::IN_TOTO_PAYLOAD_TYPE;
use crate::log::{Logged, hex};
use crate::log_body::{self, Message, Signed};
use crate::policy::{Artifact, ExpectedSigner, OtherSubjects, Policy};
use crate::report::{CheckName, Report, SignedBy, Verified};
use crate::{Bundle, MaterialKind, PublicKey, PublicKeyAlgorithm, Statement, TrustedRoot, VerifyError};

/// Verifies that `bundle` is a statement about `subject` that satisfies `policy`.
///
/// Needs no network. Without `root` only bundles of a key, without log entries and timestamps, can pass.
///
/// The checks are those of Sigstore's client specification, section "Verification", made stricter where the
/// crate documentation says so.
pub fn verify(
    bundle: &Bundle,
    subject: &Digest,
    policy: &Policy,
    root: Option<&TrustedRoot>,
) -> Result<Verified<Statement>, VerifyError> {
    verify_artifact(bundle, Artifact::Digest(subject), policy, root)?.into_statement()
}

/// Verifies a bundle about a file or a digest: a statement about it, or a signature over it (`None`).
pub fn verify_artifact(
    bundle: &Bundle,
    artifact: Artifact<'_>,
    policy: &Policy,
    root: Option<&TrustedRoot>,
) -> Result<Verified<Option<Statement>>, VerifyError> {
    examine(bundle, artifact, policy, root).1
}

/// As [`verify_artifact`], with the report of what was checked even when a check failed; that one is its last.
pub fn examine(
    bundle: &Bundle,
    artifact: Artifact<'_>,
    policy: &Policy,
    root: Option<&TrustedRoot>,
) -> (Report, Result<Verified<Option<Statement>>, VerifyError>) {
    let mut examiner = Examiner { bundle, artifact, policy, root, report: Report::default() };
    let outcome = examiner.run();
    let mut report = examiner.report;
    match outcome {
        Ok(statement) => (report.clone(), Ok(Verified::new(statement, report))),
        Err(error) => {
            report.checks.push(error.as_check());
            (report, Err(error))
        }
    }
}

struct Examiner<'a> {
    bundle: &'a Bundle,
    artifact: Artifact<'a>,
    policy: &'a Policy,
    root: Option<&'a TrustedRoot>,
    report: Report,
}

/// Who signed, once the signature has been checked.
struct Signer<'a> {
    key: PublicKey,
    certificate: Option<&'a [u8]>,
}

impl<'a> Examiner<'a> {
    fn run(&mut self) -> Result<Option<Statement>, VerifyError> {
        let found = format!("{} by {}", self.bundle.version, self.bundle.material());
        self.report.passed(CheckName::Bundle, "0.1 to 0.3", found);
        let message = self.message();
        let signer = self.signer(&message)?;
        let times = self.times()?;
        self.logs(&signer, &message, &times)?;
        let statement = self.subject()?;
        if signer.certificate.is_some() {
            self.certificate(&times)?;
        }
        self.predicate_type(statement.as_ref())?;
        Ok(statement)
    }

    fn message(&self) -> Message<'a> {
        match (&self.bundle.content, self.artifact) {
            (Content::Envelope(envelope), _) => Message::Bytes(Cow::Owned(envelope.signed_bytes())),
            (Content::Message { .. }, Artifact::Bytes(bytes)) => Message::Bytes(Cow::Borrowed(bytes)),
            (Content::Message { .. }, Artifact::Digest(digest)) => Message::Digest(digest.clone()),
        }
    }

    fn signer(&mut self, message: &Message<'_>) -> Result<Signer<'a>, VerifyError> {
        let signature = self.bundle.signature();
        let (signer, name) = match (&self.policy.signer, &self.bundle.material) {
            (ExpectedSigner::Keys(keys), Material::PublicKey { hint }) => {
                let key = keys.iter().find(|key| is_signed_by(key, message, &signature));
                let Some(key) = key else { return Err(no_key_fits(keys, hint, message)) };
                (Signer { key: key.clone(), certificate: None }, key_name(key))
            }
            (ExpectedSigner::Identity { .. }, Material::Certificate { leaf, .. }) => {
                let key = certificate::public_key(leaf)?;
                let name = format!("certificate {}", Digest::sha256_of(leaf));
                if !is_signed_by(&key, message, &signature) {
                    check_algorithm(&key, message)?;
                    return Err(VerifyError::Signature { expected: name, hint: None });
                }
                (Signer { key, certificate: Some(leaf) }, name)
            }
            (expected, _) => {
                let expected = match expected {
                    ExpectedSigner::Keys(_) => MaterialKind::PublicKey,
                    ExpectedSigner::Identity { .. } => MaterialKind::Certificate,
                };
                return Err(VerifyError::Signer { expected, found: self.bundle.material() });
            }
        };
        self.report.passed(CheckName::Signature, name.clone(), format!("by {name}"));
        if signer.certificate.is_none() {
            self.report.signer = Some(SignedBy::Key { fingerprint: signer.key.fingerprint() });
        }
        Ok(signer)
    }

    /// Every moment for which a timestamp or a log vouches; each that is there must be right.
    fn times(&mut self) -> Result<Vec<Timestamp>, VerifyError> {
        let mut times = Vec::new();
        let mut authorities: Vec<String> = Vec::new();
        for (index, token) in self.bundle.timestamps.iter().enumerate() {
            let root = self.root.ok_or(VerifyError::TrustedRootMissing { needed_for: "a timestamp" })?;
            let (time, authority) = self.timestamp(index, token, root)?;
            times.push(time);
            if !authorities.contains(&authority) {
                authorities.push(authority);
            }
        }
        self.count_timestamps(&authorities)?;
        for logged in self.entries() {
            let root = self.root.ok_or(VerifyError::TrustedRootMissing { needed_for: "a log entry" })?;
            times.extend(logged.promised_time(root, self.policy.now)?);
        }
        if times.is_empty() && self.bundle.material() == MaterialKind::Certificate {
            return Err(VerifyError::NoTrustedTime);
        }
        times.sort_unstable();
        self.report.times.clone_from(&times);
        Ok(times)
    }

    fn timestamp(
        &self,
        index: usize,
        token: &[u8],
        root: &TrustedRoot,
    ) -> Result<(Timestamp, String), VerifyError> {
        let (token, signature) = (TimestampToken::from_bytes(token), self.bundle.signature());
        let mut refusal = "no timestamp authority in the trusted root".to_owned();
        let mut outside = None;
        for (name, authority) in root.timestamp_authorities() {
            match sigstore_tsa::verify_timestamp_for_authority(&token, &signature, &authority) {
                Ok(time) => return Ok((time, name)),
                Err(sigstore_tsa::Error::TimestampOutsideValidity { time }) => outside = Some(time),
                Err(error) => refusal = error.to_string(),
            }
        }
        match outside {
            Some(found) => Err(VerifyError::TimestampWindow { index, found }),
            None => Err(VerifyError::Timestamp { index, found: refusal }),
        }
    }

    fn count_timestamps(&mut self, authorities: &[String]) -> Result<(), VerifyError> {
        let (expected, found) = (self.policy.evidence.timestamps_min, authorities.len());
        if found < expected {
            return Err(VerifyError::TimestampsTooFew { expected, found });
        }
        if found > 0 {
            self.report.passed(CheckName::Timestamp, format!("{expected} or more"), authorities.join(", "));
        }
        Ok(())
    }

    fn logs(
        &mut self,
        signer: &Signer<'_>,
        message: &Message<'_>,
        times: &[Timestamp],
    ) -> Result<(), VerifyError> {
        let mut logs: Vec<String> = Vec::new();
        let signature = self.bundle.signature();
        let signed = Signed {
            message,
            payload: self.payload(),
            signature: signature.as_bytes(),
            spki: signer.key.spki(),
            certificate: signer.certificate,
        };
        for logged in self.entries() {
            let root = self.root.ok_or(VerifyError::TrustedRootMissing { needed_for: "a log entry" })?;
            let log = logged.check_inclusion(root, times, self.policy.now)?;
            log_body::check(logged, &signed)?;
            if !logs.contains(&log) {
                logs.push(log);
            }
        }
        let (expected, found) = (self.policy.evidence.logs_min, logs.len());
        if found < expected {
            return Err(VerifyError::LogsTooFew { expected, found });
        }
        if found > 0 {
            self.report.passed(CheckName::Log, format!("{expected} or more"), logs.join(", "));
            self.report.passed(CheckName::LogEntry, "this signature", "this signature");
        }
        Ok(())
    }

    fn subject(&mut self) -> Result<Option<Statement>, VerifyError> {
        let wanted = self.artifact.digest();
        let statement = match &self.bundle.content {
            Content::Message { digest, .. } => {
                self.message_digest(digest.as_ref())?;
                None
            }
            Content::Envelope(envelope) if envelope.payload_type != IN_TOTO_PAYLOAD_TYPE => {
                let found = envelope.payload_type.chars().take(160).collect();
                return Err(VerifyError::PayloadType { found });
            }
            Content::Envelope(envelope) => {
                let statement = Statement::read(envelope.payload.clone())?;
                self.report.passed(CheckName::Statement, "v0.1 or v1", statement.statement_type());
                check_subjects(&statement, &wanted, self.policy.other_subjects)?;
                Some(statement)
            }
        };
        self.report.passed(CheckName::Subject, wanted.to_string(), wanted.to_string());
        Ok(statement)
    }

    /// The digest that the bundle names must be the artifact's, where that can be known.
    fn message_digest(&self, named: Option<&sigstore_types::MessageDigest>) -> Result<(), VerifyError> {
        let Some(named) = named else { return Ok(()) };
        let algorithm = named.algorithm.as_rekor_str().to_owned();
        let expected = self.message().hash(named.algorithm);
        let expected = expected.ok_or(VerifyError::ArtifactBytesNeeded { algorithm })?;
        if expected == named.digest.as_bytes() {
            return Ok(());
        }
        Err(VerifyError::MessageDigest { expected: hex(&expected), found: hex(named.digest.as_bytes()) })
    }

    fn certificate(&mut self, times: &[Timestamp]) -> Result<(), VerifyError> {
        let root = self.root.ok_or(VerifyError::TrustedRootMissing { needed_for: "a certificate" })?;
        let claims = certificate::check(self.bundle, self.artifact, root, self.policy, times)?;
        let window = format!("valid from {} to {}", claims.not_before, claims.not_after);
        self.report.passed(CheckName::Certificate, "an authority of the trusted root", window);
        if self.policy.evidence.certificate_log {
            self.report.passed(CheckName::CertificateLog, "a log of the trusted root", "seen by one");
        }
        let ExpectedSigner::Identity { identity, issuer } = &self.policy.signer else { return Ok(()) };
        if !claims.identity.as_deref().is_some_and(|found| identity.admits(found)) {
            return Err(VerifyError::Identity { expected: identity.clone(), found: claims.identity });
        }
        if !claims.issuer.as_deref().is_some_and(|found| issuer.admits(found)) {
            return Err(VerifyError::Issuer { expected: issuer.clone(), found: claims.issuer });
        }
        let (found, by) = (claims.identity.unwrap_or_default(), claims.issuer.unwrap_or_default());
        self.report.passed(CheckName::Identity, identity.to_string(), found.clone());
        self.report.passed(CheckName::Issuer, issuer.to_string(), by.clone());
        self.report.signer = Some(SignedBy::Identity { identity: found, issuer: by });
        Ok(())
    }

    fn predicate_type(&mut self, statement: Option<&Statement>) -> Result<(), VerifyError> {
        let Some(expected) = &self.policy.predicate_type else { return Ok(()) };
        let found = statement.ok_or(VerifyError::NoStatement)?.predicate_type();
        if !expected.admits(found) {
            return Err(VerifyError::PredicateType { expected: expected.clone(), found: found.clone() });
        }
        self.report.passed(CheckName::PredicateType, expected.uri(), found.uri());
        Ok(())
    }

    fn entries(&self) -> impl Iterator<Item = Logged<'a>> + use<'a> {
        self.bundle.entries.iter().enumerate().map(|(index, entry)| Logged { index, entry })
    }

    fn payload(&self) -> Option<&'a [u8]> {
        match &self.bundle.content {
            Content::Envelope(envelope) => Some(&envelope.payload),
            Content::Message { .. } => None,
        }
    }
}

fn is_signed_by(key: &PublicKey, message: &Message<'_>, signature: &sigstore_types::SignatureBytes) -> bool {
    match message {
        Message::Bytes(bytes) => key.verifies(bytes, signature),
        Message::Digest(digest) => key.verifies_digest(&digest.to_bytes(), signature),
    }
}

fn no_key_fits(keys: &[PublicKey], hint: &str, message: &Message<'_>) -> VerifyError {
    if let Some(error) = keys.iter().find_map(|key| check_algorithm(key, message).err()) {
        return error;
    }
    let expected = keys.iter().map(key_name).collect::<Vec<_>>().join(" or ");
    let hint = (!hint.is_empty()).then(|| hint.chars().take(160).collect());
    VerifyError::Signature { expected, hint }
}

/// Ed25519 signs the message and not its digest.
fn check_algorithm(key: &PublicKey, message: &Message<'_>) -> Result<(), VerifyError> {
    match (key.algorithm(), message) {
        (PublicKeyAlgorithm::Ed25519, Message::Digest(_)) => {
            Err(VerifyError::ArtifactBytesNeeded { algorithm: key.algorithm().to_string() })
        }
        _ => Ok(()),
    }
}

fn key_name(key: &PublicKey) -> String {
    format!("key {}", key.fingerprint())
}

fn check_subjects(statement: &Statement, wanted: &Digest, others: OtherSubjects) -> Result<(), VerifyError> {
    let subjects = statement.subjects();
    if !subjects.iter().any(|subject| subject.is(wanted)) {
        let found: Vec<String> = subjects.iter().take(4).map(|subject| subject.describe()).collect();
        return Err(VerifyError::Subject { expected: wanted.clone(), found: found.join(", ") });
    }
    let alone = |subject: &&crate::Subject| !(subject.is(wanted) && subject.digests.len() == 1);
    match subjects.iter().find(alone).filter(|_| others == OtherSubjects::Refused) {
        Some(other) => Err(VerifyError::OtherSubject { expected: wanted.clone(), found: other.describe() }),
        None => Ok(()),
    }
}

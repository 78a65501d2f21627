//! The order of the checks. Each is made by us.

use jiff::Timestamp;
use sigstore_types::{SignatureBytes, TimestampToken};
use supercargo_content::Digest;

use crate::bundle::{Content, Material};
use crate::certificate;
use crate::envelope::IN_TOTO_PAYLOAD_TYPE;
use crate::log::{Logged, hex};
use crate::log_body::{self, Signed};
use crate::message::Message;
use crate::policy::{Artifact, OtherSubjects, Policy};
use crate::report::{CheckName, Report, SignedBy, Verified};
use crate::{
    Bundle, MaterialKind, PublicKey, PublicKeyAlgorithm, Statement, TrustedKey, TrustedRoot, VerifyError,
    simple_signing,
};

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

/// As [`verify_artifact`], with the report of what was checked even when a check failed.
pub fn examine(
    bundle: &Bundle,
    artifact: Artifact<'_>,
    policy: &Policy,
    root: Option<&TrustedRoot>,
) -> (Report, Result<Verified<Option<Statement>>, VerifyError>) {
    let mut examiner = Examiner { bundle, artifact, policy, root, report: Report::default() };
    let outcome = examiner.run();
    let mut report = examiner.report;
    if let Err(error) = &outcome {
        report.checks.push(error.as_check());
    }
    report.complete(bundle.material());
    let verified = outcome.map(|statement| Verified::new(statement, report.clone()));
    (report, verified)
}

/// One examination under way.
pub(crate) struct Examiner<'a> {
    bundle: &'a Bundle,
    artifact: Artifact<'a>,
    pub(crate) policy: &'a Policy,
    root: Option<&'a TrustedRoot>,
    pub(crate) report: Report,
}

/// Who signed, once the signature has been checked.
enum Signer<'a> {
    Key(&'a TrustedKey),
    Certificate { key: PublicKey, leaf: &'a [u8], intermediates: &'a [Vec<u8>] },
}

impl Signer<'_> {
    fn key(&self) -> &PublicKey {
        match self {
            Self::Key(trusted) => &trusted.key,
            Self::Certificate { key, .. } => key,
        }
    }
}

impl<'a> Examiner<'a> {
    fn run(&mut self) -> Result<Option<Statement>, VerifyError> {
        let found = self.bundle.version().to_string();
        self.report.passed(CheckName::Bundle, "0.1 to 0.3, or cosign's annotations", found);
        let message = self.message();
        let signer = self.signer(&message)?;
        let times = self.times()?;
        self.logs(&signer, &message, &times)?;
        match &signer {
            Signer::Key(trusted) => self.key_window(trusted, &times)?,
            Signer::Certificate { leaf, intermediates, .. } => {
                self.certificate(leaf, intermediates, &times)?;
            }
        }
        let statement = self.subject(&message)?;
        self.predicate_type(statement.as_ref())?;
        Ok(statement)
    }

    fn message(&self) -> Message<'a> {
        match (&self.bundle.content, self.artifact) {
            (Content::Envelope(envelope), _) => Message::of_envelope(envelope),
            (Content::SimpleSigning { payload, .. }, _) => Message::Bytes(payload),
            (Content::Message { .. }, Artifact::Bytes(bytes)) => Message::Bytes(bytes),
            (Content::Message { .. }, Artifact::Digest(digest)) => Message::Digest(digest.clone()),
        }
    }

    fn signer(&mut self, message: &Message<'_>) -> Result<Signer<'a>, VerifyError> {
        let signature = self.bundle.signature();
        match &self.bundle.material {
            Material::PublicKey { hint } => {
                self.kind(self.policy.trusted_keys().next().is_some(), MaterialKind::Certificate)?;
                let signed = |trusted: &&TrustedKey| trusted.key.verifies(message, &signature);
                let trusted = self.policy.trusted_keys().find(signed);
                let trusted = trusted.ok_or_else(|| self.no_key_fits(hint, message))?;
                let found = format!("by {}", trusted.describe());
                self.report.passed(CheckName::Signature, self.expected_keys(), found);
                self.report.signer = Some(SignedBy::Key { fingerprint: trusted.key.fingerprint() });
                Ok(Signer::Key(trusted))
            }
            Material::Certificate { leaf, intermediates } => {
                self.kind(self.policy.identities().next().is_some(), MaterialKind::PublicKey)?;
                let key = certificate::public_key(leaf)?;
                let expected = format!("certificate {}", Digest::sha256_of(leaf));
                if !key.verifies(message, &signature) {
                    check_algorithm(&key, message)?;
                    return Err(VerifyError::Signature { expected, hint: None });
                }
                self.report.passed(CheckName::Signature, expected.clone(), format!("by {expected}"));
                Ok(Signer::Certificate { key, leaf, intermediates })
            }
        }
    }

    /// The bundle's kind of signer must be one that was asked for; `other` is the one that was if not.
    fn kind(&mut self, is_expected: bool, other: MaterialKind) -> Result<(), VerifyError> {
        let found = self.bundle.material();
        if !is_expected {
            return Err(VerifyError::Signer { expected: other, found });
        }
        self.report.passed(CheckName::Signer, found.to_string(), found.to_string());
        Ok(())
    }

    fn expected_keys(&self) -> String {
        let keys = self.policy.trusted_keys().map(TrustedKey::describe);
        keys.collect::<Vec<_>>().join(" or ")
    }

    fn no_key_fits(&self, hint: &str, message: &Message<'_>) -> VerifyError {
        let unusable = |trusted: &TrustedKey| check_algorithm(&trusted.key, message).err();
        if let Some(error) = self.policy.trusted_keys().find_map(unusable) {
            return error;
        }
        let hint = (!hint.is_empty()).then(|| hint.chars().take(160).collect());
        VerifyError::Signature { expected: self.expected_keys(), hint }
    }

    /// Every moment for which a timestamp or a log vouches; each that is there must be right.
    fn times(&mut self) -> Result<Vec<Timestamp>, VerifyError> {
        let mut times = self.timestamps()?;
        for logged in self.entries() {
            let root = self.root_for("a log entry", CheckName::LogPromise)?;
            let Some(promised) = logged.promise(root, self.policy.now)? else { continue };
            let at = promised.time.map_or_else(String::new, |time| format!(" at {time}"));
            let found = format!("signed by `{}`{at}", promised.log.base_url);
            self.report.passed(CheckName::LogPromise, "signed by a log of the trusted root", found);
            times.extend(promised.time);
        }
        times.sort_unstable();
        self.report.times.clone_from(&times);
        let shown = times.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (times.is_empty(), self.bundle.material()) {
            (true, MaterialKind::Certificate) => return Err(VerifyError::NoTrustedTime),
            (true, MaterialKind::PublicKey) => {}
            (false, _) => self.report.passed(CheckName::SigningTime, "a trusted time of signing", shown),
        }
        Ok(times)
    }

    fn timestamps(&mut self) -> Result<Vec<Timestamp>, VerifyError> {
        let mut times = Vec::new();
        let mut authorities: Vec<String> = Vec::new();
        for (index, token) in self.bundle.timestamps.iter().enumerate() {
            let root = self.root_for("a timestamp", CheckName::Timestamp)?;
            let (time, authority) = self.timestamp(index, token, root)?;
            let found = format!("by `{authority}` at {time}");
            self.report.passed(CheckName::Timestamp, "by an authority of the trusted root", found);
            times.push(time);
            if !authorities.contains(&authority) {
                authorities.push(authority);
            }
        }
        let (expected, found) = (self.policy.evidence.timestamps_min, authorities.len());
        if found < expected {
            return Err(VerifyError::TimestampsTooFew { expected, found });
        }
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

    fn logs(
        &mut self,
        signer: &Signer<'_>,
        message: &Message<'_>,
        times: &[Timestamp],
    ) -> Result<(), VerifyError> {
        let mut logs: Vec<&str> = Vec::new();
        let signature = self.bundle.signature();
        for logged in self.entries() {
            let log = self.log_of(logged)?;
            log_body::check(logged, &self.signed(signer, message, &signature))?;
            let found = format!("this signature, as {}", logged.entry.kind);
            self.report.passed(CheckName::LogEntry, "this signature, signer and digest", found);
            logged.check_windows(log, times, self.policy.now)?;
            if !logs.contains(&log.base_url.as_str()) {
                logs.push(&log.base_url);
            }
        }
        let expected = self.logs_needed(signer);
        if logs.len() < expected {
            return Err(VerifyError::LogsTooFew { expected, found: logs.len() });
        }
        if !logs.is_empty() {
            self.report.passed(CheckName::Log, format!("{expected} or more"), logs.join(", "));
        }
        Ok(())
    }

    fn logs_needed(&self, signer: &Signer<'_>) -> usize {
        let evidence = self.policy.evidence;
        match signer {
            Signer::Key(_) => evidence.key_logs_min.unwrap_or(evidence.logs_min),
            Signer::Certificate { .. } => evidence.logs_min,
        }
    }

    /// The log that has the entry: proved, or only promised where the format allows that.
    fn log_of(
        &mut self,
        logged: Logged<'a>,
    ) -> Result<&'a sigstore_trust_root::TransparencyLog, VerifyError> {
        let root = self.root_for("a log entry", CheckName::LogProof)?;
        let Some((proof, checkpoint)) = logged.proof() else {
            let promised = match self.bundle.version.takes_promises() {
                true => logged.promise(root, self.policy.now)?,
                false => None,
            };
            let missing = VerifyError::LogProofMissing { index: logged.index };
            return promised.map(|promised| promised.log).ok_or(missing);
        };
        let proven = logged.check_proof(proof, checkpoint, root)?;
        let (place, log) = (format!("in a tree of {} entries", proven.tree_size), proven.log);
        self.report.passed(CheckName::LogProof, format!("root hash {}", proven.root_hash), place);
        let found = format!("signed by `{}`", log.base_url);
        self.report.passed(CheckName::LogCheckpoint, "signed by a log of the trusted root", found);
        Ok(log)
    }

    fn signed<'s>(
        &'s self,
        signer: &'s Signer<'_>,
        message: &'s Message<'s>,
        signature: &'s SignatureBytes,
    ) -> Signed<'s> {
        let envelope = match &self.bundle.content {
            Content::Envelope(envelope) => Some(envelope),
            Content::Message { .. } | Content::SimpleSigning { .. } => None,
        };
        Signed {
            message,
            payload: envelope.map(|envelope| envelope.payload.as_slice()),
            stored_hash: envelope.and_then(|envelope| envelope.stored_hash.as_deref()),
            signature: signature.as_bytes(),
            spki: signer.key().spki(),
            certificate: match signer {
                Signer::Key(_) => None,
                Signer::Certificate { leaf, .. } => Some(leaf),
            },
        }
    }

    fn key_window(&mut self, trusted: &TrustedKey, times: &[Timestamp]) -> Result<(), VerifyError> {
        let expected = trusted.window;
        let now = [self.policy.now];
        let times = if times.is_empty() { &now } else { times };
        if let Some(&found) = times.iter().find(|&&time| !expected.contains(time)) {
            return Err(VerifyError::KeyWindow { key: trusted.describe(), expected, found });
        }
        let found = times.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if expected.is_bounded() {
            self.report.passed(CheckName::KeyValidity, expected.to_string(), found);
        } else {
            self.report.passed(CheckName::KeyValidity, expected.to_string(), "any time");
        }
        Ok(())
    }

    fn subject(&mut self, message: &Message<'_>) -> Result<Option<Statement>, VerifyError> {
        let statement = match &self.bundle.content {
            Content::Message { digest, .. } => {
                message_digest(message, digest.as_ref())?;
                None
            }
            Content::Envelope(envelope) if envelope.payload_type != IN_TOTO_PAYLOAD_TYPE => {
                let found = envelope.payload_type.chars().take(160).collect();
                return Err(VerifyError::PayloadType { found });
            }
            Content::Envelope(envelope) => Some(Statement::read(envelope.payload.clone())?),
            Content::SimpleSigning { payload, .. } => Some(simple_signing::read(payload.clone())?),
        };
        let wanted = match &statement {
            Some(statement) => {
                self.report.passed(
                    CheckName::Statement,
                    "one of a known version",
                    statement.statement_type(),
                );
                let wanted = self.artifact.digest_in(statement);
                check_subjects(statement, &wanted, self.policy.other_subjects)?;
                wanted
            }
            None => self.artifact.digest(),
        };
        self.report.passed(CheckName::Subject, wanted.to_string(), wanted.to_string());
        Ok(statement)
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

    pub(crate) fn root_for(
        &self,
        needed_for: &'static str,
        check: CheckName,
    ) -> Result<&'a TrustedRoot, VerifyError> {
        self.root.ok_or(VerifyError::TrustedRootMissing { needed_for, check })
    }

    fn entries(&self) -> impl Iterator<Item = Logged<'a>> + use<'a> {
        self.bundle.entries.iter().enumerate().map(|(index, entry)| Logged { index, entry })
    }
}

/// The digest that the bundle names must be the artifact's, where that can be known.
fn message_digest(
    message: &Message<'_>,
    named: Option<&sigstore_types::MessageDigest>,
) -> Result<(), VerifyError> {
    let Some(named) = named else { return Ok(()) };
    let algorithm = named.algorithm.as_rekor_str().to_owned();
    let expected = message.hash(named.algorithm);
    let expected = expected.ok_or(VerifyError::ArtifactBytesNeeded { algorithm })?;
    if expected == named.digest.as_bytes() {
        return Ok(());
    }
    Err(VerifyError::MessageDigest { expected: hex(&expected), found: hex(named.digest.as_bytes()) })
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

//! Whether a log entry is in a log that the caller trusts: proof, checkpoint, promise, key and window.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sigstore_crypto::VerificationKey;
use sigstore_trust_root::TransparencyLog;
use sigstore_types::{Checkpoint, InclusionProof, SignatureBytes};

use crate::entry::LogEntry;
use crate::{TrustedRoot, VerifyError, Window};

/// One entry and its place in the bundle.
#[derive(Clone, Copy)]
pub(crate) struct Logged<'a> {
    pub(crate) index: usize,
    pub(crate) entry: &'a LogEntry,
}

/// A promise that its log has signed.
pub(crate) struct Promised<'r> {
    pub(crate) log: &'r TransparencyLog,
    /// The time that it promises; Rekor v2 promises none.
    pub(crate) time: Option<Timestamp>,
}

/// A proof that leads to a checkpoint which a log of the root has signed.
pub(crate) struct Proven<'r> {
    pub(crate) log: &'r TransparencyLog,
    pub(crate) tree_size: u64,
    pub(crate) root_hash: String,
}

impl<'a> Logged<'a> {
    /// The log's promise of the entry, when there is one: checked, with the time in it.
    pub(crate) fn promise(
        self,
        root: &TrustedRoot,
        now: Timestamp,
    ) -> Result<Option<Promised<'_>>, VerifyError> {
        let Some(promise) = &self.entry.promise else { return Ok(None) };
        let signature = SignatureBytes::from_bytes(promise);
        let log_id = self.entry.log_id.as_slice();
        let log = root.logs().iter().find(|log| log.log_id.key_id.as_bytes() == log_id);
        let signed = log.is_some_and(|log| is_signed_by(log, self.promised_bytes().as_bytes(), &signature));
        let Some(log) = log.filter(|_| signed) else {
            return Err(VerifyError::LogPromise { index: self.index, expected: hex(log_id) });
        };
        let time = self.entry.integrated_time.filter(|_| self.entry.kind.is_rekor_1());
        if let Some(found) = time.filter(|&time| time > now) {
            return Err(VerifyError::TimeInFuture { index: self.index, expected: now, found });
        }
        if let Some(time) = time {
            self.check_window(log, time)?;
        }
        Ok(Some(Promised { log, time }))
    }

    /// The proof and its checkpoint, when there are both.
    pub(crate) fn proof(self) -> Option<(&'a InclusionProof, &'a Checkpoint)> {
        let proof = self.entry.proof.as_ref()?;
        Some((proof, proof.checkpoint.checkpoint()?))
    }

    /// Checks that the proof leads to a checkpoint of a log of the root, and that the entry names that log.
    pub(crate) fn check_proof<'r>(
        self,
        proof: &InclusionProof,
        checkpoint: &Checkpoint,
        root: &'r TrustedRoot,
    ) -> Result<Proven<'r>, VerifyError> {
        self.check_tree(proof, checkpoint)?;
        let log = self.signer_of(checkpoint, root)?;
        self.check_log_id(log)?;
        self.check_origin(log, checkpoint)?;
        let (tree_size, root_hash) = (checkpoint.tree_size(), checkpoint.root_hash().to_hex());
        Ok(Proven { log, tree_size, root_hash })
    }

    /// Checks that the key of the log was valid at all `times`, or at `now` when there are none.
    pub(crate) fn check_windows(
        self,
        log: &TransparencyLog,
        times: &[Timestamp],
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        if times.is_empty() {
            self.check_window(log, now)?;
        }
        times.iter().try_for_each(|&time| self.check_window(log, time))
    }

    /// Rekor v2 leaves the proof's own index, size and root unsigned: the checkpoint's count. Rekor v1 repeats
    /// them, and they must agree.
    fn check_tree(self, proof: &InclusionProof, checkpoint: &Checkpoint) -> Result<(), VerifyError> {
        let (size, root) = (checkpoint.tree_size(), checkpoint.root_hash());
        let leaf = match self.entry.kind.is_rekor_1() {
            true => proof.log_index.get(),
            false => self.entry.log_index,
        };
        if self.entry.kind.is_rekor_1() && (proof.tree_size != size || proof.root_hash != *root) {
            let tree = |size: u64, root: &str| format!("size {size}, root {root}");
            return Err(VerifyError::LogCheckpoint {
                index: self.index,
                expected: tree(size, &root.to_hex()),
                found: tree(proof.tree_size, &proof.root_hash.to_hex()),
            });
        }
        let leaf_hash = sigstore_merkle::hash_leaf(&self.entry.body);
        sigstore_merkle::verify_inclusion_proof(&leaf_hash, leaf, size, &proof.hashes, root).map_err(
            |error| {
                let (expected, found) = (root.to_hex(), error.to_string());
                VerifyError::LogInclusion { index: self.index, expected, found }
            },
        )
    }

    /// The log of the root that signed the checkpoint. A checkpoint may carry signatures of witnesses too.
    fn signer_of<'r>(
        self,
        checkpoint: &Checkpoint,
        root: &'r TrustedRoot,
    ) -> Result<&'r TransparencyLog, VerifyError> {
        let signed = |log: &&TransparencyLog| {
            let hint = log.log_id.key_id.as_bytes().get(..4).unwrap_or_default();
            let mut by_hint = checkpoint.signatures().iter().filter(|sig| sig.key_id.as_slice() == hint);
            by_hint.any(|sig| is_signed_by(log, checkpoint.signed_data(), &sig.signature))
        };
        root.logs().iter().find(signed).ok_or_else(|| {
            let urls: Vec<&str> = root.logs().iter().map(|log| log.base_url.as_str()).collect();
            let expected =
                if urls.is_empty() { "a log (there is none)".to_owned() } else { urls.join(" or ") };
            let found = checkpoint.origin().chars().take(160).collect();
            VerifyError::LogUnknown { index: self.index, expected, found }
        })
    }

    fn check_log_id(self, log: &TransparencyLog) -> Result<(), VerifyError> {
        let (expected, found) = (log.log_id.key_id.as_bytes(), self.entry.log_id.as_slice());
        if expected == found {
            return Ok(());
        }
        Err(VerifyError::LogId { index: self.index, expected: hex(expected), found: hex(found) })
    }

    /// The origin of a Rekor v2 log is the host of its URL, with or without the port (rekor-tiles, CLIENTS.md).
    /// Rekor v1 puts its own host name and a tree there, which need not be the URL's: the key decides.
    fn check_origin(self, log: &TransparencyLog, checkpoint: &Checkpoint) -> Result<(), VerifyError> {
        let authority = log.base_url.split_once("://").map_or(log.base_url.as_str(), |(_, rest)| rest);
        let authority = authority.trim_end_matches('/');
        let origin = checkpoint.origin();
        if self.entry.kind.is_rekor_1() || origin == authority || origin == host_of(authority) {
            return Ok(());
        }
        let (expected, found) = (host_of(authority).to_owned(), origin.chars().take(160).collect());
        Err(VerifyError::LogOrigin { index: self.index, expected, found })
    }

    fn check_window(self, log: &TransparencyLog, time: Timestamp) -> Result<(), VerifyError> {
        let window = Window::of(log.public_key.valid_for.as_ref());
        match window.contains(time) {
            true => Ok(()),
            false => Err(VerifyError::LogKeyWindow { index: self.index, expected: window, found: time }),
        }
    }

    /// Rekor v1's canonical JSON (RFC 8785) of the promise; no value in it needs an escape.
    fn promised_bytes(self) -> String {
        format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            STANDARD.encode(&self.entry.body),
            self.entry.integrated_time.map_or(0, |time| time.as_second()),
            hex(self.entry.log_id.as_slice()),
            self.entry.log_index,
        )
    }
}

fn is_signed_by(log: &TransparencyLog, message: &[u8], signature: &SignatureBytes) -> bool {
    VerificationKey::from_spki(&log.public_key.raw_bytes)
        .is_ok_and(|key| key.verify(message, signature).is_ok())
}

/// `[::1]:80` and `host:80` without the port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |b: &u8| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]];
    bytes.iter().flat_map(digits).map(char::from).collect()
}

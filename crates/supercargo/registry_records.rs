//! Records in a registry, each with a signature that binds its bytes to its key.
//!
//! A record is a manifest under the tag `layer-HEX` or `image-HEX`, where HEX is the record's key. The manifest has two
//! blobs: the record, and a Sigstore bundle of a statement whose subject is the SHA-256 of the record and whose
//! predicate names the key. Whoever can write to the registry can put anything there; only what verifies is used.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use supercargo_attest::{
    Bundle, BundleError, OtherSubjects, Policy, PredicateType, PredicateTypeError, Statement, TrustedRoot,
    VerifyError, verify,
};
use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_image::{
    AttachmentError, Attachments, DocumentError, EMPTY_CONFIG, RegistryReference, parse_manifest,
};
use supercargo_registry::{RegistryAttachments, RegistryClient, RegistryError};
use supercargo_scan::{RECORD_FORMAT, RecordError, RecordKey, RecordLimits, RecordStore, SealedRecord};
use supercargo_signing::SignError;

use crate::Signing;

/// The media type of a record, and the artifact type of the manifest that carries it.
pub const RECORD_MEDIA_TYPE: &str = "application/vnd.supercargo.record.v1";

/// The predicate type of the statement about a record.
pub const RECORD_PREDICATE_TYPE: &str = "urn:supercargo:record:v1";

/// Bytes of the predicate of a record.
const PREDICATE_BYTES_MAX: u64 = 4096;

/// Whose records count.
#[derive(Debug)]
pub struct RecordTrust {
    policy: Policy,
    trusted_root: Option<TrustedRoot>,
    fingerprint: Digest,
}

impl RecordTrust {
    /// Records signed by whom `policy` names. `root_name` tells one trusted root from another, by digest or name.
    ///
    /// # Errors
    /// Never, as long as our own predicate type is one.
    pub fn new(
        policy: Policy,
        trusted_root: Option<TrustedRoot>,
        root_name: &str,
    ) -> Result<Self, PredicateTypeError> {
        let fingerprint = format!("{:?}\n{:?}\n{root_name}", policy.signers, policy.evidence);
        let fingerprint = Digest::sha256_of(fingerprint.as_bytes());
        let predicate_type = PredicateType::from_uri(RECORD_PREDICATE_TYPE)?;
        let policy = policy.predicate_type(predicate_type).other_subjects(OtherSubjects::Refused);
        Ok(Self { policy, trusted_root, fingerprint })
    }
}

/// The records in one repository.
#[derive(Debug)]
pub struct RegistryRecords {
    at: RegistryReference,
    client: RegistryClient,
    store: RegistryAttachments,
    trust: RecordTrust,
    signing: Option<Signing>,
    limits: Limits,
    is_down: AtomicBool,
    notes: Mutex<BTreeSet<String>>,
}

/// Why a record in a registry does not count, or cannot be put there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryRecordError {
    /// The registry failed or refused.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A manifest or blob cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] AttachmentError),
    /// The manifest is damaged.
    #[error("damaged manifest: {0}")]
    Manifest(#[from] DocumentError),
    /// The manifest carries something else.
    #[error("expected a record and its bundle, found {found}")]
    Shape {
        /// The media types of its layers.
        found: String,
    },
    /// The bundle is damaged.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The signature, the signer or the subject is not the expected one.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The statement is about the record of another layer, set of readers or limits.
    #[error("expected a statement about the record {expected}, found one about {found}")]
    Key {
        /// The key that was asked for.
        expected: String,
        /// What the predicate names.
        found: String,
    },
    /// The bytes are not the record of that key.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Nothing was signed.
    #[error("nothing was signed: {0}")]
    Sign(Box<crate::Error>),
}

impl RegistryRecordError {
    /// Whether asking for the next record would fail in the same way.
    fn is_of_the_registry(&self) -> bool {
        matches!(self, Self::Registry(_) | Self::Fetch(_) | Self::Sign(_))
    }
}

impl From<SignError> for RegistryRecordError {
    fn from(error: SignError) -> Self {
        Self::Sign(Box::new(error.into()))
    }
}

impl RegistryRecords {
    pub(crate) fn new(
        at: &RegistryReference,
        client: RegistryClient,
        trust: RecordTrust,
        signing: Option<Signing>,
        limits: &Limits,
    ) -> Result<Self, RegistryError> {
        let store = client.attachments(at)?;
        let (is_down, notes) = (AtomicBool::new(false), Mutex::default());
        Ok(Self { at: at.clone(), client, store, trust, signing, limits: limits.clone(), is_down, notes })
    }

    /// A fingerprint of whose records count.
    pub(crate) fn signers(&self) -> &Digest {
        &self.trust.fingerprint
    }

    /// Whether records are put there too.
    pub(crate) fn is_written(&self) -> bool {
        self.signing.is_some()
    }

    /// Puts a record there if there is none.
    pub(crate) fn offer(&self, key: &RecordKey, record: &SealedRecord) {
        if self.is_written() && !self.is_down() {
            let found = self.store.tagged(&key.to_string());
            if let Some(None) = self.told(key, found.map_err(RegistryRecordError::from)) {
                self.store(key, record);
            }
        }
    }

    pub(crate) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    fn fetch(&self, key: &RecordKey) -> Result<Option<SealedRecord>, RegistryRecordError> {
        let Some(manifest) = self.store.tagged(&key.to_string())? else { return Ok(None) };
        let manifest = parse_manifest(&self.store.fetch(&manifest)?, &self.limits)?;
        let [record, bundle] = manifest.layers.as_slice() else { return Err(shape(&manifest.layers)) };
        if record.media_type.as_str() != RECORD_MEDIA_TYPE
            || bundle.media_type != MediaType::SIGSTORE_BUNDLE_V03
        {
            return Err(shape(&manifest.layers));
        }
        let bytes = self.store.fetch(record)?;
        self.verify(key, &Digest::sha256_of(&bytes), &self.store.fetch(bundle)?)?;
        Ok(Some(SealedRecord::open(bytes, key, &RecordLimits::default())?))
    }

    fn verify(&self, key: &RecordKey, record: &Digest, bundle: &[u8]) -> Result<(), RegistryRecordError> {
        let bundle = Bundle::parse(bundle, &self.limits)?;
        let RecordTrust { policy, trusted_root, .. } = &self.trust;
        let statement = verify(&bundle, record, policy, trusted_root.as_ref())?;
        let (expected, found) = (key.to_string(), named_key(statement.predicate_json()));
        if found == expected { Ok(()) } else { Err(RegistryRecordError::Key { expected, found }) }
    }

    fn push(
        &self,
        key: &RecordKey,
        record: &SealedRecord,
        signing: &Signing,
    ) -> Result<(), RegistryRecordError> {
        let bundle = self.sign(key, record, signing)?;
        let blobs = [
            (MediaType::OCI_EMPTY, EMPTY_CONFIG),
            (MediaType::new(RECORD_MEDIA_TYPE), record.bytes()),
            (MediaType::SIGSTORE_BUNDLE_V03, bundle.as_slice()),
        ];
        let mut descriptors = Vec::new();
        for (media_type, bytes) in blobs {
            let blob = Descriptor::of(media_type, bytes);
            self.client.push_blob(&self.at, &blob, None, &|| Ok(Box::new(Cursor::new(bytes))))?;
            descriptors.push(json!({
                "mediaType": blob.media_type.as_str(), "digest": blob.digest.to_string(), "size": blob.size,
            }));
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST.as_str(),
            "artifactType": RECORD_MEDIA_TYPE,
            "config": descriptors.remove(0),
            "layers": descriptors,
        });
        let at = RegistryReference { digest: None, ..self.at.tagged(key.to_string()) };
        self.client.push_manifest(&at, &MediaType::OCI_MANIFEST, manifest.to_string().into_bytes())?;
        Ok(())
    }

    /// A bundle that binds the bytes to the key: without that, the record of one layer could stand for another.
    fn sign(
        &self,
        key: &RecordKey,
        record: &SealedRecord,
        signing: &Signing,
    ) -> Result<Vec<u8>, RegistryRecordError> {
        let subject = Digest::sha256_of(record.bytes());
        let predicate = json!({"key": key.to_string(), "format": RECORD_FORMAT}).to_string();
        let Some(predicate_type) = &self.trust.policy.predicate_type else {
            return Err(RegistryRecordError::Sign(Box::new(crate::Error::usage("a record has no type"))));
        };
        let subjects = [("record", &subject)];
        let statement =
            Statement::write(&subjects, predicate_type, predicate.as_bytes(), PREDICATE_BYTES_MAX);
        let statement = statement.map_err(SignError::from)?;
        let failed = |error| RegistryRecordError::Sign(Box::new(error));
        let session = signing.open(&self.limits).map_err(failed)?;
        let signed = session.sign(statement, &subject).map_err(|error| failed(error.into()))?;
        Ok(signed.bundle)
    }

    /// The value, or a note. After a failure of the registry itself it is not asked again in this run.
    fn told<T>(&self, key: &RecordKey, outcome: Result<T, RegistryRecordError>) -> Option<T> {
        let error = match outcome {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        let place = self.at.name();
        let note = if error.is_of_the_registry() {
            self.is_down.store(true, Ordering::Relaxed);
            format!("the layer cache {place} is not used any further: {text}")
        } else {
            format!("the record {place}:{key} does not count: {text}")
        };
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(note);
        None
    }
}

impl RecordStore for RegistryRecords {
    fn load(&self, key: &RecordKey) -> Option<SealedRecord> {
        if self.is_down() {
            return None;
        }
        self.told(key, self.fetch(key)).flatten()
    }

    fn store(&self, key: &RecordKey, record: &SealedRecord) {
        if let Some(signing) = self.signing.as_ref().filter(|_| !self.is_down()) {
            self.told(key, self.push(key, record, signing));
        }
    }
}

fn shape(layers: &[Descriptor]) -> RegistryRecordError {
    let types: Vec<&str> = layers.iter().take(8).map(|layer| layer.media_type.as_str()).collect();
    RegistryRecordError::Shape {
        found: if types.is_empty() { "nothing".to_owned() } else { types.join(", ") },
    }
}

/// The key that a predicate names; a text that is no key where it names none.
fn named_key(predicate: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Predicate {
        key: String,
    }
    match serde_json::from_slice::<Predicate>(predicate) {
        Ok(predicate) => predicate.key.chars().take(160).collect(),
        Err(_) => "nothing".to_owned(),
    }
}

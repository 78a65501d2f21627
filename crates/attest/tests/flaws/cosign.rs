//! cosign's older form, signatures and attestations, made here with a key and a log of our own.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use supercargo_attest::{
    Bundle, BundleError, CheckName, EvidenceNeeded, IN_TOTO_PAYLOAD_TYPE, Policy, SIMPLE_SIGNING, Statement,
    TrustedRoot, Verified, VerifyError, pre_authentication_encoding, verify,
};
use supercargo_content::{Digest, Limits};

use super::log::{Log, dsse, hashed_record, intoto, public};
use super::{artifact, now};

type Annotations = BTreeMap<String, String>;

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
/// 2026-01-01.
const TIME: i64 = 1_767_225_600;

struct Signer {
    key: KeyPair,
    log: Log,
}

impl Signer {
    fn new() -> Self {
        Self { key: KeyPair::generate_ecdsa_p256().unwrap(), log: Log::new() }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).unwrap().as_bytes().to_vec()
    }

    /// A layer of the tag `.sig`, logged.
    fn signature(&self, image: &Digest) -> (Vec<u8>, Annotations) {
        let payload = payload(image);
        let signature = self.sign(&payload);
        let body = hashed_record(&payload, &signature, &public(&self.key));
        let annotations = [
            (SIGNATURE.to_owned(), STANDARD.encode(signature)),
            (BUNDLE.to_owned(), self.log.promise(&body, TIME).annotation()),
        ];
        (payload, annotations.into())
    }

    /// A layer of the tag `.att`, not logged yet.
    fn envelope(&self, image: &Digest) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let payload = json!({
            "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://cyclonedx.org/bom",
            "subject": [{"name": "", "digest": {"sha256": image.hex()}}], "predicate": {}
        })
        .to_string()
        .into_bytes();
        let signature = self.sign(&pre_authentication_encoding(IN_TOTO_PAYLOAD_TYPE, &payload));
        let envelope = json!({
            "payloadType": IN_TOTO_PAYLOAD_TYPE, "payload": STANDARD.encode(&payload),
            "signatures": [{"keyid": "", "sig": STANDARD.encode(&signature)}]
        });
        (envelope.to_string().into_bytes(), payload, signature)
    }

    fn attestation(&self, body: &Value) -> Annotations {
        [(BUNDLE.to_owned(), self.log.promise(body, TIME).annotation())].into()
    }

    fn policy(&self) -> Policy {
        let logged = EvidenceNeeded { logs_min: 1, ..EvidenceNeeded::KEYS };
        Policy::keys(vec![public(&self.key)], now()).evidence(logged)
    }

    fn check(&self, bundle: Result<Bundle, BundleError>) -> Result<Verified<Statement>, VerifyError> {
        let root = TrustedRoot::from_json(self.log.root().to_string().as_bytes()).unwrap();
        verify(&bundle?, &artifact(), &self.policy(), Some(&root))
    }
}

fn payload(image: &Digest) -> Vec<u8> {
    json!({"critical": {
        "identity": {"docker-reference": "r.example/app"},
        "image": {"docker-manifest-digest": image.to_string()},
        "type": SIMPLE_SIGNING
    }, "optional": {"team": "a"}})
    .to_string()
    .into_bytes()
}

fn signature(layer: &(Vec<u8>, Annotations)) -> Result<Bundle, BundleError> {
    Bundle::from_cosign_signature(layer.0.clone(), &layer.1, &Limits::default())
}

fn attestation(envelope: &[u8], annotations: &Annotations) -> Result<Bundle, BundleError> {
    Bundle::from_cosign_attestation(envelope, annotations, &Limits::default())
}

#[test]
fn a_signature_passes_by_the_promise_of_its_log() {
    let signer = Signer::new();
    let verified = signer.check(signature(&signer.signature(&artifact()))).unwrap();
    assert_eq!(verified.predicate_json(), br#"{"team":"a"}"#);
    assert_eq!(verified.report().times[0].as_second(), TIME);
    assert!(verified.report().line().contains("log promise signed by `https://log.test` at 2026-01-01"));
}

#[test]
fn every_kind_of_entry_is_bound_to_its_envelope() {
    let signer = Signer::new();
    let key = public(&signer.key);
    let (envelope, payload, signature) = signer.envelope(&artifact());
    let message = pre_authentication_encoding(IN_TOTO_PAYLOAD_TYPE, &payload);
    let other = signer.sign(b"other");
    for (kind, good, bad) in [
        ("intoto 0.0.1", intoto(&envelope, &payload, &key), intoto(b"other", &payload, &key)),
        ("dsse 0.0.1", dsse(&envelope, &payload, &signature, &key), dsse(&envelope, &payload, &other, &key)),
        (
            "hashedrekord",
            hashed_record(&message, &signature, &key),
            hashed_record(b"other", &signature, &key),
        ),
    ] {
        let checked = |body: &Value| signer.check(attestation(&envelope, &signer.attestation(body)));
        let verified = checked(&good).unwrap();
        assert_eq!(verified.predicate_type().uri(), "https://cyclonedx.org/bom", "{kind}");
        assert_eq!(checked(&bad).unwrap_err().check(), CheckName::LogEntry, "{kind}");
    }
    let foreign = public(&KeyPair::generate_ecdsa_p256().unwrap());
    let body = intoto(&envelope, &payload, &foreign);
    let refused = signer.check(attestation(&envelope, &signer.attestation(&body))).unwrap_err();
    assert_eq!(refused.check(), CheckName::LogEntry);
}

#[test]
fn a_promise_counts_where_nothing_better_exists_and_nowhere_else() {
    let signer = Signer::new();
    let key = public(&signer.key);
    let (envelope, payload, signature) = signer.envelope(&artifact());
    let body = dsse(&envelope, &payload, &signature, &key);
    let entry = signer.log.promise(&body, TIME).entry("dsse", "0.0.1");
    let bundle = |media_type: &str| {
        let json = json!({
            "mediaType": media_type,
            "verificationMaterial": {"publicKey": {"hint": key.hint()}, "tlogEntries": [entry]},
            "dsseEnvelope": serde_json::from_slice::<Value>(&envelope).unwrap()
        });
        Bundle::parse(json.to_string().as_bytes(), &Limits::default())
    };
    signer.check(bundle("application/vnd.dev.sigstore.bundle+json;version=0.1")).unwrap();
    for media_type in [
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
    ] {
        let refused = signer.check(bundle(media_type)).unwrap_err();
        assert_eq!(refused, VerifyError::LogProofMissing { index: 0 }, "{media_type}");
    }
}

#[test]
fn a_promise_that_the_log_did_not_make() {
    let signer = Signer::new();
    let layer = signer.signature(&artifact());
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut bundle: Value = serde_json::from_str(&layer.1[BUNDLE]).unwrap();
        change(&mut bundle);
        let mut layer = layer.clone();
        layer.1.insert(BUNDLE.to_owned(), bundle.to_string());
        signer.check(signature(&layer)).unwrap_err()
    };
    let time = changed(&|bundle| bundle["Payload"]["integratedTime"] = json!(TIME + 1));
    assert!(matches!(time, VerifyError::LogPromise { index: 0, .. }), "{time}");
    let index = changed(&|bundle| bundle["Payload"]["logIndex"] = json!(8));
    assert!(matches!(index, VerifyError::LogPromise { index: 0, .. }), "{index}");
    let body = changed(&|bundle| bundle["Payload"]["body"] = json!(STANDARD.encode("{}")));
    assert!(matches!(body, VerifyError::Bundle(BundleError::Annotation { .. })), "{body}");
    let stranger = Signer::new();
    let (payload, annotations) = &layer;
    let sig = STANDARD.decode(&annotations[SIGNATURE]).unwrap();
    let body = hashed_record(payload, &sig, &public(&signer.key));
    let foreign = stranger.log.promise(&body, TIME).annotation();
    let foreign = [(SIGNATURE.to_owned(), annotations[SIGNATURE].clone()), (BUNDLE.to_owned(), foreign)];
    let refused = signer.check(signature(&(payload.clone(), foreign.into()))).unwrap_err();
    assert!(matches!(refused, VerifyError::LogPromise { .. }), "{refused}");
}

#[test]
fn a_promise_from_the_future() {
    let signer = Signer::new();
    let mut layer = signer.signature(&artifact());
    let sig = STANDARD.decode(&layer.1[SIGNATURE]).unwrap();
    let body = hashed_record(&layer.0, &sig, &public(&signer.key));
    let later = now().as_second() + 1;
    layer.1.insert(BUNDLE.to_owned(), signer.log.promise(&body, later).annotation());
    let refused = signer.check(signature(&layer)).unwrap_err();
    assert!(matches!(refused, VerifyError::TimeInFuture { .. }), "{refused}");
}

#[test]
fn a_swapped_entry_a_changed_payload_and_another_image() {
    let signer = Signer::new();
    let (here, other) = (signer.signature(&artifact()), signer.signature(&Digest::sha256_of(b"other")));
    assert_eq!(signer.check(signature(&other)).unwrap_err().check(), CheckName::Subject);
    let mut swapped = here.clone();
    swapped.1.insert(BUNDLE.to_owned(), other.1[BUNDLE].clone());
    assert_eq!(signer.check(signature(&swapped)).unwrap_err().check(), CheckName::LogEntry);
    let mut changed = here.clone();
    changed.0 = payload(&Digest::sha256_of(b"other"));
    assert_eq!(signer.check(signature(&changed)).unwrap_err().check(), CheckName::Signature);
    let mut unlogged = here;
    unlogged.1.remove(BUNDLE);
    assert_eq!(signer.check(signature(&unlogged)).unwrap_err().check(), CheckName::Log);
}

#[test]
fn annotations_that_are_missing_or_damaged() {
    let signer = Signer::new();
    let layer = signer.signature(&artifact());
    for (name, value) in [
        (SIGNATURE, ""),
        (SIGNATURE, "=="),
        (BUNDLE, "{}"),
        (BUNDLE, "["),
        ("dev.sigstore.cosign/certificate", "-----BEGIN CERTIFICATE-----\n!"),
        ("dev.sigstore.cosign/rfc3161timestamp", "{}"),
    ] {
        let mut layer = layer.clone();
        layer.1.insert(name.to_owned(), value.to_owned());
        assert_eq!(signer.check(signature(&layer)).unwrap_err().check(), CheckName::Bundle, "{name}={value}");
    }
    let (envelope, payload, sig) = signer.envelope(&artifact());
    let body = dsse(&envelope, &payload, &sig, &public(&signer.key));
    let mut annotations = signer.attestation(&body);
    annotations.insert(SIGNATURE.to_owned(), STANDARD.encode(&sig));
    assert!(matches!(attestation(&envelope, &annotations), Err(BundleError::Annotation { .. })));
    let mut twice: Value = serde_json::from_slice(&envelope).unwrap();
    twice["signatures"] = json!([{"sig": "AAAA"}, {"sig": "AAAA"}]);
    let refused = attestation(twice.to_string().as_bytes(), &BTreeMap::new());
    assert_eq!(refused, Err(BundleError::Signatures { found: 2 }));
}

#[test]
fn a_certificate_beside_a_trusted_key_is_not_that_key() {
    let signer = Signer::new();
    let mut layer = signer.signature(&artifact());
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    layer.1.insert("dev.sigstore.cosign/certificate".to_owned(), pem.to_owned());
    assert_eq!(signer.check(signature(&layer)).unwrap_err().check(), CheckName::Signer);
}

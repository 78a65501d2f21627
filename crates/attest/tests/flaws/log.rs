//! A log of our own, in the manner of Rekor v1: promises, and what they are about.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use supercargo_attest::PublicKey;
use supercargo_content::Digest;

/// The log.
pub(crate) struct Log {
    key: KeyPair,
}

/// What a log answers: the entry, and its promise.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) body: String,
    pub(crate) time: i64,
    pub(crate) promise: String,
    pub(crate) log_id: Vec<u8>,
}

pub(crate) fn public(key: &KeyPair) -> PublicKey {
    PublicKey::from_spki(key.public_key_der().unwrap().as_bytes()).unwrap()
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { key: KeyPair::generate_ecdsa_p256().unwrap() }
    }

    /// A trusted root that holds this log alone.
    pub(crate) fn root(&self) -> Value {
        let key = public(&self.key);
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": "https://log.test",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(key.spki()),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": {"start": "2021-01-01T00:00:00Z"}
                },
                "logId": {"keyId": STANDARD.encode(key.fingerprint().to_bytes())}
            }],
            "certificateAuthorities": [], "ctlogs": [], "timestampAuthorities": []
        })
    }

    /// Promises an entry.
    pub(crate) fn promise(&self, body: &Value, time: i64) -> Answer {
        let key = public(&self.key);
        let (log_id, body) = (key.fingerprint(), STANDARD.encode(body.to_string()));
        let text =
            format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{}","logIndex":7}}"#, log_id.hex());
        let promise = STANDARD.encode(self.key.sign(text.as_bytes()).unwrap().as_bytes());
        Answer { body, time, promise, log_id: log_id.to_bytes() }
    }
}

impl Answer {
    /// As an annotation of cosign's.
    pub(crate) fn annotation(&self) -> String {
        let log_id = Digest::from_bytes(supercargo_content::Algorithm::Sha256, &self.log_id).unwrap();
        json!({
            "SignedEntryTimestamp": self.promise,
            "Payload": {
                "body": self.body, "integratedTime": self.time, "logIndex": 7, "logID": log_id.hex()
            }
        })
        .to_string()
    }

    /// As an entry of a bundle.
    pub(crate) fn entry(&self, kind: &str, version: &str) -> Value {
        json!({
            "logIndex": "7",
            "logId": {"keyId": STANDARD.encode(&self.log_id)},
            "kindVersion": {"kind": kind, "version": version},
            "integratedTime": self.time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": self.promise},
            "canonicalizedBody": self.body
        })
    }
}

/// An entry of the kind hashedrekord 0.0.1.
pub(crate) fn hashed_record(message: &[u8], signature: &[u8], key: &PublicKey) -> Value {
    json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": Digest::sha256_of(message).hex()}},
        "signature": {
            "content": STANDARD.encode(signature),
            "publicKey": {"content": STANDARD.encode(key.to_pem())}
        }
    }})
}

/// An entry of the kind intoto 0.0.1.
pub(crate) fn intoto(envelope: &[u8], payload: &[u8], key: &PublicKey) -> Value {
    let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": Digest::sha256_of(bytes).hex()});
    json!({"apiVersion": "0.0.1", "kind": "intoto", "spec": {
        "content": {"hash": hash(envelope), "payloadHash": hash(payload)},
        "publicKey": STANDARD.encode(key.to_pem())
    }})
}

/// An entry of the kind dsse 0.0.1.
pub(crate) fn dsse(envelope: &[u8], payload: &[u8], signature: &[u8], key: &PublicKey) -> Value {
    let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": Digest::sha256_of(bytes).hex()});
    json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": hash(envelope), "payloadHash": hash(payload),
        "signatures": [{
            "signature": STANDARD.encode(signature), "verifier": STANDARD.encode(key.to_pem())
        }]
    }})
}

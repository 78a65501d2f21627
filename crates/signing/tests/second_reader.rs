//! The crate `sigstore`, another project than the family that we build on, opens our keys and checks our
//! signatures. Its bundle verifier is not asked: it accepts forged log proofs (ARCHITECTURE.md).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sigstore::crypto::signing_key::SigStoreKeyPair;
use sigstore::crypto::signing_key::ecdsa::ECDSAKeys;
use sigstore::crypto::{CosignVerificationKey, Signature};
use supercargo_attest::{IN_TOTO_PAYLOAD_TYPE, PredicateType, Statement, pre_authentication_encoding};
use supercargo_content::{Digest, Limits};
use supercargo_signing::{HttpOptions, Services, SignOptions, Signer, SigningKey, sign};
use zeroize::Zeroizing;

const PASSWORD: &str = "correct horse";

#[test]
fn it_opens_the_key_file_that_we_write() {
    let files = SigningKey::generate(PASSWORD).unwrap();
    let theirs = SigStoreKeyPair::from_encrypted_pem(files.private_pem.as_bytes(), PASSWORD.as_bytes());
    let public = theirs.unwrap().public_key_to_pem().unwrap();
    assert_eq!(lines(&public), lines(&files.public_pem));
    let wrong = SigStoreKeyPair::from_encrypted_pem(files.private_pem.as_bytes(), b"wrong");
    assert!(wrong.is_err());
}

#[test]
fn we_open_the_key_file_that_it_writes() {
    let theirs = ECDSAKeys::new(sigstore::crypto::signing_key::ecdsa::EllipticCurve::P256).unwrap();
    let theirs = theirs.as_inner();
    let file = theirs.private_key_to_encrypted_pem(PASSWORD.as_bytes()).unwrap();
    let password = || Some(Zeroizing::new(PASSWORD.to_owned()));
    let ours = SigningKey::from_pem(file.as_bytes(), password).unwrap();
    assert_eq!(lines(&ours.public().to_pem()), lines(&theirs.public_key_to_pem().unwrap()));
}

#[test]
fn it_accepts_the_signature_that_we_make_and_no_other() {
    let files = SigningKey::generate(PASSWORD).unwrap();
    let envelope = signed_envelope(&files.private_pem);
    let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let (payload, signature) = (bytes(&envelope["payload"]), bytes(&envelope["signatures"][0]["sig"]));
    let key = CosignVerificationKey::try_from_pem(files.public_pem.as_bytes()).unwrap();
    let message = pre_authentication_encoding(IN_TOTO_PAYLOAD_TYPE, &payload);
    key.verify_signature(Signature::Raw(&signature), &message).unwrap();
    let other = pre_authentication_encoding("text/plain", &payload);
    assert!(key.verify_signature(Signature::Raw(&signature), &other).is_err());
}

/// A PEM file without its line ends, of which there are two kinds.
fn lines(pem: &str) -> Vec<&str> {
    pem.lines().collect()
}

fn signed_envelope(private_pem: &str) -> Value {
    let password = || Some(Zeroizing::new(PASSWORD.to_owned()));
    let signer = Signer::Key(SigningKey::from_pem(private_pem.as_bytes(), password).unwrap());
    let (limits, subject) = (Limits::default(), Digest::sha256_of(b"manifest"));
    let kind: PredicateType = "cyclonedx".parse().unwrap();
    let statement =
        Statement::write(&[("app", &subject)], &kind, b"{}", limits.attachment_bytes_max).unwrap();
    let options = SignOptions {
        services: &Services::none(),
        http: &HttpOptions::default(),
        trusted_root: None,
        limits: &limits,
        now: "2026-11-24T00:00:00Z".parse().unwrap(),
    };
    let signed = sign(statement, &subject, &signer, &options).unwrap();
    let bundle: Value = serde_json::from_slice(&signed.bundle).unwrap();
    bundle["dsseEnvelope"].clone()
}

//! Signatures by other people's keys of every supported kind, made with OpenSSL 3.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use supercargo_attest::{Bundle, Policy, PublicKey, PublicKeyAlgorithm, PublicKeyError, VerifyError, verify};
use supercargo_content::{Digest, Limits};

fn check(key: &[u8], bundle: &[u8]) -> Result<PublicKeyAlgorithm, VerifyError> {
    let key = PublicKey::from_pem(key).unwrap();
    let algorithm = key.algorithm();
    let policy = Policy::keys(vec![key], jiff::Timestamp::UNIX_EPOCH);
    let bundle = Bundle::parse(bundle, &Limits::default())?;
    verify(&bundle, &Digest::sha256_of(b"artifact\n"), &policy, None).map(|_| algorithm)
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/keys/", $name))
    };
}

#[test]
fn every_supported_kind_verifies() {
    let p384 = fixture!("p384.pub");
    assert_eq!(check(p384, fixture!("p384-sha384.json")), Ok(PublicKeyAlgorithm::EcdsaP384));
    assert_eq!(check(p384, fixture!("p384-sha256.json")), Ok(PublicKeyAlgorithm::EcdsaP384));
    assert_eq!(check(fixture!("rsa.pub"), fixture!("rsa-sha256.json")), Ok(PublicKeyAlgorithm::Rsa));
    assert_eq!(check(fixture!("ed25519.pub"), fixture!("ed25519.json")), Ok(PublicKeyAlgorithm::Ed25519));
}

#[test]
fn other_hashes_other_keys_and_short_moduli_are_refused() {
    let refused = |key: &[u8], bundle: &[u8]| check(key, bundle).unwrap_err();
    let rsa = refused(fixture!("rsa.pub"), fixture!("rsa-sha512.json"));
    assert!(matches!(rsa, VerifyError::Signature { .. }), "{rsa}");
    let other = refused(fixture!("p384.pub"), fixture!("ed25519.json"));
    assert!(matches!(other, VerifyError::Signature { .. }), "{other}");
    assert_eq!(PublicKey::from_pem(fixture!("rsa1024.pub")), Err(PublicKeyError::RsaSize));
}

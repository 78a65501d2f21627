//! Key files: what is made can be opened, and nothing hostile costs or reveals anything.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use supercargo_signing::{KeyError, SigningKey};
use zeroize::Zeroizing;

fn password(text: &str) -> impl FnOnce() -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(text.to_owned());
    move || Some(text)
}

fn load(pem: &str) -> Result<SigningKey, KeyError> {
    SigningKey::from_pem(pem.as_bytes(), || None)
}

/// An encrypted file with these parameters of scrypt, and some ciphertext.
fn sealed(tag: &str, params: &str, kdf: &str) -> String {
    let json = format!(
        r#"{{"kdf":{{"name":"{kdf}","params":{params},"salt":"AAAA"}},"cipher":{{"name":"nacl/secretbox","nonce":"{}"}},"ciphertext":"AAAA"}}"#,
        STANDARD.encode([0; 24])
    );
    pem::encode(&pem::Pem::new(tag, json))
}

/// A SEC1 key with the curve named in it and no public part.
fn sec1() -> Vec<u8> {
    let mut der = vec![0x30, 49, 2, 1, 1, 4, 32];
    der.extend(1..=32);
    der.extend([0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    der
}

#[test]
fn a_generated_key_opens_with_its_password_only() {
    for secret in ["pass \u{e9}", ""] {
        let files = SigningKey::generate(secret).unwrap();
        assert!(files.private_pem.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        let key = SigningKey::from_pem(files.private_pem.as_bytes(), password(secret)).unwrap();
        assert_eq!(key.public().to_pem(), files.public_pem);
        let wrong = SigningKey::from_pem(files.private_pem.as_bytes(), password("other"));
        assert_eq!(wrong.unwrap_err(), KeyError::WrongPassword);
        let older = files.private_pem.replace("SIGSTORE", "COSIGN");
        assert!(SigningKey::from_pem(older.as_bytes(), password(secret)).is_ok());
        assert_eq!(load(&files.private_pem).unwrap_err(), KeyError::PasswordNeeded);
    }
}

#[test]
fn a_costly_file_is_refused_before_the_password_is_asked_for() {
    let never = || -> Option<Zeroizing<String>> { panic!("asked for a password") };
    let tag = "ENCRYPTED SIGSTORE PRIVATE KEY";
    for params in [
        r#"{"N":1073741824,"r":8,"p":1}"#,
        r#"{"N":65536,"r":4294967295,"p":1}"#,
        r#"{"N":65536,"r":8,"p":17}"#,
        r#"{"N":65537,"r":8,"p":1}"#,
        r#"{"N":0,"r":8,"p":1}"#,
        r#"{"N":1,"r":8,"p":1}"#,
        r#"{"N":65536,"r":0,"p":1}"#,
        r#"{"N":65536,"r":8,"p":0}"#,
    ] {
        let refused = SigningKey::from_pem(sealed(tag, params, "scrypt").as_bytes(), never).unwrap_err();
        assert!(matches!(refused, KeyError::TooCostly { .. }), "{params}: {refused}");
    }
    let other = SigningKey::from_pem(sealed(tag, r#"{"N":2,"r":8,"p":1}"#, "argon2").as_bytes(), never);
    assert_eq!(other.unwrap_err(), KeyError::Cipher { expected: "scrypt", found: "argon2".to_owned() });
}

#[test]
fn plain_keys_are_read_and_other_kinds_are_named() {
    let sec1 = sec1();
    let ec = pem::encode(&pem::Pem::new("EC PRIVATE KEY", sec1.clone()));
    let from_sec1 = load(&ec).unwrap();
    let with_parameters =
        format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{ec}");
    assert_eq!(load(&with_parameters).unwrap().public(), from_sec1.public());
    let curve = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let pkcs8 = |curve: &[u8]| {
        let mut algorithm = vec![0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
        algorithm.extend_from_slice(curve);
        let mut der = vec![2, 1, 0, 0x30, u8::try_from(algorithm.len()).unwrap()];
        der.extend(algorithm);
        der.extend([4, u8::try_from(sec1.len()).unwrap()]);
        der.extend_from_slice(&sec1);
        let mut whole = vec![0x30, u8::try_from(der.len()).unwrap()];
        whole.extend(der);
        pem::encode(&pem::Pem::new("PRIVATE KEY", whole))
    };
    assert_eq!(load(&pkcs8(&curve)).unwrap().public(), from_sec1.public());
    let refused = load(&pkcs8(&[0x06, 5, 0x2b, 0x81, 4, 0, 0x23])).unwrap_err();
    assert_eq!(refused, KeyError::Unsupported { found: "ECDSA P-521" });
    assert_eq!(load("").unwrap_err(), KeyError::NoBlock);
    for tag in ["PUBLIC KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY", "CERTIFICATE"] {
        let refused = load(&pem::encode(&pem::Pem::new(tag, [1, 2, 3])));
        assert_eq!(refused.unwrap_err(), KeyError::Tag { found: tag.to_owned() });
    }
}

/// A key of each kind that signs, as PKCS#8.
pub(crate) fn of_every_kind() -> Vec<(&'static str, Vec<u8>)> {
    let ec = |algorithm| EcdsaKeyPair::generate(algorithm).unwrap().to_pkcs8v1().unwrap().as_ref().to_vec();
    let rsa = |size| {
        AsDer::<Pkcs8V1Der<'_>>::as_der(&RsaKeyPair::generate(size).unwrap()).unwrap().as_ref().to_vec()
    };
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    vec![
        ("ECDSA P-256", ec(&ECDSA_P256_SHA256_ASN1_SIGNING)),
        ("ECDSA P-384", ec(&ECDSA_P384_SHA384_ASN1_SIGNING)),
        ("RSA", rsa(KeySize::Rsa2048)),
        ("RSA", rsa(KeySize::Rsa3072)),
        ("Ed25519", AsDer::<Pkcs8V1Der<'_>>::as_der(&ed25519).unwrap().as_ref().to_vec()),
    ]
}

#[test]
fn keys_of_every_kind_are_read() {
    for (kind, der) in of_every_kind() {
        let key = load(&pem::encode(&pem::Pem::new("PRIVATE KEY", der))).unwrap();
        assert_eq!(key.public().algorithm().to_string(), kind);
    }
}

#[test]
fn every_truncation_is_an_error() {
    let whole = sec1();
    for length in 0..whole.len() {
        let pem = pem::encode(&pem::Pem::new("EC PRIVATE KEY", &whole[..length]));
        assert!(load(&pem).is_err(), "{length}");
    }
    let file = sealed("ENCRYPTED SIGSTORE PRIVATE KEY", r#"{"N":2,"r":8,"p":1}"#, "scrypt");
    let json = pem::parse(&file).unwrap().into_contents();
    for length in 0..json.len() {
        let pem = pem::encode(&pem::Pem::new("ENCRYPTED SIGSTORE PRIVATE KEY", &json[..length]));
        assert!(SigningKey::from_pem(pem.as_bytes(), password("")).is_err(), "{length}");
    }
}

#[test]
fn a_key_never_shows_itself() {
    let files = SigningKey::generate("").unwrap();
    let key = SigningKey::from_pem(files.private_pem.as_bytes(), password("")).unwrap();
    assert!(format!("{key:?}").starts_with("SigningKey { public: ECDSA P-256 sha256:"));
    assert!(!format!("{files:?}").contains("PRIVATE"));
}

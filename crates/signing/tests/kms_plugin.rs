//! The KMS plugin protocol with a real program on the other side: this one, under another name.
//!
//! Called with `v1` it is the plugin; without, it is the test.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "a plugin answers on stdout")]

use std::io::{Read, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use supercargo_attest::{PredicateType, PublicKey, Statement, VerifyError};
use supercargo_content::{Digest, Limits};
use supercargo_signing::{
    HttpOptions, KeyError, KmsPlugin, Services, SignError, SignOptions, Signer, SigningKey, sign,
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        // Who asked may have stopped reading.
        Some("v1") => {
            drop(writeln!(std::io::stdout(), "{}", plugin(&serde_json::from_str(&arguments[2]).unwrap())))
        }
        _ => test(),
    }
}

/// Holds one key, in the file that the key reference names; some references ask it to misbehave.
fn plugin(document: &Value) -> Value {
    assert_eq!(document["initOptions"]["protocolVersion"], "v1");
    let reference = document["initOptions"]["keyResourceID"].as_str().unwrap();
    let (fault, file) = reference.split_once('@').unwrap();
    let pair = KeyPair::from_pkcs8_der(&std::fs::read(file).unwrap()).unwrap();
    let mut message = Vec::new();
    std::io::stdin().read_to_end(&mut message).unwrap();
    match (fault, document["methodName"].as_str().unwrap()) {
        ("silent", _) => json!({}),
        ("long", _) => json!({ "errorMessage": "x".repeat(2_000_000) }),
        ("refuse", _) => json!({ "errorMessage": "no such key\u{7}" }),
        (_, "publicKey") => {
            let public = PublicKey::from_spki(pair.public_key_der().unwrap().as_bytes()).unwrap();
            json!({ "publicKey": { "publicKeyPEM": STANDARD.encode(public.to_pem()) } })
        }
        (fault, "signMessage") => {
            assert_eq!(document["signMessage"]["signOptions"]["messageOptions"]["hashFunc"], 5);
            if fault == "forge" {
                message.push(0);
            }
            let signature = pair.sign(&message).unwrap();
            json!({ "signMessage": { "signature": STANDARD.encode(signature.as_bytes()) } })
        }
        (_, other) => json!({ "errorMessage": format!("unknown method {other}") }),
    }
}

fn test() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.der");
    let random = aws_lc_rs::rand::SystemRandom::new();
    let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    let pkcs8 = aws_lc_rs::signature::EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    std::fs::write(&key, pkcs8.as_ref()).unwrap();
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), folder.path().join("sigstore-kms-test"))
        .unwrap();

    attempt("honest", folder.path(), &key).unwrap();
    let forged = attempt("forge", folder.path(), &key).unwrap_err();
    assert!(matches!(forged, SignError::Verify(VerifyError::Signature { .. })), "{forged}");
    for (fault, words) in [
        ("refuse", "`sigstore-kms-test` refuses: no such key "),
        ("silent", "gave no public key"),
        ("long", "wrote more than 1048576 bytes"),
    ] {
        let refused = attempt(fault, folder.path(), &key).unwrap_err();
        assert!(matches!(refused, SignError::Key(KeyError::Plugin { .. })), "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
    }
    let nowhere = KmsPlugin::parse("nobody-has-this://x").unwrap();
    let refused = SigningKey::through_plugin(&nowhere).unwrap_err().to_string();
    assert!(refused.contains("`sigstore-kms-nobody-has-this` cannot be run"), "{refused}");
    println!("kms plugin: ok");
}

fn attempt(fault: &str, folder: &Path, key: &Path) -> Result<(), SignError> {
    let plugin = KmsPlugin::parse(&format!("test://{fault}@{}", key.display())).unwrap().in_folder(folder);
    let key = SigningKey::through_plugin(&plugin)?;
    let image = Digest::sha256_of(b"image");
    // Longer than a pipe holds, so that writing and reading must go side by side.
    let predicate = format!("{{\"x\":\"{}\"}}", "y".repeat(300_000));
    let statement =
        Statement::write(&[("app", &image)], &PredicateType::spdx(), predicate.as_bytes(), 1 << 20).unwrap();
    let (services, http, limits) = (Services::none(), HttpOptions::default(), Limits::default());
    let now = jiff::Timestamp::UNIX_EPOCH;
    let options = SignOptions { services: &services, http: &http, trusted_root: None, limits: &limits, now };
    sign(statement, &image, &Signer::Key(key), &options).map(drop)
}

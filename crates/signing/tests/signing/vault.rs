//! A key that a server holds: it signs, and every way in which the server can fail is told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use sigstore_types::Sha256Hash;
use supercargo_attest::{PredicateType, PublicKey, Statement};
use supercargo_content::{Digest, Limits};
use supercargo_signing::{
    Fault, HttpOptions, KeyError, Services, SignError, SignOptions, Signer, SigningKey, VaultTransit, sign,
};
use zeroize::Zeroizing;

use crate::loopback::Server;

fn transit(url: &str) -> VaultTransit {
    VaultTransit {
        address: url.to_owned(),
        token: Zeroizing::new("the-token".to_owned()),
        namespace: Some("team".to_owned()),
        mount: "keys/transit".to_owned(),
        key: "release".to_owned(),
    }
}

fn http() -> HttpOptions {
    HttpOptions { attempts_max: 1, ..HttpOptions::default() }
}

/// A server that holds a P-256 key in its second version.
fn server(answer_to_sign: impl Fn(&KeyPair, &Value) -> (u16, Value) + Send + 'static) -> Server {
    let pair = KeyPair::generate_ecdsa_p256().unwrap();
    let public = PublicKey::from_spki(pair.public_key_der().unwrap().as_bytes()).unwrap().to_pem();
    Server::start(move |head, body| {
        let (status, answer) = if head.starts_with("GET /v1/keys/transit/keys/release ") {
            let keys = json!({ "1": { "public_key": "old" }, "2": { "public_key": public } });
            (200, json!({ "data": { "type": "ecdsa-p256", "latest_version": 2, "keys": keys } }))
        } else if head.starts_with("POST /v1/keys/transit/sign/release ") {
            answer_to_sign(&pair, &serde_json::from_slice(body).unwrap())
        } else {
            (404, json!({ "errors": [] }))
        };
        (status, answer.to_string().into_bytes())
    })
}

fn honest(pair: &KeyPair, request: &Value) -> (u16, Value) {
    assert_eq!((&request["prehashed"], &request["hash_algorithm"]), (&json!(true), &json!("sha2-256")));
    let digest = STANDARD.decode(request["input"].as_str().unwrap()).unwrap();
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    let digest = Sha256Hash::from_hex(&hex).unwrap();
    let signature = pair.sign_digest(&digest).unwrap();
    (200, json!({ "data": { "signature": format!("vault:v2:{}", STANDARD.encode(signature.as_bytes())) } }))
}

fn attempt(server: &Server) -> Result<(), SignError> {
    let key = SigningKey::in_vault(&transit(&server.url), &http())?;
    let image = Digest::sha256_of(b"image");
    let statement = Statement::write(&[("app", &image)], &PredicateType::spdx(), b"{}", 100).unwrap();
    let (services, limits) = (Services::none(), Limits::default());
    let options = SignOptions {
        services: &services,
        http: &http(),
        trusted_root: None,
        limits: &limits,
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    sign(statement, &image, &Signer::Key(key), &options).map(drop)
}

#[test]
fn the_newest_version_of_the_key_signs() {
    let server = server(honest);
    attempt(&server).unwrap();
    for head in server.heads() {
        assert!(
            head.contains("x-vault-token: the-token") && head.contains("x-vault-namespace: team"),
            "{head}"
        );
    }
    assert!(!format!("{:?}", transit("x")).contains("the-token"));
}

#[test]
fn what_the_server_gets_wrong_is_told_and_never_signed() {
    let refused =
        attempt(&server(|_, _| (403, json!({ "errors": ["permission denied for the-token"] })))).unwrap_err();
    assert!(refused.to_string().ends_with("answered 403: permission denied for <token>"), "{refused}");
    for signature in ["", "vault:v1:AAAA", "vault:v2:!", "AAAA"] {
        let refused =
            attempt(&server(move |_, _| (200, json!({ "data": { "signature": signature } })))).unwrap_err();
        assert!(matches!(refused, SignError::Key(KeyError::Service(_))), "{signature}: {refused}");
    }
    let forged =
        attempt(&server(|_, request| honest(&KeyPair::generate_ecdsa_p256().unwrap(), request))).unwrap_err();
    assert!(matches!(forged, SignError::Verify(_)), "{forged}");
    let encrypts = r#"{"data":{"type":"aes256-gcm96","latest_version":1,"keys":{"1":1700000000}}}"#;
    for (answer, words) in [("", "no transit key"), ("{}", "no transit key"), (encrypts, "no public half")] {
        let server = Server::start(move |_, _| (200, answer.as_bytes().to_vec()));
        let refused = SigningKey::in_vault(&transit(&server.url), &http()).unwrap_err();
        let KeyError::Service(error) = &refused else { panic!("{refused}") };
        assert!(matches!(&error.fault, Fault::Answer(detail) if detail.contains(words)), "{refused}");
    }
    let plain = SigningKey::in_vault(&transit("http://192.0.2.1"), &http()).unwrap_err();
    assert!(matches!(&plain, KeyError::Service(error) if error.fault == Fault::PlainHttp), "{plain}");
}

#[test]
fn names_of_keys_stay_names() {
    assert_eq!(VaultTransit::key_of("hashivault://my-key_1.x"), Some("my-key_1.x"));
    for text in ["hashivault://", "hashivault://a/b", "hashivault://a?x", "vault://a", "cosign.key"] {
        assert_eq!(VaultTransit::key_of(text), None, "{text}");
    }
}

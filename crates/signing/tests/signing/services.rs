//! Signing with services that help, refuse, lie, and break. All of them answer on loopback.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use supercargo_attest::{PredicateType, Statement, TrustedRoot, VerifyError, envelope_json};
use supercargo_content::{Digest, Limits};
use supercargo_signing::{
    Ambient, ConfigError, Fault, GithubActions, HttpOptions, IdentityToken, LogService, LogVersion,
    ServiceKind, Services, SignError, SignOptions, Signed, Signer, SigningKey, SigningSession, TokenError,
    ambient_token, sign,
};
use zeroize::Zeroizing;

use crate::loopback::Server;

const NOW: &str = "2026-11-24T00:00:00Z";

/// A log of one entry, with a key of its own.
struct Log {
    key: KeyPair,
    id: Vec<u8>,
    version: LogVersion,
}

impl Log {
    fn new(version: LogVersion) -> Self {
        let key = KeyPair::generate_ecdsa_p256().unwrap();
        let id = Digest::sha256_of(key.public_key_der().unwrap().as_bytes()).to_bytes();
        Self { key, id, version }
    }

    fn root(&self, url: &str) -> TrustedRoot {
        let log = json!({
            "baseUrl": url,
            "hashAlgorithm": "SHA2_256",
            "logId": { "keyId": STANDARD.encode(&self.id) },
            "publicKey": {
                "rawBytes": STANDARD.encode(self.key.public_key_der().unwrap().as_bytes()),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": { "start": "2020-01-01T00:00:00Z" },
            },
        });
        let media_type = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
        TrustedRoot::from_json(json!({ "mediaType": media_type, "tlogs": [log] }).to_string().as_bytes())
            .unwrap()
    }

    fn answer(&self, request: &[u8]) -> Vec<u8> {
        let request: Value = serde_json::from_slice(request).unwrap();
        match self.version {
            LogVersion::V1 => self.answer_1(&request),
            LogVersion::V2 => self.answer_2(&request),
        }
    }

    fn answer_2(&self, request: &Value) -> Vec<u8> {
        let asked = &request["hashedRekordRequestV002"];
        let record = json!({
            "data": { "algorithm": hash_of(asked), "digest": asked["digest"] },
            "signature": asked["signature"],
        });
        let body =
            json!({ "apiVersion": "0.0.2", "kind": "hashedrekord", "spec": { "hashedRekordV002": record } });
        let body = body.to_string();
        let root = leaf_hash(&body);
        let proof = json!({
            "logIndex": "0", "treeSize": "1", "hashes": [],
            "rootHash": STANDARD.encode(&root), "checkpoint": { "envelope": self.checkpoint(&root) },
        });
        let entry = json!({
            "logIndex": "0", "logId": { "keyId": STANDARD.encode(&self.id) },
            "kindVersion": { "kind": "hashedrekord", "version": "0.0.2" },
            "inclusionProof": proof, "canonicalizedBody": STANDARD.encode(body),
        });
        entry.to_string().into_bytes()
    }

    fn answer_1(&self, request: &Value) -> Vec<u8> {
        if request["kind"] == "hashedrekord" {
            return self.promised(&request.to_string());
        }
        let content = &request["spec"]["proposedContent"];
        let envelope: Value = serde_json::from_str(content["envelope"].as_str().unwrap()).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        let spec = json!({
            "payloadHash": { "algorithm": "sha256", "value": Digest::sha256_of(&payload).hex() },
            "signatures": [{ "signature": envelope["signatures"][0]["sig"], "verifier": content["verifiers"][0] }],
        });
        self.promised(&json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": spec }).to_string())
    }

    fn promised(&self, body: &str) -> Vec<u8> {
        let (root, id) = (leaf_hash(body), hex(&self.id));
        let promised = format!(
            r#"{{"body":"{}","integratedTime":1700000000,"logID":"{id}","logIndex":7}}"#,
            STANDARD.encode(body)
        );
        let entry = json!({
            "body": STANDARD.encode(body), "integratedTime": 1_700_000_000, "logID": id, "logIndex": 7,
            "verification": {
                "signedEntryTimestamp": STANDARD.encode(self.key.sign(promised.as_bytes()).unwrap().as_bytes()),
                "inclusionProof": {
                    "checkpoint": self.checkpoint(&root), "hashes": [], "logIndex": 0,
                    "rootHash": hex(&root), "treeSize": 1,
                },
            },
        });
        json!(BTreeMap::from([("uuid", entry)])).to_string().into_bytes()
    }

    fn checkpoint(&self, root: &[u8]) -> String {
        let note = format!("127.0.0.1\n1\n{}\n", STANDARD.encode(root));
        let signature = self.key.sign(note.as_bytes()).unwrap();
        let signed = STANDARD.encode([&self.id[..4], signature.as_bytes()].concat());
        format!("{note}\n\u{2014} 127.0.0.1 {signed}\n")
    }
}

/// The hash that the key's details name.
fn hash_of(asked: &Value) -> &'static str {
    let details = asked["signature"]["verifier"]["keyDetails"].as_str().unwrap();
    if details.ends_with("SHA_384") { "SHA2_384" } else { "SHA2_256" }
}

fn leaf_hash(body: &str) -> Vec<u8> {
    Digest::sha256_of(&[&[0], body.as_bytes()].concat()).to_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn key() -> Signer {
    let files = SigningKey::generate("").unwrap();
    let password = || Some(Zeroizing::new(String::new()));
    Signer::Key(SigningKey::from_pem(files.private_pem.as_bytes(), password).unwrap())
}

fn jwt() -> String {
    let claims = json!({ "iss": "https://issuer.example", "sub": "7", "exp": 4_000_000_000_u64 });
    format!("e30.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn token() -> Signer {
    Signer::Identity(IdentityToken::new(Zeroizing::new(jwt()), NOW.parse().unwrap()).unwrap())
}

fn run(signer: &Signer, services: &Services, root: Option<&TrustedRoot>) -> Result<Signed, SignError> {
    run_with(signer, services, root, &HttpOptions { attempts_max: 1, ..HttpOptions::default() })
}

fn run_with(
    signer: &Signer,
    services: &Services,
    root: Option<&TrustedRoot>,
    http: &HttpOptions,
) -> Result<Signed, SignError> {
    let image = Digest::sha256_of(b"image");
    let statement = Statement::write(&[("app", &image)], &PredicateType::spdx(), b"{ }", 100).unwrap();
    let (limits, now) = (Limits::default(), NOW.parse().unwrap());
    let options = SignOptions { services, http, trusted_root: root, limits: &limits, now };
    sign(statement, &image, signer, &options)
}

fn with_log(url: &str, version: LogVersion) -> Services {
    Services { logs: vec![LogService { url: url.to_owned(), version }], ..Services::none() }
}

fn with_authority(url: &str) -> Services {
    Services {
        certificate_authority: Some(url.to_owned()),
        timestamp_authorities: vec![url.to_owned()],
        ..Services::none()
    }
}

fn refusal(server: &Server, http: &HttpOptions) -> (ServiceKind, Fault) {
    let root = TrustedRoot::public_good().unwrap();
    match run_with(&token(), &with_authority(&server.url), Some(&root), http) {
        Err(SignError::Service(error)) => (error.service, error.fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_kinds_of_log_take_a_key() {
    for version in [LogVersion::V1, LogVersion::V2] {
        let log = Arc::new(Log::new(version));
        let log_there = log.clone();
        let server = Server::start(move |_, body| (201, log_there.answer(body)));
        let services = with_log(&server.url, version);
        let signed = run(&key(), &services, Some(&log.root(&server.url))).unwrap();
        assert!(signed.verified.report().line().contains(&format!("log {}", server.url)));
        assert_eq!(signed.verified.report().times.len(), usize::from(version == LogVersion::V1));
        let other = Log::new(version).root(&server.url);
        let refused = run(&key(), &services, Some(&other)).unwrap_err();
        let expected = matches!(
            refused,
            SignError::Verify(VerifyError::LogUnknown { .. } | VerifyError::LogPromise { .. })
        );
        assert!(expected, "{refused}");
    }
}

fn signer_of(pkcs8: Vec<u8>) -> Signer {
    let pem = pem::encode(&pem::Pem::new("PRIVATE KEY", pkcs8));
    Signer::Key(SigningKey::from_pem(pem.as_bytes(), || None).unwrap())
}

#[test]
fn keys_of_every_kind_sign_and_logs_take_what_they_can() {
    for (version, refused) in [(LogVersion::V1, "ECDSA P-384"), (LogVersion::V2, "Ed25519")] {
        let log = Arc::new(Log::new(version));
        let log_there = log.clone();
        let server = Server::start(move |_, body| (201, log_there.answer(body)));
        for (kind, pkcs8) in crate::keys::of_every_kind() {
            let signer = signer_of(pkcs8);
            run(&signer, &Services::none(), None).unwrap();
            match run(&signer, &with_log(&server.url, version), Some(&log.root(&server.url))) {
                Err(SignError::KeyForLog { .. }) if kind == refused => {}
                Ok(_) if kind != refused => {}
                other => panic!("{version:?}, {kind}: {other:?}"),
            }
        }
    }
}

#[test]
fn any_bytes_are_signed_without_an_envelope_for_older_layouts() {
    let log = Arc::new(Log::new(LogVersion::V1));
    let log_there = log.clone();
    let server = Server::start(move |_, body| (201, log_there.answer(body)));
    let (root, services) = (log.root(&server.url), with_log(&server.url, LogVersion::V1));
    let (http, limits) = (HttpOptions::default(), Limits::default());
    let options = SignOptions {
        services: &services,
        http: &http,
        trusted_root: Some(&root),
        limits: &limits,
        now: NOW.parse().unwrap(),
    };
    for (_, pkcs8) in crate::keys::of_every_kind().into_iter().take(3) {
        let signer = signer_of(pkcs8);
        let session = SigningSession::open(&signer, options).unwrap();
        let detached = session.sign_payload(b"payload").unwrap();
        assert!(detached.certificate.is_none() && detached.timestamp.is_none());
        let promise: Value = serde_json::from_str(&detached.promise.unwrap()).unwrap();
        assert_eq!(promise["Payload"]["logIndex"], 7);
        let body = STANDARD.decode(promise["Payload"]["body"].as_str().unwrap()).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["spec"]["signature"]["content"], STANDARD.encode(&detached.signature));
    }
    let silent = Services::none();
    let alone = SignOptions { services: &silent, trusted_root: None, ..options };
    let signer = key();
    let detached = SigningSession::open(&signer, alone).unwrap().sign_payload(b"payload").unwrap();
    assert_eq!(detached.promise, None);
}

#[test]
fn a_log_of_the_first_version_sees_the_envelope_that_the_older_layout_stores() {
    let (log, told) = (Log::new(LogVersion::V1), Arc::new(Mutex::new(Value::Null)));
    let (root, told_there) = (log.root("http://log.example"), told.clone());
    let server = Server::start(move |_, body| {
        *told_there.lock().unwrap() = serde_json::from_slice(body).unwrap();
        (201, log.answer(body))
    });
    let signed = run(&key(), &with_log(&server.url, LogVersion::V1), Some(&root)).unwrap();
    let stored = envelope_json(signed.verified.payload(), &signed.detached.signature);
    assert_eq!(told.lock().unwrap()["spec"]["proposedContent"]["envelope"], stored);
}

#[test]
fn a_log_that_has_the_entry_already_is_asked_for_it() {
    let log = Arc::new(Log::new(LogVersion::V1));
    let (log_there, known) = (log.clone(), Mutex::new(Vec::new()));
    let server = Server::start(move |head, body| {
        if head.starts_with("GET ") {
            return (200, known.lock().unwrap().clone());
        }
        *known.lock().unwrap() = log_there.answer(body);
        (409, br#"{"code":409,"message":"an equivalent entry already exists"}"#.to_vec())
    });
    let (root, services) = (log.root(&server.url), with_log(&server.url, LogVersion::V1));
    run(&key(), &services, Some(&root)).unwrap();
    let heads = server.heads();
    let place = format!("GET /api/v1/log/entries/{} HTTP/1.1", "a0".repeat(40));
    assert!(heads.len() == 2 && heads[1].starts_with(&place), "{heads:?}");
    // A log that has another entry there, or says so of a second version, is not believed.
    let other = Server::start({
        let log = log.clone();
        move |head, _| match head.starts_with("GET ") {
            true => (200, log.promised(r#"{"apiVersion":"0.0.1","kind":"dsse","spec":{}}"#)),
            false => (409, b"{}".to_vec()),
        }
    });
    let refused = run(&key(), &with_log(&other.url, LogVersion::V1), Some(&root)).unwrap_err();
    assert!(matches!(refused, SignError::Verify(_)), "{refused}");
    let refused = run(&key(), &with_log(&other.url, LogVersion::V2), Some(&root)).unwrap_err();
    assert!(refused.to_string().contains("answered 409"), "{refused}");
}

#[test]
fn a_lying_log_is_found_out_before_anything_is_returned() {
    let log = Arc::new(Log::new(LogVersion::V2));
    let log_there = log.clone();
    let server = Server::start(move |_, body| {
        let mut request: Value = serde_json::from_slice(body).unwrap();
        request["hashedRekordRequestV002"]["digest"] = json!(STANDARD.encode([0; 32]));
        (201, log_there.answer(request.to_string().as_bytes()))
    });
    let refused =
        run(&key(), &with_log(&server.url, LogVersion::V2), Some(&log.root(&server.url))).unwrap_err();
    assert!(matches!(refused, SignError::Verify(VerifyError::LogEntryMismatch { .. })), "{refused}");
}

#[test]
fn a_log_of_the_second_version_sees_only_a_hash() {
    let server = Server::start(|_, body| {
        let text = String::from_utf8_lossy(body);
        let leaked = text.contains(&STANDARD.encode("predicateType")) || text.len() > 1_000;
        (418, format!(r#"{{"message":"leaked {leaked}"}}"#).into_bytes())
    });
    let root = TrustedRoot::public_good().unwrap();
    let refused = run(&key(), &with_log(&server.url, LogVersion::V2), Some(&root)).unwrap_err();
    assert!(refused.to_string().ends_with("answered 418: leaked false"), "{refused}");
}

#[test]
fn a_refusal_says_who_and_why_and_hides_the_token() {
    let server = Server::start(|_, body| {
        let request: Value = serde_json::from_slice(body).unwrap();
        let token = request["credentials"]["oidcIdentityToken"].as_str().unwrap();
        (400, json!({ "code": 3, "message": format!("bad\u{7} token {token}") }).to_string().into_bytes())
    });
    let (service, fault) = refusal(&server, &HttpOptions::default());
    assert_eq!(service, ServiceKind::CertificateAuthority);
    assert_eq!(fault, Fault::Status { status: 400, message: "bad  token <token>".to_owned() });
}

#[test]
fn overload_is_tried_again_and_redirects_are_not_followed() {
    let twice = HttpOptions { attempts_max: 2, ..HttpOptions::default() };
    let busy = Server::saying(503, "busy");
    assert_eq!(refusal(&busy, &twice).1, Fault::Status { status: 503, message: "busy".to_owned() });
    assert_eq!(busy.heads().len(), 2);
    let moved = Server::saying(302, "");
    assert_eq!(refusal(&moved, &twice).1, Fault::Status { status: 302, message: "Found".to_owned() });
    assert_eq!(moved.heads().len(), 1);
}

#[test]
fn answers_are_bounded_and_understood() {
    let short = HttpOptions { answer_bytes_max: 10, ..HttpOptions::default() };
    assert_eq!(refusal(&Server::saying(200, "0123456789a"), &short).1, Fault::AnswerTooLong { max: 10 });
    for answer in ["", "{}", "[]", r#"{"signedCertificateEmbeddedSct":{"chain":{"certificates":["x"]}}}"#] {
        let fault = refusal(&Server::saying(200, answer), &HttpOptions::default()).1;
        assert!(matches!(fault, Fault::Answer(_)), "{answer}: {fault}");
    }
    let root = TrustedRoot::public_good().unwrap();
    let refused = |services: Services| run(&key(), &services, Some(&root)).unwrap_err().to_string();
    for answer in ["", "{", "junk"] {
        let server = Server::saying(201, answer);
        for version in [LogVersion::V1, LogVersion::V2] {
            assert!(refused(with_log(&server.url, version)).ends_with("it is no log entry"));
        }
        let services = Services { timestamp_authorities: vec![server.url.clone()], ..Services::none() };
        assert!(refused(services).ends_with("it is no timestamp response"));
    }
    let refusing = Server::start(|_, _| (200, vec![0x30, 5, 0x30, 3, 2, 1, 2]));
    let services = Services { timestamp_authorities: vec![refusing.url], ..Services::none() };
    assert!(refused(services).ends_with("it refuses with status 2"));
}

#[test]
fn plain_http_leaves_this_machine_only_by_name() {
    let root = TrustedRoot::public_good().unwrap();
    for (url, plain) in [("http://192.0.2.1", true), ("ftp://localhost", false), ("nonsense", false)] {
        let refused = run(&token(), &with_authority(url), Some(&root)).unwrap_err();
        let SignError::Service(error) = refused else { panic!("{refused}") };
        assert_eq!(error.fault == Fault::PlainHttp, plain, "{error}");
        assert!(matches!(error.fault, Fault::PlainHttp | Fault::Url(_)), "{error}");
    }
}

#[test]
fn an_unreachable_service_is_named_with_the_cause() {
    let root = TrustedRoot::public_good().unwrap();
    let refused = run(&token(), &with_authority("http://127.0.0.1:1"), Some(&root)).unwrap_err().to_string();
    assert!(
        refused.starts_with("the certificate authority at `http://127.0.0.1:1/api/v2/signingCert` cannot")
    );
    assert!(refused.contains("Connection refused"), "{refused}");
}

#[test]
fn what_cannot_work_is_refused_before_any_request() {
    let root = TrustedRoot::public_good().unwrap();
    let refused = run(&token(), &Services::none(), Some(&root)).unwrap_err();
    assert_eq!(refused, SignError::Config(ConfigError::NoCertificateAuthority));
    let mut services = with_authority("http://127.0.0.1:1");
    assert_eq!(run(&token(), &services, None).unwrap_err(), SignError::TrustedRootMissing);
    services.timestamp_authorities.clear();
    assert_eq!(run(&token(), &services, Some(&root)).unwrap_err(), SignError::Config(ConfigError::NoTime));
}

#[test]
fn build_machines_give_tokens() {
    let (http, now) = (HttpOptions::default(), NOW.parse().unwrap());
    assert!(ambient_token(&Ambient::default(), &http, now).unwrap().is_none());
    let gitlab = Ambient { token: Some(Zeroizing::new(jwt())), ..Ambient::default() };
    assert_eq!(ambient_token(&gitlab, &http, now).unwrap().unwrap().subject(), "7");
    let server = Server::start(|_, _| (200, json!({ "value": jwt() }).to_string().into_bytes()));
    let github = GithubActions {
        request_url: format!("{}/token?api-version=2.0", server.url),
        request_token: Zeroizing::new("request-secret".to_owned()),
    };
    let github = Ambient { github: Some(github), ..Ambient::default() };
    assert_eq!(ambient_token(&github, &http, now).unwrap().unwrap().issuer(), "https://issuer.example");
    let head = server.heads().remove(0);
    assert!(head.starts_with("GET /token?api-version=2.0&audience=sigstore HTTP/1.1"), "{head}");
    assert!(head.contains("authorization: Bearer request-secret"), "{head}");
    assert!(!format!("{github:?}").contains("secret"));
    let late = "2200-01-01T00:00:00Z".parse().unwrap();
    let refused = ambient_token(&gitlab, &http, late).unwrap_err();
    assert!(matches!(refused, SignError::Token(TokenError::Expired { .. })), "{refused}");
}

//! Signing with services that help, refuse, lie, and break. All of them answer on loopback.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use supercargo_attest::{PredicateType, Statement, TrustedRoot, VerifyError};
use supercargo_content::{Digest, Limits};
use supercargo_signing::{
    Ambient, ConfigError, Fault, HttpOptions, IdentityToken, LogService, LogVersion, ServiceKind, Services,
    SignError, SignOptions, Signed, Signer, SigningKey, TokenError, ambient_token, sign,
};
use zeroize::Zeroizing;

const NOW: &str = "2026-11-24T00:00:00Z";

/// A server that answers each request with what `answer` makes of its head and body.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str, &[u8]) -> (u16, Vec<u8>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = serve(stream.unwrap(), &answer, &seen);
            }
        });
        Self { url, requests }
    }

    fn saying(status: u16, body: &'static str) -> Self {
        Self::start(move |_, _| (status, body.as_bytes().to_vec()))
    }

    fn heads(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    answer: &impl Fn(&str, &[u8]) -> (u16, Vec<u8>),
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line)? > 2 {
        head.push_str(&line);
        line.clear();
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    seen.lock().unwrap().push(head.clone());
    let (status, answer) = answer(&head, &body);
    let location = if status == 302 { "location: http://127.0.0.1:1/\r\n" } else { "" };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} X\r\n{location}connection: close\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    )?;
    stream.write_all(&answer)
}

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
            "data": { "algorithm": "SHA2_256", "digest": asked["digest"] },
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
        let content = &request["spec"]["proposedContent"];
        let envelope: Value = serde_json::from_str(content["envelope"].as_str().unwrap()).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        let spec = json!({
            "payloadHash": { "algorithm": "sha256", "value": Digest::sha256_of(&payload).hex() },
            "signatures": [{ "signature": envelope["signatures"][0]["sig"], "verifier": content["verifiers"][0] }],
        });
        let body = json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": spec }).to_string();
        let (root, id) = (leaf_hash(&body), hex(&self.id));
        let promised = format!(
            r#"{{"body":"{}","integratedTime":1700000000,"logID":"{id}","logIndex":7}}"#,
            STANDARD.encode(&body)
        );
        let entry = json!({
            "body": STANDARD.encode(&body), "integratedTime": 1_700_000_000, "logID": id, "logIndex": 7,
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
    sign(&statement, &image, signer, &options)
}

fn with_log(url: &str, version: LogVersion) -> Services {
    Services { logs: vec![LogService { url: url.to_owned(), version }], ..Services::none() }
}

fn with_authority(url: &str) -> Services {
    Services {
        certificate_authority: Some(url.to_owned()),
        timestamp_authorities: vec![url.to_owned()],
        logs: Vec::new(),
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
    let gitlab = Ambient { sigstore_id_token: Some(Zeroizing::new(jwt())), ..Ambient::default() };
    assert_eq!(ambient_token(&gitlab, &http, now).unwrap().unwrap().subject(), "7");
    let server = Server::start(|_, _| (200, json!({ "value": jwt() }).to_string().into_bytes()));
    let github = Ambient {
        github_request_url: Some(format!("{}/token?api-version=2.0", server.url)),
        github_request_token: Some(Zeroizing::new("request-secret".to_owned())),
        ..Ambient::default()
    };
    assert_eq!(ambient_token(&github, &http, now).unwrap().unwrap().issuer(), "https://issuer.example");
    let head = server.heads().remove(0);
    assert!(head.starts_with("GET /token?api-version=2.0&audience=sigstore HTTP/1.1"), "{head}");
    assert!(head.contains("authorization: Bearer request-secret"), "{head}");
    assert!(!format!("{github:?}").contains("secret"));
    let late = "2200-01-01T00:00:00Z".parse().unwrap();
    let refused = ambient_token(&gitlab, &http, late).unwrap_err();
    assert!(matches!(refused, SignError::Token(TokenError::Expired { .. })), "{refused}");
}

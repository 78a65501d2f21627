//! People log in: at an issuer of our own, with a browser and a device that the tests play.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use supercargo_content::Digest;
use supercargo_signing::{DevicePrompt, HttpOptions, IdentityToken, Login, LoginError, SignError};
use url::Url;

use crate::loopback::Server;

/// What the issuer's answers are made of.
#[derive(Clone, Default)]
struct Plan {
    issuer: Option<&'static str>,
    audience: Option<&'static str>,
    nonce: Option<&'static str>,
    pending: usize,
    error: Option<&'static str>,
    no_device: bool,
}

/// What the issuer has seen: the query of the login page, then the form of each request for a token.
type Seen = Arc<Mutex<Vec<Value>>>;

fn issuer(plan: Plan) -> (Server, Seen) {
    let seen: Seen = Arc::default();
    let there = seen.clone();
    let server = Server::start(move |head, body| {
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let base = format!("http://{host}");
        let form: Value = url::form_urlencoded::parse(body)
            .map(|(k, v)| (k.into_owned(), Value::from(v.into_owned())))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let (status, answer) = match head.split(' ').nth(1).unwrap() {
            "/.well-known/openid-configuration" => {
                let mut document = json!({
                    "issuer": plan.issuer.unwrap_or(&base),
                    "authorization_endpoint": format!("{base}/auth?x=1"), "token_endpoint": format!("{base}/token"),
                });
                if !plan.no_device {
                    document["device_authorization_endpoint"] = json!(format!("{base}/device"));
                }
                (200, document)
            }
            "/device" => {
                there.lock().unwrap().push(form);
                (
                    200,
                    json!({ "device_code": "dc", "user_code": "ABCD", "verification_uri": "https://issuer.example/d", "interval": 1 }),
                )
            }
            "/token" => {
                let mut seen = there.lock().unwrap();
                seen.push(form);
                match (plan.error, seen.len() <= plan.pending + 1) {
                    (Some(error), _) => (400, json!({ "error": error })),
                    (None, true) if plan.pending > 0 => {
                        (400, json!({ "error": "authorization_pending", "error_description": "wait" }))
                    }
                    _ => (200, token(&plan, &base, &seen[0])),
                }
            }
            _ => (404, json!({})),
        };
        (status, answer.to_string().into_bytes())
    });
    (server, seen)
}

fn token(plan: &Plan, base: &str, page: &Value) -> Value {
    let nonce = plan.nonce.map(Value::from).unwrap_or_else(|| page["nonce"].clone());
    let claims = json!({
        "iss": base, "aud": [plan.audience.unwrap_or("sigstore")], "sub": "7", "email": "dev@example.test",
        "exp": 4_000_000_000_u64, "nonce": nonce,
    });
    json!({ "id_token": format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())) })
}

/// A browser whose owner agrees: it brings the code to the port that the page names, after some noise.
fn agree(page: &str, seen: &Seen, answer: &str) {
    let page = Url::parse(page).unwrap();
    let query: serde_json::Map<String, Value> =
        page.query_pairs().map(|(key, value)| (key.into_owned(), Value::from(value.into_owned()))).collect();
    let redirect = Url::parse(query["redirect_uri"].as_str().unwrap()).unwrap();
    let state = query["state"].as_str().unwrap().to_owned();
    seen.lock().unwrap().push(query.into());
    let port = redirect.port().unwrap();
    let answer = answer.replace("STATE", &state);
    std::thread::spawn(move || {
        for (target, expected) in [
            ("/favicon.ico".to_owned(), "404"),
            ("/auth/callback?code=evil&state=guessed".to_owned(), "404"),
            (format!("/auth/callback?{answer}"), "200"),
        ] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            write!(stream, "GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {expected}")), "{target}: {text}");
        }
    });
}

fn browse(plan: Plan, answer: &str) -> (Result<IdentityToken, SignError>, Vec<Value>) {
    let (server, seen) = issuer(plan);
    let login = Login { timeout: Duration::from_secs(20), ..Login::new(server.url.clone()) };
    let now = jiff::Timestamp::UNIX_EPOCH;
    let token = login.in_browser(&HttpOptions::default(), now, &|page: &str| agree(page, &seen, answer));
    let seen = seen.lock().unwrap().clone();
    (token, seen)
}

fn on_device(plan: Plan) -> (Result<IdentityToken, SignError>, Vec<Value>) {
    let (server, seen) = issuer(plan);
    let shown = Mutex::new(None);
    let login = Login { timeout: Duration::from_secs(20), ..Login::new(format!("{}/", server.url)) };
    let show = |prompt: &DevicePrompt| *shown.lock().unwrap() = Some(prompt.clone());
    let token = login.on_device(&HttpOptions::default(), jiff::Timestamp::UNIX_EPOCH, &show);
    if token.is_ok() {
        let expected = DevicePrompt { url: "https://issuer.example/d".to_owned(), code: "ABCD".to_owned() };
        assert_eq!(*shown.lock().unwrap(), Some(expected));
    }
    let seen = seen.lock().unwrap().clone();
    (token, seen)
}

/// The challenge of the first request is the hash of the verifier of the second (RFC 7636, section 4.6).
fn assert_proof_key(challenge: &Value, verifier: &Value) {
    let hash = Digest::sha256_of(verifier.as_str().unwrap().as_bytes()).to_bytes();
    assert_eq!(challenge.as_str(), Some(URL_SAFE_NO_PAD.encode(hash).as_str()));
}

#[test]
fn a_browser_brings_a_code_and_the_code_brings_a_token() {
    let (token, seen) = browse(Plan::default(), "code=c0de&state=STATE");
    assert_eq!(token.unwrap().subject(), "dev@example.test");
    let (page, form) = (&seen[0], &seen[1]);
    assert_eq!(
        (&page["response_type"], &page["scope"], &page["x"]),
        (&json!("code"), &json!("openid email"), &json!("1"))
    );
    assert_eq!((&form["code"], &form["redirect_uri"]), (&json!("c0de"), &page["redirect_uri"]));
    assert_eq!(page["code_challenge_method"], "S256");
    assert_proof_key(&page["code_challenge"], &form["code_verifier"]);
}

#[test]
fn a_token_of_another_login_issuer_or_program_is_refused() {
    let refused = |plan: Plan| match browse(plan, "code=c&state=STATE").0 {
        Err(SignError::Login(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Plan { nonce: Some("other"), ..Plan::default() }), LoginError::Nonce);
    let audience = refused(Plan { audience: Some("other"), ..Plan::default() });
    assert_eq!(audience, LoginError::Audience { expected: "sigstore".to_owned() });
    let issuer = refused(Plan { issuer: Some("https://other.example"), ..Plan::default() });
    assert!(matches!(issuer, LoginError::Issuer { .. }), "{issuer}");
    let error = refused(Plan { error: Some("invalid_grant"), ..Plan::default() });
    assert_eq!(error, LoginError::Refused { error: "invalid_grant".to_owned() });
}

#[test]
fn a_person_may_refuse_and_may_not_come() {
    let (token, _) = browse(Plan::default(), "error=access_denied&state=STATE");
    assert!(
        matches!(token, Err(SignError::Login(LoginError::Refused { error })) if error == "access_denied")
    );
    let (server, _) = issuer(Plan::default());
    let login = Login { timeout: Duration::from_millis(50), ..Login::new(server.url.clone()) };
    let nobody = login.in_browser(&HttpOptions::default(), jiff::Timestamp::UNIX_EPOCH, &|_: &str| {});
    assert!(matches!(nobody, Err(SignError::Login(LoginError::TimedOut { .. }))));
}

#[test]
fn a_device_is_asked_until_its_owner_has_decided() {
    let (token, seen) = on_device(Plan { pending: 1, ..Plan::default() });
    assert_eq!(token.unwrap().subject(), "dev@example.test");
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert_proof_key(&seen[0]["code_challenge"], &seen[2]["code_verifier"]);
    let (token, _) = on_device(Plan { error: Some("expired_token"), ..Plan::default() });
    assert!(
        matches!(token, Err(SignError::Login(LoginError::Refused { error })) if error == "expired_token")
    );
    let (token, _) = on_device(Plan { no_device: true, ..Plan::default() });
    assert!(matches!(token, Err(SignError::Login(LoginError::NoEndpoint { .. }))));
}

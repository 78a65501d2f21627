//! Build machines that give identity tokens.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::json;
use supercargo_signing::{Ambient, Fault, GoogleCloud, HttpOptions, SignError, ambient_token};
use zeroize::Zeroizing;

use crate::loopback::Server;

fn jwt() -> String {
    let claims =
        json!({ "iss": "https://issuer.example", "sub": "spiffe://td/app", "exp": 4_000_000_000_u64 });
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn subject(ambient: &Ambient) -> Result<Option<String>, SignError> {
    let http = HttpOptions { attempts_max: 1, ..HttpOptions::default() };
    let token = ambient_token(ambient, &http, jiff::Timestamp::UNIX_EPOCH)?;
    Ok(token.map(|token| token.subject().to_owned()))
}

fn google(server: &Server, service_account: Option<&str>) -> Ambient {
    let google = GoogleCloud {
        metadata_host: server.url.trim_start_matches("http://").to_owned(),
        service_account: service_account.map(str::to_owned),
        credentials_url: server.url.clone(),
    };
    Ambient { google: Some(google), ..Ambient::default() }
}

#[test]
fn a_machine_of_google_speaks_for_itself_or_for_an_account() {
    let server = Server::start(|head, _| {
        let path = head.split(' ').nth(1).unwrap();
        let own = "/computeMetadata/v1/instance/service-accounts/default";
        let answer = match path.strip_prefix(own) {
            Some("/identity?audience=sigstore&format=full") => jwt(),
            Some("/token?scopes=https://www.googleapis.com/auth/cloud-platform") => {
                json!({ "access_token": "access" }).to_string()
            }
            _ if path == "/v1/projects/-/serviceAccounts/signer%40p.iam.example:generateIdToken" => {
                json!({ "token": jwt() }).to_string()
            }
            _ => return (404, path.as_bytes().to_vec()),
        };
        (200, answer.into_bytes())
    });
    assert_eq!(subject(&google(&server, None)).unwrap().as_deref(), Some("spiffe://td/app"));
    assert_eq!(
        subject(&google(&server, Some("signer@p.iam.example"))).unwrap().as_deref(),
        Some("spiffe://td/app")
    );
    let heads = server.heads();
    assert!(heads[..2].iter().all(|head| head.contains("metadata-flavor: Google")), "{heads:?}");
    assert!(heads[2].contains("authorization: Bearer access"), "{heads:?}");
}

#[test]
fn programs_that_are_missing_are_named() {
    for (ambient, program) in [
        (Ambient { buildkite: true, ..Ambient::default() }, "buildkite-agent"),
        (Ambient { circleci: true, ..Ambient::default() }, "circleci"),
    ] {
        let refused = subject(&ambient).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("`{program}`")) && refused.contains("cannot be run"),
            "{refused}"
        );
    }
    assert!(Ambient::default().is_empty());
    assert_eq!(subject(&Ambient::default()).unwrap(), None);
    let file = Ambient { token: Some(Zeroizing::new(format!("{}\n", jwt()))), ..Ambient::default() };
    assert!(subject(&file).unwrap().is_some() && !format!("{file:?}").contains("c2ln"));
}

/// An agent that answers one call: gRPC over HTTP/2 on a Unix socket.
fn agent(
    socket: &Path,
    status: &'static str,
    message: Vec<u8>,
) -> std::thread::JoinHandle<(String, Vec<u8>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = {
        let _inside = runtime.enter();
        tokio::net::UnixListener::bind(socket).unwrap()
    };
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            let (head, mut body) = request.into_parts();
            let call = async {
                let mut asked = Vec::new();
                while let Some(chunk) = body.data().await {
                    asked.extend_from_slice(&chunk.unwrap());
                }
                let response =
                    http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
                let mut stream = respond.send_response(response, false).unwrap();
                stream.send_data(Bytes::from(message), false).unwrap();
                let mut trailers = http::HeaderMap::new();
                trailers.insert("grpc-status", status.parse().unwrap());
                trailers.insert("grpc-message", "no identity issued".parse().unwrap());
                stream.send_trailers(trailers).unwrap();
                asked
            };
            let asked = tokio::select! {
                asked = call => asked,
                _ = std::future::poll_fn(|context| connection.poll_closed(context)) => panic!("hung up"),
            };
            // Until the client has read everything.
            let _ = std::future::poll_fn(|context| connection.poll_closed(context)).await;
            (format!("{} {:?}", head.uri.path(), head.headers.get("workload.spiffe.io")), asked)
        })
    })
}

fn grpc(message: &[u8]) -> Vec<u8> {
    [&[0], &u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

/// A protobuf field of the kind with a length.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let (low, high) = (u8::try_from(length & 0x7f).unwrap() | 0x80, u8::try_from(length >> 7).unwrap());
    [&[number << 3 | 2, low, high], value].concat()
}

#[test]
fn the_agent_of_spiffe_gives_the_first_of_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    let svid = [field(1, b"spiffe://td/app"), field(2, jwt().as_bytes())].concat();
    let agent = agent(&socket, "0", grpc(&field(1, &svid)));
    let ambient =
        Ambient { spiffe_socket: Some(format!("unix://{}", socket.display())), ..Ambient::default() };
    assert_eq!(subject(&ambient).unwrap().as_deref(), Some("spiffe://td/app"));
    let (call, asked) = agent.join().unwrap();
    assert_eq!(call, "/SpiffeWorkloadAPI/FetchJWTSVID Some(\"true\")");
    assert_eq!(asked, grpc(b"\x0a\x08sigstore"));
}

#[test]
fn an_agent_that_refuses_or_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    let ambient = |socket: &str| Ambient { spiffe_socket: Some(socket.to_owned()), ..Ambient::default() };
    let text = socket.display().to_string();
    let fault = |socket: &str| match subject(&ambient(socket)).unwrap_err() {
        SignError::Service(error) => error.fault,
        other => panic!("{other}"),
    };
    assert!(matches!(fault(&text), Fault::Unreachable { .. }));
    assert!(matches!(fault("tcp://127.0.0.1:1"), Fault::Url(_)));
    let agent = agent(&socket, "7", Vec::new());
    assert_eq!(fault(&text), Fault::Status { status: 7, message: "no identity issued".to_owned() });
    agent.join().unwrap();
}

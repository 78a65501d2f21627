//! The SPIFFE Workload API: a JWT-SVID over gRPC on a Unix socket (SPIFFE, "The SPIFFE Workload API", section 6.2).
//!
//! One call with a request of twelve bytes does not need a gRPC library: HTTP/2 frames come from `h2`, the two
//! protobuf messages are read and written here.

use std::time::Duration;

use h2::client;
use http::{Method, Request, Version};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

use crate::error::Fault;

const METHOD: &str = "http://localhost/SpiffeWorkloadAPI/FetchJWTSVID";
const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 256 * 1_024;

/// Asks the agent behind `unix:///path` for a token.
pub(crate) async fn token(socket: &str, audience: &str) -> Result<Zeroizing<String>, Fault> {
    let path = socket.strip_prefix("unix://").or_else(|| socket.strip_prefix("unix:")).unwrap_or(socket);
    if path.contains("://") {
        return Err(Fault::Url("expected `unix:///path`".to_owned()));
    }
    let asked = tokio::time::timeout(TIMEOUT, call(path, &jwt_request(audience))).await;
    let answer = asked.map_err(|_| unreachable(&format!("no answer within {} s", TIMEOUT.as_secs())))??;
    let token = first_token(&answer).ok_or_else(|| Fault::Answer("it has no token".to_owned()))?;
    Ok(Zeroizing::new(token.to_owned()))
}

/// One gRPC call (gRPC over HTTP/2): the message of the answer.
async fn call(path: &str, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let stream = UnixStream::connect(path).await.map_err(|error| unreachable(&error.to_string()))?;
    let (mut sender, connection) = client::handshake(stream).await.map_err(broken)?;
    // It ends with the runtime of this call; what goes wrong on it is seen by the call.
    tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .version(Version::HTTP_2)
        .uri(METHOD)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("workload.spiffe.io", "true")
        .body(());
    let request = request.map_err(|error| Fault::Url(error.to_string()))?;
    let (answer, mut sent) = sender.send_request(request, false).map_err(broken)?;
    sent.send_data(framed(message).into(), true).map_err(broken)?;
    let answer = answer.await.map_err(broken)?;
    let refused = refusal(answer.headers());
    let mut body = answer.into_body();
    let mut read = Zeroizing::new(Vec::new());
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(broken)?;
        if read.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Fault::AnswerTooLong { max: ANSWER_BYTES_MAX });
        }
        read.extend_from_slice(&chunk);
        // The window may have been closed by the other side meanwhile; the next read says so.
        let _ = body.flow_control().release_capacity(chunk.len());
    }
    let trailers = body.trailers().await.map_err(broken)?;
    match refused.or_else(|| refusal(&trailers.unwrap_or_default())) {
        Some(fault) => Err(fault),
        None => unframed(&read),
    }
}

/// `grpc-status` of headers or trailers, when it is not 0.
fn refusal(headers: &http::HeaderMap) -> Option<Fault> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let status: u16 = text("grpc-status")?.parse().unwrap_or(2);
    let message = text("grpc-message").unwrap_or("no message").chars().take(300).collect();
    (status != 0).then_some(Fault::Status { status, message })
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], message].concat()
}

fn unframed(frame: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let damaged = || Fault::Answer("it is no gRPC message".to_owned());
    let (head, message) = frame.split_at_checked(5).ok_or_else(damaged)?;
    let &[0, a, b, c, d] = head else { return Err(damaged()) };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    message.get(..length).map(|message| Zeroizing::new(message.to_vec())).ok_or_else(damaged)
}

/// `JWTSVIDRequest { repeated string audience = 1; }`
fn jwt_request(audience: &str) -> Vec<u8> {
    let length = u8::try_from(audience.len()).unwrap_or(0x7f).min(0x7f);
    [&[0x0a, length], audience.as_bytes()].concat()
}

/// `JWTSVIDResponse { repeated JWTSVID svids = 1; }`, `JWTSVID { string spiffe_id = 1; string svid = 2; }`
fn first_token(response: &[u8]) -> Option<&str> {
    let svid = field(response, 1)?;
    str::from_utf8(field(svid, 2)?).ok()
}

/// The first field of a protobuf message with this number, which must be of the kind with a length.
fn field(mut message: &[u8], wanted: u64) -> Option<&[u8]> {
    while !message.is_empty() {
        let key;
        (key, message) = varint(message)?;
        let value;
        (value, message) = match key & 7 {
            0 => (None, varint(message)?.1),
            1 => (None, message.get(8..)?),
            2 => {
                let (length, rest) = varint(message)?;
                let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (Some(value), rest)
            }
            5 => (None, message.get(4..)?),
            _ => return None,
        };
        if key >> 3 == wanted {
            return value;
        }
    }
    None
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, &b) in bytes.iter().enumerate().take(10) {
        value |= u64::from(b & 0x7f).checked_shl(u32::try_from(index).ok()? * 7)?;
        if b & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

fn broken(error: h2::Error) -> Fault {
    unreachable(&error.to_string())
}

fn unreachable(cause: &str) -> Fault {
    Fault::Unreachable { causes: vec![cause.to_owned()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_whatever_else_is_in_them() {
        let svid = [&[0x0a, 3], &b"abc"[..], &[0x12, 5], b"a.b.c", &[0x18, 0x96, 1]].concat();
        let response = [&[0x10, 1, 0x0a, u8::try_from(svid.len()).unwrap()], &svid[..]].concat();
        assert_eq!(first_token(&response), Some("a.b.c"));
        for length in 0..response.len() - 3 {
            assert_eq!(first_token(&response[..length]), None, "{length}");
        }
        assert_eq!(jwt_request("sigstore"), b"\x0a\x08sigstore");
        assert_eq!(varint(&[0xff; 11]), None);
        assert!(unframed(&framed(b"x")).is_ok_and(|message| *message == b"x"));
        assert!(unframed(&[0, 0, 0, 0, 9, 1]).is_err() && unframed(&[1, 0, 0, 0, 0]).is_err());
    }
}

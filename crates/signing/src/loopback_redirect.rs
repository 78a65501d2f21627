//! The port of loopback to which a browser brings the code of a login (RFC 8252, section 7.3).

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;
use zeroize::Zeroizing;

use crate::login_error::LoginError;

/// The longest request that is read, in bytes.
const REQUEST_BYTES_MAX: usize = 16 * 1_024;
/// How long one request may take; a connection that says nothing must not keep out the one that counts.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct Redirect {
    listener: TcpListener,
    uri: String,
    state: Zeroizing<String>,
}

impl Redirect {
    pub(crate) async fn listen(state: &str) -> Result<Self, LoginError> {
        let failed = |error: std::io::Error| LoginError::Listen { detail: error.to_string() };
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let uri = format!("http://localhost:{port}/auth/callback");
        Ok(Self { listener, uri, state: Zeroizing::new(state.to_owned()) })
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// Waits for the request that carries the state of this login. Others are answered and passed over.
    pub(crate) async fn code(&self) -> Result<Zeroizing<String>, LoginError> {
        loop {
            let accepted = self.listener.accept().await;
            let (mut stream, _) =
                accepted.map_err(|error| LoginError::Listen { detail: error.to_string() })?;
            let head = tokio::time::timeout(REQUEST_TIMEOUT, head_of(&mut stream)).await.unwrap_or_default();
            let outcome = self.answer_in(&head);
            let (status, text) = match &outcome {
                Some(Ok(_)) => ("200 OK", "Done. You may close this page."),
                Some(Err(_)) => ("200 OK", "The login was refused. You may close this page."),
                None => ("404 Not Found", "Nothing is here."),
            };
            let page = format!(
                "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            );
            // Whether the browser reads it does not matter.
            let _ = stream.write_all(page.as_bytes()).await;
            let _ = stream.shutdown().await;
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }

    /// The code in a request, or the refusal; `None` when it is not about this login.
    fn answer_in(&self, head: &[u8]) -> Option<Result<Zeroizing<String>, LoginError>> {
        let line = str::from_utf8(head).ok()?.lines().next()?;
        let target = line.strip_prefix("GET ")?.split(' ').next()?;
        let url = Url::parse("http://localhost").ok()?.join(target).ok()?;
        if url.path() != "/auth/callback" {
            return None;
        }
        let value = |name: &str| {
            url.query_pairs()
                .find(|(key, _)| key == name)
                .map(|(_, value)| Zeroizing::new(value.into_owned()))
        };
        if value("state")? != self.state {
            return None;
        }
        if let Some(error) = value("error") {
            let error = error.chars().take(160).map(|c| if c.is_control() { ' ' } else { c }).collect();
            return Some(Err(LoginError::Refused { error }));
        }
        value("code").map(Ok)
    }
}

/// A request up to its empty line, however many pieces it comes in; what there is of it when the browser stops early.
async fn head_of(stream: &mut (impl AsyncRead + Unpin)) -> Zeroizing<Vec<u8>> {
    let mut head = Zeroizing::new(Vec::with_capacity(1_024));
    while head.len() < REQUEST_BYTES_MAX && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_buf(&mut *head).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    head
}

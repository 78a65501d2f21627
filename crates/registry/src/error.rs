//! Why the registry, or the way to it, failed.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use supercargo_content::Digest;

/// An error of the client. No variant ever holds a password, a token, or an address with its query.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The registry answered, and said no.
    #[error("failed to {} {what}: {host} answered {status}{}{}", verb(.method), detail(.refusal), after(*.attempts))]
    Status {
        /// The method of the request.
        method: Method,
        /// The manifest, blob, tag or list, with its repository.
        what: String,
        /// The host that answered.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What the registry says about it.
        refusal: Box<Refusal>,
        /// How many times it was tried.
        attempts: u32,
    },
    /// No answer came, or not to its end.
    #[error("failed to reach {host} for {what}{}", after(*.attempts))]
    Transport {
        /// What was wanted.
        what: String,
        /// The host.
        host: String,
        /// How many times it was tried.
        attempts: u32,
        /// The cause, without the address.
        #[source]
        source: reqwest::Error,
    },
    /// The token service refused, or its answer is unusable.
    #[error("failed to get a token for {what} from {host}: {reason}")]
    Token {
        /// What the token was for.
        what: String,
        /// The token service.
        host: String,
        /// What it said.
        reason: String,
        /// The HTTP status, where one came.
        status: Option<u16>,
    },
    /// The next step would not be safe.
    #[error("refused to go on with {what}: {reason}")]
    Insecure {
        /// What was wanted.
        what: String,
        /// Why it is refused.
        reason: String,
    },
    /// The bytes are not those that the digest names.
    #[error("damaged {what}: expected {expected}, found {found}")]
    Digest {
        /// What was read.
        what: String,
        /// The digest asked for.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The answer is longer than allowed or than promised.
    #[error("{what} is over {limit_bytes} bytes")]
    TooLarge {
        /// What was read.
        what: String,
        /// The limit, or the size in the descriptor.
        limit_bytes: u64,
    },
    /// A list is longer than allowed, or goes round in a circle.
    #[error("unusable {what}: {reason}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file with credentials cannot be read.
    #[error("failed to read credentials from `{file}`: {reason}")]
    CredentialFile {
        /// The file.
        file: PathBuf,
        /// What is wrong; never the content.
        reason: String,
    },
    /// A credential helper failed.
    #[error("credential helper `{helper}` failed for {host}: {reason}")]
    Helper {
        /// The program.
        helper: String,
        /// The registry that it was asked about.
        host: String,
        /// What happened.
        reason: String,
    },
    /// A setting cannot be used.
    #[error("unusable {setting}: {reason}")]
    Setting {
        /// Which one.
        setting: String,
        /// Why.
        reason: String,
    },
    /// The bytes to send could not be read.
    #[error("failed to read {what} for its upload")]
    Input {
        /// The blob.
        what: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Other writers kept changing what is behind a tag.
    #[error(
        "failed to keep {manifest} behind the tag `{tag}` of {place}: other writers replaced it {rounds} times"
    )]
    Contended {
        /// The manifest or layer, which is stored but not listed.
        manifest: Digest,
        /// The tag.
        tag: String,
        /// The repository.
        place: String,
        /// The rounds.
        rounds: u32,
    },
}

impl RegistryError {
    /// The HTTP status, where there is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::Token { status, .. } => *status,
            _ => None,
        }
    }

    /// The next step for the user, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Status { status: 401, .. } | Self::Token { status: Some(400..=403), .. } => Some(
                "log in first (`docker login` or `podman login`), or check that the stored credentials are still valid",
            ),
            Self::Status { status: 403, .. } => Some(
                "the account has no right to do this in this repository; ask for it, or use another account",
            ),
            Self::Status { status: 404, .. } => Some(
                "check the name and the tag; private repositories also answer 404 to those who are not logged in",
            ),
            Self::Status { status: 429, .. } => {
                Some("the registry limits the rate; wait, log in for a higher limit, or name a mirror")
            }
            Self::Transport { source, .. } if source.is_connect() => Some(
                "check the host and the proxy; a registry without TLS must be named with `--plain-http`, one with its own authority with `--ca`",
            ),
            Self::Helper { .. } => Some("run the helper by hand, or remove it from the Docker configuration"),
            Self::Contended { .. } => Some("run the command again when the other writers are done"),
            _ => None,
        }
    }

    /// The error of this client somewhere below an error of a trait, for its status and hint.
    pub fn find_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            // An I/O error passes over the error that it wraps when asked for its source.
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = match wrapped {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        None
    }

    /// Whether nothing is there, as opposed to hidden, refused or broken.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: 404, .. })
    }
}

/// What a registry says when it refuses (OCI distribution specification v1.1, "Error Codes").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The code, at most 64 characters.
    pub code: Option<String>,
    /// The message, at most 300 characters and free of control characters.
    pub message: Option<String>,
    /// How long the registry asks to wait, where it says so.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads what can be read; anything else is an empty refusal.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let Ok(parsed) = serde_json::from_slice::<RawRefusal>(body) else { return Self::default() };
        let Some(first) = parsed.errors.into_iter().next() else {
            return Self { code: parsed.error.map(|text| clean(&text, 64)), ..Self::default() };
        };
        Self {
            code: first.code.map(|text| clean(&text, 64)),
            message: first.message.map(|text| clean(&text, 300)),
            retry_after: None,
        }
    }
}

#[derive(Deserialize)]
struct RawRefusal {
    #[serde(default)]
    errors: Vec<RawRefusalEntry>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct RawRefusalEntry {
    code: Option<String>,
    message: Option<String>,
}

/// Makes foreign text fit for a terminal: no control or direction characters, at most `max` characters.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let harmless = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().filter(harmless).take(max).collect::<String>().trim().to_owned()
}

fn verb(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::HEAD => "look up",
        _ => "write",
    }
}

fn detail(refusal: &Refusal) -> String {
    match (&refusal.code, &refusal.message) {
        (Some(code), Some(message)) if !message.is_empty() => format!(" ({code}: {message})"),
        (Some(code), _) => format!(" ({code})"),
        (None, Some(message)) if !message.is_empty() => format!(" ({message})"),
        _ => String::new(),
    }
}

fn after(attempts: u32) -> String {
    if attempts > 1 { format!(" after {attempts} attempts") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_bounded_and_clean() {
        let body = format!(
            r#"{{"errors":[{{"code":"DENIED","message":"no\u001b[2J{}"}},{{"code":"X"}}]}}"#,
            "x".repeat(9000)
        );
        let refusal = Refusal::parse(body.as_bytes());
        assert_eq!(refusal.code.as_deref(), Some("DENIED"));
        let message = refusal.message.unwrap();
        assert_eq!(message.chars().count(), 300);
        assert!(message.starts_with("no[2J"), "{message}");
    }

    #[test]
    fn damaged_refusals_are_empty() {
        let whole = br#"{"errors":[{"code":"DENIED","message":"no"}]}"#;
        for end in 0..whole.len() {
            assert!(Refusal::parse(&whole[..end]).code.is_none());
        }
        assert!(Refusal::parse(b"<html>").message.is_none());
    }
}

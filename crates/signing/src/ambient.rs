//! Identity tokens that build machines give to what runs on them.

use std::fmt;
use std::process::Command;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::child;
use crate::error::{Fault, ServiceError, ServiceKind, SignError};
use crate::http::{Http, HttpOptions, Request};
use crate::run::block_on;
use crate::token::IdentityToken;

/// For whom the tokens are: Sigstore's certificate authorities.
const AUDIENCE: &str = "sigstore";

/// What a build machine offers, as the caller found it in the environment. Its `Debug` text hides secrets.
#[derive(Default)]
pub struct Ambient {
    /// `SIGSTORE_ID_TOKEN`, or a file's content: a token made for us, as GitLab's `id_tokens` and Tekton's are.
    pub token: Option<Zeroizing<String>>,
    /// GitHub Actions.
    pub github: Option<GithubActions>,
    /// `BUILDKITE` is set: `buildkite-agent oidc request-token` gives a token.
    pub buildkite: bool,
    /// `CIRCLECI` is set: `circleci run oidc get` gives a token.
    pub circleci: bool,
    /// Google Cloud.
    pub google: Option<GoogleCloud>,
    /// `SPIFFE_ENDPOINT_SOCKET`: `unix:///path` of the SPIFFE Workload API.
    pub spiffe_socket: Option<String>,
}

/// GitHub Actions with `permissions: id-token: write`.
pub struct GithubActions {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub request_url: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub request_token: Zeroizing<String>,
}

/// A machine of Google Cloud, or Cloud Build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleCloud {
    /// The metadata server: `GCE_METADATA_HOST`, or `metadata.google.internal`.
    pub metadata_host: String,
    /// `GOOGLE_SERVICE_ACCOUNT_NAME`: the account to sign as, when it is not the machine's own.
    pub service_account: Option<String>,
    /// The service that gives tokens of other accounts.
    pub credentials_url: String,
}

impl GoogleCloud {
    /// The metadata server of every machine.
    pub const METADATA_HOST: &'static str = "metadata.google.internal";
    /// The IAM credentials service.
    pub const CREDENTIALS_URL: &'static str = "https://iamcredentials.googleapis.com";
}

impl Ambient {
    /// Whether anything is offered.
    pub fn is_empty(&self) -> bool {
        self.token.is_none()
            && self.github.is_none()
            && !self.buildkite
            && !self.circleci
            && self.google.is_none()
            && self.spiffe_socket.is_none()
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient")
            .field("token", &self.token.is_some())
            .field("github", &self.github.as_ref().map(|github| &github.request_url))
            .field("buildkite", &self.buildkite)
            .field("circleci", &self.circleci)
            .field("google", &self.google)
            .field("spiffe_socket", &self.spiffe_socket)
            .finish()
    }
}

/// The identity token that the build machine offers, if it offers one. The first in the order of [`Ambient`]'s fields;
/// a machine that offers a token and then refuses it is an error, and nobody else is asked. Blocks.
pub fn ambient_token(
    ambient: &Ambient,
    http: &HttpOptions,
    now: Timestamp,
) -> Result<Option<IdentityToken>, SignError> {
    let raw = match ambient {
        Ambient { token: Some(token), .. } => token.clone(),
        Ambient { github: Some(github), .. } => github.token(http)?,
        Ambient { buildkite: true, .. } => {
            said_by("buildkite-agent", &["oidc", "request-token", "--audience", AUDIENCE])?
        }
        Ambient { circleci: true, .. } => {
            said_by("circleci", &["run", "oidc", "get", "--claims", r#"{"aud":"sigstore"}"#])?
        }
        Ambient { google: Some(google), .. } => google.token(http)?,
        Ambient { spiffe_socket: Some(socket), .. } => block_on(crate::spiffe::token(socket, AUDIENCE))?
            .map_err(|fault| ServiceError::new(ServiceKind::TokenIssuer, socket, fault))?,
        _ => return Ok(None),
    };
    Ok(Some(IdentityToken::new(raw, now)?))
}

impl GithubActions {
    /// GitHub, "OpenID Connect in cloud providers".
    fn token(&self, http: &HttpOptions) -> Result<Zeroizing<String>, SignError> {
        let http = Http::new(http, &[&self.request_token])?;
        let joint = if self.request_url.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}audience={AUDIENCE}", self.request_url);
        let request = Request::get(ServiceKind::TokenIssuer, &url)
            .header("authorization", format!("Bearer {}", *self.request_token));
        let answer = Zeroizing::new(block_on(http.send(&request))??);
        let answer: Value = serde_json::from_slice(&answer).map_err(|_| no_token(&url))?;
        Ok(Zeroizing::new(answer.value))
    }
}

impl GoogleCloud {
    /// Google, "Verify the identity of an instance"; with another account, "generateIdToken" of the IAM API.
    fn token(&self, http: &HttpOptions) -> Result<Zeroizing<String>, SignError> {
        // The metadata server speaks plain HTTP, on a link that does not leave the machine.
        let mut options = http.clone();
        let host = self.metadata_host.split(':').next().unwrap_or_default().to_owned();
        options.plain_http_hosts.push(host);
        let http = Http::new(&options, &[])?;
        block_on(async {
            match &self.service_account {
                None => self.own_token(&http).await,
                Some(account) => self.token_of(account, &http).await,
            }
        })?
    }

    async fn own_token(&self, http: &Http) -> Result<Zeroizing<String>, SignError> {
        let answer = self.metadata(http, &format!("identity?audience={AUDIENCE}&format=full")).await?;
        let text = String::from_utf8(answer.to_vec()).map_err(|_| no_token(&self.metadata_host))?;
        Ok(Zeroizing::new(text))
    }

    async fn token_of(&self, account: &str, http: &Http) -> Result<Zeroizing<String>, SignError> {
        let access =
            self.metadata(http, "token?scopes=https://www.googleapis.com/auth/cloud-platform").await?;
        let access: AccessToken =
            serde_json::from_slice(&access).map_err(|_| no_token(&self.metadata_host))?;
        let account: String = byte_serialize(account.as_bytes()).collect();
        let url = format!(
            "{}/v1/projects/-/serviceAccounts/{account}:generateIdToken",
            self.credentials_url.trim_end_matches('/')
        );
        let body = json!({ "audience": AUDIENCE, "includeEmail": true }).to_string();
        let request = Request::post(ServiceKind::TokenIssuer, &url, "application/json", body)
            .header("authorization", format!("Bearer {}", access.access_token));
        let answer = Zeroizing::new(http.send(&request).await?);
        let answer: GoogleToken = serde_json::from_slice(&answer).map_err(|_| no_token(&url))?;
        Ok(Zeroizing::new(answer.token))
    }

    async fn metadata(&self, http: &Http, what: &str) -> Result<Zeroizing<Vec<u8>>, SignError> {
        let base =
            format!("http://{}/computeMetadata/v1/instance/service-accounts/default", self.metadata_host);
        let url = format!("{base}/{what}");
        let request = Request::get(ServiceKind::TokenIssuer, &url).header("metadata-flavor", "Google");
        Ok(Zeroizing::new(http.send(&request).await?))
    }
}

/// The token that a program of the build machine prints.
fn said_by(program: &str, arguments: &[&str]) -> Result<Zeroizing<String>, SignError> {
    let failed = |detail: String| SignError::AmbientProgram { program: program.to_owned(), detail };
    let mut command = Command::new(program);
    command.args(arguments);
    let outcome = child::run(command, &[]).map_err(failed)?;
    if !outcome.succeeded {
        return Err(failed("ended with an error; it may have said more on stderr".to_owned()));
    }
    let text = str::from_utf8(&outcome.stdout).map_err(|_| failed("printed no token".to_owned()))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn no_token(url: &str) -> ServiceError {
    ServiceError::new(ServiceKind::TokenIssuer, url, Fault::Answer("it has no token".to_owned()))
}

#[derive(Deserialize)]
struct Value {
    value: String,
}

#[derive(Deserialize)]
struct AccessToken {
    access_token: String,
}

#[derive(Deserialize)]
struct GoogleToken {
    token: String,
}

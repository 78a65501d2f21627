//! Identity tokens for people: in a browser on this machine, or on any other device.
//!
//! OpenID Connect Core 1.0 with the authorization code and PKCE (RFC 7636) behind a redirect to loopback (RFC 8252,
//! section 7.3), and the device grant (RFC 8628).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use supercargo_content::Digest;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::error::{Fault, ServiceError, ServiceKind, SignError};
use crate::http::{Http, HttpOptions, Request};
use crate::login_error::LoginError;
use crate::loopback_redirect::Redirect;
use crate::run::block_on;
use crate::token::IdentityToken;

const FORM: &str = "application/x-www-form-urlencoded";
const SCOPE: &str = "openid email";

/// Where and as what to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The issuer: its discovery document lies below it.
    pub issuer: String,
    /// The name of this program at the issuer; Sigstore's issuers know `sigstore`.
    pub client_id: String,
    /// How long the person may take.
    pub timeout: Duration,
}

/// What a person has to do on another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePrompt {
    /// The page to open.
    pub url: String,
    /// The code to enter there.
    pub code: String,
}

impl Login {
    /// As Sigstore's clients log in: three minutes, client `sigstore`.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), client_id: "sigstore".to_owned(), timeout: Duration::from_secs(180) }
    }

    /// Logs in through a browser: `show` gets the URL to open. Waits on a port of loopback for its answer. Blocks.
    pub fn in_browser(
        &self,
        http: &HttpOptions,
        now: Timestamp,
        show: &(dyn Fn(&str) + Sync),
    ) -> Result<IdentityToken, SignError> {
        let http = Http::new(http, &[])?;
        block_on(self.browser(&http, now, show))?
    }

    /// Logs in on another device: `show` gets the page and the code. Blocks.
    pub fn on_device(
        &self,
        http: &HttpOptions,
        now: Timestamp,
        show: &(dyn Fn(&DevicePrompt) + Sync),
    ) -> Result<IdentityToken, SignError> {
        let http = Http::new(http, &[])?;
        block_on(self.device(&http, now, show))?
    }

    async fn browser(
        &self,
        http: &Http,
        now: Timestamp,
        show: &(dyn Fn(&str) + Sync),
    ) -> Result<IdentityToken, SignError> {
        let issuer = self.discover(http).await?;
        let (state, nonce, verifier) = (secret()?, secret()?, secret()?);
        let redirect = Redirect::listen(&state).await?;
        let missing =
            LoginError::NoEndpoint { issuer: self.issuer.clone(), endpoint: "authorization_endpoint" };
        let page = issuer.authorization_endpoint.as_deref().ok_or(missing)?;
        let mut page = Url::parse(page).map_err(|_| LoginError::Discovery { issuer: self.issuer.clone() })?;
        page.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", redirect.uri()),
            ("scope", SCOPE),
            ("state", state.as_str()),
            ("nonce", nonce.as_str()),
            ("code_challenge", challenge(&verifier).as_str()),
            ("code_challenge_method", "S256"),
        ]);
        show(page.as_str());
        let waited = tokio::time::timeout(self.timeout, redirect.code()).await;
        let code = waited.map_err(|_| LoginError::TimedOut { seconds: self.timeout.as_secs() })??;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect.uri()),
            ("client_id", self.client_id.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        let answer = post(http, &issuer.token_endpoint, &form).await?;
        self.accept(answer, Some(&nonce), now)
    }

    async fn device(
        &self,
        http: &Http,
        now: Timestamp,
        show: &(dyn Fn(&DevicePrompt) + Sync),
    ) -> Result<IdentityToken, SignError> {
        let issuer = self.discover(http).await?;
        let endpoint = issuer.device_authorization_endpoint.as_deref().ok_or(LoginError::NoEndpoint {
            issuer: self.issuer.clone(),
            endpoint: "device_authorization_endpoint",
        })?;
        let verifier = secret()?;
        let challenge = challenge(&verifier);
        let form = [
            ("client_id", self.client_id.as_str()),
            ("scope", SCOPE),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let (status, body) = post(http, endpoint, &form).await?;
        let device: Device = parse(endpoint, status, &body)?;
        let url = device.verification_uri_complete.unwrap_or(device.verification_uri);
        show(&DevicePrompt { url, code: device.user_code });
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", device.device_code.as_str()),
            ("client_id", self.client_id.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        let pause = Duration::from_secs(device.interval.unwrap_or(5).clamp(1, 30));
        let polled =
            tokio::time::timeout(self.timeout, poll(http, &issuer.token_endpoint, &form, pause)).await;
        let answer = polled.map_err(|_| LoginError::TimedOut { seconds: self.timeout.as_secs() })??;
        self.accept(answer, None, now)
    }

    /// The discovery document (OpenID Connect Discovery 1.0, section 4), which must be this issuer's own.
    async fn discover(&self, http: &Http) -> Result<Discovery, SignError> {
        let base = self.issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let answer = http.send(&Request::get(ServiceKind::TokenIssuer, &url)).await?;
        let issuer: Discovery = serde_json::from_slice(&answer)
            .map_err(|_| LoginError::Discovery { issuer: self.issuer.clone() })?;
        if issuer.issuer.trim_end_matches('/') != base {
            return Err(LoginError::Issuer { expected: base.to_owned(), found: cut(&issuer.issuer) }.into());
        }
        Ok(issuer)
    }

    /// Checks that the token is for us, from this issuer, and the answer to this very login.
    fn accept(
        &self,
        (status, body): (u16, Zeroizing<Vec<u8>>),
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<IdentityToken, SignError> {
        let answer: TokenAnswer = parse("the token endpoint", status, &body)?;
        let token = IdentityToken::new(Zeroizing::new(answer.id_token), now)?;
        let (expected, found) = (self.issuer.trim_end_matches('/'), token.issuer());
        if found.trim_end_matches('/') != expected {
            return Err(LoginError::Issuer { expected: expected.to_owned(), found: cut(found) }.into());
        }
        if !token.is_for(&self.client_id) {
            return Err(LoginError::Audience { expected: self.client_id.clone() }.into());
        }
        if nonce.is_some() && token.nonce() != nonce {
            return Err(LoginError::Nonce.into());
        }
        Ok(token)
    }
}

/// Asks until the person has decided (RFC 8628, section 3.5).
async fn poll(
    http: &Http,
    endpoint: &str,
    form: &[(&str, &str)],
    mut pause: Duration,
) -> Result<(u16, Zeroizing<Vec<u8>>), SignError> {
    loop {
        tokio::time::sleep(pause).await;
        let (status, body) = post(http, endpoint, form).await?;
        match serde_json::from_slice::<Refusal>(&body).ok().map(|refusal| refusal.error) {
            Some(error) if error == "authorization_pending" => {}
            Some(error) if error == "slow_down" => pause += Duration::from_secs(5),
            _ => return Ok((status, body)),
        }
    }
}

async fn post(
    http: &Http,
    endpoint: &str,
    form: &[(&str, &str)],
) -> Result<(u16, Zeroizing<Vec<u8>>), SignError> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post(ServiceKind::TokenIssuer, endpoint, FORM, body);
    let (status, body) = http.exchange(&request).await?;
    Ok((status, Zeroizing::new(body)))
}

fn parse<T: for<'a> Deserialize<'a>>(endpoint: &str, status: u16, body: &[u8]) -> Result<T, SignError> {
    if (200..300).contains(&status) {
        let answer = serde_json::from_slice(body);
        return Ok(answer.map_err(|_| {
            ServiceError::new(
                ServiceKind::TokenIssuer,
                endpoint,
                Fault::Answer("fields are missing".to_owned()),
            )
        })?);
    }
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => Err(LoginError::Refused { error: cut(&refusal.error) }.into()),
        Err(_) => Err(LoginError::Refused { error: format!("status {status}") }.into()),
    }
}

/// 32 random bytes as text.
fn secret() -> Result<Zeroizing<String>, LoginError> {
    let mut bytes = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(&mut bytes[..]).map_err(|_| LoginError::Random)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..])))
}

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Digest::sha256_of(verifier.as_bytes()).to_bytes())
}

fn cut(text: &str) -> String {
    text.chars().take(160).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct Device {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

//! Proofs for a registry: Basic, or a bearer token from the token service that the registry names.
//!
//! One slot per registry and scope. Whoever finds a slot empty or refused fills it; the others wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::challenge::Challenge;
use crate::credentials::Credentials;
use crate::error::{Refusal, clean};
use crate::transport::{Answer, Refused, Request, Transport};
use crate::{AuthOptions, Credential, RegistryError, Secret};

const CLIENT_ID: &str = "supercargo";
const TOKEN_BYTES_MAX: u64 = 1 << 20;
/// What the token specification says for answers without `expires_in`.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// What a request is for, as far as proofs go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    /// The registry as the user names it.
    pub(crate) host: String,
    /// The repository, for credentials that are kept by namespace.
    pub(crate) repository: String,
    /// `repository:NAME:pull,push` and the like.
    pub(crate) scopes: Vec<String>,
}

/// A proof that can be sent.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    /// The value of `Authorization`; marked as sensitive.
    pub(crate) header: HeaderValue,
    expires: Option<Instant>,
}

/// All proofs that we hold.
#[derive(Debug)]
pub(crate) struct Auth {
    credentials: Credentials,
    slots: Mutex<HashMap<Access, Arc<Slot>>>,
}

type Slot = tokio::sync::Mutex<Held>;

#[derive(Debug, Default)]
struct Held {
    grant: Option<Grant>,
    challenges: Vec<Challenge>,
}

impl Auth {
    pub(crate) fn new(options: AuthOptions) -> Self {
        Self { credentials: Credentials::new(options), slots: Mutex::new(HashMap::new()) }
    }

    /// The proof that was good last time, renewed when its time is over.
    pub(crate) async fn current(
        &self,
        transport: &Transport,
        to: &Url,
        access: &Access,
    ) -> Result<Option<Grant>, RegistryError> {
        let slot = self.slot(access);
        let mut held = slot.lock().await;
        if held.grant.as_ref().is_some_and(Grant::is_over) {
            held.grant = self.obtain(transport, to, access, &held.challenges).await?;
        }
        Ok(held.grant.clone())
    }

    /// A new proof after a 401 to `refused`. When somebody else has renewed it meanwhile, that one.
    pub(crate) async fn renew(
        &self,
        transport: &Transport,
        refusal: &Refused,
        access: &Access,
        refused: Option<&Grant>,
    ) -> Result<Option<Grant>, RegistryError> {
        let slot = self.slot(access);
        let mut held = slot.lock().await;
        if let Some(newer) =
            held.grant.as_ref().filter(|held| refused.is_none_or(|old| old.header != held.header))
        {
            return Ok(Some(newer.clone()));
        }
        held.challenges = Challenge::parse_all(refusal.challenges.iter().map(String::as_str));
        held.grant = self.obtain(transport, &refusal.url, access, &held.challenges).await?;
        Ok(held.grant.clone())
    }

    fn slot(&self, access: &Access) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(access.clone()).or_default().clone()
    }

    /// Answers the challenges: Bearer before Basic. `None` when there is nothing to answer with.
    async fn obtain(
        &self,
        transport: &Transport,
        registry: &Url,
        access: &Access,
        challenges: &[Challenge],
    ) -> Result<Option<Grant>, RegistryError> {
        let credential = self.credentials.find(&access.host, &access.repository).await?;
        let of_scheme = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        if let (Some(_), Some(Credential::RegistryToken(token))) = (of_scheme("bearer"), &credential) {
            return Grant::new("Bearer", token.reveal(), None).map(Some);
        }
        if let Some(challenge) =
            of_scheme("bearer").filter(|challenge| challenge.parameter("realm").is_some())
        {
            let service = TokenService::new(transport, registry, access, challenge)?;
            return service.token(credential.as_ref()).await.map(Some);
        }
        match (of_scheme("basic"), &credential) {
            (Some(_), Some(Credential::Password { user, password })) => {
                Grant::basic(user, password).map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl Grant {
    fn new(scheme: &str, proof: &str, expires: Option<Instant>) -> Result<Self, RegistryError> {
        let text = Zeroizing::new(format!("{scheme} {proof}"));
        let reason = "it has characters that cannot be sent".to_owned();
        let setting = "credential".to_owned();
        let mut header =
            HeaderValue::from_str(&text).map_err(|_| RegistryError::Setting { setting, reason })?;
        header.set_sensitive(true);
        Ok(Self { header, expires })
    }

    fn basic(user: &str, password: &Secret) -> Result<Self, RegistryError> {
        let pair = Zeroizing::new(format!("{user}:{}", password.reveal()));
        Self::new("Basic", &Zeroizing::new(STANDARD.encode(pair.as_bytes())), None)
    }

    fn is_over(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= Instant::now())
    }
}

/// The token service of one challenge (Docker registry token authentication; RFC 6749 for its POST form).
struct TokenService<'a> {
    transport: &'a Transport,
    realm: Url,
    service: Option<&'a str>,
    scopes: Vec<String>,
    what: String,
}

impl<'a> TokenService<'a> {
    fn new(
        transport: &'a Transport,
        registry: &Url,
        access: &Access,
        challenge: &'a Challenge,
    ) -> Result<Self, RegistryError> {
        let what = format!("a token for {}", access.scopes.join(" "));
        let realm = challenge.parameter("realm").unwrap_or_default();
        let realm = registry.join(realm).map_err(|error| RegistryError::Malformed {
            what: format!("realm `{}` of {}", clean(realm, 160), access.host),
            reason: error.to_string(),
        })?;
        transport.check_step(registry, &realm, &what)?;
        let asked = challenge.parameter("scope").into_iter().flat_map(str::split_whitespace);
        let asked =
            asked.filter(|scope| !access.scopes.iter().any(|ours| covers(ours, scope))).map(str::to_owned);
        let scopes = access.scopes.iter().cloned().chain(asked).collect();
        Ok(Self { transport, realm, service: challenge.parameter("service"), scopes, what })
    }

    async fn token(&self, credential: Option<&Credential>) -> Result<Grant, RegistryError> {
        match credential {
            None | Some(Credential::RegistryToken(_)) => self.read(self.get(None).await?).await,
            Some(Credential::IdentityToken(token)) => {
                let fields = [("grant_type", "refresh_token"), ("refresh_token", token.reveal())];
                self.read(self.post(&fields).await?).await
            }
            Some(Credential::Password { user, password }) => self.token_by_password(user, password).await,
        }
    }

    /// GET with Basic; a service that knows only the OAuth2 form is asked by POST.
    async fn token_by_password(&self, user: &str, password: &Secret) -> Result<Grant, RegistryError> {
        let answer = self.get(Some(Grant::basic(user, password)?)).await?;
        if !matches!(answer.status(), 404 | 405 | 501) {
            return self.read(answer).await;
        }
        let fields = [("grant_type", "password"), ("username", user), ("password", password.reveal())];
        self.read(self.post(&fields).await?).await
    }

    async fn get(&self, grant: Option<Grant>) -> Result<Answer, RegistryError> {
        let mut url = self.realm.clone();
        url.query_pairs_mut()
            .extend_pairs(self.service.map(|service| ("service", service)))
            .extend_pairs(self.scopes.iter().map(|scope| ("scope", scope)));
        let headers = grant.into_iter().map(|grant| (AUTHORIZATION, grant.header)).collect();
        let request = Request { method: Method::GET, url, headers, body: None, what: self.what.clone() };
        self.transport.patient(&request).await
    }

    async fn post(&self, fields: &[(&str, &str)]) -> Result<Answer, RegistryError> {
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let request = Request {
            method: Method::POST,
            url: self.realm.clone(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, form_type)]),
            body: Some(Bytes::from(self.form(fields))),
            what: self.what.clone(),
        };
        self.transport.patient(&request).await
    }

    fn form(&self, fields: &[(&str, &str)]) -> String {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(fields)
            .append_pair("client_id", CLIENT_ID)
            .append_pair("scope", &self.scopes.join(" "));
        form.extend_pairs(self.service.map(|service| ("service", service)));
        form.finish()
    }

    async fn read(&self, answer: Answer) -> Result<Grant, RegistryError> {
        let (status, host) = (answer.status(), answer.host());
        let body = Zeroizing::new(answer.bytes(TOKEN_BYTES_MAX, &self.what).await?.to_vec());
        let failed = |reason: String| RegistryError::Token {
            what: self.what.trim_start_matches("a token for ").to_owned(),
            host: host.clone(),
            reason,
            status: Some(status),
        };
        if status != 200 {
            let refusal = Refusal::parse(&body);
            let said = refusal.message.or(refusal.code).map(|said| format!(" ({said})")).unwrap_or_default();
            return Err(failed(format!("it answered {status}{said}")));
        }
        let raw: RawToken =
            serde_json::from_slice(&body).map_err(|_| failed("its answer is not JSON".to_owned()))?;
        let life = raw.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs);
        let token = raw.token.or(raw.access_token).filter(|token| !token.reveal().is_empty());
        let token = token.ok_or_else(|| failed("its answer has no token".to_owned()))?;
        // A quarter is kept for the way and for requests that take long to arrive.
        Grant::new("Bearer", token.reveal(), Instant::now().checked_add(life.saturating_mul(3) / 4))
    }
}

#[derive(Deserialize)]
struct RawToken {
    token: Option<Secret>,
    access_token: Option<Secret>,
    expires_in: Option<u64>,
}

/// Whether `ours` names the same thing with at least the same actions.
fn covers(ours: &str, asked: &str) -> bool {
    let (Some((our_name, our_actions)), Some((name, actions))) =
        (ours.rsplit_once(':'), asked.rsplit_once(':'))
    else {
        return ours == asked;
    };
    our_name == name && actions.split(',').all(|action| our_actions.split(',').any(|ours| ours == action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_scope_covers_a_narrower_one() {
        assert!(covers("repository:a:pull,push", "repository:a:pull"));
        assert!(!covers("repository:a:pull", "repository:a:pull,push"));
        assert!(!covers("repository:a:pull", "repository:b:pull"));
    }

    #[test]
    fn a_proof_is_not_shown() {
        let grant = Grant::basic("user", &Secret::new("hunter2")).unwrap();
        assert!(!format!("{grant:?}").contains("dXNlcjpodW50ZXIy"), "{grant:?}");
    }
}

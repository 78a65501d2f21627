//! One request, and the same one again: connections, limits on how many, redirects, retries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION};
use reqwest::{Client, Method, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Refusal;
use crate::host::{authority, may_be_plain};
use crate::retry::{Attempts, is_temporary, retry_after};
use crate::{RegistryError, RegistryOptions, tls};

const REDIRECTS_MAX: usize = 5;
const REFUSAL_BYTES_MAX: u64 = 64 << 10;

/// What to send. The body is in memory, so that it can be sent again.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// For messages.
    pub(crate) what: String,
}

impl Request {
    pub(crate) fn new(method: Method, url: Url, what: &str) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: None, what: what.to_owned() }
    }
}

/// Connections to all hosts.
#[derive(Debug)]
pub(crate) struct Transport {
    options: Arc<RegistryOptions>,
    plain: Client,
    /// Made at its first use: reading the authorities of the system takes time, and fails where there are none.
    secure: OnceLock<Result<Client, String>>,
    all: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Transport {
    pub(crate) fn new(options: Arc<RegistryOptions>) -> Result<Self, RegistryError> {
        let plain = tls::plain_client(&options)?;
        let all = Arc::new(Semaphore::new(options.concurrency.requests_max.clamp(1, Semaphore::MAX_PERMITS)));
        Ok(Self { options, plain, secure: OnceLock::new(), all, hosts: Mutex::default() })
    }

    /// Sends until the answer is not "later", or the attempts are used up.
    pub(crate) async fn patient(&self, request: &Request) -> Result<Answer, RegistryError> {
        self.send(request, &mut Attempts::new(&self.options.retry)).await
    }

    /// Sends with the attempts that are left.
    pub(crate) async fn send(
        &self,
        request: &Request,
        attempts: &mut Attempts<'_>,
    ) -> Result<Answer, RegistryError> {
        loop {
            attempts.begin();
            let outcome = self.once(request, attempts.made()).await;
            let asked = match &outcome {
                Ok(answer) if is_temporary(answer.status()) => answer.retry_after(),
                Err(error) if is_passing(error) => None,
                _ => return outcome,
            };
            let Some(wait) = attempts.wait(asked) else { return outcome };
            drop(outcome);
            tokio::time::sleep(wait).await;
        }
    }

    /// Refuses a step from TLS to plain HTTP, and from plain HTTP to a host that needs TLS.
    pub(crate) fn check_step(&self, from: &Url, to: &Url, what: &str) -> Result<(), RegistryError> {
        let plain_fits = from.scheme() == "http" && may_be_plain(to, &self.options);
        if to.scheme() == "https" || (to.scheme() == "http" && plain_fits) {
            return Ok(());
        }
        let (from, to) = (authority(from).unwrap_or_default(), authority(to).unwrap_or_default());
        let reason = format!("{from} sends us to {to} without TLS");
        Err(RegistryError::Insecure { what: what.to_owned(), reason })
    }

    async fn once(&self, request: &Request, attempts: u32) -> Result<Answer, RegistryError> {
        let follows = matches!(request.method, Method::GET | Method::HEAD);
        let (mut url, mut headers) = (request.url.clone(), request.headers.clone());
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.exchange(request, &url, &headers, attempts).await?;
            let Some(target) = answer.redirect().filter(|_| follows) else { return Ok(answer) };
            let next =
                url.join(target).map_err(|error| malformed(request, format!("bad redirect: {error}")))?;
            url = self.step(&url, next, request)?;
            if url.origin() != request.url.origin() {
                headers.remove(AUTHORIZATION);
            }
        }
        Err(malformed(request, format!("more than {REDIRECTS_MAX} redirects")))
    }

    fn step(&self, from: &Url, mut to: Url, request: &Request) -> Result<Url, RegistryError> {
        self.check_step(from, &to, &request.what)?;
        // A name and a password in an address would be sent as Basic; they are not ours to send.
        let _ = to.set_username("");
        let _ = to.set_password(None);
        Ok(to)
    }

    async fn exchange(
        &self,
        request: &Request,
        url: &Url,
        headers: &HeaderMap,
        attempts: u32,
    ) -> Result<Answer, RegistryError> {
        let client = self.client(url, request)?;
        let permits = self.permits(url).await;
        let mut builder = client.request(request.method.clone(), url.clone()).headers(headers.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let host = authority(url).unwrap_or_default();
        match builder.send().await {
            Ok(response) => Ok(Answer {
                response,
                method: request.method.clone(),
                url: url.clone(),
                host,
                attempts,
                _permits: permits,
            }),
            Err(error) => {
                let (what, source) = (request.what.clone(), error.without_url());
                Err(RegistryError::Transport { what, host, attempts, source })
            }
        }
    }

    fn client(&self, url: &Url, request: &Request) -> Result<&Client, RegistryError> {
        match url.scheme() {
            "http" if may_be_plain(url, &self.options) => Ok(&self.plain),
            "https" => {
                let secure = self
                    .secure
                    .get_or_init(|| tls::secure_client(&self.options).map_err(|error| error.to_string()));
                let unusable = |reason: &String| RegistryError::Setting {
                    setting: "TLS settings".to_owned(),
                    reason: reason.clone(),
                };
                secure.as_ref().map_err(unusable)
            }
            _ => Err(RegistryError::Insecure {
                what: request.what.clone(),
                reason: "the address is not https".to_owned(),
            }),
        }
    }

    /// The permit of the host first: who waits for a busy host must not take the place of others.
    async fn permits(&self, url: &Url) -> [Option<OwnedSemaphorePermit>; 2] {
        let host = self.host_limit(&authority(url).unwrap_or_default());
        // The semaphores are never closed.
        [host.acquire_owned().await.ok(), self.all.clone().acquire_owned().await.ok()]
    }

    fn host_limit(&self, host: &str) -> Arc<Semaphore> {
        let most = self.options.concurrency.requests_per_host_max.clamp(1, Semaphore::MAX_PERMITS);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(most))).clone()
    }
}

/// An answer whose body has not been read. It counts as a request in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct Answer {
    response: reqwest::Response,
    method: Method,
    url: Url,
    host: String,
    attempts: u32,
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Where it came from, after redirects.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn host(&self) -> String {
        self.host.clone()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    pub(crate) fn header_values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.response.headers().get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    fn retry_after(&self) -> Option<Duration> {
        retry_after(self.response.headers())
    }

    fn redirect(&self) -> Option<&str> {
        matches!(self.status(), 301 | 302 | 303 | 307 | 308).then(|| self.header(LOCATION.as_str())).flatten()
    }

    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self, what: &str) -> Result<Option<Bytes>, RegistryError> {
        let failed = |error: reqwest::Error| RegistryError::Transport {
            what: what.to_owned(),
            host: self.host.clone(),
            attempts: self.attempts,
            source: error.without_url(),
        };
        self.response.chunk().await.map_err(failed)
    }

    /// The whole body, when it is not longer than the limit.
    pub(crate) async fn bytes(mut self, limit_bytes: u64, what: &str) -> Result<Bytes, RegistryError> {
        let too_large = || RegistryError::TooLarge { what: what.to_owned(), limit_bytes };
        if self.method != Method::HEAD && self.content_length().is_some_and(|length| length > limit_bytes) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk(what).await? {
            if (body.len() as u64).saturating_add(chunk.len() as u64) > limit_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The answer when its status is one of `wanted`, else the error that it stands for.
    pub(crate) async fn expect(self, wanted: &[u16], what: &str) -> Result<Self, RegistryError> {
        if wanted.contains(&self.status()) { Ok(self) } else { Err(self.refused(what).await) }
    }

    /// The error that this answer stands for, with what is needed to answer a challenge. Frees the connection.
    pub(crate) async fn read_refusal(self, what: &str) -> Refused {
        let challenges = self.header_values("www-authenticate").map(str::to_owned).collect();
        let url = self.url.clone();
        Refused { challenges, url, error: self.refused(what).await }
    }

    /// The error that this answer stands for.
    pub(crate) async fn refused(self, what: &str) -> RegistryError {
        let (method, host, status) = (self.method.clone(), self.host(), self.status());
        let (attempts, retry_after) = (self.attempts, self.retry_after());
        let body = self.bytes(REFUSAL_BYTES_MAX, what).await.unwrap_or_default();
        let refusal = Box::new(Refusal { retry_after, ..Refusal::parse(&body) });
        RegistryError::Status { method, what: what.to_owned(), host, status, refusal, attempts }
    }
}

/// A refusal that was read to its end.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) challenges: Vec<String>,
    pub(crate) url: Url,
    pub(crate) error: RegistryError,
}

/// Whether the same request may succeed later. A certificate that is refused now is refused later too.
pub(crate) fn is_passing(error: &RegistryError) -> bool {
    let RegistryError::Transport { source, .. } = error else { return false };
    !source.is_builder() && !format!("{source:?}").contains("ertificate")
}

fn malformed(request: &Request, reason: String) -> RegistryError {
    RegistryError::Malformed { what: format!("answer for {}", request.what), reason }
}

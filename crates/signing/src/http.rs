//! The HTTP client for the signing services: bounded, without surprises from the environment.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Certificate, Client, NoProxy, Proxy, RequestBuilder, Response, StatusCode, redirect};
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::error::{Fault, ServiceError, ServiceKind};

/// How the signing services are reached. Plain data: nothing is read from the environment.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Further certificate authorities for TLS, PEM.
    pub ca_pem: Vec<Vec<u8>>,
    /// Hosts (without port) that may be reached by plain HTTP. Loopback always may.
    pub plain_http_hosts: Vec<String>,
    /// The proxy for HTTPS, as in `HTTPS_PROXY`.
    pub https_proxy: Option<String>,
    /// The hosts reached without the proxy, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// How long one request may take. A log may answer only with its next checkpoint: not below 20 s.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub answer_bytes_max: usize,
    /// How often a request is tried when a service is out of reach or overloaded.
    pub attempts_max: u32,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            ca_pem: Vec::new(),
            plain_http_hosts: Vec::new(),
            https_proxy: None,
            no_proxy: None,
            timeout: Duration::from_secs(60),
            answer_bytes_max: 8 * 1_024 * 1_024,
            attempts_max: 3,
        }
    }
}

pub(crate) struct Http {
    client: Client,
    options: HttpOptions,
    /// What must never stand in an error message.
    secrets: Vec<Zeroizing<String>>,
}

/// One request, which can be tried again.
pub(crate) struct Request<'a> {
    pub(crate) service: ServiceKind,
    pub(crate) url: &'a str,
    pub(crate) body: Option<(&'static str, Vec<u8>)>,
    /// Headers beside those that every request has; their values may be secret.
    pub(crate) headers: Vec<(&'static str, Zeroizing<String>)>,
    /// Less than [`HttpOptions::answer_bytes_max`], where less is known to be enough.
    pub(crate) answer_bytes_max: Option<usize>,
}

impl<'a> Request<'a> {
    pub(crate) fn get(service: ServiceKind, url: &'a str) -> Self {
        Self { service, url, body: None, headers: Vec::new(), answer_bytes_max: None }
    }

    pub(crate) fn post(
        service: ServiceKind,
        url: &'a str,
        media_type: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        Self { body: Some((media_type, body.into())), ..Self::get(service, url) }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, Zeroizing::new(value.into())));
        self
    }
}

/// An answer without success.
pub(crate) struct Refusal {
    pub(crate) error: ServiceError,
    pub(crate) status: StatusCode,
    /// The header `Location`, which is never followed by itself.
    pub(crate) location: Option<String>,
}

struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

impl Http {
    pub(crate) fn new(options: &HttpOptions, secrets: &[&str]) -> Result<Self, HttpSetupError> {
        let mut builder = Client::builder()
            .timeout(options.timeout)
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("supercargo/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy();
        let mut roots = Vec::new();
        for pem in &options.ca_pem {
            roots.extend(
                Certificate::from_pem_bundle(pem).map_err(|error| HttpSetupError::Ca(causes(&error)))?,
            );
        }
        builder = builder.tls_certs_merge(roots);
        if let Some(proxy) = &options.https_proxy {
            let except = options.no_proxy.as_deref().and_then(NoProxy::from_string);
            let proxy = Proxy::https(proxy).map_err(|error| HttpSetupError::Proxy(causes(&error)))?;
            builder = builder.proxy(proxy.no_proxy(except));
        }
        let client = builder.build().map_err(|error| HttpSetupError::Client(causes(&error)))?;
        let secrets = secrets.iter().map(|secret| Zeroizing::new((*secret).to_owned())).collect();
        Ok(Self { client, options: options.clone(), secrets })
    }

    /// Sends the request, again when that may help, and returns the body of a successful answer.
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<Vec<u8>, ServiceError> {
        let refused = |refusal: Refusal| refusal.error;
        self.send_or_learn_why(request).await?.map_err(refused)
    }

    /// As [`Self::send`]; what the service refuses comes back with what it refers to instead.
    pub(crate) async fn send_or_learn_why(
        &self,
        request: &Request<'_>,
    ) -> Result<Result<Vec<u8>, Refusal>, ServiceError> {
        self.check_url(request)?;
        let mut attempt = 1;
        loop {
            let outcome = self.send_once(request).await;
            let error = match &outcome {
                Ok(Ok(_)) => return outcome,
                Ok(Err(refusal)) => &refusal.error,
                Err(error) => error,
            };
            if attempt >= self.options.attempts_max || !error.may_pass() {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(500) * attempt).await;
            attempt += 1;
        }
    }

    /// Sends the request once and returns status and body, whatever they are.
    pub(crate) async fn exchange(&self, request: &Request<'_>) -> Result<(u16, Vec<u8>), ServiceError> {
        self.check_url(request)?;
        let answer = self.answer(request).await?;
        Ok((answer.status.as_u16(), answer.body))
    }

    async fn send_once(&self, request: &Request<'_>) -> Result<Result<Vec<u8>, Refusal>, ServiceError> {
        let Answer { status, location, body } = self.answer(request).await?;
        if status.is_success() {
            return Ok(Ok(body));
        }
        let fault = Fault::Status { status: status.as_u16(), message: self.message(status, &body) };
        let error = ServiceError::new(request.service, request.url, fault);
        Ok(Err(Refusal { error, status, location }))
    }

    async fn answer(&self, request: &Request<'_>) -> Result<Answer, ServiceError> {
        let fault = |fault| ServiceError::new(request.service, request.url, fault);
        let response = self.build(request).send().await.map_err(|error| fault(self.unreachable(error)))?;
        let status = response.status();
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.map(str::to_owned);
        let max = self.options.answer_bytes_max;
        // What is asked for may be short; the page that says why there is none may be longer.
        let asked = request.answer_bytes_max.filter(|_| status.is_success()).unwrap_or(max);
        let body = self.read(response, asked.min(max)).await;
        Ok(Answer { status, location, body: body.map_err(fault)? })
    }

    fn build(&self, request: &Request<'_>) -> RequestBuilder {
        let builder = match &request.body {
            Some((media_type, body)) => {
                self.client.post(request.url).header("content-type", *media_type).body(body.clone())
            }
            None => self.client.get(request.url),
        };
        request.headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, value.as_str()))
    }

    async fn read(&self, mut response: Response, max: usize) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len().saturating_add(chunk.len()) > max {
                return Err(Fault::AnswerTooLong { max });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// A token goes out in clear text only to loopback, or where the user has named the host.
    fn check_url(&self, request: &Request<'_>) -> Result<(), ServiceError> {
        let fault = |fault| ServiceError::new(request.service, request.url, fault);
        let url = Url::parse(request.url).map_err(|error| fault(Fault::Url(error.to_string())))?;
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let named = url
            .host_str()
            .is_some_and(|host| self.options.plain_http_hosts.iter().any(|named| named == host));
        match url.scheme() {
            "https" => Ok(()),
            "http" if loopback || named => Ok(()),
            "http" => Err(fault(Fault::PlainHttp)),
            other => Err(fault(Fault::Url(format!("scheme `{other}`")))),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> Fault {
        let error = error.without_url(); // It stands in the message already.
        Fault::Unreachable { causes: causes(&error).into_iter().map(|cause| self.hide(&cause)).collect() }
    }

    /// What the service says: the `message` of a JSON answer, or the beginning of the body.
    fn message(&self, status: StatusCode, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let said = serde_json::from_str::<serde_json::Value>(&text).ok();
        let said = said.as_ref().and_then(error_text).unwrap_or_else(|| text.clone().into_owned());
        let said = self.hide(said.trim());
        match said.is_empty() {
            true => status.canonical_reason().unwrap_or("no message").to_owned(),
            false => said,
        }
    }

    /// Cuts a message, and takes control characters and secrets out of it.
    fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret.as_str(), "<token>");
        }
        text.chars().take(600).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Where the services' JSON says what is wrong: `message` (Fulcio, Rekor), `errors` (Vault),
/// `error_description` or `error` (RFC 6749, section 5.2).
fn error_text(json: &serde_json::Value) -> Option<String> {
    let text = |name: &str| json.get(name)?.as_str().map(str::to_owned);
    let list = || {
        let errors = json.get("errors")?.as_array()?;
        let errors: Vec<&str> = errors.iter().filter_map(serde_json::Value::as_str).collect();
        Some(errors.join("; "))
    };
    text("message").or_else(list).or_else(|| text("error_description")).or_else(|| text("error"))
}

/// An error and what caused it, outermost first.
fn causes(error: &reqwest::Error) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next.filter(|_| causes.len() < 8) {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

/// Why no HTTP client can be made of the options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpSetupError {
    /// A certificate authority for TLS is not readable.
    #[error("a certificate authority for TLS is not readable: {}", .0.join(": "))]
    Ca(Vec<String>),
    /// The proxy is no URL.
    #[error("the proxy is not usable: {}", .0.join(": "))]
    Proxy(Vec<String>),
    /// TLS cannot be set up.
    #[error("failed to set up the HTTP client: {}", .0.join(": "))]
    Client(Vec<String>),
    /// The system gives no thread or event queue.
    #[error("failed to start the network thread: {0}")]
    Runtime(String),
}

//! Requests to a repository: with the proof that the registry wants, and with its mirrors.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, Url};

use crate::auth::{Access, Auth, Grant};
use crate::host::{Endpoint, Repository};
use crate::retry::Attempts;
use crate::transport::{Answer, Request, Transport, is_passing};
use crate::{RegistryError, RegistryOptions};

/// What all parts of a client share.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) options: Arc<RegistryOptions>,
    transport: Transport,
    auth: Auth,
}

/// Whether a request is repeated by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As often as the options say.
    Full,
    /// Never: the caller has somewhere else to go, or must look first what the failed one did.
    Once,
}

impl Session {
    pub(crate) fn new(options: RegistryOptions) -> Result<Self, RegistryError> {
        let options = Arc::new(options);
        let (transport, auth) = (Transport::new(Arc::clone(&options))?, Auth::new(options.auth.clone()));
        Ok(Self { options, transport, auth })
    }

    pub(crate) fn origin(&self, repository: &Repository) -> Result<Endpoint, RegistryError> {
        Endpoint::origin(repository, &self.options)
    }

    /// Sends with the proof for `access`; a 401 renews the proof and sends once more. The proof goes to the
    /// registry itself only, wherever the request goes.
    pub(crate) async fn send(
        &self,
        endpoint: &Endpoint,
        actions: &str,
        request: Request,
        patience: Patience,
    ) -> Result<Answer, RegistryError> {
        let access = endpoint.access(&[endpoint.scope(actions)]);
        self.send_with(endpoint, &access, request, patience).await
    }

    pub(crate) async fn send_with(
        &self,
        endpoint: &Endpoint,
        access: &Access,
        request: Request,
        patience: Patience,
    ) -> Result<Answer, RegistryError> {
        let mut attempts = match patience {
            Patience::Full => Attempts::new(&self.options.retry),
            Patience::Once => Attempts::once(&self.options.retry),
        };
        if request.url.origin() != endpoint.url("")?.origin() {
            return self.transport.send(&request, &mut attempts).await;
        }
        let grant = self.auth.current(&self.transport, &request.url, access).await?;
        let answer = self.transport.send(&proven(&request, grant.as_ref()), &mut attempts).await?;
        if answer.status() != 401 || answer.url().origin() != request.url.origin() {
            return Ok(answer);
        }
        let refusal = answer.read_refusal(&request.what).await;
        match self.auth.renew(&self.transport, &refusal, access, grant.as_ref()).await? {
            Some(new) => self.transport.send(&proven(&request, Some(&new)), &mut attempts.again()).await,
            None => Err(refusal.error),
        }
    }

    /// A whole body of at most `limit_bytes`. A body that breaks off is asked for again.
    pub(crate) async fn get(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        limit_bytes: u64,
        patience: Patience,
    ) -> Result<Fetched, RegistryError> {
        let mut attempts = Attempts::new(&self.options.retry);
        loop {
            attempts.begin();
            let answer = self.send(endpoint, "pull", request.clone(), patience).await?;
            let answer = answer.expect(&[200], &request.what).await?;
            let head = Fetched::head(&answer);
            let error = match answer.bytes(limit_bytes, &request.what).await {
                Ok(body) => return Ok(Fetched { body, ..head }),
                Err(error) => error,
            };
            match attempts.wait(None).filter(|_| is_passing(&error) && patience == Patience::Full) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    /// Refuses to follow the registry to a place that is less safe.
    pub(crate) fn check_step(&self, from: &Url, to: &Url, what: &str) -> Result<(), RegistryError> {
        self.transport.check_step(from, to, what)
    }
}

/// A body with what its headers say.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    pub(crate) body: Bytes,
    pub(crate) url: Url,
    pub(crate) content_type: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) links: Vec<String>,
}

impl Fetched {
    fn head(answer: &Answer) -> Self {
        let own = |name: &str| answer.header(name).map(str::to_owned);
        Self {
            body: Bytes::new(),
            url: answer.url().clone(),
            content_type: own("content-type"),
            etag: own("etag"),
            links: answer.header_values("link").map(str::to_owned).collect(),
        }
    }
}

impl Endpoint {
    pub(crate) fn access(&self, scopes: &[String]) -> Access {
        Access { host: self.host.clone(), repository: self.name.clone(), scopes: scopes.to_vec() }
    }

    pub(crate) fn patience(&self) -> Patience {
        if self.is_mirror { Patience::Once } else { Patience::Full }
    }

    /// A request for a path below the repository.
    pub(crate) fn request(&self, method: Method, path: &str, what: &str) -> Result<Request, RegistryError> {
        Ok(Request::new(method, self.url(path)?, what))
    }
}

fn proven(request: &Request, grant: Option<&Grant>) -> Request {
    let mut request = request.clone();
    grant.into_iter().for_each(|grant| drop(request.headers.insert(AUTHORIZATION, grant.header.clone())));
    request
}

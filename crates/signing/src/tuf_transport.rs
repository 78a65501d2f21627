//! How a TUF repository is reached, and how its files are kept.

use std::sync::Arc;

use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{Error, MetadataStore, Repository};

use crate::error::{Fault, ServiceKind};
use crate::http::{Http, Request};
use crate::tuf::{TufCache, TufRepository};

/// A repository behind HTTP.
pub(crate) struct HttpRepository {
    http: Http,
    metadata: String,
    targets: String,
}

impl HttpRepository {
    pub(crate) fn new(http: Http, repository: &TufRepository) -> Self {
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        let metadata = base(&repository.mirror);
        let targets = repository.targets.as_deref().map_or_else(|| format!("{metadata}/targets"), base);
        Self { http, metadata, targets }
    }

    /// Storage services answer 403 for what is not there when nobody may list a folder.
    async fn get(&self, url: String, bytes_max: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut request = Request::get(ServiceKind::TrustRepository, &url);
        request.answer_bytes_max = Some(usize::try_from(bytes_max).unwrap_or(usize::MAX));
        match self.http.send(&request).await {
            Ok(body) => Ok(Some(body)),
            Err(error) if matches!(error.fault, Fault::Status { status: 403 | 404, .. }) => Ok(None),
            Err(error) => Err(Error::transport_with_source("the repository", error)),
        }
    }
}

impl Repository for HttpRepository {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.get(format!("{}/{name}", self.metadata), max_length))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.get(format!("{}/{path}", self.targets), max_length))
    }
}

/// Our cache as the client's store.
#[derive(Clone)]
pub(crate) struct KeptFiles(pub(crate) Arc<dyn TufCache>);

impl MetadataStore for KeptFiles {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.load(name).map_err(|source| Error::io(format!("reading `{name}` from the cache"), source))
    }

    /// Snapshots come under two names, with the version and without; one is enough, and the cache does not grow.
    fn store(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        if name.ends_with(".snapshot.json") {
            return Ok(());
        }
        let kept = self.0.store(name, bytes);
        kept.map_err(|source| Error::io(format!("keeping `{name}` in the cache"), source))
    }
}

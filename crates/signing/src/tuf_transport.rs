//! How a TUF repository is reached, and how its files are kept.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{Error, Metadata, MetadataStore, Repository, Root, Snapshot, Timestamp};

use crate::TrustError;
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

    /// A path is not yet part of a URL: some of its characters would end it there.
    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        let path = path.replace('%', "%25").replace('#', "%23").replace('?', "%3F");
        Box::pin(self.get(format!("{}/{path}", self.targets), max_length))
    }
}

/// Our cache as the client's store, and what the client leaves unguarded between two runs.
///
/// The client compares a new snapshot with the kept one only where the kept timestamp names exactly that one. A
/// refused snapshot leaves its timestamp behind, so the same answer would pass the next time; hence the check here,
/// on the way to the cache, where a refused file never comes.
#[derive(Clone)]
pub(crate) struct KeptFiles {
    cache: Arc<dyn TufCache>,
    refused: Arc<Mutex<Option<TrustError>>>,
    /// What this run loaded or stored, for [`Self::keep_complete`].
    seen: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl KeptFiles {
    pub(crate) fn new(cache: Arc<dyn TufCache>) -> Self {
        Self { cache, refused: Arc::default(), seen: Arc::default() }
    }

    /// Why a file of the repository was not kept although its signatures are right.
    pub(crate) fn refused(&self) -> Option<TrustError> {
        locked(&self.refused).clone()
    }

    /// Keeps all that this run loaded or stored as one [`CompleteSet`], once it has come to its end.
    ///
    /// As with single files, an update is good even if it cannot be kept. What is not text is left out: the targets that
    /// we ask for are JSON.
    pub(crate) fn keep_complete(&self) {
        let seen = locked(&self.seen);
        let texts = seen.iter().filter_map(|(name, bytes)| Some((name, str::from_utf8(bytes).ok()?)));
        let set = serde_json::to_vec(&texts.collect::<BTreeMap<_, _>>()).unwrap_or_default();
        if (1..=CompleteSet::BYTES_MAX).contains(&set.len()) {
            drop(self.cache.store(CompleteSet::NAME, &set));
        }
    }

    /// Whether no targets metadata goes back or away (TUF 1.0.33, 5.5.5).
    ///
    /// A kept snapshot that the keys of today did not sign says nothing: that is how a repository recovers.
    fn check_snapshot(&self, new: &[u8]) -> Result<Option<TrustError>, Error> {
        let (Some(root), Some(kept)) = (self.load("root.json")?, self.load("snapshot.json")?) else {
            return Ok(None);
        };
        let root = Metadata::<Root>::from_slice(&root)?.into_signed();
        let Ok(kept) = Metadata::<Snapshot>::from_slice(&kept) else { return Ok(None) };
        let vouched = |role| kept.verify_threshold(&root.keys, role, "snapshot").is_ok();
        if !root.role("snapshot").is_some_and(vouched) {
            return Ok(None);
        }
        let new = Metadata::<Snapshot>::from_slice(new)?.into_signed();
        let refusal = kept.signed().meta.iter().find_map(|(name, old)| match new.meta.get(name) {
            None => Some(TrustError::Mismatch {
                detail: format!("snapshot removes {name}, which the trusted snapshot pins"),
            }),
            Some(new) if new.version < old.version => Some(TrustError::Rollback {
                role: format!("{name} (via snapshot)"),
                expected: old.version,
                found: new.version,
            }),
            Some(_) => None,
        });
        Ok(refusal)
    }
}

impl MetadataStore for KeptFiles {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let loaded = self.cache.load(name);
        let loaded =
            loaded.map_err(|source| Error::io(format!("reading `{name}` from the cache"), source))?;
        if let Some(bytes) = loaded.as_ref().filter(|_| !is_root(name)) {
            // Not over what was stored in this run: that is newer, even where the cache could not take it.
            locked(&self.seen).entry(name.to_owned()).or_insert_with(|| bytes.clone());
        }
        Ok(loaded)
    }

    /// Snapshots come under two names, with the version and without; one is enough, and the cache does not grow.
    fn store(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        if name.ends_with(".snapshot.json") {
            return Ok(());
        }
        // The client keeps a timestamp before it looks what it names; one that names no snapshot is no lower bound.
        if name == "timestamp.json"
            && Metadata::<Timestamp>::from_slice(bytes)?.signed().snapshot_meta().is_none()
        {
            return Ok(());
        }
        let mut refused = locked(&self.refused);
        if refused.is_none() && name == "snapshot.json" {
            *refused = self.check_snapshot(bytes)?;
        }
        if refused.is_some() {
            return Ok(());
        }
        if !is_root(name) {
            locked(&self.seen).insert(name.to_owned(), bytes.to_vec());
        }
        let kept = self.cache.store(name, bytes);
        kept.map_err(|source| Error::io(format!("keeping `{name}` in the cache"), source))
    }
}

/// What is kept, as a repository: of each file there is one version, under a name without it. The client asks with a
/// version where its own copy is out of date, and compares the two itself.
pub(crate) struct OneVersion(pub(crate) KeptFiles);

impl MetadataStore for OneVersion {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let is_version = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = name.split_once('.').filter(|(version, rest)| is_version(version) && !is_root(rest));
        match (self.0.load(name)?, plain) {
            (None, Some((_, plain))) => self.0.load(plain),
            (found, _) => Ok(found),
        }
    }

    fn store(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.0.store(name, bytes)
    }
}

/// The files of the last update that came to its end, before those that later ones left in the cache.
///
/// A JSON object of names and texts in one file, so that it is there whole or not at all. It is believed no more than
/// the single files are. Roots are not in it: they are always the newest known, so that what a newer root no longer
/// vouches for is refused from here too.
pub(crate) struct CompleteSet {
    files: BTreeMap<String, String>,
    cache: Arc<dyn TufCache>,
}

impl CompleteSet {
    /// In a folder of its own, which no name of a role or target leads to.
    const NAME: &str = "complete/files.json";
    /// Some hundred times what public repositories need.
    const BYTES_MAX: usize = 16 * 1_024 * 1_024;

    /// `None` where there is none that can be read.
    pub(crate) fn load(cache: &Arc<dyn TufCache>) -> Option<Arc<dyn TufCache>> {
        let set = cache.load(Self::NAME).ok()?.filter(|set| set.len() <= Self::BYTES_MAX)?;
        let mut files: BTreeMap<String, String> = serde_json::from_slice(&set).ok()?;
        files.retain(|name, _| !is_root(name));
        Some(Arc::new(Self { files, cache: cache.clone() }))
    }
}

impl TufCache for CompleteSet {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match self.files.get(name) {
            Some(text) => Ok(Some(text.clone().into_bytes())),
            None => self.cache.load(name),
        }
    }

    /// Nothing is written back: the single files may be newer, and no later update may go below them.
    fn store(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

fn is_root(name: &str) -> bool {
    name == "root.json" || name.starts_with("root_history/")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

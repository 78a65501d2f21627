//! Where the trusted root and the signing configuration come from: a TUF repository, through a cache.
//!
//! The metadata is verified by `sigstore-tuf` (TUF 1.0.33, section 5, "Detailed client workflow"): roots one by one,
//! each signed by the old and the new keys; then timestamp, snapshot and targets with their thresholds, versions that
//! never go back, lengths, hashes and expiry. What is ours: the transport, the bounds, the cache's place, and what an
//! error says; one check of the snapshot, which `sigstore-tuf` 0.15.1 forgets after a refusal; and what is left for
//! offline use when an update stops halfway. The cache is never believed: every file in it is verified again from the
//! root that the caller gives.

use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sigstore_trust_root::SigstoreInstance;
use sigstore_tuf::{MetadataStore, Role, StoreRepository, Updater, UpdaterConfig};

use crate::TrustError;
use crate::http::{Http, HttpOptions};
use crate::run::block_on;
use crate::tuf_transport::{CompleteSet, HttpRepository, KeptFiles, OneVersion};

/// The name of the trusted root among the targets of a Sigstore repository.
const TRUSTED_ROOT: &str = "trusted_root.json";
/// The name of the signing configuration.
const SIGNING_CONFIG: &str = "signing_config.v0.2.json";
/// The signing configuration with a Rekor v2 log, which repositories list beside the other while both are in use.
const SIGNING_CONFIG_REKOR_2: &str = "signing_config_rekor_v2.v0.2.json";

/// A TUF repository: where it is, and the root that its metadata must be signed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TufRepository {
    /// The URL under which `timestamp.json` lies.
    pub mirror: String,
    /// The URL under which its targets lie; `None` for `targets` beside `timestamp.json`.
    pub targets: Option<String>,
    /// The `root.json` to start from.
    pub root: Vec<u8>,
    /// What is known of its targets without asking.
    pub embedded: Option<EmbeddedTrust>,
}

/// Targets of a well-known repository, as of this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedTrust {
    /// The trusted root, JSON.
    pub trusted_root: &'static [u8],
    /// The signing configuration, JSON.
    pub signing_config: Option<&'static [u8]>,
}

impl TufRepository {
    /// The repository of Sigstore's public-good instance, from the root of this build.
    pub fn public_good() -> Self {
        Self::of(SigstoreInstance::PublicGood)
    }

    /// The repository of GitHub's own instance, which signs for private repositories there.
    pub fn github() -> Self {
        Self::of(SigstoreInstance::GitHub)
    }

    /// The repository of Sigstore's staging instance.
    pub fn staging() -> Self {
        Self::of(SigstoreInstance::Staging)
    }

    /// A private repository, from a root that the caller trusts.
    pub fn private(mirror: impl Into<String>, root: impl Into<Vec<u8>>) -> Self {
        Self { mirror: mirror.into(), targets: None, root: root.into(), embedded: None }
    }

    fn of(instance: SigstoreInstance) -> Self {
        let signing_config = match instance {
            SigstoreInstance::PublicGood => Some(crate::config::PUBLIC_GOOD),
            other => other.embedded_signing_config_json(),
        };
        let trusted_root = instance.embedded_trusted_root_json().as_bytes();
        let embedded =
            Some(EmbeddedTrust { trusted_root, signing_config: signing_config.map(str::as_bytes) });
        let (mirror, root) = (instance.tuf_url().to_owned(), instance.tuf_root().to_vec());
        Self { mirror, targets: None, root, embedded }
    }
}

/// Where verified files are kept between runs, by name.
///
/// A name may have any number of `/`, and a repository chooses the path of each of its targets: an implementation that
/// writes to a folder must refuse a name that would lead out of it, such as one with `..`.
pub trait TufCache: Send + Sync {
    /// A file's content; `None` when it is not there.
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Writes a file, whole or not at all.
    fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
}

/// What a repository says, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustMaterial {
    /// The trusted root, JSON.
    pub trusted_root: Vec<u8>,
    /// The signing configuration, JSON; the one with a Rekor v2 log where the repository offers it, so that only a
    /// hash of what is signed goes to the log. `None` when the repository has none.
    pub signing_config: Option<Vec<u8>>,
    /// Versions and expiry of the metadata.
    pub metadata: TufMetadata,
}

/// Versions and expiry of the metadata that vouches for a [`TrustMaterial`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TufMetadata {
    /// The version of the root.
    pub root_version: u64,
    /// When the root expires; after that nothing is accepted any more.
    pub root_expires: Timestamp,
    /// The version of the targets.
    pub targets_version: u64,
    /// Until when the metadata is fresh: the earliest expiry of timestamp, snapshot and targets.
    pub fresh_until: Timestamp,
}

impl TufMetadata {
    /// Whether newer metadata should be asked for. What was verified stays verified.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.fresh_until < now
    }
}

/// Asks the repository, verifies its answers, and keeps them in the cache: each at once, and at the end all together,
/// for [`from_cache`] after an update that did not get there. Blocks.
pub fn refresh(
    repository: &TufRepository,
    cache: &Arc<dyn TufCache>,
    http: &HttpOptions,
    now: Timestamp,
) -> Result<TrustMaterial, TrustError> {
    let (updater, kept) = updater(repository, cache, http)?;
    let material = block_on(walk(updater, &kept, now))??;
    kept.keep_complete();
    Ok(material)
}

/// Asks any repository and verifies its metadata, as [`refresh`] does, and then one file that it lists, by its path:
/// `None` where no role vouches for one of that name. A kept copy is not asked for again. Blocks.
pub fn refresh_any(
    repository: &TufRepository,
    cache: &Arc<dyn TufCache>,
    http: &HttpOptions,
    path: Option<&str>,
    now: Timestamp,
) -> Result<(TufMetadata, Option<Vec<u8>>), TrustError> {
    let (mut updater, kept) = updater(repository, cache, http)?;
    block_on(async {
        fresh(&mut updater, &kept, now).await?;
        let file = match path {
            Some(path) => target(&mut updater, path, now).await?,
            None => None,
        };
        Ok((metadata(&updater)?, file))
    })?
}

fn updater(
    repository: &TufRepository,
    cache: &Arc<dyn TufCache>,
    http: &HttpOptions,
) -> Result<(Updater, KeptFiles), TrustError> {
    let transport = HttpRepository::new(Http::new(http, &[])?, repository);
    let updater = Updater::new(transport, &repository.root).map_err(TrustError::of_root)?;
    let kept = KeptFiles::new(cache.clone());
    Ok((updater.with_config(bounds()).with_store(kept.clone()), kept))
}

/// Verifies what the cache holds, from the given root, without any connection.
///
/// Signatures, versions and hashes are checked as by [`refresh`]. Metadata whose time is up is accepted and says so
/// ([`TufMetadata::is_stale`]): without a connection nobody can know better. An expired root is refused. After an update
/// that stopped halfway this is what the last whole one brought, if the newest root still vouches for it.
pub fn from_cache(
    repository: &TufRepository,
    cache: &Arc<dyn TufCache>,
    now: Timestamp,
) -> Result<TrustMaterial, TrustError> {
    // The single files come first: where they are whole, no set is newer. A set that outlived its day (of a run that was
    // stopped, or of a program that knows no sets) thus never hides what was withdrawn since.
    verified(repository, cache, now).or_else(|refused| match CompleteSet::load(cache) {
        Some(set) => verified(repository, &set, now).map_err(|_| refused),
        None => Err(refused),
    })
}

fn verified(
    repository: &TufRepository,
    cache: &Arc<dyn TufCache>,
    now: Timestamp,
) -> Result<TrustMaterial, TrustError> {
    let mut time = now;
    // Timestamp, snapshot and targets may each have expired earlier than the one before.
    for _ in 0..3 {
        match verified_as_of(repository, cache, now, time) {
            Err(TrustError::Expired { expires, .. }) if expires < time => {
                time = expires.checked_sub(SignedDuration::from_secs(1)).unwrap_or(expires);
            }
            outcome => return outcome,
        }
    }
    verified_as_of(repository, cache, now, time)
}

/// The root must be fresh now, the rest at that time.
fn verified_as_of(
    repository: &TufRepository,
    cache: &Arc<dyn TufCache>,
    now: Timestamp,
    time: Timestamp,
) -> Result<TrustMaterial, TrustError> {
    let kept = KeptFiles::new(cache.clone());
    if kept.load("timestamp.json").map_err(TrustError::of)?.is_none() {
        return Err(TrustError::NothingKept);
    }
    let updater = Updater::new(StoreRepository::new(OneVersion(kept.clone())), &repository.root);
    let updater = updater.map_err(TrustError::of_root)?.with_config(bounds()).with_store(kept.clone());
    updater.trusted().check_root_expired(now).map_err(|error| root_expired(&updater, error, now))?;
    block_on(walk(updater, &kept, time))?
}

/// Smaller than the defaults of the crate: these files are a few kilobytes long.
fn bounds() -> UpdaterConfig {
    let mut bounds = UpdaterConfig::default();
    bounds.target_max_length = 4 * 1_024 * 1_024;
    bounds.max_root_rotations = 256;
    bounds
}

async fn fresh(updater: &mut Updater, kept: &KeptFiles, now: Timestamp) -> Result<(), TrustError> {
    let refreshed = updater.refresh(now).await;
    kept.refused().map_or(Ok(()), Err)?;
    refreshed.map_err(|error| root_expired(updater, error, now))
}

async fn walk(mut updater: Updater, kept: &KeptFiles, now: Timestamp) -> Result<TrustMaterial, TrustError> {
    fresh(&mut updater, kept, now).await?;
    let trusted_root = target(&mut updater, TRUSTED_ROOT, now).await?;
    let trusted_root = trusted_root.ok_or(TrustError::NoTarget { name: TRUSTED_ROOT })?;
    let signing_config = match target(&mut updater, SIGNING_CONFIG_REKOR_2, now).await? {
        Some(config) => Some(config),
        None => target(&mut updater, SIGNING_CONFIG, now).await?,
    };
    Ok(TrustMaterial { trusted_root, signing_config, metadata: metadata(&updater)? })
}

async fn target(updater: &mut Updater, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, TrustError> {
    match updater.get_target(name, now).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(sigstore_tuf::Error::TargetNotFound(_)) => Ok(None),
        Err(error) => Err(TrustError::of(error)),
    }
}

fn metadata(updater: &Updater) -> Result<TufMetadata, TrustError> {
    let trusted = updater.trusted();
    let (Some(timestamp), Some(snapshot), Some(targets)) =
        (trusted.timestamp(), trusted.snapshot(), trusted.targets_role("targets"))
    else {
        return Err(TrustError::of(sigstore_tuf::Error::NotRefreshed));
    };
    Ok(TufMetadata {
        root_version: trusted.root().version,
        root_expires: trusted.root().expires(),
        targets_version: targets.version,
        fresh_until: timestamp.expires().min(snapshot.expires()).min(targets.expires()),
    })
}

/// An expired root is the one failure that only a newer program or root file mends, so it has a variant of its own.
fn root_expired(updater: &Updater, error: sigstore_tuf::Error, now: Timestamp) -> TrustError {
    match error {
        sigstore_tuf::Error::Expired { role, expires } if role == "root" => {
            TrustError::RootExpired { version: updater.trusted().root().version, expires, now }
        }
        other => TrustError::of(other),
    }
}

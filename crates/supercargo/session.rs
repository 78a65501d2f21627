//! What all functions of one run share.

use std::io::Read;
use std::sync::{OnceLock, PoisonError, RwLock};

use supercargo_content::{Descriptor, Limits};
use supercargo_image::{
    Attachments, Image, OciLayoutStore, PlatformChoice, Reference, Resolved, Source, open_local,
};
use supercargo_inventory::Inventory;
use supercargo_registry::{RegistryClient, RegistryOptions, RegistrySource};
use supercargo_scan::{
    ArchiveError, Known, PassedArchive, PassedLayers, Progress, SOCI_INDEX_1, ScanOptions, Scanned,
    read_archive,
};

use crate::{Error, LayerCache, RecordTrust, RegistryRecords, Signing};

/// Settings of a run: plain data with usable defaults.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// Bounds on hostile input, for everything in this run.
    pub limits: Limits,
    /// Threads that read layers; 0 is one per core.
    pub threads: usize,
    /// Whether layers with a table of contents (eStargz, zstd:chunked, SOCI) are read whole, so that all digests are checked.
    pub full: bool,
    /// Whether a SOCI index that hangs on the image as a referrer is used. Nothing binds it to the image: whoever can push
    /// beside the image then decides what is found in it.
    pub soci: bool,
    /// How registries are reached. Its `limits` are replaced by the ones above.
    pub registry: RegistryOptions,
    /// Whether every use of the network is an error.
    pub offline: bool,
}

/// Limits, threads and the registry client of one run.
pub struct Session {
    options: SessionOptions,
    client: OnceLock<RegistryClient>,
    cache: LayerCache,
    passed: RwLock<PassedLayers>,
}

impl Session {
    /// A session. Nothing is opened yet; the registry client is made when a registry is first named.
    pub fn new(mut options: SessionOptions) -> Result<Self, Error> {
        options.registry.limits = options.limits.clone();
        Ok(Self { options, client: OnceLock::new(), cache: LayerCache::default(), passed: RwLock::default() })
    }

    /// The same, with a memory: layers that it knows are not read again. What scans find stays the same.
    #[must_use]
    pub fn with_cache(self, cache: LayerCache) -> Self {
        Self { cache, ..self }
    }

    /// The memory of this run.
    pub fn cache(&self) -> &LayerCache {
        &self.cache
    }

    /// The records in a repository, for [`LayerCache::new`]. With `signing`, new ones are put there.
    pub fn registry_records(
        &self,
        at: &Reference,
        trust: RecordTrust,
        signing: Option<Signing>,
    ) -> Result<RegistryRecords, Error> {
        let Reference::Registry(reference) = at else {
            return Err(Error::Usage {
                message: format!("`{at}` cannot hold a layer cache"),
                hint: Some("name a repository in a registry, as in `registry.example/team/cache`".into()),
            });
        };
        let records =
            RegistryRecords::new(reference, self.client(at)?.clone(), trust, signing, self.limits());
        records.map_err(|error| Error::RegistrySetup(Box::new(error)))
    }

    /// The same session under other bounds.
    pub(crate) fn with_limits(&self, limits: Limits) -> Result<Self, Error> {
        Self::new(SessionOptions { limits, ..self.options.clone() })
    }

    /// The bounds of this run.
    pub fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Resolves a reference to images, pinned by digest.
    pub fn open(&self, at: &Reference, platform: &PlatformChoice) -> Result<Resolved, Error> {
        if let Reference::Registry(_) = at {
            let source = RegistrySource::new(self.client(at)?.clone());
            return Ok(source.open(at, platform, self.limits())?);
        }
        Ok(open_local(at, platform, self.limits())?)
    }

    /// As [`open`](Self::open), with as few requests as a verification needs: an image of a registry may lack platform
    /// and layers, and must not be scanned.
    pub fn pin(&self, at: &Reference, platform: &PlatformChoice) -> Result<Resolved, Error> {
        if let Reference::Registry(_) = at {
            let source = RegistrySource::new(self.client(at)?.clone());
            return Ok(source.pin(at, platform, self.limits())?);
        }
        self.open(at, platform)
    }

    /// Resolves a reference in an archive that passes by once: standard input, or a file that is compressed as a whole
    /// ([`compressed_archive`](crate::image::compressed_archive)). Its layers are read here, because they do not come
    /// again; [`Session::scan`] of this session then takes what was read.
    pub fn open_stream(
        &self,
        at: &Reference,
        platform: &PlatformChoice,
        input: impl Read,
        progress: &dyn Progress,
    ) -> Result<Resolved, Error> {
        let read = read_archive(input, at, platform, &self.scan_options(), progress);
        let PassedArchive { resolved, layers } = read.map_err(|error| match error {
            ArchiveError::Resolve(error) => Error::Resolve(error),
            error => Error::Archive(error),
        })?;
        self.passed.write().unwrap_or_else(PoisonError::into_inner).extend(layers);
        Ok(resolved)
    }

    /// Reads every layer of an image once, but for those that passed by or that the cache of this session knows.
    pub fn scan(&self, image: &Image, progress: &dyn Progress) -> Result<Inventory, Error> {
        Ok(self.scan_and_tell(image, progress)?.inventory)
    }

    /// As [`Session::scan`], and tells how much was known before.
    pub fn scan_and_tell(&self, image: &Image, progress: &dyn Progress) -> Result<Scanned, Error> {
        let passed = self.passed.read().unwrap_or_else(PoisonError::into_inner);
        let soci_index = self.soci_index(image)?;
        let known = Known { passed: &passed, store: &self.cache, soci_index: soci_index.as_ref() };
        let scanned = supercargo_scan::scan_known(image, &known, &self.scan_options(), progress);
        self.cache.tidy();
        Ok(scanned?)
    }

    /// The SOCI index that hangs on an image; of several the one with the smallest digest.
    fn soci_index(&self, image: &Image) -> Result<Option<Descriptor>, Error> {
        let is_store = matches!(image.reference, Reference::Registry(_) | Reference::OciLayout { .. });
        let Some(manifest) = image.manifest.as_ref().filter(|_| self.options.soci && is_store) else {
            return Ok(None);
        };
        let referrers = self.attachments(&image.reference)?.referrers(&manifest.digest)?;
        let is_index =
            |found: &Descriptor| found.artifact_type.as_ref().is_some_and(|t| t.as_str() == SOCI_INDEX_1);
        Ok(referrers.into_iter().filter(is_index).min_by_key(|found| found.digest.to_string()))
    }

    fn scan_options(&self) -> ScanOptions {
        let SessionOptions { threads, full, .. } = self.options;
        ScanOptions { threads, limits: self.options.limits.clone(), full }
    }

    /// The store in which things hang on an image.
    pub fn attachments(&self, at: &Reference) -> Result<Box<dyn Attachments>, Error> {
        match at {
            Reference::Registry(reference) => Ok(Box::new(self.client(at)?.attachments(reference).map_err(|error| Error::RegistrySetup(Box::new(error)))?)),
            Reference::OciLayout { dir, .. } => Ok(Box::new(OciLayoutStore::open(dir, self.limits())?)),
            other => Err(Error::Usage {
                message: format!("nothing can be attached to `{other}`"),
                hint: Some("attach to a registry or to an `oci:` layout, or write the bundle with `--no-attach --bundle FILE`".into()),
            }),
        }
    }

    fn client(&self, at: &Reference) -> Result<&RegistryClient, Error> {
        if self.options.offline {
            return Err(Error::Offline { what: format!("`{at}`, which is in a registry,") });
        }
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = RegistryClient::new(self.options.registry.clone())
            .map_err(|error| Error::RegistrySetup(Box::new(error)))?;
        Ok(self.client.get_or_init(|| client))
    }
}

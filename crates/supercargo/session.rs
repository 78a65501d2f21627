//! What all functions of one run share.

use std::sync::OnceLock;

use supercargo_content::Limits;
use supercargo_image::{
    Attachments, Image, OciLayoutStore, PlatformChoice, Reference, Resolved, Source, open_local,
};
use supercargo_inventory::Inventory;
use supercargo_registry::{RegistryClient, RegistryOptions, RegistrySource};
use supercargo_scan::{Progress, ScanOptions};

use crate::Error;

/// Settings of a run: plain data with usable defaults.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// Bounds on hostile input, for everything in this run.
    pub limits: Limits,
    /// Threads that read layers; 0 is one per core.
    pub threads: usize,
    /// How registries are reached. Its `limits` are replaced by the ones above.
    pub registry: RegistryOptions,
    /// Whether every use of the network is an error.
    pub offline: bool,
}

/// Limits, threads and the registry client of one run.
pub struct Session {
    options: SessionOptions,
    client: OnceLock<RegistryClient>,
}

impl Session {
    /// A session. Nothing is opened yet; the registry client is made when a registry is first named.
    pub fn new(mut options: SessionOptions) -> Result<Self, Error> {
        options.registry.limits = options.limits.clone();
        Ok(Self { options, client: OnceLock::new() })
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

    /// Reads every layer of an image once.
    pub fn scan(&self, image: &Image, progress: &dyn Progress) -> Result<Inventory, Error> {
        let options = ScanOptions { threads: self.options.threads, limits: self.options.limits.clone() };
        Ok(supercargo_scan::scan(image, &options, progress)?)
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

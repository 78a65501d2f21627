//! Where the bundles of a command come from.

use std::fs;
use std::path::Path;

use supercargo::image::Attachments;
use supercargo::{Bundles, Error};

/// Where the bundles come from: a file that the user names, or the store of the image.
pub(crate) enum BundleSource {
    File(Vec<u8>),
    Store(Box<dyn Attachments>),
}

impl BundleSource {
    pub(crate) fn new(
        bundle: Option<&Path>,
        store: impl FnOnce() -> Result<Box<dyn Attachments>, Error>,
    ) -> Result<Self, Error> {
        match bundle {
            Some(file) => Ok(Self::File(fs::read(file).map_err(|source| Error::read(file, source))?)),
            None => store().map(Self::Store),
        }
    }

    pub(crate) fn bundles(&self) -> Bundles<'_> {
        match self {
            Self::File(bytes) => Bundles::Given(bytes),
            Self::Store(store) => Bundles::Attached(store.as_ref()),
        }
    }
}

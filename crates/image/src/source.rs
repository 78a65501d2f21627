//! What every source of images implements.

use std::io::{self, Read};

use supercargo_content::{Descriptor, Platform};

use crate::{Image, Reference};

/// Gives bytes for descriptors. The one method that a source must implement.
///
/// The bytes are not checked here: whoever reads them wraps the stream in a
/// [`VerifyingReader`](supercargo_content::VerifyingReader).
pub trait Blobs: Send + Sync {
    /// Opens the stream of a blob or manifest.
    fn blob(&self, what: &Descriptor) -> io::Result<Box<dyn Read + Send + '_>>;
}

/// Which platforms of an index are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformChoice {
    /// Nobody said; the platform of this host, and the report says so.
    Host(Platform),
    /// Exactly this one.
    Only(Platform),
    /// Every image of the index, one after the other.
    All,
}

/// The images that a reference stands for.
#[derive(Debug)]
pub struct Resolved {
    /// One, or one per platform.
    pub images: Vec<Image>,
    /// The index that they were chosen from.
    pub index: Option<Descriptor>,
}

/// A kind of place where images are.
pub trait Source: Sync {
    /// The scheme before the colon.
    fn scheme(&self) -> &'static str;

    /// Resolves a reference to images, pinned by digest.
    fn open(&self, at: &Reference, platform: &PlatformChoice) -> Result<Resolved, ResolveError>;
}

/// Why a reference leads to no image.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// There is no such image.
    #[error("no image `{wanted}` in {place}: there is {there}")]
    NotFound {
        /// What was asked for.
        wanted: String,
        /// Where it was looked for.
        place: String,
        /// What is there instead, as a list for people.
        there: String,
    },
    /// Several images fit.
    #[error("`{wanted}` is ambiguous in {place}: choose one of {there}")]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// Where it was looked for.
        place: String,
        /// The images that fit.
        there: String,
    },
    /// The index has no image for the platform.
    #[error("no image for platform `{wanted}` in {place}: there is {there}")]
    Platform {
        /// The platform asked for.
        wanted: String,
        /// The index.
        place: String,
        /// The platforms that are there.
        there: String,
    },
    /// A document of the image is damaged.
    #[error("damaged {what} {digest} in {place}: {reason}")]
    Damaged {
        /// `manifest`, `index`, `configuration` …
        what: &'static str,
        /// Its digest or name.
        digest: String,
        /// Where it lies.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A limit on the image itself was hit.
    #[error("{what} of {place} is over the limit: {found} > {limit}; raise it with `{flag}`")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// Where.
        place: String,
        /// How much there is.
        found: u64,
        /// How much is allowed.
        limit: u64,
        /// The flag that raises it.
        flag: &'static str,
    },
    /// Reading failed.
    #[error("failed to read {place}")]
    Io {
        /// The file, folder or address.
        place: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The registry refused or failed; the error is the registry client's.
    #[error("failed to resolve {place}")]
    Registry {
        /// The reference.
        place: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

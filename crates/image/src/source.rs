//! What every source of images implements.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use supercargo_content::{Descriptor, Limits, Platform};

use crate::{ArchiveError, DocumentError, Image, Reference};

/// Gives bytes for descriptors. A source must implement one method; a second one lets layers be read in parts.
///
/// The bytes are not checked here: whoever reads them wraps the stream in a
/// [`VerifyingReader`](supercargo_content::VerifyingReader).
pub trait Blobs: Send + Sync {
    /// Opens the stream of a blob or manifest.
    fn blob(&self, what: &Descriptor) -> io::Result<Box<dyn Read + Send + '_>>;

    /// Opens a part of a blob: exactly `len` bytes from `offset` on, both inside the size of the descriptor.
    /// `None` when the source cannot serve parts; the whole is to be read then.
    fn part(
        &self,
        what: &Descriptor,
        offset: u64,
        len: u64,
    ) -> io::Result<Option<Box<dyn Read + Send + '_>>> {
        let _ = (what, offset, len);
        Ok(None)
    }
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
    fn open(
        &self,
        at: &Reference,
        platform: &PlatformChoice,
        limits: &Limits,
    ) -> Result<Resolved, ResolveError>;
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
        reason: Box<DocumentError>,
    },
    /// Something is there, but not what the scheme says.
    #[error("{place} is not {expected}: {reason}; {next_step}")]
    WrongKind {
        /// Where.
        place: String,
        /// What the scheme says.
        expected: &'static str,
        /// How it was told.
        reason: &'static str,
        /// What to do.
        next_step: String,
    },
    /// An archive is damaged.
    #[error("damaged archive `{file}`: {reason}")]
    Archive {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: ArchiveError,
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

impl ResolveError {
    /// A document that is damaged.
    pub fn damaged(what: &'static str, name: &dyn fmt::Display, place: &str, reason: DocumentError) -> Self {
        Self::Damaged { what, digest: name.to_string(), place: place.to_owned(), reason: Box::new(reason) }
    }

    /// A document over [`Limits::manifest_bytes_max`].
    pub fn document_limit(what: &'static str, place: &str, found: u64, limits: &Limits) -> Self {
        let limit = limits.manifest_bytes_max;
        Self::Limit { what, place: place.to_owned(), found, limit, flag: "--manifest-bytes-max" }
    }

    pub(crate) fn archive(file: &Path, reason: ArchiveError) -> Self {
        let place = format!("`{}`", file.display());
        match reason {
            ArchiveError::Io(source) => Self::Io { place, source },
            ArchiveError::Compressed { format } => Self::WrongKind {
                place,
                expected: "a plain archive",
                reason: "it is compressed as a whole, so its parts cannot be read in place",
                next_step: format!("unpack it with `{}` first", unpacker(format)),
            },
            reason => Self::Archive { file: file.to_owned(), reason },
        }
    }

    pub(crate) fn wrong_scheme(scheme: &'static str, at: &Reference) -> Self {
        let next_step = format!("open it as `{}:`", at.scheme());
        let reason = "the reference has another scheme";
        Self::WrongKind { place: format!("`{at}`"), expected: scheme, reason, next_step }
    }

    pub(crate) fn no_layout(place: &str, missing: &'static str) -> Self {
        let reason = match missing {
            "oci-layout" => "there is no file `oci-layout`",
            _ => "there is no file `index.json`",
        };
        let next_step =
            "for an unpacked root file system use `rootfs:`, for `docker save` use `docker-archive:`";
        Self::WrongKind {
            place: format!("`{place}`"),
            expected: "an OCI image layout",
            reason,
            next_step: next_step.to_owned(),
        }
    }
}

fn unpacker(format: &str) -> &'static str {
    match format {
        "gzip" => "gunzip --keep",
        "zstd" => "unzstd",
        "xz" => "unxz --keep",
        _ => "bunzip2 --keep",
    }
}

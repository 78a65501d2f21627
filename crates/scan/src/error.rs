//! Why an image could not be scanned at all.

use std::io;

use supercargo_content::Digest;
use supercargo_image::ResolveError;
use supercargo_layer::TarError;

use crate::{Inexpressible, RecordError};

/// Only what makes the whole image unreadable; everything else is a problem in the report.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A layer's bytes are not those that the manifest and the configuration promise, or cannot be had.
    #[error("failed to read layer {index} ({digest}) of {image}")]
    Layer {
        /// Position from the base up.
        index: usize,
        /// The digest of its blob.
        digest: Digest,
        /// The image.
        image: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The folder of a `rootfs:` reference cannot be walked.
    #[error("failed to read folder `{folder}`")]
    Folder {
        /// The folder.
        folder: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The image has more layers than allowed.
    #[error("{image} has {found} layers, more than the limit of {limit}; raise it with `--layers-max`")]
    TooManyLayers {
        /// The image.
        image: String,
        /// How many it has.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The threads could not be started.
    #[error("failed to start {threads} threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A pattern in the table of ecosystems does not compile: a fault of this program.
    #[error("a pattern in the table of ecosystems does not compile: {0}")]
    Table(String),
    /// Something that was found cannot be held until all layers are read: a fault of this program.
    #[error("what was found cannot be written down")]
    Inexpressible(#[source] Inexpressible),
    /// What was held until all layers were read cannot be read back: a fault of this program.
    #[error("what was written down of a layer cannot be read back")]
    Record(#[source] RecordError),
}

/// Why an archive that passes by could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The stream failed, or what it is compressed with is damaged.
    #[error("failed to read the archive `{place}`")]
    Read {
        /// The reference.
        place: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// There is nothing, or something else than an archive.
    #[error(
        "`{place}` is not an archive: expected a tar as `docker save` or `skopeo copy` writes, perhaps in gzip or zstd"
    )]
    NotAnArchive {
        /// The reference.
        place: String,
    },
    /// The archive is damaged.
    #[error("failed to read the archive `{place}`")]
    Damaged {
        /// The reference.
        place: String,
        /// The cause.
        #[source]
        source: TarError,
    },
    /// A sparse member, which image archives never have.
    #[error("sparse member `{name}` in `{place}`: pack the archive again without `--sparse`")]
    Sparse {
        /// The reference.
        place: String,
        /// The member.
        name: String,
    },
    /// A limit on the archive itself was hit.
    #[error("`{place}` has {found} {what}, more than the limit of {limit}; raise it with `{flag}`")]
    Limit {
        /// The reference.
        place: String,
        /// What was counted.
        what: &'static str,
        /// How much there is, or how far was counted.
        found: u64,
        /// How much is allowed.
        limit: u64,
        /// The flag that raises it.
        flag: &'static str,
    },
    /// The reference leads to no image in the archive.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A pattern in the table of ecosystems does not compile: a fault of this program.
    #[error("a pattern in the table of ecosystems does not compile: {0}")]
    Table(String),
}

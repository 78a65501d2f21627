//! Why an image could not be scanned at all.

use std::io;

use supercargo_content::Digest;

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
        source: rayon::ThreadPoolBuildError,
    },
    /// A pattern in the table of ecosystems does not compile: a fault of this program.
    #[error("a pattern in the table of ecosystems does not compile: {0}")]
    Table(String),
}

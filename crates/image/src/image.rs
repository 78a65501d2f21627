//! One image of one platform.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use supercargo_content::{Descriptor, Digest, MediaType, Platform};

use crate::{Blobs, Reference};

/// A manifest after its checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The media type.
    pub media_type: MediaType,
    /// The artifact type, where the manifest is not an image.
    pub artifact_type: Option<MediaType>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers or, in an artifact, the files.
    pub layers: Vec<Descriptor>,
    /// What it refers to.
    pub subject: Option<Descriptor>,
    /// Free annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What the configuration of an image says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageConfig {
    /// The platform.
    pub platform: Option<Platform>,
    /// When the image was made, as written (RFC 3339).
    pub created: Option<String>,
    /// The digests of the uncompressed layers, from the base up.
    pub diff_ids: Vec<Digest>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The command that made each layer that is not empty, from the base up, where the history says it.
    pub created_by: Vec<String>,
}

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLayer {
    /// The blob.
    pub blob: Descriptor,
    /// The digest of the blob unpacked.
    pub diff_id: Digest,
}

/// Where the files of an image are.
#[derive(Clone)]
pub enum Content {
    /// Layers to stream.
    Layers {
        /// The layers from the base up.
        layers: Vec<ImageLayer>,
        /// The bytes behind them.
        blobs: Arc<dyn Blobs>,
    },
    /// A folder with an unpacked root file system.
    Folder(PathBuf),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layers { layers, .. } => {
                f.debug_struct("Layers").field("layers", layers).finish_non_exhaustive()
            }
            Self::Folder(path) => f.debug_tuple("Folder").field(path).finish(),
        }
    }
}

/// An image, pinned.
#[derive(Debug, Clone)]
pub struct Image {
    /// What the user asked for.
    pub reference: Reference,
    /// The manifest by digest; `None` where there is none (`docker-archive:` of the old form, `rootfs:`).
    pub manifest: Option<Descriptor>,
    /// The digest of the configuration, which Docker calls the image ID.
    pub image_id: Option<Digest>,
    /// The index that it was chosen from.
    pub index: Option<Descriptor>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// The configuration.
    pub config: ImageConfig,
    /// The files.
    pub content: Content,
}

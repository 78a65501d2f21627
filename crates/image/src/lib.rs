//! References, manifests and images, and where they are found on disk.
//!
//! **Where in the flow.** The first step: a [`Reference`] is opened by a [`Source`] and becomes [`Image`]s whose
//! layers can be streamed.
//!
//! **Key type.** [`Image`]: one manifest of one platform, pinned by digest, with the bytes behind it.
//!
//! **The one decision.** A source implements one method of [`Blobs`]; everything wide (images, layers, platform
//! choice) is built on it once. Every later step uses the digest that was resolved here, never the tag again.
//!
//! ```
//! use supercargo_content::Limits;
//! use supercargo_image::{PlatformChoice, Reference, ResolveError, host_platform, open_local};
//!
//! let reference: Reference = "oci:target/no-such-folder:1".parse()?;
//! let host = PlatformChoice::Host(host_platform("linux", "x86_64"));
//! let error = open_local(&reference, &host, &Limits::default()).unwrap_err();
//! assert!(matches!(error, ResolveError::WrongKind { .. }));
//! # Ok::<(), supercargo_image::ReferenceParseError>(())
//! ```
//!
//! **Specification.** OCI image specification v1.1: manifest, index, configuration, layout.

mod artifact;
mod choose;
mod docker_archive;
mod document;
mod files;
mod image;
mod layout;
mod layout_store;
mod layout_write;
mod listing;
mod local;
mod names;
mod oci_archive;
mod oci_layout;
mod open;
mod platform;
mod raw;
mod reference;
mod registry_reference;
mod rootfs;
mod source;
mod streamed;
mod tagged;
mod tar_header;
mod tar_index;

pub use artifact::{
    Artifact, ArtifactManifest, AttachmentError, Attachments, CosignKind, EMPTY_CONFIG, cosign_tag,
    fallback_tag,
};
pub use choose::{Fetch, buildkit_attestations, choose};
pub use docker_archive::DockerArchive;
pub use document::{
    Document, DocumentError, Index, parse_config, parse_document, parse_index, parse_manifest,
};
pub use image::{Content, Image, ImageConfig, ImageLayer, Manifest};
pub use layout_store::{LayoutStoreError, OciLayoutStore};
pub use local::{LOCAL, open_local};
pub use oci_archive::OciArchive;
pub use oci_layout::OciLayout;
pub use open::{fetch_document, open_image, resolve};
pub use platform::host_platform;
pub use reference::{Reference, ReferenceParseError, Selector};
pub use registry_reference::RegistryReference;
pub use rootfs::Rootfs;
pub use source::{Blobs, PlatformChoice, ResolveError, Resolved, Source};
pub use streamed::{Streamed, StreamedArchive, compressed_archive};
pub use tagged::{SeenLayers, TaggedError, TaggedLayer, TaggedManifest};
pub use tar_index::ArchiveError;

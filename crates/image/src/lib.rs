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
//! **Specification.** OCI image specification v1.1: manifest, index, configuration, layout.

mod artifact;
mod image;
mod reference;
mod source;

pub use artifact::{Artifact, AttachmentError, Attachments};
pub use image::{Content, Image, ImageConfig, ImageLayer, Manifest};
pub use reference::{Reference, ReferenceParseError, RegistryReference, Selector};
pub use source::{Blobs, PlatformChoice, ResolveError, Resolved, Source};

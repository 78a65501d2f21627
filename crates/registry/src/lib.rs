//! Client of registries: the OCI distribution specification v1.1, over reqwest with rustls.
//!
//! **Where in the flow.** A `registry:` reference is opened here, its layers come from here as streams, and what was
//! signed is hung on the image here.
//!
//! **Key type.** [`RegistryClient`]: cheap to clone, synchronous, with its own network threads.
//!
//! **The one decision.** Fail closed: "there is none" is said only when the registry said so. A refusal, a rate
//! limit or a fault on the way to a list of attestations is an error, and a body that is not what its digest says
//! is never handed on as whole.
//!
//! ```no_run
//! use supercargo_image::{Attachments, RegistryReference};
//! use supercargo_registry::{RegistryClient, RegistryOptions};
//!
//! let client = RegistryClient::new(RegistryOptions::default())?;
//! let at = RegistryReference {
//!     host: "registry.example".to_owned(),
//!     repository: "team/app".to_owned(),
//!     tag: Some("1".to_owned()),
//!     digest: None,
//! };
//! let image = client.manifest(&at)?;
//! for referrer in client.attachments(&at)?.referrers(&image.descriptor.digest)? {
//!     assert!(referrer.artifact_type.is_some());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Specification.** OCI distribution specification v1.1; Docker registry token authentication; RFC 9110 sections
//! 10.2.3 (`Retry-After`), 11.6.1 (`WWW-Authenticate`) and 14 (ranges); RFC 8288 (`Link`); RFC 6749 section 6.

mod attachments;
mod auth;
mod blobs;
mod challenge;
mod client;
mod contended;
mod credentials;
mod download;
mod error;
mod fallback;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod helper;
mod host;
mod link;
mod manifest;
mod options;
mod referrers;
mod retry;
mod secret;
mod session;
mod source;
mod tagged;
mod tls;
mod transport;
mod upload;

pub use attachments::RegistryAttachments;
pub use blobs::RepositoryBlobs;
pub use client::{FetchedManifest, RegistryClient};
pub use error::{Refusal, RegistryError};
pub use manifest::Pushed;
pub use options::{
    AuthOptions, ClientCertificate, ConcurrencyOptions, Credential, Mirror, ProxyOptions, ReferrersOptions,
    RegistryOptions, RetryOptions, TimeoutOptions, TlsOptions, UploadOptions,
};
pub use secret::Secret;
pub use source::RegistrySource;
pub use upload::{BlobPush, OpenBlob};

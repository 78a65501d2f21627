//! Keys and keyless signing: from a statement's bytes to a Sigstore bundle that verifies.
//!
//! **Where in the flow.** `attest` writes the statement; [`sign`] asks the services, puts the bundle together
//! and hands it to `attest` for verification; the registry client attaches it.
//!
//! **Key type.** [`Signer`]: the holder of a private key, or of an identity token.
//!
//! **The one decision.** One path for both. A key may have timestamps and log entries too, an identity gets a
//! certificate first, and nothing leaves this crate that a stranger could not verify: the finished bundle is
//! read back from its bytes and checked like any other. The requests are written here and not by the
//! `sigstore-*` clients, because those parse the SBOM into a tree, drop the cause of a failed connection and do
//! not bound an answer. To a Rekor v2 log goes only a hash.
//!
//! ```
//! use supercargo_attest::{PredicateType, Statement};
//! use supercargo_content::{Digest, Limits};
//! use supercargo_signing::{HttpOptions, Services, SignOptions, Signer, SigningKey, sign};
//!
//! let files = SigningKey::generate("a password")?;
//! let key = SigningKey::from_pem(files.private_pem.as_bytes(), || Some("a password".to_owned().into()))?;
//! let image = Digest::sha256_of(b"the image's manifest");
//! let statement = Statement::write(&[("app", &image)], &PredicateType::cyclonedx(), b"{}", 1_000)?;
//! let options = SignOptions {
//!     services: &Services::none(),
//!     http: &HttpOptions::default(),
//!     trusted_root: None,
//!     limits: &Limits::default(),
//!     now: jiff::Timestamp::UNIX_EPOCH,
//! };
//! let signed = sign(statement, &image, &Signer::Key(key), &options)?;
//! assert_eq!(signed.verified.predicate_json(), b"{}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Specification.** Sigstore client specification, "Signing"; DSSE v1; RFC 3161; rekor-tiles, CLIENTS.md; the
//! key file is that of go-securesystemslib's `encrypted` package.

mod ambient;
mod child;
mod config;
mod der;
mod error;
mod http;
mod key;
mod key_file;
mod login;
mod login_error;
mod loopback_redirect;
mod memory_key;
mod message;
mod pkcs11;
mod pkcs11_uri;
mod plugin;
mod run;
mod scheme;
mod services;
mod sign;
mod spiffe;
mod token;
mod trust_error;
mod tuf;
mod tuf_transport;
mod vault;

pub use ambient::{Ambient, GithubActions, GoogleCloud, ambient_token};
pub use config::{ConfigError, LogService, LogVersion, Services};
pub use error::{Fault, ServiceError, ServiceKind, SignError};
pub use http::{HttpOptions, HttpSetupError};
pub use key::{GeneratedKey, KeyError, SigningKey};
pub use login::{DevicePrompt, Login};
pub use login_error::LoginError;
pub use pkcs11_uri::Pkcs11Uri;
pub use plugin::KmsPlugin;
pub use sign::{DetachedSignature, SignOptions, Signed, Signer, SigningSession, sign};
pub use token::{IdentityToken, TokenError};
pub use trust_error::TrustError;
pub use tuf::{
    EmbeddedTrust, TrustMaterial, TufCache, TufMetadata, TufRepository, from_cache, refresh, refresh_any,
};
pub use vault::VaultTransit;

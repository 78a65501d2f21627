//! Content addressing: digests, media types, descriptors, limits, and readers that check what they read.
//!
//! **Where in the flow.** The lowest level. Everything that names bytes names them with the types here.
//!
//! **Key type.** [`Descriptor`]: media type, digest and size of some bytes, as in the OCI image
//! specification v1.1, section "Content Descriptors".
//!
//! **The one decision.** A digest is checked by the type that reads ([`VerifyingReader`]), so that no caller
//! can forget it; a limit is a field of [`Limits`] and always passed in.
//!
//! ```
//! use std::io::Read;
//! use supercargo_content::{Digest, VerifyingReader};
//!
//! let digest = Digest::sha256_of(b"cargo");
//! let mut text = String::new();
//! VerifyingReader::new(&b"cargo"[..], digest, 5).read_to_string(&mut text)?;
//! assert_eq!(text, "cargo");
//! # Ok::<(), std::io::Error>(())
//! ```

mod descriptor;
mod digest;
mod hasher;
mod lanes;
mod limits;
mod media_type;
mod reader;

pub use descriptor::{Descriptor, Platform, PlatformParseError};
pub use digest::{Algorithm, Digest, DigestParseError};
pub use hasher::{Hasher, Share};
pub use limits::Limits;
pub use media_type::MediaType;
pub use reader::{
    BoundedReader, ContentMismatch, HashingReader, LimitExceeded, VerifyingReader, read_bounded,
};

//! What stands in a manifest where bytes are meant, and the platform that an index gives for it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Digest, MediaType};

/// A reference to bytes by digest and size (OCI image specification v1.1, "Content Descriptors").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: MediaType,
    /// Their digest.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// Free annotations.
    pub annotations: BTreeMap<String, String>,
    /// The platform, in the descriptors of an index.
    pub platform: Option<Platform>,
    /// The artifact type, in the descriptors of a referrers list.
    pub artifact_type: Option<MediaType>,
    /// Where else the bytes can be had (foreign layers).
    pub urls: Vec<String>,
    /// The bytes themselves, where the document embeds them; they are those of the digest.
    pub data: Option<Arc<[u8]>>,
}

impl Descriptor {
    /// A descriptor without annotations, platform or artifact type.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self {
            media_type,
            digest,
            size,
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
            urls: Vec::new(),
            data: None,
        }
    }

    /// The descriptor of `bytes`.
    pub fn of(media_type: MediaType, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::sha256_of(bytes), bytes.len() as u64)
    }
}

/// An operating system, an architecture and perhaps a variant, in Go's names (`linux/arm64/v8`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The operating system.
    pub os: String,
    /// The architecture.
    pub architecture: String,
    /// The variant of the architecture.
    pub variant: Option<String>,
    /// The version of the operating system (Windows).
    pub os_version: Option<String>,
}

impl Platform {
    /// A platform without variant or version.
    pub fn new(os: impl Into<String>, architecture: impl Into<String>) -> Self {
        Self { os: os.into(), architecture: architecture.into(), variant: None, os_version: None }
    }

    /// Whether an image for `self` satisfies the wish `wanted`. A wish without variant takes every variant;
    /// `arm64` and `arm64/v8`, and `amd64` and `amd64/v1`, are the same.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        let version_fits = wanted.os_version.is_none() || wanted.os_version == self.os_version;
        let variant_fits = wanted.variant.is_none() || wanted.effective_variant() == self.effective_variant();
        self.os == wanted.os && self.architecture == wanted.architecture && variant_fits && version_fits
    }

    fn effective_variant(&self) -> Option<&str> {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm64", Some("v8")) | ("amd64", Some("v1")) => None,
            (_, variant) => variant,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// A text that is not `os/arch` or `os/arch/variant`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform: expected `os/arch` or `os/arch/variant`, as in `linux/arm64`")]
pub struct PlatformParseError(String);

impl FromStr for Platform {
    type Err = PlatformParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        if !(2..=3).contains(&parts.len()) || parts.iter().any(|part| part.is_empty()) {
            return Err(PlatformParseError(text.chars().take(160).collect()));
        }
        let variant = parts.get(2).map(|&variant| variant.to_owned());
        Ok(Self { variant, ..Self::new(parts[0], parts[1]) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_without_variant_takes_any() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        assert!(platform("linux/arm64/v8").satisfies(&platform("linux/arm64")));
        assert!(platform("linux/arm64").satisfies(&platform("linux/arm64/v8")));
        assert!(!platform("linux/arm/v6").satisfies(&platform("linux/arm/v7")));
        assert!(!platform("windows/amd64").satisfies(&platform("linux/amd64")));
    }

    #[test]
    fn half_a_platform_is_refused() {
        for text in ["", "linux", "linux/", "/amd64", "a/b/c/d"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}

//! Whom the caller trusts besides a key: certificate authorities, logs and timestamp authorities.

use std::fmt;

use sigstore_trust_root::{SigstoreInstance, TransparencyLog};
use sigstore_types::{TimeRange, TsaAuthority};
use sigstore_verify::Verifier;

/// A Sigstore trusted root (protobuf-specs, sigstore_trustroot.proto, `TrustedRoot`), checked and made ready.
///
/// It never expires by itself; the keys in it do, and their windows are applied to the time of signing.
pub struct TrustedRoot {
    inner: sigstore_trust_root::TrustedRoot,
    verifier: Verifier,
}

impl TrustedRoot {
    /// The largest trusted root that is read, in bytes.
    pub const BYTES_MAX: usize = 4 * 1_024 * 1_024;

    /// Parses a `trusted_root.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, TrustedRootError> {
        if json.len() > Self::BYTES_MAX {
            return Err(TrustedRootError::TooLong { max: Self::BYTES_MAX });
        }
        let text = str::from_utf8(json).map_err(|error| TrustedRootError::Json(error.to_string()))?;
        let inner = sigstore_trust_root::TrustedRoot::from_json(text)
            .map_err(|error| TrustedRootError::Json(error.to_string()))?;
        if !inner.media_type.starts_with("application/vnd.dev.sigstore.trustedroot") {
            return Err(TrustedRootError::MediaType { found: inner.media_type.chars().take(160).collect() });
        }
        let verifier = Verifier::new(&inner).map_err(|error| TrustedRootError::Content(error.to_string()))?;
        Ok(Self { inner, verifier })
    }

    /// The root of Sigstore's public-good instance, as of this build.
    pub fn public_good() -> Result<Self, TrustedRootError> {
        Self::from_json(SigstoreInstance::PublicGood.embedded_trusted_root_json().as_bytes())
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    pub(crate) fn logs(&self) -> &[TransparencyLog] {
        &self.inner.tlogs
    }

    pub(crate) fn has_certificate_logs(&self) -> bool {
        !self.inner.ctlogs.is_empty()
    }

    /// Each timestamp authority with the name under which it counts.
    pub(crate) fn timestamp_authorities(&self) -> Vec<(String, TsaAuthority)> {
        let mut authorities = Vec::new();
        for authority in &self.inner.timestamp_authorities {
            let name =
                authority.uri.clone().or_else(|| authority.subject.common_name.clone()).unwrap_or_default();
            let chain = &authority.cert_chain.certificates;
            let (Some(leaf), Some(root)) = (chain.first(), chain.last()) else { continue };
            let between = chain.get(1..chain.len().saturating_sub(1)).unwrap_or_default();
            let between = between.iter().map(|certificate| certificate.raw_bytes.clone()).collect();
            let (leaf, root) = (leaf.raw_bytes.clone(), root.raw_bytes.clone());
            authorities.push((name, TsaAuthority::new(leaf, between, root, authority.valid_for)));
        }
        authorities
    }
}

impl fmt::Debug for TrustedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let logs: Vec<&str> = self.logs().iter().map(|log| log.base_url.as_str()).collect();
        f.debug_struct("TrustedRoot").field("logs", &logs).finish_non_exhaustive()
    }
}

/// When a key of the trusted root was valid; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment, if the root names one.
    pub start: Option<jiff::Timestamp>,
    /// The last moment, if the root names one.
    pub end: Option<jiff::Timestamp>,
}

impl Window {
    pub(crate) fn of(range: Option<&TimeRange>) -> Self {
        Self { start: range.map(|range| range.start), end: range.and_then(|range| range.end) }
    }

    pub(crate) fn contains(&self, time: jiff::Timestamp) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.end) {
            (None, None) => f.write_str("any time"),
            (Some(start), None) => write!(f, "from {start}"),
            (None, Some(end)) => write!(f, "until {end}"),
            (Some(start), Some(end)) => write!(f, "{start} to {end}"),
        }
    }
}

/// Why bytes are not a trusted root that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedRootError {
    /// Longer than the limit.
    #[error("longer than the limit of {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// No JSON of the right shape.
    #[error("not a trusted root: {0}")]
    Json(String),
    /// JSON of another kind.
    #[error("the media type is `{found}`: expected `application/vnd.dev.sigstore.trustedroot…`")]
    MediaType {
        /// The media type found.
        found: String,
    },
    /// A key, certificate or window in it cannot be used.
    #[error("the trusted root cannot be used: {0}")]
    Content(String),
}

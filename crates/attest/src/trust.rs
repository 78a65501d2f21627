//! Whom the caller trusts besides a key: certificate authorities, logs and timestamp authorities.

use std::fmt;

use sigstore_crypto::{SigningScheme, VerificationKey};
use sigstore_trust_root::{CertificateTransparencyLog, SigstoreInstance, TransparencyLog};
use sigstore_types::{DerPublicKey, TimeRange, TsaAuthority};

use crate::chain::Anchor;
use crate::log::hex;

/// A Sigstore trusted root (protobuf-specs, sigstore_trustroot.proto, `TrustedRoot`), checked and made ready.
///
/// It never expires by itself; the keys in it do, and their windows are applied to the time of signing.
pub struct TrustedRoot {
    inner: sigstore_trust_root::TrustedRoot,
    anchors: Vec<Anchor>,
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
        check_logs(&inner)?;
        check_timestamp_authorities(&inner)?;
        let anchors = anchors(&inner)?;
        Ok(Self { inner, anchors })
    }

    /// The root of Sigstore's public-good instance, as of this build.
    pub fn public_good() -> Result<Self, TrustedRootError> {
        Self::from_json(SigstoreInstance::PublicGood.embedded_trusted_root_json().as_bytes())
    }

    /// What may end the chain of a signing certificate.
    pub(crate) fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    pub(crate) fn logs(&self) -> &[TransparencyLog] {
        &self.inner.tlogs
    }

    pub(crate) fn certificate_logs(&self) -> &[CertificateTransparencyLog] {
        &self.inner.ctlogs
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

/// The kind of a transparency log in messages.
const LOG: &str = "log";

/// Every key can be used, no window is empty, and no two logs of a kind share an id.
fn check_logs(root: &sigstore_trust_root::TrustedRoot) -> Result<(), TrustedRootError> {
    let logs = root.tlogs.iter().map(|log| (&log.log_id, &log.public_key, LOG));
    let certificate_logs = root.ctlogs.iter().map(|log| (&log.log_id, &log.public_key, "certificate log"));
    let mut ids: Vec<(&str, &[u8])> = Vec::new();
    for (id, key, kind) in logs.chain(certificate_logs) {
        let id = (kind, id.key_id.as_bytes());
        let name = format!("{kind} {}", hex(id.1));
        if ids.contains(&id) {
            return Err(TrustedRootError::Content(format!("{name} stands in it twice")));
        }
        check_window(key.valid_for.as_ref(), &name)?;
        let usable = match kind {
            LOG => VerificationKey::from_spki(&key.raw_bytes).map(drop),
            _ => check_certificate_log_key(&key.raw_bytes),
        };
        usable.map_err(|error| TrustedRootError::Content(format!("key of {name}: {error}")))?;
        ids.push(id);
    }
    Ok(())
}

/// RSA keys of certificate logs come as PKCS#1 too.
fn check_certificate_log_key(key: &DerPublicKey) -> Result<(), sigstore_crypto::Error> {
    VerificationKey::from_spki(key)
        .or_else(|_| VerificationKey::from_der(key, SigningScheme::RsaPkcs1Sha256))
        .map(drop)
}

fn check_window(range: Option<&TimeRange>, name: &str) -> Result<(), TrustedRootError> {
    match range.and_then(|range| range.end.filter(|&end| end < range.start)) {
        Some(_) => Err(TrustedRootError::Content(format!("the time of {name} ends before it begins"))),
        None => Ok(()),
    }
}

fn anchors(root: &sigstore_trust_root::TrustedRoot) -> Result<Vec<Anchor>, TrustedRootError> {
    let mut anchors = Vec::new();
    for authority in &root.certificate_authorities {
        let name = authority.uri.as_str();
        check_window(authority.valid_for.as_ref(), name)?;
        if authority.cert_chain.certificates.is_empty() {
            return Err(TrustedRootError::Content(format!("authority `{name}` has no certificate")));
        }
        let window = Window::of(authority.valid_for.as_ref());
        for certificate in &authority.cert_chain.certificates {
            anchors.push(Anchor::new(name, window, certificate.raw_bytes.as_bytes())?);
        }
    }
    Ok(anchors)
}

fn check_timestamp_authorities(root: &sigstore_trust_root::TrustedRoot) -> Result<(), TrustedRootError> {
    for authority in &root.timestamp_authorities {
        let name = authority.uri.as_deref().unwrap_or("a timestamp authority");
        check_window(authority.valid_for.as_ref(), name)?;
        if authority.cert_chain.certificates.is_empty() {
            return Err(TrustedRootError::Content(format!("authority `{name}` has no certificate")));
        }
        for certificate in &authority.cert_chain.certificates {
            Anchor::new(name, Window { start: None, end: None }, certificate.raw_bytes.as_bytes())?;
        }
    }
    Ok(())
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

    /// Whether there is a time outside.
    pub(crate) fn is_bounded(&self) -> bool {
        self.start.is_some() || self.end.is_some()
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

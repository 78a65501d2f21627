//! What cosign hung on tags before bundles: a signature or an envelope, and evidence in annotations
//! (sigstore/cosign, SIGNATURE_SPEC.md and ATTESTATION_SPEC.md).

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use sigstore_types::HashAlgorithm;
use supercargo_content::Limits;

use crate::bundle::{Bundle, BundleError, BundleVersion, Content, Material};
use crate::bundle_wire;
use crate::entry::{EntryKind, LogEntry};
use crate::message;

/// The annotations of a layer.
type Annotations = BTreeMap<String, String>;

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// The media type of a layer with a signature over a simple signing payload.
pub const SIMPLE_SIGNING_LAYER: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The media type of a layer with an envelope around a statement.
pub const ENVELOPE_LAYER: &str = "application/vnd.dsse.envelope.v1+json";

impl Bundle {
    /// Reads a layer of cosign's tag `.sig`: `payload` is the layer, its signature stands in an annotation.
    pub fn from_cosign_signature(
        payload: Vec<u8>,
        annotations: &Annotations,
        limits: &Limits,
    ) -> Result<Self, BundleError> {
        check_length(&payload, limits)?;
        let signature = annotations.get(SIGNATURE).filter(|text| !text.is_empty());
        let signature = signature.ok_or_else(|| damaged(SIGNATURE, "expected a signature, found none"))?;
        let signature = base64(signature, SIGNATURE)?;
        with_evidence(Content::SimpleSigning { payload: Arc::new(payload), signature }, annotations)
    }

    /// Reads a layer of cosign's tag `.att`: `envelope` is the layer, a DSSE envelope.
    pub fn from_cosign_attestation(
        envelope: &[u8],
        annotations: &Annotations,
        limits: &Limits,
    ) -> Result<Self, BundleError> {
        check_length(envelope, limits)?;
        if annotations.get(SIGNATURE).is_some_and(|text| !text.is_empty()) {
            return Err(damaged(SIGNATURE, "expected none beside an envelope, which has its own"));
        }
        let mut parsed = bundle_wire::parse_envelope(envelope)?;
        parsed.stored_hash = message::hash(&[envelope], HashAlgorithm::Sha2256);
        with_evidence(Content::Envelope(parsed), annotations)
    }
}

fn check_length(bytes: &[u8], limits: &Limits) -> Result<(), BundleError> {
    let (max, found) = (limits.attachment_bytes_max, bytes.len() as u64);
    if found > max { Err(BundleError::TooLong { max, found }) } else { Ok(()) }
}

fn with_evidence(content: Content, annotations: &Annotations) -> Result<Bundle, BundleError> {
    Ok(Bundle {
        version: BundleVersion::Cosign,
        material: material(annotations)?,
        content,
        entries: annotations.get(BUNDLE).map(|json| entry(json)).transpose()?.into_iter().collect(),
        timestamps: timestamps(annotations)?,
    })
}

fn material(annotations: &Annotations) -> Result<Material, BundleError> {
    let pem = |name: &'static str| match annotations.get(name).filter(|text| !text.is_empty()) {
        Some(text) => match pem::parse_many(text) {
            Ok(blocks) if blocks.is_empty() => Err(damaged(name, "expected PEM, found none")),
            Ok(blocks) => Ok(blocks),
            Err(error) => Err(damaged(name, error)),
        },
        None => Ok(Vec::new()),
    };
    let (leaf, chain) = (pem(CERTIFICATE)?, pem(CHAIN)?);
    let certificates: Vec<Vec<u8>> = leaf.into_iter().chain(chain).map(pem::Pem::into_contents).collect();
    if certificates.len() > Bundle::CHAIN_MAX {
        return Err(damaged(CHAIN, "more than 16 certificates"));
    }
    let mut certificates = certificates.into_iter();
    Ok(match certificates.next() {
        Some(leaf) => Material::Certificate { leaf, intermediates: certificates.collect() },
        None => Material::PublicKey { hint: String::new() },
    })
}

/// What Rekor v1 answered: its promise, and what it promised.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireBundle {
    signed_entry_timestamp: String,
    payload: WirePayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WirePayload {
    body: String,
    integrated_time: i64,
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: String,
    kind: String,
}

fn entry(json: &str) -> Result<LogEntry, BundleError> {
    let wire: WireBundle = serde_json::from_str(json).map_err(|error| damaged(BUNDLE, error))?;
    let body = base64(&wire.payload.body, BUNDLE)?;
    let head: Head = serde_json::from_slice(&body).map_err(|error| damaged(BUNDLE, error))?;
    let unknown = || damaged(BUNDLE, format!("an entry of kind {} {}", head.kind, head.api_version));
    let time = Timestamp::from_second(wire.payload.integrated_time);
    Ok(LogEntry {
        kind: EntryKind::of(&head.kind, &head.api_version).ok_or_else(unknown)?,
        log_index: wire.payload.log_index,
        log_id: crate::log_body::unhex(&wire.payload.log_id).ok_or_else(|| damaged(BUNDLE, "`logID`"))?,
        integrated_time: Some(time.map_err(|error| damaged(BUNDLE, error))?),
        promise: Some(base64(&wire.signed_entry_timestamp, BUNDLE)?),
        proof: None,
        body,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTimestamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    token: String,
}

fn timestamps(annotations: &Annotations) -> Result<Vec<Vec<u8>>, BundleError> {
    let Some(json) = annotations.get(TIMESTAMP).filter(|json| !json.is_empty()) else {
        return Ok(Vec::new());
    };
    let wire: WireTimestamp = serde_json::from_str(json).map_err(|error| damaged(TIMESTAMP, error))?;
    Ok(vec![base64(&wire.token, TIMESTAMP)?])
}

fn base64(text: &str, field: &'static str) -> Result<Vec<u8>, BundleError> {
    STANDARD.decode(text).map_err(|_| BundleError::Base64 { field })
}

fn damaged(name: &'static str, detail: impl ToString) -> BundleError {
    BundleError::Annotation { name, detail: detail.to_string().chars().take(300).collect() }
}

//! The JSON of a bundle as it stands in the file.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use sigstore_types::{MessageDigest, TransparencyLogEntry};

use crate::bundle::{Bundle, BundleError, BundleVersion, Content, Evidence, Material};
use crate::entry::LogEntry;
use crate::envelope::Envelope;

pub(crate) fn parse(json: &[u8]) -> Result<Bundle, BundleError> {
    let wire: WireBundle<'_> = serde_json::from_slice(json).map_err(json_error)?;
    let version = BundleVersion::of(&wire.media_type)
        .ok_or_else(|| BundleError::Version { found: wire.media_type.chars().take(160).collect() })?;
    let material = wire.verification_material;
    let signer = signer(version, material.certificate, material.chain, material.public_key)?;
    let content = content(wire.dsse_envelope, wire.message_signature)?;
    check_hints(&signer, &content)?;
    let entries = entries(material.tlog_entries.unwrap_or_default())?;
    let timestamps = timestamps(material.timestamps.unwrap_or_default().tokens.unwrap_or_default())?;
    Ok(Bundle { version, material: signer, content, entries, timestamps })
}

/// An envelope that stands alone.
pub(crate) fn parse_envelope(json: &[u8]) -> Result<Envelope, BundleError> {
    let wire: WireEnvelope<'_> = serde_json::from_slice(json).map_err(json_error)?;
    checked_envelope(&wire)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireBundle<'a> {
    media_type: String,
    #[serde(borrow)]
    verification_material: WireMaterial<'a>,
    #[serde(borrow)]
    dsse_envelope: Option<WireEnvelope<'a>>,
    #[serde(borrow)]
    message_signature: Option<WireMessage<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireMaterial<'a> {
    certificate: Option<WireCertificate>,
    #[serde(rename = "x509CertificateChain")]
    chain: Option<WireChain>,
    public_key: Option<WirePublicKey>,
    #[serde(borrow)]
    tlog_entries: Option<Vec<&'a RawValue>>,
    #[serde(rename = "timestampVerificationData")]
    timestamps: Option<WireTimestamps>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireCertificate {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireChain {
    certificates: Vec<WireCertificate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePublicKey {
    hint: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct WireTimestamps {
    #[serde(rename = "rfc3161Timestamps")]
    tokens: Option<Vec<WireTimestamp>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireTimestamp {
    signed_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireEnvelope<'a> {
    payload_type: String,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    sig: String,
    keyid: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireMessage<'a> {
    #[serde(borrow)]
    message_digest: Option<&'a RawValue>,
    signature: String,
}

fn signer(
    version: BundleVersion,
    certificate: Option<WireCertificate>,
    chain: Option<WireChain>,
    public_key: Option<WirePublicKey>,
) -> Result<Material, BundleError> {
    match (certificate, chain, public_key) {
        (Some(certificate), None, None) => {
            let leaf = base64(&certificate.raw_bytes, "certificate")?;
            Ok(Material::Certificate { leaf, intermediates: Vec::new() })
        }
        (None, Some(chain), None) => from_chain(version, &chain.certificates),
        (None, None, Some(key)) => Ok(Material::PublicKey { hint: key.hint.unwrap_or_default() }),
        (certificate, chain, key) => Err(BundleError::Choice {
            expected: "`certificate`, `x509CertificateChain` and `publicKey`",
            found: usize::from(certificate.is_some())
                + usize::from(chain.is_some())
                + usize::from(key.is_some()),
        }),
    }
}

fn from_chain(version: BundleVersion, chain: &[WireCertificate]) -> Result<Material, BundleError> {
    let found = chain.len();
    if version == BundleVersion::V03 {
        return Err(BundleError::Chain { version, expected: "the field `certificate`", found });
    }
    if found == 0 || found > Bundle::CHAIN_MAX {
        return Err(BundleError::Chain { version, expected: "1 to 16", found });
    }
    let mut certificates = Vec::with_capacity(found);
    for certificate in chain {
        certificates.push(base64(&certificate.raw_bytes, "x509CertificateChain")?);
    }
    let leaf = certificates.remove(0);
    Ok(Material::Certificate { leaf, intermediates: certificates })
}

fn content(
    envelope: Option<WireEnvelope<'_>>,
    message: Option<WireMessage<'_>>,
) -> Result<Content, BundleError> {
    match (envelope, message) {
        (Some(wire), None) => Ok(Content::Envelope(checked_envelope(&wire)?)),
        (None, Some(wire)) => {
            let digest = wire.message_digest.map(|raw| serde_json::from_str::<MessageDigest>(raw.get()));
            let digest = digest.transpose().map_err(json_error)?;
            Ok(Content::Message { digest, signature: base64(&wire.signature, "signature")? })
        }
        (envelope, message) => Err(BundleError::Choice {
            expected: "`dsseEnvelope` and `messageSignature`",
            found: usize::from(envelope.is_some()) + usize::from(message.is_some()),
        }),
    }
}

fn checked_envelope(wire: &WireEnvelope<'_>) -> Result<Envelope, BundleError> {
    let [signature] = wire.signatures.as_slice() else {
        return Err(BundleError::Signatures { found: wire.signatures.len() });
    };
    Ok(Envelope {
        payload_type: wire.payload_type.clone(),
        payload: base64(&wire.payload, "payload")?.into(),
        signature: base64(&signature.sig, "sig")?,
        key_id: signature.keyid.clone().unwrap_or_default(),
        stored_hash: None,
    })
}

/// Two hints at one key must agree; an empty one says nothing.
fn check_hints(material: &Material, content: &Content) -> Result<(), BundleError> {
    let (Material::PublicKey { hint }, Content::Envelope(envelope)) = (material, content) else {
        return Ok(());
    };
    if hint.is_empty() || envelope.key_id.is_empty() || *hint == envelope.key_id {
        return Ok(());
    }
    let excerpt = |text: &str| text.chars().take(160).collect();
    Err(BundleError::KeyHints { hint: excerpt(hint), key_id: excerpt(&envelope.key_id) })
}

fn entries(wire: Vec<&RawValue>) -> Result<Vec<LogEntry>, BundleError> {
    check_count(Evidence::LogEntries, wire.len())?;
    let mut entries: Vec<LogEntry> = Vec::with_capacity(wire.len());
    for (index, raw) in wire.into_iter().enumerate() {
        let entry: TransparencyLogEntry = serde_json::from_str(raw.get())
            .map_err(|error| BundleError::LogEntry { index, detail: error.to_string() })?;
        let detail = "an unknown kind".to_owned();
        let entry = LogEntry::of(entry).ok_or(BundleError::LogEntry { index, detail })?;
        let same = |other: &LogEntry| other.body == entry.body && other.log_id == entry.log_id;
        if entries.iter().any(same) {
            return Err(BundleError::Repeated { what: Evidence::LogEntries, index });
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn timestamps(wire: Vec<WireTimestamp>) -> Result<Vec<Vec<u8>>, BundleError> {
    check_count(Evidence::Timestamps, wire.len())?;
    let mut tokens: Vec<Vec<u8>> = Vec::with_capacity(wire.len());
    for (index, timestamp) in wire.iter().enumerate() {
        let token = base64(&timestamp.signed_timestamp, "signedTimestamp")?;
        if tokens.contains(&token) {
            return Err(BundleError::Repeated { what: Evidence::Timestamps, index });
        }
        tokens.push(token);
    }
    Ok(tokens)
}

fn check_count(what: Evidence, found: usize) -> Result<(), BundleError> {
    match found > Bundle::EVIDENCE_MAX {
        true => Err(BundleError::TooMany { what, max: Bundle::EVIDENCE_MAX, found }),
        false => Ok(()),
    }
}

fn base64(text: &str, field: &'static str) -> Result<Vec<u8>, BundleError> {
    STANDARD.decode(text).map_err(|_| BundleError::Base64 { field })
}

fn json_error(error: serde_json::Error) -> BundleError {
    BundleError::Json(error.to_string())
}

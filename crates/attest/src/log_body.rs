//! Whether a log entry is about the signature that it travels with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sigstore_types::HashAlgorithm;

use crate::entry::EntryKind;
use crate::log::{Logged, hex};
use crate::message::{Message, hash};
use crate::{LoggedField, VerifyError};

/// What an entry must be about.
pub(crate) struct Signed<'a> {
    pub(crate) message: &'a Message<'a>,
    /// The payload, when the signature is over an envelope.
    pub(crate) payload: Option<&'a [u8]>,
    /// The SHA-256 of the envelope's JSON, where a log may have seen that very JSON.
    pub(crate) stored_hash: Option<&'a [u8]>,
    pub(crate) signature: &'a [u8],
    /// The signer's SubjectPublicKeyInfo.
    pub(crate) spki: &'a [u8],
    /// The signer's certificate.
    pub(crate) certificate: Option<&'a [u8]>,
}

/// What an entry is about.
#[derive(Debug)]
struct Body {
    digest_of: DigestOf,
    algorithm: HashAlgorithm,
    digest: Vec<u8>,
    signature: LoggedSignature,
    signer: Vec<u8>,
}

/// The signature, or what stands for it.
#[derive(Debug)]
enum LoggedSignature {
    Itself(Vec<u8>),
    /// The SHA-256 of the envelope that holds it: all that intoto 0.0.1 keeps.
    EnvelopeHash(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DigestOf {
    Message,
    Payload,
}

/// Checks that the entry is about the same bytes, signature and signer.
pub(crate) fn check(logged: Logged<'_>, signed: &Signed<'_>) -> Result<(), VerifyError> {
    let body = Body::parse(logged)?;
    let expected = signed.digest(&body, logged)?;
    same(logged, LoggedField::Digest, &expected, &body.digest)?;
    match (&body.signature, signed.stored_hash) {
        (LoggedSignature::Itself(found), _) => same(logged, LoggedField::Signature, signed.signature, found)?,
        (LoggedSignature::EnvelopeHash(found), Some(hash)) => {
            same(logged, LoggedField::Signature, hash, found)?
        }
        (LoggedSignature::EnvelopeHash(_), None) => {
            return Err(malformed(logged, "it names an envelope by a hash of JSON that is not at hand"));
        }
    }
    let certificate = signed.certificate.unwrap_or(signed.spki);
    if body.signer == signed.spki {
        return Ok(());
    }
    same(logged, LoggedField::Signer, certificate, &body.signer)
}

impl Signed<'_> {
    fn digest(&self, body: &Body, logged: Logged<'_>) -> Result<Vec<u8>, VerifyError> {
        let digest = match (body.digest_of, self.payload) {
            (DigestOf::Message, _) => self.message.hash(body.algorithm),
            (DigestOf::Payload, Some(payload)) => hash(&[payload], body.algorithm),
            (DigestOf::Payload, None) => {
                return Err(malformed(logged, "it is about an envelope and the bundle has none"));
            }
        };
        digest.ok_or_else(|| VerifyError::ArtifactBytesNeeded {
            algorithm: body.algorithm.as_rekor_str().to_owned(),
        })
    }
}

/// Long values are compared by digest in the message.
fn same(logged: Logged<'_>, field: LoggedField, expected: &[u8], found: &[u8]) -> Result<(), VerifyError> {
    if expected == found {
        return Ok(());
    }
    let show = |bytes: &[u8]| match bytes.len() > 64 {
        true => supercargo_content::Digest::sha256_of(bytes).to_string(),
        false => hex(bytes),
    };
    let (index, expected, found) = (logged.index, show(expected), show(found));
    Err(VerifyError::LogEntryMismatch { index, field, expected, found })
}

impl Body {
    fn parse(logged: Logged<'_>) -> Result<Self, VerifyError> {
        let json = logged.entry.body.as_slice();
        let head: Head =
            serde_json::from_slice(json).map_err(|error| malformed(logged, &error.to_string()))?;
        let kind = logged.entry.kind;
        if head.kind != kind.kind() || head.api_version != kind.version() {
            return Err(malformed(logged, "its body is of another kind"));
        }
        let body = match kind {
            EntryKind::HashedRecord1 => hashed_record_1(json),
            EntryKind::HashedRecord2 => hashed_record_2(json),
            EntryKind::Dsse1 => dsse(json),
            EntryKind::Intoto1 => intoto_1(json),
            EntryKind::Intoto2 => intoto_2(json),
        };
        body.map_err(|error| malformed(logged, &error.to_string()))
    }
}

fn hashed_record_1(json: &[u8]) -> Result<Body, BodyError> {
    let spec = spec::<HashedRecord1>(json)?;
    Ok(Body {
        digest_of: DigestOf::Message,
        algorithm: algorithm(&spec.data.hash.algorithm)?,
        digest: hex_bytes(&spec.data.hash.value)?,
        signature: LoggedSignature::Itself(base64(&spec.signature.content)?),
        signer: pem_body(&base64(&spec.signature.public_key.content)?)?,
    })
}

fn hashed_record_2(json: &[u8]) -> Result<Body, BodyError> {
    let record = spec::<HashedRecord2>(json)?.record;
    let verifier = record.signature.verifier;
    let signer = match (verifier.certificate, verifier.public_key) {
        (Some(raw), None) | (None, Some(raw)) => base64(&raw.raw_bytes)?,
        _ => return Err(BodyError::Signatures),
    };
    Ok(Body {
        digest_of: DigestOf::Message,
        algorithm: algorithm(&record.data.algorithm)?,
        digest: base64(&record.data.digest)?,
        signature: LoggedSignature::Itself(base64(&record.signature.content)?),
        signer,
    })
}

fn dsse(json: &[u8]) -> Result<Body, BodyError> {
    let spec = spec::<Dsse>(json)?;
    let [signature] = spec.signatures.as_slice() else { return Err(BodyError::Signatures) };
    Ok(Body {
        digest_of: DigestOf::Payload,
        algorithm: algorithm(&spec.payload_hash.algorithm)?,
        digest: hex_bytes(&spec.payload_hash.value)?,
        signature: LoggedSignature::Itself(base64(&signature.signature)?),
        signer: pem_body(&base64(&signature.verifier)?)?,
    })
}

fn intoto_1(json: &[u8]) -> Result<Body, BodyError> {
    let spec = spec::<Intoto1>(json)?;
    if spec.content.hash.algorithm != "sha256" {
        return Err(BodyError::Algorithm(spec.content.hash.algorithm.chars().take(40).collect()));
    }
    Ok(Body {
        digest_of: DigestOf::Payload,
        algorithm: algorithm(&spec.content.payload_hash.algorithm)?,
        digest: hex_bytes(&spec.content.payload_hash.value)?,
        signature: LoggedSignature::EnvelopeHash(hex_bytes(&spec.content.hash.value)?),
        signer: pem_body(&base64(&spec.public_key)?)?,
    })
}

/// Rekor encodes the signature of an intoto 0.0.2 entry twice.
fn intoto_2(json: &[u8]) -> Result<Body, BodyError> {
    let content = spec::<Intoto>(json)?.content;
    let [signature] = content.envelope.signatures.as_slice() else { return Err(BodyError::Signatures) };
    let once = base64(&signature.sig)?;
    Ok(Body {
        digest_of: DigestOf::Payload,
        algorithm: algorithm(&content.payload_hash.algorithm)?,
        digest: hex_bytes(&content.payload_hash.value)?,
        signature: LoggedSignature::Itself(STANDARD.decode(once).map_err(|_| BodyError::Encoding)?),
        signer: pem_body(&base64(&signature.public_key)?)?,
    })
}

#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("{0}")]
    Shape(String),
    #[error("it does not hold exactly one signature and signer")]
    Signatures,
    #[error("a value is not base64, hexadecimal or PEM")]
    Encoding,
    #[error("unknown hash algorithm `{0}`")]
    Algorithm(String),
}

fn spec<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, BodyError> {
    let body: WithSpec<T> =
        serde_json::from_slice(json).map_err(|error| BodyError::Shape(error.to_string()))?;
    Ok(body.spec)
}

fn algorithm(name: &str) -> Result<HashAlgorithm, BodyError> {
    name.parse().map_err(|_| BodyError::Algorithm(name.chars().take(40).collect()))
}

fn base64(text: &str) -> Result<Vec<u8>, BodyError> {
    STANDARD.decode(text).map_err(|_| BodyError::Encoding)
}

fn hex_bytes(text: &str) -> Result<Vec<u8>, BodyError> {
    unhex(text).ok_or(BodyError::Encoding)
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let value = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        &[high, low] => Some(value(high)? << 4 | value(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

fn pem_body(text: &[u8]) -> Result<Vec<u8>, BodyError> {
    pem::parse(text).map(pem::Pem::into_contents).map_err(|_| BodyError::Encoding)
}

fn malformed(logged: Logged<'_>, detail: &str) -> VerifyError {
    let kind = logged.entry.kind.to_string();
    VerifyError::LogEntryMalformed { index: logged.index, kind, detail: detail.chars().take(300).collect() }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    kind: String,
    api_version: String,
}

#[derive(Deserialize)]
struct WithSpec<T> {
    spec: T,
}

#[derive(Deserialize)]
struct HashedRecord1 {
    data: Data1,
    signature: Signature1,
}

#[derive(Deserialize)]
struct Data1 {
    hash: NamedHash,
}

#[derive(Deserialize)]
struct NamedHash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature1 {
    content: String,
    public_key: Content1,
}

#[derive(Deserialize)]
struct Content1 {
    content: String,
}

#[derive(Deserialize)]
struct HashedRecord2 {
    #[serde(rename = "hashedRekordV002")]
    record: Record2,
}

#[derive(Deserialize)]
struct Record2 {
    data: Data2,
    signature: Signature2,
}

#[derive(Deserialize)]
struct Data2 {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct Signature2 {
    content: String,
    verifier: Verifier2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier2 {
    public_key: Option<Raw2>,
    #[serde(rename = "x509Certificate")]
    certificate: Option<Raw2>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw2 {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse {
    payload_hash: NamedHash,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: String,
    verifier: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto1 {
    content: Intoto1Content,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto1Content {
    hash: NamedHash,
    payload_hash: NamedHash,
}

#[derive(Deserialize)]
struct Intoto {
    content: IntotoContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent {
    envelope: IntotoEnvelope,
    payload_hash: NamedHash,
}

#[derive(Deserialize)]
struct IntotoEnvelope {
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature {
    sig: String,
    public_key: String,
}

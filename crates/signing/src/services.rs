//! What is said to each signing service, and what is taken from its answer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pem::{EncodeConfig, LineEnding, Pem};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use supercargo_attest::envelope_json;
use supercargo_content::Digest;

use crate::config::{LogService, LogVersion};
use crate::der;
use crate::error::{Fault, ServiceError, ServiceKind, SignError};
use crate::http::{Http, Request};
use crate::key::SigningKey;
use crate::message::Message;
use crate::scheme::Scheme;
use crate::token::IdentityToken;

const JSON: &str = "application/json";
/// The longest chain of certificates that is kept.
const CHAIN_MAX: usize = 16;

/// Asks Fulcio for a certificate of `key` in the name of `token` (fulcio, `POST /api/v2/signingCert`). The chain,
/// leaf first, DER.
pub(crate) async fn certificate(
    http: &Http,
    base: &str,
    token: &IdentityToken,
    key: &SigningKey,
) -> Result<Vec<Vec<u8>>, SignError> {
    let proof = key.sign(&Message::plain(token.subject().as_bytes()))?;
    let body = json!({
        "credentials": { "oidcIdentityToken": token.expose() },
        "publicKeyRequest": {
            "publicKey": { "algorithm": "ECDSA", "content": key.public().to_pem() },
            "proofOfPossession": STANDARD.encode(proof),
        },
    });
    let url = join(base, "api/v2/signingCert");
    let service = ServiceKind::CertificateAuthority;
    let request = Request::post(service, &url, JSON, body.to_string());
    let answer = http.send(&request).await?;
    let chain = chain_of(&answer).ok_or_else(|| not_understood(&request, "it has no certificate"))?;
    Ok(chain)
}

fn chain_of(answer: &[u8]) -> Option<Vec<Vec<u8>>> {
    let answer: CertificateAnswer = serde_json::from_slice(answer).ok()?;
    let issued = answer.embedded.or(answer.detached)?;
    let der = |text: &String| {
        pem::parse(text).ok().filter(|pem| pem.tag() == "CERTIFICATE").map(pem::Pem::into_contents)
    };
    let chain: Option<Vec<_>> = issued.chain.certificates.iter().take(CHAIN_MAX).map(der).collect();
    chain.filter(|chain| !chain.is_empty())
}

#[derive(Deserialize)]
struct CertificateAnswer {
    #[serde(rename = "signedCertificateEmbeddedSct")]
    embedded: Option<Issued>,
    #[serde(rename = "signedCertificateDetachedSct")]
    detached: Option<Issued>,
}

#[derive(Deserialize)]
struct Issued {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<String>,
}

/// Asks for a timestamp over `signature` (RFC 3161, sections 2.4.1 and 3.4). The whole response, DER.
pub(crate) async fn timestamp(http: &Http, url: &str, signature: &[u8]) -> Result<Vec<u8>, ServiceError> {
    const SHA256: &[u8] = &[0x30, 13, 0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0];
    const CERT_REQ: &[u8] = &[0x01, 1, 0xff];
    let hash = der::write(der::OCTET_STRING, &[&Digest::sha256_of(signature).to_bytes()]);
    let imprint = der::write(der::SEQUENCE, &[SHA256, &hash]);
    let query = der::write(der::SEQUENCE, &[&[der::INTEGER, 1, 1], &imprint, CERT_REQ]);
    let request = Request::post(ServiceKind::TimestampAuthority, url, "application/timestamp-query", query);
    let answer = http.send(&request).await?;
    match granted(&answer) {
        Some(0 | 1) => Ok(answer),
        Some(status) => Err(not_understood(&request, &format!("it refuses with status {status}"))),
        None => Err(not_understood(&request, "it is no timestamp response")),
    }
}

/// The status of a timestamp response; 0 and 1 come with a timestamp.
fn granted(response: &[u8]) -> Option<u8> {
    let response = der::read_tagged(response, der::SEQUENCE)?;
    let status = der::read_tagged(response.content, der::SEQUENCE)?;
    match der::read_tagged(status.content, der::INTEGER)?.content {
        &[status] => Some(status),
        _ => None,
    }
}

/// What a log is told.
pub(crate) struct Signed<'a> {
    /// The digest of the message, made with the hash of the key's scheme; `None` where the message itself was signed.
    pub(crate) digest: Option<&'a [u8]>,
    pub(crate) signature: &'a [u8],
    pub(crate) key: &'a SigningKey,
    pub(crate) certificate: Option<&'a [u8]>,
    pub(crate) what: What<'a>,
}

/// What was signed; only Rekor v1 is told.
#[derive(Clone, Copy)]
pub(crate) enum What<'a> {
    /// An in-toto statement in an envelope.
    Statement(&'a [u8]),
    /// Anything else: the hash is enough.
    Payload,
}

/// What a log answers.
pub(crate) struct LogEntry {
    /// The JSON of the protobuf `TransparencyLogEntry`.
    pub(crate) json: String,
    /// The promise of a Rekor v1 log as cosign's older layouts carry it.
    pub(crate) promise: Option<String>,
}

/// Writes to a log.
pub(crate) async fn log_entry(
    http: &Http,
    log: &LogService,
    signed: &Signed<'_>,
) -> Result<LogEntry, SignError> {
    let (path, body) = match (log.version, signed.what) {
        (LogVersion::V1, What::Statement(statement)) => {
            ("api/v1/log/entries", signed.envelope_record(statement)?)
        }
        (LogVersion::V1, What::Payload) => ("api/v1/log/entries", signed.hash_record_1()?),
        (LogVersion::V2, _) => ("api/v2/log/entries", signed.hash_record_2()?),
    };
    let url = join(&log.url, path);
    let request = Request::post(ServiceKind::Log, &url, JSON, body);
    let entry = match log.version {
        LogVersion::V1 => from_version_1(&new_or_known(http, &request).await?, signed.what),
        LogVersion::V2 => serde_json::from_slice::<&RawValue>(&http.send(&request).await?)
            .ok()
            .map(|entry| LogEntry { json: entry.get().to_owned(), promise: None }),
    };
    Ok(entry.ok_or_else(|| not_understood(&request, "it is no log entry"))?)
}

/// A Rekor v1 log takes an entry once and says 409 from then on, with the place of the entry (rekor, openapi.yaml):
/// after a try whose answer was lost, and for a key that gives the same signature each time (RSA, Ed25519).
async fn new_or_known(http: &Http, request: &Request<'_>) -> Result<Vec<u8>, ServiceError> {
    let refusal = match http.send_or_learn_why(request).await? {
        Ok(answer) => return Ok(answer),
        Err(refusal) => refusal,
    };
    let id =
        refusal.location.as_deref().and_then(entry_id).filter(|_| refusal.status == StatusCode::CONFLICT);
    let Some(id) = id else { return Err(refusal.error) };
    let url = join(request.url, id);
    http.send(&Request::get(ServiceKind::Log, &url)).await
}

/// The end of `…/api/v1/log/entries/ID`: a leaf hash in hexadecimal, mostly with a tree before it.
fn entry_id(location: &str) -> Option<&str> {
    let id = location.rsplit('/').next()?;
    let is_id = matches!(id.len(), 64 | 80) && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_id.then_some(id)
}

impl Signed<'_> {
    /// `hashedrekord` 0.0.2 (rekor-tiles, CLIENTS.md): only a hash, the signature and the key.
    fn hash_record_2(&self) -> Result<Vec<u8>, SignError> {
        let (Some(details), Some(digest)) = (self.key.scheme().log_details(), self.digest) else {
            return Err(self.not_for_logs());
        };
        let mut verifier = json!({ "keyDetails": details });
        match self.certificate {
            Some(der) => verifier["x509Certificate"] = json!({ "rawBytes": STANDARD.encode(der) }),
            None => verifier["publicKey"] = json!({ "rawBytes": STANDARD.encode(self.key.public().spki()) }),
        }
        let signature = json!({ "content": STANDARD.encode(self.signature), "verifier": verifier });
        let record = json!({ "digest": STANDARD.encode(digest), "signature": signature });
        Ok(json!({ "hashedRekordRequestV002": record }).to_string().into_bytes())
    }

    /// `hashedrekord` 0.0.1 of Rekor v1.
    fn hash_record_1(&self) -> Result<Vec<u8>, SignError> {
        let digest = self.digest.ok_or_else(|| self.not_for_logs())?;
        let algorithm = if digest.len() == 48 { "sha384" } else { "sha256" };
        let hash = json!({ "algorithm": algorithm, "value": hex(digest) });
        let public = json!({ "content": STANDARD.encode(self.verifier_pem()) });
        let signature = json!({ "content": STANDARD.encode(self.signature), "publicKey": public });
        let spec = json!({ "data": { "hash": hash }, "signature": signature });
        Ok(json!({ "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec }).to_string().into_bytes())
    }

    /// `dsse` 0.0.1 of Rekor v1, which wants the whole envelope, and keeps the hash of its JSON. It verifies the
    /// signature with SHA-256, whatever the key.
    fn envelope_record(&self, statement: &[u8]) -> Result<Vec<u8>, SignError> {
        if self.key.scheme() == Scheme::EcdsaP384 {
            return Err(self.not_for_logs());
        }
        let envelope = envelope_json(statement, self.signature);
        let verifiers = [STANDARD.encode(self.verifier_pem())];
        let content = json!({ "envelope": envelope, "verifiers": verifiers });
        let record = json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": { "proposedContent": content } });
        Ok(record.to_string().into_bytes())
    }

    fn verifier_pem(&self) -> String {
        self.certificate.map_or_else(|| self.key.public().to_pem(), certificate_pem)
    }

    fn not_for_logs(&self) -> SignError {
        SignError::KeyForLog { algorithm: self.key.public().algorithm() }
    }
}

/// A certificate as PEM, lines ended with LF.
pub(crate) fn certificate_pem(der: &[u8]) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_config(&Pem::new("CERTIFICATE", der), config)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Rekor v1 answers in its own words: hexadecimal hashes, numbers, and the body twice removed.
fn from_version_1(answer: &[u8], what: What<'_>) -> Option<LogEntry> {
    let answer: BTreeMap<String, Entry1> = serde_json::from_slice(answer).ok()?;
    let entry = answer.into_values().next()?;
    let kind = match what {
        What::Statement(_) => "dsse",
        What::Payload => "hashedrekord",
    };
    let proof = &entry.verification.inclusion_proof;
    let hashes = proof.hashes.iter().map(|hash| unhex_to_base64(hash)).collect::<Option<Vec<_>>>()?;
    let json = json!({
        "logIndex": entry.log_index.to_string(),
        "logId": { "keyId": unhex_to_base64(&entry.log_id)? },
        "kindVersion": { "kind": kind, "version": "0.0.1" },
        "integratedTime": entry.integrated_time.to_string(),
        "inclusionPromise": { "signedEntryTimestamp": entry.verification.signed_entry_timestamp },
        "inclusionProof": {
            "logIndex": proof.log_index.to_string(),
            "rootHash": unhex_to_base64(&proof.root_hash)?,
            "treeSize": proof.tree_size.to_string(),
            "hashes": hashes,
            "checkpoint": { "envelope": proof.checkpoint },
        },
        "canonicalizedBody": entry.body,
    });
    Some(LogEntry { json: json.to_string(), promise: Some(entry.promise()) })
}

impl Entry1 {
    /// The annotation `dev.sigstore.cosign/bundle` (cosign, SIGNATURE_SPEC.md).
    fn promise(&self) -> String {
        let payload = json!({
            "body": self.body, "integratedTime": self.integrated_time,
            "logIndex": self.log_index, "logID": self.log_id,
        });
        let promise = &self.verification.signed_entry_timestamp;
        json!({ "SignedEntryTimestamp": promise, "Payload": payload }).to_string()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry1 {
    body: String,
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    log_index: u64,
    verification: Verification1,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification1 {
    inclusion_proof: Proof1,
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof1 {
    checkpoint: String,
    hashes: Vec<String>,
    log_index: u64,
    root_hash: String,
    tree_size: u64,
}

/// All of these are SHA-256 hashes.
fn unhex_to_base64(hex: &str) -> Option<String> {
    let digest: Digest = format!("sha256:{hex}").parse().ok()?;
    Some(STANDARD.encode(digest.to_bytes()))
}

fn join(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

fn not_understood(request: &Request<'_>, detail: &str) -> ServiceError {
    ServiceError::new(request.service, request.url, Fault::Answer(detail.to_owned()))
}

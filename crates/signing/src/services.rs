//! What is said to each signing service, and what is taken from its answer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pem::{EncodeConfig, LineEnding, Pem};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use supercargo_attest::IN_TOTO_PAYLOAD_TYPE;
use supercargo_content::Digest;
use zeroize::Zeroizing;

use crate::config::{LogService, LogVersion};
use crate::der;
use crate::error::{Fault, ServiceError, ServiceKind, SignError};
use crate::http::{Http, Request};
use crate::key::SigningKey;
use crate::token::IdentityToken;

const JSON: &str = "application/json";

/// Asks Fulcio for a certificate of `key` in the name of `token` (fulcio, `POST /api/v2/signingCert`). DER.
pub(crate) async fn certificate(
    http: &Http<'_>,
    base: &str,
    token: &IdentityToken,
    key: &SigningKey,
) -> Result<Vec<u8>, SignError> {
    let proof = key.sign(token.subject().as_bytes())?;
    let body = json!({
        "credentials": { "oidcIdentityToken": token.expose() },
        "publicKeyRequest": {
            "publicKey": { "algorithm": "ECDSA", "content": key.public().to_pem() },
            "proofOfPossession": STANDARD.encode(proof),
        },
    });
    let url = join(base, "api/v2/signingCert");
    let service = ServiceKind::CertificateAuthority;
    let request =
        Request { service, url: &url, body: Some((JSON, body.to_string().into_bytes())), bearer: None };
    let answer = http.send(&request).await?;
    let leaf = leaf_of(&answer).ok_or_else(|| not_understood(&request, "it has no certificate"))?;
    Ok(leaf)
}

fn leaf_of(answer: &[u8]) -> Option<Vec<u8>> {
    let answer: CertificateAnswer = serde_json::from_slice(answer).ok()?;
    let issued = answer.embedded.or(answer.detached)?;
    let leaf = pem::parse(issued.chain.certificates.first()?).ok()?;
    (leaf.tag() == "CERTIFICATE").then(|| leaf.into_contents())
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
pub(crate) async fn timestamp(http: &Http<'_>, url: &str, signature: &[u8]) -> Result<Vec<u8>, ServiceError> {
    const SHA256: &[u8] = &[0x30, 13, 0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0];
    const CERT_REQ: &[u8] = &[0x01, 1, 0xff];
    let hash = der::write(der::OCTET_STRING, &[&Digest::sha256_of(signature).to_bytes()]);
    let imprint = der::write(der::SEQUENCE, &[SHA256, &hash]);
    let query = der::write(der::SEQUENCE, &[&[der::INTEGER, 1, 1], &imprint, CERT_REQ]);
    let body = Some(("application/timestamp-query", query));
    let request = Request { service: ServiceKind::TimestampAuthority, url, body, bearer: None };
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
    pub(crate) statement: &'a [u8],
    /// The SHA-256 of the pre-authentication encoding.
    pub(crate) digest: &'a Digest,
    pub(crate) signature: &'a [u8],
    pub(crate) key: &'a SigningKey,
    pub(crate) certificate: Option<&'a [u8]>,
}

/// Writes to a log. The JSON of the protobuf `TransparencyLogEntry`.
pub(crate) async fn log_entry(
    http: &Http<'_>,
    log: &LogService,
    signed: &Signed<'_>,
) -> Result<String, ServiceError> {
    let (path, body) = match log.version {
        LogVersion::V1 => ("api/v1/log/entries", signed.envelope_record()),
        LogVersion::V2 => ("api/v2/log/entries", signed.hash_record()),
    };
    let url = join(&log.url, path);
    let request = Request { service: ServiceKind::Log, url: &url, body: Some((JSON, body)), bearer: None };
    let answer = http.send(&request).await?;
    let entry = match log.version {
        LogVersion::V1 => from_version_1(&answer),
        LogVersion::V2 => {
            serde_json::from_slice::<&RawValue>(&answer).ok().map(|entry| entry.get().to_owned())
        }
    };
    entry.ok_or_else(|| not_understood(&request, "it is no log entry"))
}

impl Signed<'_> {
    /// `hashedrekord` 0.0.2 (rekor-tiles, CLIENTS.md): only a hash, the signature and the key.
    fn hash_record(&self) -> Vec<u8> {
        let mut verifier = json!({ "keyDetails": "PKIX_ECDSA_P256_SHA_256" });
        match self.certificate {
            Some(der) => verifier["x509Certificate"] = json!({ "rawBytes": STANDARD.encode(der) }),
            None => verifier["publicKey"] = json!({ "rawBytes": STANDARD.encode(self.key.public().spki()) }),
        }
        let signature = json!({ "content": STANDARD.encode(self.signature), "verifier": verifier });
        let digest = STANDARD.encode(self.digest.to_bytes());
        json!({ "hashedRekordRequestV002": { "digest": digest, "signature": signature } })
            .to_string()
            .into_bytes()
    }

    /// `dsse` 0.0.1 of Rekor v1, which wants the whole envelope.
    fn envelope_record(&self) -> Vec<u8> {
        let envelope = json!({
            "payloadType": IN_TOTO_PAYLOAD_TYPE,
            "payload": STANDARD.encode(self.statement),
            "signatures": [{ "sig": STANDARD.encode(self.signature) }],
        });
        let verifier = match self.certificate {
            Some(der) => {
                let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
                pem::encode_config(&Pem::new("CERTIFICATE", der), config)
            }
            None => self.key.public().to_pem(),
        };
        let content = json!({ "envelope": envelope.to_string(), "verifiers": [STANDARD.encode(verifier)] });
        json!({ "apiVersion": "0.0.1", "kind": "dsse", "spec": { "proposedContent": content } })
            .to_string()
            .into_bytes()
    }
}

/// Rekor v1 answers in its own words: hexadecimal hashes, numbers, and the body twice removed.
fn from_version_1(answer: &[u8]) -> Option<String> {
    let answer: BTreeMap<String, Entry1> = serde_json::from_slice(answer).ok()?;
    let entry = answer.into_values().next()?;
    let proof = entry.verification.inclusion_proof;
    let hashes = proof.hashes.iter().map(|hash| unhex_to_base64(hash)).collect::<Option<Vec<_>>>()?;
    let json = json!({
        "logIndex": entry.log_index.to_string(),
        "logId": { "keyId": unhex_to_base64(&entry.log_id)? },
        "kindVersion": { "kind": "dsse", "version": "0.0.1" },
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
    Some(json.to_string())
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

/// Asks GitHub Actions for an identity token (GitHub, "OpenID Connect in cloud providers").
pub(crate) async fn github_token(
    http: &Http<'_>,
    url: &str,
    request_token: &str,
) -> Result<Zeroizing<String>, ServiceError> {
    let url = format!("{url}{}audience=sigstore", if url.contains('?') { '&' } else { '?' });
    let request =
        Request { service: ServiceKind::TokenIssuer, url: &url, body: None, bearer: Some(request_token) };
    let answer = Zeroizing::new(http.send(&request).await?);
    let answer: TokenAnswer =
        serde_json::from_slice(&answer).map_err(|_| not_understood(&request, "it has no token"))?;
    Ok(Zeroizing::new(answer.value))
}

#[derive(Deserialize)]
struct TokenAnswer {
    value: String,
}

fn join(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

fn not_understood(request: &Request<'_>, detail: &str) -> ServiceError {
    ServiceError::new(request.service, request.url, Fault::Answer(detail.to_owned()))
}

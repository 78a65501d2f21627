//! Writing a bundle of version 0.3 around bytes that are already there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use supercargo_content::MediaType;

use crate::envelope::IN_TOTO_PAYLOAD_TYPE;

/// The parts of a bundle around an in-toto statement, to be written as version 0.3.
///
/// The JSON is put together by hand: an SBOM of 50 MB is encoded once and copied once.
#[derive(Debug, Clone)]
pub struct BundleParts<'a> {
    /// Who signed.
    pub signer: SignerPart<'a>,
    /// The statement, byte for byte as it was signed.
    pub statement: &'a [u8],
    /// The signature over the pre-authentication encoding of the statement.
    pub signature: &'a [u8],
    /// Log entries: the JSON of a protobuf `TransparencyLogEntry` each.
    pub log_entries: &'a [String],
    /// RFC 3161 timestamp responses over the signature, DER.
    pub timestamps: &'a [Vec<u8>],
}

/// Who signed, in the words of the bundle.
#[derive(Debug, Clone, Copy)]
pub enum SignerPart<'a> {
    /// The hint at a public key, see [`crate::PublicKey::hint`].
    KeyHint(&'a str),
    /// A DER certificate.
    Certificate(&'a [u8]),
}

/// The JSON of an envelope around an in-toto statement that stands alone (DSSE v1, "Serialization").
///
/// Always the same bytes: a Rekor v1 log keeps their hash, and cosign compares it with what hangs behind the tag `.att`.
pub fn envelope_json(statement: &[u8], signature: &[u8]) -> String {
    let mut json = format!(r#"{{"payloadType":"{IN_TOTO_PAYLOAD_TYPE}","payload":""#);
    json.reserve_exact(statement.len() / 3 * 4 + 512);
    STANDARD.encode_string(statement, &mut json);
    json.push_str(r#"","signatures":[{"keyid":"","sig":""#);
    STANDARD.encode_string(signature, &mut json);
    json.push_str("\"}]}");
    json
}

impl BundleParts<'_> {
    /// The bundle's JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = self.head();
        json.reserve_exact(self.statement.len() / 3 * 4 + 512);
        STANDARD.encode_string(self.statement, &mut json);
        json.push_str(r#"","payloadType":""#);
        json.push_str(IN_TOTO_PAYLOAD_TYPE);
        json.push_str(r#"","signatures":[{"sig":""#);
        STANDARD.encode_string(self.signature, &mut json);
        json.push_str("\"}]}}");
        json.into_bytes()
    }

    fn head(&self) -> String {
        let timestamps: Vec<String> = self.timestamps.iter().map(|token| timestamp_json(token)).collect();
        format!(
            r#"{{"mediaType":"{}","verificationMaterial":{{{},"tlogEntries":[{}],"timestampVerificationData":{{"rfc3161Timestamps":[{}]}}}},"dsseEnvelope":{{"payload":""#,
            MediaType::SIGSTORE_BUNDLE_V03,
            self.signer.to_json(),
            self.log_entries.join(","),
            timestamps.join(","),
        )
    }
}

impl SignerPart<'_> {
    fn to_json(self) -> String {
        match self {
            Self::KeyHint(hint) => format!(r#""publicKey":{{"hint":{}}}"#, serde_json::Value::from(hint)),
            Self::Certificate(der) => format!(r#""certificate":{{"rawBytes":"{}"}}"#, STANDARD.encode(der)),
        }
    }
}

fn timestamp_json(token: &[u8]) -> String {
    format!(r#"{{"signedTimestamp":"{}"}}"#, STANDARD.encode(token))
}

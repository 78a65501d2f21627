//! Whether a certificate log of the trusted root has seen a certificate (RFC 6962, section 3).

use jiff::Timestamp;
use sigstore_crypto::{SigningScheme, VerificationKey};
use sigstore_trust_root::CertificateTransparencyLog;
use sigstore_types::SignatureBytes;
use x509_cert::Certificate;
use x509_cert::der::asn1::OctetString;
use x509_cert::der::{Decode, Encode};

use crate::Window;
use crate::error::CertificateError;

/// The extension that holds the list of signed certificate timestamps.
const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";
/// More than these are not looked at: Fulcio writes one.
const SCTS_MAX: usize = 16;

/// A log's signature on having seen a certificate.
struct SignedTimestamp<'a> {
    log_id: [u8; 32],
    milliseconds: u64,
    extensions: &'a [u8],
    scheme: SigningScheme,
    signature: &'a [u8],
}

/// A log that has seen the certificate.
pub(crate) struct Seen {
    pub(crate) log: String,
    pub(crate) time: Timestamp,
}

/// Checks the timestamps inside `leaf`; one of a log that was trusted then is enough.
pub(crate) fn check(
    leaf: &[u8],
    issuer_spki: &[u8],
    logs: &[CertificateTransparencyLog],
) -> Result<Seen, CertificateError> {
    if logs.is_empty() {
        return Err(refused("no certificate log in the trusted root"));
    }
    let mut certificate = Certificate::from_der(leaf).map_err(|error| malformed(&error))?;
    let list = take_list(&mut certificate)?;
    let issuer = sigstore_crypto::sha256(issuer_spki);
    let body = certificate.tbs_certificate.to_der().map_err(|error| malformed(&error))?;
    let timestamps = parse(&list).ok_or_else(|| refused("a list that is not readable"))?;
    let mut refusal = refused("an empty list");
    for timestamp in &timestamps {
        match timestamp.check(issuer.as_bytes(), &body, logs) {
            Ok(seen) => return Ok(seen),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Takes the list out of the certificate, which leaves what the log has signed.
fn take_list(certificate: &mut Certificate) -> Result<Vec<u8>, CertificateError> {
    let none = || refused("none in the certificate");
    let extensions = certificate.tbs_certificate.extensions.as_mut().ok_or_else(none)?;
    let is_list = |id: &dyn ToString| id.to_string() == SCT_LIST;
    let at = extensions.iter().position(|extension| is_list(&extension.extn_id)).ok_or_else(none)?;
    let value = extensions.remove(at).extn_value;
    if extensions.iter().any(|extension| is_list(&extension.extn_id)) {
        return Err(refused("two lists in the certificate"));
    }
    let list = OctetString::from_der(value.as_bytes()).map_err(|error| malformed(&error))?;
    Ok(list.into_bytes())
}

impl SignedTimestamp<'_> {
    fn check(
        &self,
        issuer: &[u8; 32],
        body: &[u8],
        logs: &[CertificateTransparencyLog],
    ) -> Result<Seen, CertificateError> {
        let known = |log: &&CertificateTransparencyLog| log.log_id.key_id.as_bytes() == self.log_id;
        let log = logs
            .iter()
            .find(known)
            .ok_or_else(|| refused(&format!("one of the unknown log {}", crate::log::hex(&self.log_id))))?;
        let time = i64::try_from(self.milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let time = time.ok_or_else(|| refused("one from an impossible time"))?;
        let window = Window::of(log.public_key.valid_for.as_ref());
        if !window.contains(time) {
            return Err(refused(&format!("one of {time}, when the key of `{}` was not valid", log.base_url)));
        }
        let message = self.signed_bytes(issuer, body).ok_or_else(|| refused("one that is too long"))?;
        let signed = VerificationKey::from_der(&log.public_key.raw_bytes, self.scheme)
            .is_ok_and(|key| key.verify(message, &SignatureBytes::from_bytes(self.signature)).is_ok());
        match signed {
            true => Ok(Seen { log: log.base_url.clone(), time }),
            false => Err(refused(&format!("one that `{}` did not sign", log.base_url))),
        }
    }

    /// The `digitally-signed` struct of a precertificate entry (section 3.2).
    fn signed_bytes(&self, issuer: &[u8; 32], body: &[u8]) -> Option<Vec<u8>> {
        let length = u32::try_from(body.len()).ok().filter(|&length| length < 1 << 24)?.to_be_bytes();
        let mut bytes = vec![0, 0]; // version 1, a certificate timestamp
        bytes.extend_from_slice(&self.milliseconds.to_be_bytes());
        bytes.extend_from_slice(&[0, 1]); // a precertificate
        bytes.extend_from_slice(issuer);
        bytes.extend_from_slice(&length[1..]);
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(&u16::try_from(self.extensions.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(self.extensions);
        Some(bytes)
    }
}

/// The list (section 3.3); `None` when any of it is damaged or of an unknown version.
fn parse(list: &[u8]) -> Option<Vec<SignedTimestamp<'_>>> {
    let (mut rest, after) = vector(list)?;
    let mut timestamps = Vec::new();
    while !rest.is_empty() {
        let (item, next) = vector(rest)?;
        timestamps.push(timestamp(item)?);
        rest = next;
    }
    (after.is_empty() && timestamps.len() <= SCTS_MAX).then_some(timestamps)
}

fn timestamp(item: &[u8]) -> Option<SignedTimestamp<'_>> {
    let (version, rest) = item.split_first()?;
    let (log_id, rest) = rest.split_first_chunk::<32>()?;
    let (milliseconds, rest) = rest.split_first_chunk::<8>()?;
    let (extensions, rest) = vector(rest)?;
    let (algorithm, rest) = rest.split_first_chunk::<2>()?;
    let (signature, rest) = vector(rest)?;
    let scheme = scheme(*algorithm)?;
    let milliseconds = u64::from_be_bytes(*milliseconds);
    let timestamp = SignedTimestamp { log_id: *log_id, milliseconds, extensions, scheme, signature };
    (*version == 0 && rest.is_empty()).then_some(timestamp)
}

/// Bytes behind their length in two bytes, and what follows them.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// `SignatureAndHashAlgorithm` (RFC 5246, section 7.4.1.4.1).
fn scheme(algorithm: [u8; 2]) -> Option<SigningScheme> {
    Some(match algorithm {
        [4, 3] => SigningScheme::EcdsaP256Sha256,
        [5, 3] => SigningScheme::EcdsaP384Sha384,
        [4, 1] => SigningScheme::RsaPkcs1Sha256,
        [5, 1] => SigningScheme::RsaPkcs1Sha384,
        [6, 1] => SigningScheme::RsaPkcs1Sha512,
        _ => return None,
    })
}

fn refused(found: &str) -> CertificateError {
    CertificateError::CertificateLog(found.to_owned())
}

fn malformed(error: &x509_cert::der::Error) -> CertificateError {
    CertificateError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(algorithm: [u8; 2]) -> Vec<u8> {
        let mut item = vec![0];
        item.extend_from_slice(&[7; 32]);
        item.extend_from_slice(&5_u64.to_be_bytes());
        item.extend_from_slice(&[0, 1, 9]);
        item.extend_from_slice(&algorithm);
        item.extend_from_slice(&[0, 2, 1, 2]);
        let length = u8::try_from(item.len()).unwrap();
        let mut list = vec![0, length + 2, 0, length];
        list.append(&mut item);
        list
    }

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let list = one([4, 3]);
        let timestamps = parse(&list).unwrap();
        assert_eq!((timestamps.len(), timestamps[0].milliseconds), (1, 5));
        assert_eq!((timestamps[0].extensions, timestamps[0].signature), (&[9][..], &[1, 2][..]));
        for length in 0..list.len() {
            assert!(parse(&list[..length]).is_none(), "{length}");
        }
        assert!(parse(&[&list[..], &[0]].concat()).is_none());
        assert!(parse(&one([2, 3])).is_none(), "SHA-1 is no longer accepted");
    }
}

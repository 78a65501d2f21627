//! The chain of a signing certificate to an authority of the trusted root, at a time of signing.

use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use sigstore_crypto::WEBPKI_VERIFICATION_ALGS;
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::error::CertificateError;
use crate::{TrustedRootError, Window};

/// One certificate of an authority that may end a chain, and when the root trusts it.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub(crate) name: String,
    pub(crate) window: Window,
    pub(crate) anchor: TrustAnchor<'static>,
}

/// Who has given a certificate out.
pub(crate) struct Issued {
    /// The name of the authority in the trusted root.
    pub(crate) authority: String,
    /// The DER SubjectPublicKeyInfo of the certificate that signed the leaf.
    pub(crate) issuer_spki: Vec<u8>,
}

/// 1.3.6.1.5.5.7.3.3, the extended key usage of code signing, as the content of its DER.
const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];

impl Anchor {
    pub(crate) fn new(name: &str, window: Window, der: &[u8]) -> Result<Self, TrustedRootError> {
        let der = CertificateDer::from(der);
        let anchor = webpki::anchor_from_trusted_cert(&der)
            .map_err(|error| TrustedRootError::Content(format!("certificate of `{name}`: {error}")))?;
        Ok(Self { name: name.to_owned(), window, anchor: anchor.to_owned() })
    }
}

/// Checks that an authority which the root trusted at `time` has given out `leaf` for signing code (RFC 5280,
/// section 6). What a bundle carries besides the leaf may link the chain and never end it.
pub(crate) fn check(
    leaf: &[u8],
    intermediates: &[Vec<u8>],
    anchors: &[Anchor],
    time: Timestamp,
) -> Result<Issued, CertificateError> {
    let trusted: Vec<&Anchor> = anchors.iter().filter(|anchor| anchor.window.contains(time)).collect();
    if trusted.is_empty() {
        return Err(CertificateError::NoAuthority(time));
    }
    let anchors: Vec<TrustAnchor<'_>> = trusted.iter().map(|anchor| anchor.anchor.clone()).collect();
    let leaf = CertificateDer::from(leaf);
    let leaf =
        EndEntityCert::try_from(&leaf).map_err(|error| CertificateError::Malformed(error.to_string()))?;
    let between: Vec<_> = intermediates.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let usage = KeyUsage::required(CODE_SIGNING);
    let seconds = u64::try_from(time.as_second()).unwrap_or(0);
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let path = leaf
        .verify_for_usage(WEBPKI_VERIFICATION_ALGS, &anchors, &between, time, usage, None, None)
        .map_err(|error| CertificateError::Chain(error.to_string()))?;
    let ends_in = |anchor: &&&Anchor| {
        anchor.anchor.subject == path.anchor().subject
            && anchor.anchor.subject_public_key_info == path.anchor().subject_public_key_info
    };
    let authority = trusted.iter().find(ends_in).map(|anchor| anchor.name.clone()).unwrap_or_default();
    Ok(Issued { authority, issuer_spki: issuer_spki(&path) })
}

/// The key that signed the leaf: of the first certificate above it, or of the anchor.
fn issuer_spki(path: &VerifiedPath<'_>) -> Vec<u8> {
    match path.intermediate_certificates().next() {
        Some(issuer) => issuer.subject_public_key_info().as_ref().to_vec(),
        None => sequence(path.anchor().subject_public_key_info.as_ref()),
    }
}

/// The DER SEQUENCE around `content` (X.690, section 8.1.3); anchors keep the content of their key only.
fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = length.get(length.iter().take_while(|&&byte| byte == 0).count()..).unwrap_or_default();
    let mut der = vec![0x30];
    if content.len() >= 0x80 {
        der.push(0x80 | u8::try_from(length.len()).unwrap_or(0x7f));
    }
    der.extend_from_slice(length);
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::sequence;

    #[test]
    fn lengths_of_every_form_are_der() {
        assert_eq!(sequence(&[5, 0]), [0x30, 2, 5, 0]);
        assert_eq!(sequence(&[0; 0x80])[..3], [0x30, 0x81, 0x80]);
        assert_eq!(sequence(&[0; 0x1234])[..4], [0x30, 0x82, 0x12, 0x34]);
    }
}

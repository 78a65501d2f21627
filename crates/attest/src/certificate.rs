//! What a certificate says of its holder, and whether it was good when the signature was made.

use jiff::Timestamp;
use sigstore_crypto::CertificateInfo;
use sigstore_types::DerCertificate;

use crate::chain::{self, Issued};
use crate::error::CertificateError;
use crate::{CertificateClaims, PublicKey, TrustedRoot, VerifyError, Window};

/// What a certificate says of its holder.
pub(crate) struct Claims {
    pub(crate) identity: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) window: Window,
    pub(crate) more: CertificateClaims,
}

/// The key of a certificate.
pub(crate) fn public_key(leaf: &[u8]) -> Result<PublicKey, VerifyError> {
    let info = info(leaf)?;
    PublicKey::from_spki(info.public_key.as_bytes())
        .map_err(|error| CertificateError::Malformed(error.to_string()).into())
}

/// What the certificate says; nobody has checked it yet.
pub(crate) fn claims(leaf: &[u8]) -> Result<Claims, CertificateError> {
    let info = info(leaf)?;
    Ok(Claims {
        identity: info.identity.as_ref().map(|name| name.as_str().to_owned()),
        issuer: info.issuer.clone(),
        window: Window { start: Some(info.not_before), end: Some(info.not_after) },
        more: CertificateClaims::of(&info),
    })
}

fn info(leaf: &[u8]) -> Result<CertificateInfo, CertificateError> {
    sigstore_crypto::parse_certificate_info(&DerCertificate::from_bytes(leaf))
        .map_err(|error| CertificateError::Malformed(error.to_string()))
}

/// Checks the chain at every one of `times`, of which there must be one.
pub(crate) fn check_chain(
    leaf: &[u8],
    intermediates: &[Vec<u8>],
    root: &TrustedRoot,
    times: &[Timestamp],
) -> Result<Issued, VerifyError> {
    let mut issued = Err(VerifyError::NoTrustedTime);
    for &time in times {
        issued = Ok(chain::check(leaf, intermediates, root.anchors(), time)?);
    }
    issued
}

/// Checks that the certificate was valid at every one of `times`.
pub(crate) fn check_times(claims: &Claims, times: &[Timestamp]) -> Result<(), CertificateError> {
    for &found in times {
        if let Some(not_before) = claims.window.start.filter(|&start| found < start) {
            return Err(CertificateError::NotYetValid { not_before, found });
        }
        if let Some(not_after) = claims.window.end.filter(|&end| found > end) {
            return Err(CertificateError::Expired { not_after, found });
        }
    }
    Ok(())
}

//! Certificates: chain, time and certificate log are checked by `sigstore-verify`, the claims by us.

use jiff::Timestamp;
use sigstore_crypto::CertificateInfo;
use sigstore_types::{
    Artifact as SigstoreArtifact, ArtifactDigest, Bundle as SigstoreBundle, CertificateContent,
    DerCertificate, DsseEnvelope, DsseSignature, HashAlgorithm, KeyId, KindVersion, MediaType,
    MessageSignature, PayloadBytes, Rfc3161Timestamp, SignatureBytes, SignatureContent, TimestampToken,
    TimestampVerificationData, VerificationMaterial, VerificationMaterialContent, X509Certificate,
};
use sigstore_verify::{Error as SigstoreError, VerificationPolicy};

use crate::bundle::{BundleVersion, Content, Material};
use crate::error::CertificateError;
use crate::policy::{Artifact, Policy};
use crate::{Bundle, PublicKey, TrustedRoot, VerifyError};

/// What a certificate says of its holder.
pub(crate) struct Claims {
    pub(crate) identity: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

/// The key of a certificate.
pub(crate) fn public_key(leaf: &[u8]) -> Result<PublicKey, VerifyError> {
    let info = info(leaf)?;
    PublicKey::from_spki(info.public_key.as_bytes())
        .map_err(|error| CertificateError::Malformed(error.to_string()).into())
}

/// Checks chain, code-signing usage and validity at every one of `times`, and the certificate's log.
pub(crate) fn check(
    bundle: &Bundle,
    artifact: Artifact<'_>,
    root: &TrustedRoot,
    policy: &Policy,
    times: &[Timestamp],
) -> Result<Claims, VerifyError> {
    let Material::Certificate { leaf, .. } = &bundle.material else {
        return Err(CertificateError::Malformed("there is none".to_owned()).into());
    };
    let claims = claims(info(leaf)?);
    check_times(&claims, times)?;
    let mut rules = VerificationPolicy::any_identity();
    if bundle.entries.is_empty() {
        rules = rules.skip_tlog_unsafe();
    }
    if !policy.evidence.certificate_log {
        rules = rules.skip_sct();
    } else if !root.has_certificate_logs() {
        let found = "no certificate log in the trusted root".to_owned();
        return Err(CertificateError::CertificateLog(found).into());
    }
    let (bundle, artifact) = as_sigstore(bundle, artifact);
    let result = root.verifier().verify(artifact, &bundle, &rules).map_err(translate)?;
    let complete =
        result.certificate_verified() && (result.sct_verified() || !policy.evidence.certificate_log);
    complete.then_some(claims).ok_or_else(|| VerifyError::Other("the certificate was not checked".to_owned()))
}

fn info(leaf: &[u8]) -> Result<CertificateInfo, VerifyError> {
    sigstore_crypto::parse_certificate_info(&DerCertificate::from_bytes(leaf))
        .map_err(|error| CertificateError::Malformed(error.to_string()).into())
}

fn claims(info: CertificateInfo) -> Claims {
    Claims {
        identity: info.identity.map(|name| name.as_str().to_owned()),
        issuer: info.issuer,
        not_before: info.not_before,
        not_after: info.not_after,
    }
}

fn check_times(claims: &Claims, times: &[Timestamp]) -> Result<(), CertificateError> {
    let (not_before, not_after) = (claims.not_before, claims.not_after);
    for &found in times {
        if found < not_before {
            return Err(CertificateError::NotYetValid { not_before, found });
        }
        if found > not_after {
            return Err(CertificateError::Expired { not_after, found });
        }
    }
    Ok(())
}

/// The bundle in the words of `sigstore-verify`.
///
/// Where all log entries are Rekor v2's, an envelope is handed over as what it is there: a signature over the
/// hash of the pre-authentication encoding. The statement, which may be an SBOM of 50 MB, is then not parsed a
/// second time into a tree.
fn as_sigstore<'a>(bundle: &Bundle, artifact: Artifact<'a>) -> (SigstoreBundle, SigstoreArtifact<'a>) {
    let signature = bundle.signature();
    let (content, artifact) = match &bundle.content {
        Content::Envelope(envelope) if only_version_2(bundle) => {
            let message = MessageSignature::new(signature);
            let digest = sigstore_crypto::sha256(&envelope.signed_bytes());
            (SignatureContent::MessageSignature(message), SigstoreArtifact::from(digest))
        }
        Content::Envelope(envelope) => {
            let payload = PayloadBytes::from_bytes(&envelope.payload);
            let signature = DsseSignature::new(signature, KeyId::default());
            let envelope = DsseEnvelope::new(envelope.payload_type.clone(), payload, signature);
            (SignatureContent::DsseEnvelope(envelope), sigstore_artifact(artifact))
        }
        Content::Message { digest, .. } => (message(digest.as_ref(), signature), sigstore_artifact(artifact)),
    };
    let media_type = match bundle.version {
        BundleVersion::V01 => MediaType::Bundle0_1,
        BundleVersion::V02 => MediaType::Bundle0_2,
        BundleVersion::V03 => MediaType::Bundle0_3,
    };
    (SigstoreBundle::new(media_type, material(bundle), content), artifact)
}

fn only_version_2(bundle: &Bundle) -> bool {
    let Material::Certificate { leaf, .. } = &bundle.material else { return false };
    let p256 = |key: PublicKey| key.algorithm() == crate::PublicKeyAlgorithm::EcdsaP256;
    public_key(leaf).is_ok_and(p256)
        && bundle.entries.iter().all(|entry| entry.kind_version == KindVersion::HashedRekordV002)
}

fn message(digest: Option<&sigstore_types::MessageDigest>, signature: SignatureBytes) -> SignatureContent {
    let message = MessageSignature::new(signature);
    SignatureContent::MessageSignature(match digest {
        Some(digest) => message.with_message_digest(digest.clone()),
        None => message,
    })
}

fn sigstore_artifact(artifact: Artifact<'_>) -> SigstoreArtifact<'_> {
    let digest = match artifact {
        Artifact::Bytes(bytes) => return SigstoreArtifact::Blob(bytes),
        Artifact::Digest(digest) => digest,
    };
    let algorithm = match digest.algorithm() {
        supercargo_content::Algorithm::Sha256 => HashAlgorithm::Sha2256,
        supercargo_content::Algorithm::Sha512 => HashAlgorithm::Sha2512,
    };
    match ArtifactDigest::new(algorithm, digest.to_bytes()) {
        Ok(digest) => digest.into(),
        Err(_) => SigstoreArtifact::Blob(&[]), // A `Digest` always has its algorithm's length.
    }
}

fn material(bundle: &Bundle) -> VerificationMaterial {
    let certificate = |der: &Vec<u8>| DerCertificate::from_bytes(der);
    let content = match &bundle.material {
        Material::PublicKey { hint } => {
            VerificationMaterialContent::PublicKey(sigstore_types::PublicKeyIdentifier::new(hint))
        }
        Material::Certificate { leaf, .. } if bundle.version == BundleVersion::V03 => {
            VerificationMaterialContent::Certificate(CertificateContent::new(certificate(leaf)))
        }
        Material::Certificate { leaf, intermediates } => {
            let chain = std::iter::once(leaf).chain(intermediates);
            let certificates = chain.map(|der| X509Certificate::new(certificate(der))).collect();
            VerificationMaterialContent::X509CertificateChain { certificates }
        }
    };
    let token = |der: &Vec<u8>| Rfc3161Timestamp::new(TimestampToken::from_bytes(der));
    let timestamps = TimestampVerificationData::new(bundle.timestamps.iter().map(token).collect());
    VerificationMaterial::new(content)
        .with_tlog_entries(bundle.entries.clone())
        .with_timestamp_verification_data(timestamps)
}

fn translate(error: SigstoreError) -> VerifyError {
    use sigstore_verify::CertificateError as Refusal;
    let error = match error {
        SigstoreError::Certificate(refusal) => match refusal {
            Refusal::Malformed(detail) => CertificateError::Malformed(detail),
            Refusal::ChainInvalid(detail) => CertificateError::Chain(detail),
            Refusal::NoValidAuthority { time } => CertificateError::NoAuthority(time),
            Refusal::NotYetValid { time, not_before } => {
                CertificateError::NotYetValid { not_before, found: time }
            }
            Refusal::Expired { time, not_after } => CertificateError::Expired { not_after, found: time },
            Refusal::Sct(detail) => CertificateError::CertificateLog(detail),
            other => return VerifyError::Other(other.to_string()),
        },
        other => return VerifyError::Other(other.to_string()),
    };
    VerifyError::Certificate(error)
}

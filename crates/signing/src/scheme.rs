//! How each kind of key signs. One place, so that files, tokens and services agree.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384};
use supercargo_attest::{PublicKey, PublicKeyAlgorithm};

use crate::der;

/// A kind of key, with the one signature scheme that we make with it.
///
/// P-384 signs with SHA-384, as Sigstore's algorithm registry has it and Rekor v2 demands; cosign v3.1.2 verifies
/// that neither from us nor from itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    EcdsaP256,
    EcdsaP384,
    /// PKCS#1 v1.5 with SHA-256.
    Rsa {
        bits: usize,
    },
    /// Over the message itself (RFC 8032), not a digest of it.
    Ed25519,
}

impl Scheme {
    /// The scheme of a key; `None` for kinds that we do not sign with.
    pub(crate) fn of(key: &PublicKey) -> Option<Self> {
        Some(match key.algorithm() {
            PublicKeyAlgorithm::EcdsaP256 => Self::EcdsaP256,
            PublicKeyAlgorithm::EcdsaP384 => Self::EcdsaP384,
            PublicKeyAlgorithm::Rsa => Self::Rsa { bits: rsa_bits(key.spki())? },
            PublicKeyAlgorithm::Ed25519 => Self::Ed25519,
            _ => return None,
        })
    }

    /// The hash that is signed; `None` where the message itself is.
    pub(crate) fn hash(self) -> Option<&'static Algorithm> {
        match self {
            Self::EcdsaP256 | Self::Rsa { .. } => Some(&SHA256),
            Self::EcdsaP384 => Some(&SHA384),
            Self::Ed25519 => None,
        }
    }

    /// Go's number of the hash, which the KMS plugin protocol uses.
    pub(crate) fn go_hash(self) -> u8 {
        if self == Self::EcdsaP384 { 6 } else { 5 }
    }

    /// The name in a Rekor v2 request (protobuf-specs, `PublicKeyDetails`); `None` for what such a log refuses.
    pub(crate) fn log_details(self) -> Option<&'static str> {
        match self {
            Self::EcdsaP256 => Some("PKIX_ECDSA_P256_SHA_256"),
            Self::EcdsaP384 => Some("PKIX_ECDSA_P384_SHA_384"),
            Self::Rsa { bits: 2_048 } => Some("PKIX_RSA_PKCS1V15_2048_SHA256"),
            Self::Rsa { bits: 3_072 } => Some("PKIX_RSA_PKCS1V15_3072_SHA256"),
            Self::Rsa { bits: 4_096 } => Some("PKIX_RSA_PKCS1V15_4096_SHA256"),
            Self::Rsa { .. } | Self::Ed25519 => None,
        }
    }
}

/// The length of the modulus in a SubjectPublicKeyInfo (RFC 8017, appendix A.1.1).
fn rsa_bits(spki: &[u8]) -> Option<usize> {
    let whole = der::read_tagged(spki, der::SEQUENCE)?;
    let algorithm = der::read_tagged(whole.content, der::SEQUENCE)?;
    let bits = der::read_tagged(algorithm.rest, der::BIT_STRING)?;
    let key = der::read_tagged(bits.content.strip_prefix(&[0])?, der::SEQUENCE)?;
    let modulus = der::read_tagged(key.content, der::INTEGER)?.content;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let unused = modulus.first()?.leading_zeros() as usize;
    Some((modulus.len() * 8).saturating_sub(unused))
}

//! Public keys that a caller trusts.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pem::{EncodeConfig, LineEnding, Pem};
use sigstore_crypto::{KeyAlgorithm, SigningScheme};
use sigstore_types::{DerPublicKey, SignatureBytes};
use supercargo_content::Digest;

use crate::message::Message;

/// A public key from a PEM file: ECDSA on P-256 or P-384, RSA of 2,048 to 8,192 bits, or Ed25519.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki: DerPublicKey,
    algorithm: PublicKeyAlgorithm,
}

/// What kind of key it is. The text is the one shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKeyAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256,
    /// ECDSA on P-384; SHA-384 and SHA-256 are both in use.
    EcdsaP384,
    /// RSA, PKCS#1 v1.5 with SHA-256.
    Rsa,
    /// Ed25519 over the message itself.
    Ed25519,
}

impl PublicKey {
    /// The longest PEM file that is read, in bytes.
    pub const PEM_BYTES_MAX: usize = 64 * 1_024;

    /// Reads a `PUBLIC KEY` in PEM (RFC 7468, section 13).
    pub fn from_pem(pem: &[u8]) -> Result<Self, PublicKeyError> {
        if pem.len() > Self::PEM_BYTES_MAX {
            return Err(PublicKeyError::TooLong { max: Self::PEM_BYTES_MAX });
        }
        let block = pem::parse(pem).map_err(|error| PublicKeyError::Pem(error.to_string()))?;
        if block.tag() != "PUBLIC KEY" {
            return Err(PublicKeyError::Tag { found: block.tag().chars().take(80).collect() });
        }
        Self::from_spki(block.contents())
    }

    /// Reads a DER SubjectPublicKeyInfo (RFC 5280, section 4.1).
    pub fn from_spki(der: &[u8]) -> Result<Self, PublicKeyError> {
        let spki = DerPublicKey::from_bytes(der);
        let found =
            KeyAlgorithm::from_spki(&spki).map_err(|error| PublicKeyError::Unsupported(error.to_string()))?;
        let algorithm = match found {
            KeyAlgorithm::EcdsaP256 => PublicKeyAlgorithm::EcdsaP256,
            KeyAlgorithm::EcdsaP384 => PublicKeyAlgorithm::EcdsaP384,
            KeyAlgorithm::Rsa => rsa_of_allowed_size(&spki)?,
            KeyAlgorithm::Ed25519 => PublicKeyAlgorithm::Ed25519,
            other => return Err(PublicKeyError::Unsupported(format!("{other:?}"))),
        };
        Ok(Self { spki, algorithm })
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        self.spki.as_bytes()
    }

    /// The kind of key.
    pub fn algorithm(&self) -> PublicKeyAlgorithm {
        self.algorithm
    }

    /// The SHA-256 of the SubjectPublicKeyInfo, which names the key in reports.
    pub fn fingerprint(&self) -> Digest {
        Digest::sha256_of(self.spki())
    }

    /// The hint that bundles carry: base64 of the fingerprint, as cosign writes it.
    pub fn hint(&self) -> String {
        STANDARD.encode(self.fingerprint().to_bytes())
    }

    /// The key as PEM, lines ended with LF as OpenSSL and cosign do.
    pub fn to_pem(&self) -> String {
        let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
        pem::encode_config(&Pem::new("PUBLIC KEY", self.spki()), config)
    }

    /// Whether `signature` is this key's over `message`, in one of the schemes of the key's kind. Never for
    /// Ed25519 when only a digest is at hand: it signs messages and not digests.
    pub(crate) fn verifies(&self, message: &Message<'_>, signature: &SignatureBytes) -> bool {
        self.schemes().iter().any(|&scheme| self.verifies_as(scheme, message, signature))
    }

    fn verifies_as(&self, scheme: SigningScheme, message: &Message<'_>, signature: &SignatureBytes) -> bool {
        let verified = match scheme.hash_algorithm().filter(|_| scheme.supports_prehashed()) {
            Some(algorithm) => message.hash(algorithm).map(|digest| {
                sigstore_crypto::verify_signature_prehashed(&self.spki, &digest, signature, scheme)
            }),
            None => message
                .bytes()
                .map(|bytes| sigstore_crypto::verify_signature(&self.spki, &bytes, signature, scheme)),
        };
        verified.is_some_and(|result| result.is_ok())
    }

    fn schemes(&self) -> &'static [SigningScheme] {
        match self.algorithm {
            PublicKeyAlgorithm::EcdsaP256 => &[SigningScheme::EcdsaP256Sha256],
            PublicKeyAlgorithm::EcdsaP384 => {
                &[SigningScheme::EcdsaP384Sha384, SigningScheme::EcdsaP384Sha256]
            }
            PublicKeyAlgorithm::Rsa => &[SigningScheme::RsaPkcs1Sha256],
            PublicKeyAlgorithm::Ed25519 => &[SigningScheme::Ed25519],
        }
    }
}

/// The modulus is nearly all of the key's DER: 294 bytes for 2,048 bits, 1,062 for 8,192.
fn rsa_of_allowed_size(spki: &DerPublicKey) -> Result<PublicKeyAlgorithm, PublicKeyError> {
    const LEN_OF_2048: usize = 290;
    const LEN_OF_8192: usize = 1_080;
    let found = spki.as_bytes().len();
    if !(LEN_OF_2048..=LEN_OF_8192).contains(&found) {
        return Err(PublicKeyError::RsaSize);
    }
    Ok(PublicKeyAlgorithm::Rsa)
}

impl fmt::Display for PublicKeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
            Self::Rsa => "RSA",
            Self::Ed25519 => "Ed25519",
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.fingerprint())
    }
}

/// Why a file is not a public key that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The file is longer than any public key.
    #[error("longer than {max} bytes: not a public key")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// The file is no PEM.
    #[error("not a PEM file: {0}")]
    Pem(String),
    /// The file holds something else.
    #[error("the PEM block is `{found}`: expected `PUBLIC KEY`")]
    Tag {
        /// The label of the block.
        found: String,
    },
    /// The key is of a kind that we do not verify.
    #[error("unsupported public key ({0}): expected ECDSA P-256 or P-384, RSA or Ed25519")]
    Unsupported(String),
    /// The RSA modulus is too short or too long.
    #[error("unsupported RSA key size: expected 2048 to 8192 bits")]
    RsaSize,
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\nkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n-----END PUBLIC KEY-----\n";

    #[test]
    fn a_pem_round_trips_and_has_cosigns_hint() {
        let key = PublicKey::from_pem(P256.as_bytes()).unwrap();
        assert_eq!(key.algorithm(), PublicKeyAlgorithm::EcdsaP256);
        assert_eq!(key.to_pem(), P256);
        assert_eq!(key.hint().len(), 44);
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        let refused = |text: &str| PublicKey::from_pem(text.as_bytes()).unwrap_err();
        assert!(matches!(refused(""), PublicKeyError::Pem(_)));
        assert!(matches!(refused(&P256.replace("PUBLIC", "PRIVATE")), PublicKeyError::Tag { .. }));
        assert!(matches!(refused(&P256.replace("MFkw", "MFkx")), PublicKeyError::Unsupported(_)));
        assert!(matches!(refused(&" ".repeat(70_000)), PublicKeyError::TooLong { .. }));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let der = PublicKey::from_pem(P256.as_bytes()).unwrap().spki().to_vec();
        for length in 0..der.len() {
            assert!(PublicKey::from_spki(&der[..length]).is_err(), "{length}");
        }
    }
}

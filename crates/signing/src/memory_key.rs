//! Private keys from files: in memory as long as they are needed.

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256,
};
use supercargo_attest::PublicKey;
use zeroize::Zeroizing;

use crate::KeyError;
use crate::der;
use crate::message::Message;

/// A private key in memory; the cryptographic library wipes it when it is dropped.
pub(crate) enum MemoryKey {
    Ecdsa(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
}

impl MemoryKey {
    /// A new ECDSA P-256 key, PKCS#8.
    pub(crate) fn generate() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map_err(|_| KeyError::Random)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Reads PKCS#8 (RFC 5958).
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let damaged = |_| KeyError::Damaged;
        match algorithm_of(der).ok_or(KeyError::Damaged)? {
            Algorithm::P256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
                .map_err(damaged)
                .map(Self::Ecdsa),
            Algorithm::P384 => EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, der)
                .map_err(damaged)
                .map(Self::Ecdsa),
            Algorithm::Rsa => rsa::KeyPair::from_pkcs8(der).map_err(damaged).map(Self::Rsa),
            Algorithm::Ed25519 => {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(damaged).map(Self::Ed25519)
            }
            other => Err(KeyError::Unsupported { found: other.name() }),
        }
    }

    /// Reads SEC1 (RFC 5915), which names the curve in the key itself; PKCS#8 wants it outside.
    pub(crate) fn from_sec1(sec1: &[u8]) -> Result<Self, KeyError> {
        let key = der::read_tagged(sec1, der::SEQUENCE).ok_or(KeyError::Damaged)?;
        let version = der::read_tagged(key.content, der::INTEGER).ok_or(KeyError::Damaged)?;
        let secret = der::read_tagged(version.rest, der::OCTET_STRING).ok_or(KeyError::Damaged)?;
        let curve = match der::read_tagged(secret.rest, 0xa0) {
            Some(parameters) => parameters.content.to_vec(),
            None => OID_P256.to_vec(),
        };
        let algorithm = der::write(der::SEQUENCE, &[OID_EC, &curve]);
        let body = Zeroizing::new(der::write(der::OCTET_STRING, &[sec1]));
        let pkcs8 = Zeroizing::new(der::write(der::SEQUENCE, &[&[der::INTEGER, 1, 0], &algorithm, &body]));
        Self::from_pkcs8(&pkcs8)
    }

    /// Reads PKCS#1 (RFC 8017, appendix A.1.2).
    pub(crate) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        rsa::KeyPair::from_der(der).map_err(|_| KeyError::Damaged).map(Self::Rsa)
    }

    pub(crate) fn public(&self) -> Result<PublicKey, KeyError> {
        let spki = match self {
            Self::Ecdsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Self::Rsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Self::Ed25519(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
        };
        let spki = spki.map_err(|_| KeyError::Damaged)?;
        PublicKey::from_spki(spki.as_ref()).map_err(|error| KeyError::PublicKey { detail: error.to_string() })
    }

    /// Signs a digest made with the hash of the key's scheme, or the message where the scheme has none.
    pub(crate) fn sign(&self, message: &Message<'_>, digest: Option<&Digest>) -> Result<Vec<u8>, KeyError> {
        match (self, digest) {
            (Self::Ecdsa(pair), Some(digest)) => pair
                .sign_digest(digest)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::Random),
            (Self::Rsa(pair), Some(digest)) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign_digest(&RSA_PKCS1_SHA256, digest, &mut signature);
                signed.map(|()| signature).map_err(|_| KeyError::Random)
            }
            (Self::Ed25519(pair), _) => Ok(pair.sign(&message.to_vec()).as_ref().to_vec()),
            (_, None) => Err(KeyError::Random),
        }
    }
}

const OID_EC: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
pub(crate) const OID_P256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
pub(crate) const OID_P384: &[u8] = &[0x06, 5, 0x2b, 0x81, 4, 0, 0x22];
const OID_P521: &[u8] = &[0x06, 5, 0x2b, 0x81, 4, 0, 0x23];
const OID_RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const OID_ED25519: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];

/// The SubjectPublicKeyInfo of an elliptic curve point (RFC 5480).
pub(crate) fn ec_spki(curve: &[u8], point: &[u8]) -> Vec<u8> {
    let algorithm = der::write(der::SEQUENCE, &[OID_EC, curve]);
    let bits = der::write(der::BIT_STRING, &[&[0], point]);
    der::write(der::SEQUENCE, &[&algorithm, &bits])
}

/// The SubjectPublicKeyInfo of an RSA key (RFC 3279, section 2.3.1); both numbers without sign.
pub(crate) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let algorithm = der::write(der::SEQUENCE, &[OID_RSA, &[5, 0]]);
    let key = der::write(der::SEQUENCE, &[&der::unsigned(modulus), &der::unsigned(exponent)]);
    let bits = der::write(der::BIT_STRING, &[&[0], &key]);
    der::write(der::SEQUENCE, &[&algorithm, &bits])
}

/// The SubjectPublicKeyInfo of an Ed25519 key (RFC 8410).
pub(crate) fn ed25519_spki(public: &[u8]) -> Vec<u8> {
    let algorithm = der::write(der::SEQUENCE, &[OID_ED25519]);
    let bits = der::write(der::BIT_STRING, &[&[0], public]);
    der::write(der::SEQUENCE, &[&algorithm, &bits])
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    P256,
    P384,
    P521,
    OtherCurve,
    Rsa,
    Ed25519,
    Other,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::P256 => "ECDSA P-256",
            Self::P384 => "ECDSA P-384",
            Self::P521 => "ECDSA P-521",
            Self::OtherCurve => "ECDSA on another curve",
            Self::Rsa => "RSA",
            Self::Ed25519 => "Ed25519",
            Self::Other => "another algorithm",
        }
    }
}

/// The algorithm of a PKCS#8 key.
fn algorithm_of(pkcs8: &[u8]) -> Option<Algorithm> {
    let key = der::read_tagged(pkcs8, der::SEQUENCE)?;
    let version = der::read_tagged(key.content, der::INTEGER)?;
    let identifier = der::read_tagged(version.rest, der::SEQUENCE)?.content;
    der::read_tagged(identifier, der::OBJECT_IDENTIFIER)?;
    let is = |oid: &[u8]| identifier.strip_prefix(oid);
    Some(match (is(OID_EC), is(OID_RSA), is(OID_ED25519)) {
        (Some(OID_P256), ..) => Algorithm::P256,
        (Some(OID_P384), ..) => Algorithm::P384,
        (Some(OID_P521), ..) => Algorithm::P521,
        (Some(_), ..) => Algorithm::OtherCurve,
        (_, Some(_), _) => Algorithm::Rsa,
        (_, _, Some(_)) => Algorithm::Ed25519,
        _ => Algorithm::Other,
    })
}

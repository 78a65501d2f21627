//! Private keys: made, read from every file format in use, and turned into signatures.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use sigstore_crypto::KeyPair;
use supercargo_attest::PublicKey;
use zeroize::Zeroizing;

use crate::der;
use crate::key_file;

/// A private key that signs: ECDSA on P-256.
///
/// Its `Debug` text names the public key only.
pub struct SigningKey {
    pair: KeyPair,
    public: PublicKey,
}

/// A new pair of key files.
pub struct GeneratedKey {
    /// The private key as cosign writes it: PEM `ENCRYPTED SIGSTORE PRIVATE KEY`.
    pub private_pem: Zeroizing<String>,
    /// The public key: PEM `PUBLIC KEY`.
    pub public_pem: String,
}

impl SigningKey {
    /// The longest key file that is read, in bytes.
    pub const PEM_BYTES_MAX: usize = 64 * 1_024;

    /// Makes a new ECDSA P-256 pair, the private key encrypted with `password`, which may be empty.
    ///
    /// Takes about 0.2 s: the key is derived with scrypt, N = 65,536, r = 8, p = 1, as cosign does.
    pub fn generate(password: &str) -> Result<GeneratedKey, KeyError> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map_err(|_| KeyError::Random)?;
        let pkcs8 = Zeroizing::new(document.as_ref().to_vec());
        let key = Self::from_pkcs8(&pkcs8)?;
        let private_pem = key_file::encrypt(&pkcs8, password)?;
        Ok(GeneratedKey { private_pem, public_pem: key.public.to_pem() })
    }

    /// Reads a private key file.
    ///
    /// Takes cosign's encrypted files (`ENCRYPTED SIGSTORE PRIVATE KEY` and `ENCRYPTED COSIGN PRIVATE KEY`), whose
    /// cost is bounded before it is paid, PKCS#8 (`PRIVATE KEY`, RFC 5958) and SEC1 (`EC PRIVATE KEY`, RFC 5915).
    /// `password` is asked for only when the file is encrypted.
    pub fn from_pem(
        pem: &[u8],
        password: impl FnOnce() -> Option<Zeroizing<String>>,
    ) -> Result<Self, KeyError> {
        if pem.len() > Self::PEM_BYTES_MAX {
            return Err(KeyError::TooLong { max: Self::PEM_BYTES_MAX });
        }
        let blocks = pem::parse_many(pem).map_err(|error| KeyError::Pem(error.to_string()))?;
        // OpenSSL puts `EC PARAMETERS` in front.
        let block =
            blocks.into_iter().find(|block| block.tag() != "EC PARAMETERS").ok_or(KeyError::NoBlock)?;
        let tag = block.tag().to_owned();
        let content = Zeroizing::new(block.into_contents());
        match tag.as_str() {
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                let opener = key_file::Sealed::parse(&content)?;
                let password = password().ok_or(KeyError::PasswordNeeded)?;
                Self::from_pkcs8(&opener.open(&password)?)
            }
            "PRIVATE KEY" => Self::from_pkcs8(&content),
            "EC PRIVATE KEY" => Self::from_sec1(&content),
            other => Err(KeyError::Tag { found: other.chars().take(80).collect() }),
        }
    }

    /// The public key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// An ECDSA signature (ASN.1 DER) over the SHA-256 of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.pair.sign(message).map(|signature| signature.as_bytes().to_vec()).map_err(|_| KeyError::Random)
    }

    /// A key that lives as long as one signature.
    pub(crate) fn ephemeral() -> Result<Self, KeyError> {
        Self::from_pair(KeyPair::generate_ecdsa_p256().map_err(|_| KeyError::Random)?)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        match algorithm_of(der) {
            Some(Algorithm::P256) => {}
            Some(found) => return Err(KeyError::Unsupported { found: found.name() }),
            None => return Err(KeyError::Damaged),
        }
        Self::from_pair(KeyPair::from_pkcs8_der(der).map_err(|_| KeyError::Damaged)?)
    }

    /// SEC1 names the curve in the key itself; PKCS#8 wants it outside.
    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let key = der::read_tagged(der, der::SEQUENCE).ok_or(KeyError::Damaged)?;
        let version = der::read_tagged(key.content, der::INTEGER).ok_or(KeyError::Damaged)?;
        let secret = der::read_tagged(version.rest, der::OCTET_STRING).ok_or(KeyError::Damaged)?;
        let curve = match der::read_tagged(secret.rest, 0xa0) {
            Some(parameters) => parameters.content.to_vec(),
            None => OID_P256.to_vec(),
        };
        let algorithm = der::write(der::SEQUENCE, &[OID_EC, &curve]);
        let body = Zeroizing::new(der::write(der::OCTET_STRING, &[der]));
        let pkcs8 = Zeroizing::new(der::write(der::SEQUENCE, &[&[der::INTEGER, 1, 0], &algorithm, &body]));
        Self::from_pkcs8(&pkcs8)
    }

    fn from_pair(pair: KeyPair) -> Result<Self, KeyError> {
        let spki = pair.public_key_der().map_err(|_| KeyError::Damaged)?;
        let public = PublicKey::from_spki(spki.as_bytes()).map_err(|_| KeyError::Damaged)?;
        Ok(Self { pair, public })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedKey").field("public_pem", &self.public_pem).finish_non_exhaustive()
    }
}

const OID_EC: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const OID_P256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const OID_P384: &[u8] = &[0x06, 5, 0x2b, 0x81, 4, 0, 0x22];
const OID_P521: &[u8] = &[0x06, 5, 0x2b, 0x81, 4, 0, 0x23];
const OID_RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const OID_ED25519: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];

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

/// Why a private key cannot be used. Never carries the key or the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file is longer than any private key.
    #[error("longer than {max} bytes: not a private key")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// The file is no PEM.
    #[error("not a PEM file: {0}")]
    Pem(String),
    /// The file holds no PEM block.
    #[error("there is no PEM block in the file: expected a private key")]
    NoBlock,
    /// The file holds something else, or is encrypted in a way that we cannot open.
    #[error(
        "the PEM block is `{found}`: expected `ENCRYPTED SIGSTORE PRIVATE KEY`, `PRIVATE KEY` or `EC PRIVATE KEY`{}",
        tag_hint(.found)
    )]
    Tag {
        /// The label of the block.
        found: String,
    },
    /// The key is of a kind that we do not sign with.
    #[error("the key is {found}: signing takes ECDSA P-256 keys")]
    Unsupported {
        /// What it is.
        found: &'static str,
    },
    /// The key inside is not readable.
    #[error("the private key is damaged")]
    Damaged,
    /// The encrypted file has another shape.
    #[error("the encrypted key file is not readable: {0}")]
    Sealed(String),
    /// The encrypted file uses something unknown.
    #[error("the encrypted key file uses `{found}`: expected `{expected}`")]
    Cipher {
        /// What we know.
        expected: &'static str,
        /// What the file names.
        found: String,
    },
    /// Opening the file would cost more than we pay for a stranger's file.
    #[error(
        "the encrypted key file asks for scrypt with N={n}, r={r}, p={p}: more than the limit of 256 MiB"
    )]
    TooCostly {
        /// The cost parameter.
        n: u64,
        /// The block size.
        r: u32,
        /// The parallelism.
        p: u32,
    },
    /// The file is encrypted and there is no password.
    #[error("the private key is encrypted: give its password")]
    PasswordNeeded,
    /// The password does not open the file.
    #[error("wrong password, or the key file is damaged")]
    WrongPassword,
    /// The system gives no random numbers, or the key cannot sign.
    #[error("the system's random numbers or cryptography failed")]
    Random,
}

fn tag_hint(found: &str) -> &'static str {
    match found {
        "PUBLIC KEY" => "; this is the public key",
        "ENCRYPTED PRIVATE KEY" => "; decrypt it first, as with `openssl pkcs8`",
        "RSA PRIVATE KEY" | "OPENSSH PRIVATE KEY" => "; signing takes ECDSA P-256 keys",
        _ => "",
    }
}

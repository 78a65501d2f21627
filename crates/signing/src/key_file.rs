//! cosign's encrypted key file: JSON in PEM, scrypt and NaCl's secretbox around PKCS#8.
//!
//! The shape is that of go-securesystemslib's `encrypted` package; the binaries in it are base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use pem::{EncodeConfig, LineEnding, Pem};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::KeyError;

const N: u64 = 65_536;
const R: u32 = 8;
const P: u32 = 1;
/// N·r of a file that we open: scrypt takes 128 bytes for each, 256 MiB together.
const N_TIMES_R_MAX: u64 = 1 << 21;
const P_MAX: u32 = 16;

/// An encrypted file whose cost is known to be bearable.
pub(crate) struct Sealed {
    n: u64,
    r: u32,
    p: u32,
    salt: Vec<u8>,
    nonce: [u8; 24],
    ciphertext: Vec<u8>,
}

impl Sealed {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, KeyError> {
        let file: File = serde_json::from_slice(json).map_err(|error| KeyError::Sealed(error.to_string()))?;
        expect("scrypt", &file.kdf.name)?;
        expect("nacl/secretbox", &file.cipher.name)?;
        let Params { n, r, p } = file.kdf.params;
        check_cost(n, r, p)?;
        let nonce = base64(&file.cipher.nonce)?;
        let nonce =
            nonce.try_into().map_err(|_| KeyError::Sealed("the nonce is not 24 bytes long".to_owned()))?;
        Ok(Self { n, r, p, salt: base64(&file.kdf.salt)?, nonce, ciphertext: base64(&file.ciphertext)? })
    }

    /// The PKCS#8 key inside.
    pub(crate) fn open(&self, password: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let secret = derive(password, &self.salt, self.n, self.r, self.p)?;
        let cipher = XSalsa20Poly1305::new(Key::from_slice(&secret[..]));
        let plain = cipher.decrypt(Nonce::from_slice(&self.nonce), &self.ciphertext[..]);
        plain.map(Zeroizing::new).map_err(|_| KeyError::WrongPassword)
    }
}

/// The PEM of an encrypted key file around `pkcs8`.
pub(crate) fn encrypt(pkcs8: &[u8], password: &str) -> Result<Zeroizing<String>, KeyError> {
    let (mut salt, mut nonce) = ([0; 32], [0; 24]);
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| KeyError::Random)?;
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| KeyError::Random)?;
    let secret = derive(password, &salt, N, R, P)?;
    let cipher = XSalsa20Poly1305::new(Key::from_slice(&secret[..]));
    let ciphertext = cipher.encrypt(Nonce::from_slice(&nonce), pkcs8).map_err(|_| KeyError::Random)?;
    let file = File {
        kdf: Kdf {
            name: "scrypt".to_owned(),
            params: Params { n: N, r: R, p: P },
            salt: STANDARD.encode(salt),
        },
        cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: STANDARD.encode(nonce) },
        ciphertext: STANDARD.encode(ciphertext),
    };
    let json = serde_json::to_vec(&file).map_err(|error| KeyError::Sealed(error.to_string()))?;
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    Ok(Zeroizing::new(pem::encode_config(&Pem::new("ENCRYPTED SIGSTORE PRIVATE KEY", json), config)))
}

fn derive(password: &str, salt: &[u8], n: u64, r: u32, p: u32) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| KeyError::TooCostly { n, r, p })?;
    let mut secret = Zeroizing::new([0; 32]);
    scrypt::scrypt(password.as_bytes(), salt, &params, &mut secret[..]).map_err(|_| KeyError::TooCostly {
        n,
        r,
        p,
    })?;
    Ok(secret)
}

fn check_cost(n: u64, r: u32, p: u32) -> Result<(), KeyError> {
    let bearable = n.is_power_of_two()
        && n >= 2
        && (1..=P_MAX).contains(&p)
        && r >= 1
        && n.saturating_mul(u64::from(r)) <= N_TIMES_R_MAX;
    if bearable { Ok(()) } else { Err(KeyError::TooCostly { n, r, p }) }
}

fn expect(expected: &'static str, found: &str) -> Result<(), KeyError> {
    if expected == found {
        return Ok(());
    }
    Err(KeyError::Cipher { expected, found: found.chars().take(80).collect() })
}

fn base64(text: &str) -> Result<Vec<u8>, KeyError> {
    STANDARD.decode(text).map_err(|error| KeyError::Sealed(error.to_string()))
}

#[derive(Serialize, Deserialize)]
struct File {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

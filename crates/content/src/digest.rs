//! `sha256:…` and `sha512:…`, parsed once and compared as bytes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Hasher;

/// A registered digest algorithm (OCI image specification v1.1, "Registered algorithms").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, 64 hexadecimal digits.
    Sha256,
    /// SHA-512, 128 hexadecimal digits.
    Sha512,
}

impl Algorithm {
    /// The name before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The length of the hexadecimal form.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// The digest of some bytes: an algorithm and lowercase hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// Shared, since what was found in a layer names its digests thousands of times.
    hex: Arc<str>,
}

impl Digest {
    /// The SHA-256 of `bytes`.
    pub fn sha256_of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(bytes);
        hasher.finish()
    }

    /// A digest from its algorithm and raw bytes. `None` when the length is not the algorithm's.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        (bytes.len() * 2 == algorithm.hex_len()).then(|| Self::of_raw(algorithm, bytes))
    }

    /// A digest from bytes that have the length of the algorithm's.
    pub(crate) fn of_raw(algorithm: Algorithm, bytes: &[u8]) -> Self {
        Self { algorithm, hex: hex(bytes).into() }
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The lowercase hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The raw bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let nibble = |c: u8| if c.is_ascii_digit() { c - b'0' } else { c - b'a' + 10 };
        self.hex.as_bytes().chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
    }

    /// The first twelve hexadecimal digits, for people.
    pub fn short(&self) -> &str {
        &self.hex[..12]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestParseError {
    /// There is no colon.
    #[error("`{0}` is not a digest: expected `algorithm:hex`")]
    NoAlgorithm(String),
    /// The algorithm is not one that we can compute.
    #[error("unsupported digest algorithm `{0}`: expected `sha256` or `sha512`")]
    Algorithm(String),
    /// The digits have the wrong length or alphabet.
    #[error("`{text}` is not a {algorithm} digest: expected {expected} lowercase hexadecimal digits")]
    Hex {
        /// The whole text.
        text: String,
        /// The algorithm it names.
        algorithm: &'static str,
        /// The number of digits that the algorithm has.
        expected: usize,
    },
}

impl FromStr for Digest {
    type Err = DigestParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, hex) = text.split_once(':').ok_or_else(|| DigestParseError::NoAlgorithm(excerpt(text)))?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            other => return Err(DigestParseError::Algorithm(excerpt(other))),
        };
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if hex.len() != algorithm.hex_len() || !hex.bytes().all(lower_hex) {
            let (algorithm, expected) = (algorithm.name(), algorithm.hex_len());
            return Err(DigestParseError::Hex { text: excerpt(text), algorithm, expected });
        }
        Ok(Self { algorithm, hex: hex.into() })
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

/// A hostile document may hold a digest of megabytes; an error message shows its beginning.
fn excerpt(text: &str) -> String {
    text.chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_empty_digest_is_the_known_one() {
        assert_eq!(Digest::sha256_of(b"").to_string(), EMPTY);
    }

    #[test]
    fn raw_bytes_round_trip() {
        let digest: Digest = EMPTY.parse().unwrap();
        assert_eq!(Digest::from_bytes(Algorithm::Sha256, &digest.to_bytes()), Some(digest));
    }

    #[test]
    fn damaged_digests_are_refused() {
        for text in
            ["", "sha256", "sha256:", "md5:00", &EMPTY.to_uppercase(), &EMPTY[..70], &format!("{EMPTY}0")]
        {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}

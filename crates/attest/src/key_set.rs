//! Keys with the time in which each is trusted, for rotation.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{PublicKey, PublicKeyError, Window};

/// A key that a caller trusts, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// When signatures by it count: every trusted time of signing must lie in it, or the time of checking where
    /// nobody vouches for one.
    pub window: Window,
    /// What people call it.
    pub name: Option<String>,
}

/// The longest key set that is read, in bytes.
const BYTES_MAX: usize = 1024 * 1_024;
/// The largest number of keys in it.
const KEYS_MAX: usize = 256;

impl TrustedKey {
    /// A key that is always trusted.
    pub fn always(key: PublicKey) -> Self {
        Self { key, window: Window { start: None, end: None }, name: None }
    }

    /// Reads a key set, a TOML file:
    ///
    /// ```toml
    /// [[key]]
    /// name = "release 2025"                  # optional, shown in reports
    /// not-before = "2025-01-01T00:00:00Z"    # optional; both ends belong to the window
    /// not-after = "2025-12-31T23:59:59Z"     # optional
    /// pem = """
    /// -----BEGIN PUBLIC KEY-----
    /// …
    /// -----END PUBLIC KEY-----
    /// """
    /// ```
    ///
    /// # Errors
    /// When it is longer than 1 MiB, holds no key or more than 256, or any of it is not understood.
    pub fn read_set(toml: &str) -> Result<Vec<Self>, KeySetError> {
        if toml.len() > BYTES_MAX {
            return Err(KeySetError::TooLong { max: BYTES_MAX });
        }
        let wire: WireSet = toml::from_str(toml).map_err(|error| KeySetError::Toml(error.to_string()))?;
        if wire.key.is_empty() || wire.key.len() > KEYS_MAX {
            return Err(KeySetError::Count { max: KEYS_MAX, found: wire.key.len() });
        }
        wire.key.into_iter().enumerate().map(|(index, key)| key.check(index)).collect()
    }

    /// The key in reports: its name, where it has one, and its fingerprint.
    pub fn describe(&self) -> String {
        match &self.name {
            Some(name) => format!("key `{name}` {}", self.key.fingerprint()),
            None => format!("key {}", self.key.fingerprint()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSet {
    key: Vec<WireKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct WireKey {
    pub(crate) name: Option<String>,
    pub(crate) pem: String,
    pub(crate) not_before: Option<String>,
    pub(crate) not_after: Option<String>,
}

impl WireKey {
    pub(crate) fn check(self, index: usize) -> Result<TrustedKey, KeySetError> {
        let key = PublicKey::from_pem(self.pem.trim_start().as_bytes())
            .map_err(|source| KeySetError::Key { index, source })?;
        let time = |text: Option<String>| text.map(|text| text.parse::<Timestamp>()).transpose();
        let (start, end) = (time(self.not_before), time(self.not_after));
        let (Ok(start), Ok(end)) = (start, end) else { return Err(KeySetError::Time { index }) };
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            return Err(KeySetError::Window { index, start, end });
        }
        Ok(TrustedKey { key, window: Window { start, end }, name: self.name })
    }
}

/// Why a file is not a key set. Positions count from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Longer than the limit.
    #[error("longer than the limit of {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// No TOML of the right shape.
    #[error("not a key set: {0}")]
    Toml(String),
    /// No key, or too many.
    #[error("expected 1 to {max} keys, found {found}")]
    Count {
        /// The limit.
        max: usize,
        /// How many there are.
        found: usize,
    },
    /// A key cannot be read.
    #[error("key {index} is not readable")]
    Key {
        /// The position of the key.
        index: usize,
        /// The cause.
        #[source]
        source: PublicKeyError,
    },
    /// A time cannot be read.
    #[error("key {index} has a time that is not readable: expected one as `2025-01-01T00:00:00Z`")]
    Time {
        /// The position of the key.
        index: usize,
    },
    /// A window ends before it begins.
    #[error("key {index} is valid from {start} until {end}, which is never")]
    Window {
        /// The position of the key.
        index: usize,
        /// The first moment.
        start: Timestamp,
        /// The last moment.
        end: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = include_str!("../tests/fixtures/key.pub");

    fn set(more: &str) -> Result<Vec<TrustedKey>, KeySetError> {
        TrustedKey::read_set(&format!("[[key]]\npem = '''\n{PEM}'''\n{more}"))
    }

    #[test]
    fn a_set_has_keys_with_names_and_windows() {
        let keys = set(
            "name = \"2025\"\nnot-before = \"2025-01-01T00:00:00Z\"\nnot-after = \"2025-12-31T00:00:00Z\"",
        )
        .unwrap();
        assert_eq!(keys[0].window.to_string(), "2025-01-01T00:00:00Z to 2025-12-31T00:00:00Z");
        assert!(keys[0].describe().starts_with("key `2025` sha256:"));
        assert_eq!(set("").unwrap()[0].window.to_string(), "any time");
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert!(matches!(set("until = 1"), Err(KeySetError::Toml(_))));
        assert_eq!(set("not-after = \"soon\""), Err(KeySetError::Time { index: 0 }));
        let never = "not-before = \"2026-01-01T00:00:00Z\"\nnot-after = \"2025-01-01T00:00:00Z\"";
        assert!(matches!(set(never), Err(KeySetError::Window { index: 0, .. })));
        assert_eq!(TrustedKey::read_set("key = []"), Err(KeySetError::Count { max: 256, found: 0 }));
        assert!(matches!(TrustedKey::read_set("[[key]]\npem = 'x'"), Err(KeySetError::Key { index: 0, .. })));
    }
}

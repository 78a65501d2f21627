//! Predicate types: cosign's short names, versioned URIs, and any other URI.

use std::fmt;
use std::str::FromStr;

/// A predicate type with a short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPredicate {
    /// The name that `--type` takes; the names are cosign's.
    pub name: &'static str,
    /// The `predicateType` that is written.
    pub uri: &'static str,
    /// Whether `URI/v1.2` means the same predicate in a version of its own.
    pub versioned: bool,
}

/// Every predicate type with a short name, sorted by name.
pub static KNOWN_PREDICATES: &[KnownPredicate] = &[
    known("custom", "https://cosign.sigstore.dev/attestation/v1", false),
    known("cyclonedx", "https://cyclonedx.org/bom", true),
    known("link", "https://in-toto.io/Link/v1", false),
    known("openvex", "https://openvex.dev/ns", true),
    known("slsaprovenance", "https://slsa.dev/provenance/v0.2", false),
    known("slsaprovenance02", "https://slsa.dev/provenance/v0.2", false),
    known("slsaprovenance1", "https://slsa.dev/provenance/v1", false),
    known("spdx", "https://spdx.dev/Document", true),
    known("spdxjson", "https://spdx.dev/Document", true),
    known("test-result", "https://in-toto.io/attestation/test-result/v0.1", false),
    known("vsa", "https://slsa.dev/verification_summary/v1", false),
    known("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1", false),
];

const fn known(name: &'static str, uri: &'static str, versioned: bool) -> KnownPredicate {
    KnownPredicate { name, uri, versioned }
}

/// What a statement claims: a URI, at most 1,024 bytes long (in-toto attestation framework, "Statement").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PredicateType {
    uri: Box<str>,
    any_version: bool,
}

impl PredicateType {
    /// The longest URI that is read or written, in bytes.
    pub const URI_BYTES_MAX: usize = 1_024;

    /// CycloneDX, in any version when it is looked for.
    pub fn cyclonedx() -> Self {
        Self { uri: "https://cyclonedx.org/bom".into(), any_version: true }
    }

    /// SPDX, in any version when it is looked for.
    pub fn spdx() -> Self {
        Self { uri: "https://spdx.dev/Document".into(), any_version: true }
    }

    /// Exactly this URI.
    pub fn from_uri(uri: &str) -> Result<Self, PredicateTypeError> {
        let plain = |c: char| !c.is_whitespace() && !c.is_control();
        if uri.len() > Self::URI_BYTES_MAX || !uri.contains(':') || !uri.chars().all(plain) {
            return Err(PredicateTypeError { text: uri.chars().take(160).collect() });
        }
        Ok(Self { uri: uri.into(), any_version: false })
    }

    /// The URI that is written.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The first short name of this type, versions included.
    pub fn name(&self) -> Option<&'static str> {
        KNOWN_PREDICATES.iter().find(|known| known.is(&self.uri)).map(|known| known.name)
    }

    /// Whether a statement of type `found` answers a search for `self`.
    pub fn admits(&self, found: &Self) -> bool {
        self.uri == found.uri || (self.any_version && is_version_of(&found.uri, &self.uri))
    }

    /// Whether the predicate is an SBOM or cosign's wrapper around anything, which old tools store as a string.
    pub(crate) fn may_be_wrapped(&self) -> bool {
        matches!(self.name(), Some("custom" | "cyclonedx" | "spdx"))
    }
}

impl KnownPredicate {
    fn is(&self, uri: &str) -> bool {
        uri == self.uri || (self.versioned && is_version_of(uri, self.uri))
    }
}

/// `https://cyclonedx.org/bom/v1.4` is a version of `https://cyclonedx.org/bom`.
fn is_version_of(uri: &str, base: &str) -> bool {
    let version = uri.strip_prefix(base).and_then(|rest| rest.strip_prefix("/v"));
    version.is_some_and(|version| {
        version.starts_with(|c: char| c.is_ascii_digit())
            && version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    })
}

impl FromStr for PredicateType {
    type Err = PredicateTypeError;

    /// A short name of [`KNOWN_PREDICATES`], or a URI.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match KNOWN_PREDICATES.iter().find(|known| known.name == text) {
            Some(known) => Ok(Self { uri: known.uri.into(), any_version: known.versioned }),
            None => Self::from_uri(text),
        }
    }
}

impl fmt::Display for PredicateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

impl fmt::Debug for PredicateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

/// A text that is neither a short name nor a URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a predicate type: expected a URI or one of {}", names())]
pub struct PredicateTypeError {
    text: String,
}

fn names() -> String {
    let names: Vec<&str> = KNOWN_PREDICATES.iter().map(|known| known.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_name_parses() {
        assert!(KNOWN_PREDICATES.is_sorted_by_key(|known| known.name));
        for known in KNOWN_PREDICATES {
            assert_eq!(known.name.parse::<PredicateType>().unwrap().uri(), known.uri);
        }
    }

    #[test]
    fn a_name_admits_versions_and_a_uri_does_not() {
        let versioned = PredicateType::from_uri("https://cyclonedx.org/bom/v1.4").unwrap();
        assert!(PredicateType::cyclonedx().admits(&versioned));
        assert!(!PredicateType::from_uri("https://cyclonedx.org/bom").unwrap().admits(&versioned));
        assert!(!PredicateType::spdx().admits(&versioned));
        assert_eq!(versioned.name(), Some("cyclonedx"));
        for other in
            ["https://cyclonedx.org/bomb", "https://cyclonedx.org/bom/vex", "https://cyclonedx.org/bom/v"]
        {
            assert!(!PredicateType::cyclonedx().admits(&PredicateType::from_uri(other).unwrap()), "{other}");
        }
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in ["", "cyclone", "a b:c", "x:\n", &"a:".repeat(600)] {
            assert!(text.parse::<PredicateType>().is_err(), "{text}");
        }
    }
}

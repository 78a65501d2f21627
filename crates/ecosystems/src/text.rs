//! Checks and clean-up of words that come from metadata.

use std::borrow::Cow;

use supercargo_inventory::{HashAlgorithm, Link, LinkKind, PackageHash};

/// Bytes of a name or version that is believed.
const WORD_BYTES_MAX: usize = 512;

/// Text with what is not UTF-8 replaced. Nearly all is UTF-8, which is told many bytes at once.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// The text without white space around it, when it can be a name or version: short, one line, no control
/// characters.
pub(crate) fn word(text: &str) -> Option<&str> {
    let text = text.trim();
    let sane = !text.is_empty() && text.len() <= WORD_BYTES_MAX && !text.contains(char::is_control);
    sane.then_some(text)
}

/// The same without any white space inside.
pub(crate) fn token(text: &str) -> Option<&str> {
    word(text).filter(|text| !text.contains(char::is_whitespace))
}

/// One line of at most 1,000 characters, white space folded; `None` when nothing is left.
pub(crate) fn line(text: &str) -> Option<String> {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = folded.chars().take(1000).collect();
    (!cut.is_empty() && cut != "UNKNOWN").then_some(cut)
}

/// A link to a web or repository address. Credentials in it are dropped: an SBOM is published.
pub(crate) fn link(kind: LinkKind, url: &str) -> Option<Link> {
    let url = token(url).filter(|url| url.contains("://"))?;
    Some(Link { kind, url: without_credentials(url) })
}

/// `scheme://user:secret@host/path` without the part before `@`.
pub(crate) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        // `git` is the user name of a protocol, not a secret.
        Some((user, host)) if user != "git" => format!("{scheme}://{host}{path}"),
        _ => url.to_owned(),
    }
}

/// A hash from its algorithm's name and lowercase or uppercase hexadecimal digits of the right number.
pub(crate) fn hex_hash(algorithm: &str, hex: &str) -> Option<PackageHash> {
    let (algorithm, bytes) = algorithm_of(algorithm)?;
    let right = hex.len() == bytes * 2 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    right.then(|| PackageHash { algorithm, hex: hex.to_ascii_lowercase() })
}

/// A hash from its algorithm's name and its bytes.
pub(crate) fn byte_hash(algorithm: &str, bytes: &[u8]) -> Option<PackageHash> {
    let (algorithm, length) = algorithm_of(algorithm)?;
    (bytes.len() == length).then(|| PackageHash { algorithm, hex: hex(bytes) })
}

/// Lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|n| char::from_digit(n.into(), 16))
        .collect()
}

fn algorithm_of(name: &str) -> Option<(HashAlgorithm, usize)> {
    Some(match name {
        "md5" => (HashAlgorithm::Md5, 16),
        "sha1" => (HashAlgorithm::Sha1, 20),
        "sha256" => (HashAlgorithm::Sha256, 32),
        "sha384" => (HashAlgorithm::Sha384, 48),
        "sha512" => (HashAlgorithm::Sha512, 64),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_leave() {
        assert_eq!(without_credentials("https://u:p@example.org/a@b"), "https://example.org/a@b");
        assert_eq!(without_credentials("https://token@example.org"), "https://example.org");
        assert_eq!(without_credentials("ssh://git@example.org/r"), "ssh://git@example.org/r");
        assert_eq!(without_credentials("https://example.org/?q=a@b"), "https://example.org/?q=a@b");
    }

    #[test]
    fn names_with_control_characters_are_refused() {
        assert_eq!(word(" a b "), Some("a b"));
        assert_eq!(word("a\u{1b}[31m"), None);
        assert_eq!(token("a b"), None);
        assert_eq!(word(&"a".repeat(513)), None);
    }

    #[test]
    fn hashes_have_the_length_of_their_algorithm() {
        assert!(hex_hash("sha1", &"aF".repeat(20)).is_some_and(|hash| hash.hex == "af".repeat(20)));
        assert_eq!(hex_hash("sha256", "00"), None);
        assert_eq!(byte_hash("sha512", &[0; 63]), None);
    }
}

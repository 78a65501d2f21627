//! Identifiers that follow from the content: serial numbers, namespaces, element identifiers.

use supercargo_content::Digest;
use supercargo_inventory::Party;

use crate::{Document, FormatId, Subject};

/// A UUID of version 8 (RFC 9562, section 5.8) over all that makes this document differ from another.
pub(crate) fn uuid(document: &Document, format: FormatId) -> String {
    let (subject, options) = (&document.subject, &document.options);
    let mut parts = vec![
        "supercargo document".to_owned(),
        subject_key(subject),
        subject.name.clone(),
        optional(subject.tag.as_deref()),
        format.to_string(),
        options.tool_name.clone(),
        options.tool_version.clone(),
        document.created(),
        options.options.len().to_string(),
    ];
    parts.extend(options.options.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
    parts.extend([&options.author, &options.supplier].into_iter().flat_map(|party| of_party(party.as_ref())));
    // A folder has no digest: two of the same name are told apart by what was found in them.
    parts.push(document.refs.len().to_string());
    parts.extend(document.refs.iter().cloned());
    parts.extend(document.problems.iter().map(ToString::to_string));
    if document.layers_by_toc() > 0 {
        parts.push(format!("layers by table of contents: {}", document.layers_by_toc()));
    }
    uuid_of(&digest_of(&parts))
}

fn of_party(party: Option<&Party>) -> [String; 4] {
    let field = |get: fn(&Party) -> Option<&str>| optional(party.and_then(get));
    [
        field(|party| Some(&party.name)),
        field(|party| party.email.as_deref()),
        field(|party| party.url.as_deref()),
        field(|party| party.is_person.then_some("person")),
    ]
}

/// Keeps what is missing and what is empty apart.
fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| format!("some {text}"))
}

/// The digest of the manifest, or what there is instead.
fn subject_key(subject: &Subject) -> String {
    let digest = subject.manifest.as_ref().map(|manifest| &manifest.digest).or(subject.image_id.as_ref());
    digest.map_or_else(|| format!("name {}", subject.name), ToString::to_string)
}

/// Lengths before the parts keep `("ab", "c")` and `("a", "bc")` apart.
fn digest_of(parts: &[String]) -> Digest {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    Digest::sha256_of(&bytes)
}

fn uuid_of(digest: &Digest) -> String {
    let mut bytes: [u8; 16] = [0; 16];
    bytes.iter_mut().zip(digest.to_bytes()).for_each(|(to, from)| *to = from);
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// An SPDX element identifier: readable, of the allowed characters, and as unique as 80 bits of SHA-256.
pub(crate) fn spdx_id(prefix: &str, name: &str, key: &str) -> String {
    let digest = Digest::sha256_of(key.as_bytes());
    let hash: String = digest.hex().chars().take(20).collect();
    match slug(name) {
        name if name.is_empty() => format!("SPDXRef-{prefix}-{hash}"),
        name => format!("SPDXRef-{prefix}-{name}-{hash}"),
    }
}

/// At most 60 of the characters that SPDX identifiers and URIs both allow.
pub(crate) fn slug(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let text: String = name.chars().take(60).map(|c| if allowed(c) { c } else { '-' }).collect();
    text.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_version_and_variant() {
        let uuid = uuid_of(&Digest::sha256_of(b""));
        assert_eq!(uuid, "e3b0c442-98fc-8c14-9afb-f4c8996fb924");
    }

    #[test]
    fn parts_cannot_flow_into_each_other() {
        let digest =
            |parts: &[&str]| digest_of(&parts.iter().map(|&part| part.to_owned()).collect::<Vec<_>>());
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }

    #[test]
    fn spdx_identifiers_use_the_allowed_characters_only() {
        for name in ["@scope/näme", "", "\u{1b}[0m", "a b", "..", &"x".repeat(5000)] {
            let id = spdx_id("Package", name, name);
            assert!(id.strip_prefix("SPDXRef-").is_some_and(|rest| {
                rest.len() < 100 && rest.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
            }));
        }
        assert_ne!(spdx_id("Package", "ä", "ä"), spdx_id("Package", "ö", "ö"));
    }
}

//! Dependency specifiers (PEP 508): name, extras, versions, marker.

use supercargo_inventory::{Requirement, RequirementKind};

use crate::{Fact, Findings, text};

/// Lines of `requires.txt` that are looked at.
const LINES_MAX: usize = 10_000;
/// Notes that carry a requirement from `requires.txt` to the package: the key is the kind.
pub(super) const NOTE_RUNTIME: &str = "requires";
/// The same for extras.
pub(super) const NOTE_OPTIONAL: &str = "requires-extra";

/// Reads `name[extra] (>=1,<2); marker` and `name @ url`. A marker on an extra makes it optional; any other
/// marker is left alone, since whoever made the image has evaluated it: what is not there gets no edge.
pub(super) fn parse(specifier: &str) -> Option<Requirement> {
    let (wanted, marker) = specifier.split_once(';').unwrap_or((specifier, ""));
    let name_chars = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let wanted = wanted.trim();
    let end = wanted.find(|c| !name_chars(c)).unwrap_or(wanted.len());
    let (name, rest) = wanted.split_at(end);
    let name = text::token(name)?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(rest, |(_, rest)| rest);
    let versions = rest.trim().trim_matches(['(', ')']).trim();
    let constraint = text::word(versions).filter(|text| !text.starts_with('@')).map(str::to_owned);
    let kind = if marks_extra(marker) { RequirementKind::Optional } else { RequirementKind::Runtime };
    Some(Requirement { any_of: vec![name.to_owned()], constraint, kind })
}

/// Whether the marker compares the variable `extra`.
fn marks_extra(marker: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let unquoted = marker.split(['"', '\'']).step_by(2);
    unquoted.flat_map(|part| part.split(|c| !is_word(c))).any(|word| word == "extra")
}

/// The requirements of an old `egg-info`: a list of specifiers, then sections `[extra]` or `[:marker]`.
pub(super) fn read_requires_txt(content: &str, out: &mut Findings) {
    let mut key = NOTE_RUNTIME;
    for line in content.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES_MAX) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            key = if section.starts_with(':') { NOTE_RUNTIME } else { NOTE_OPTIONAL };
        } else if !line.starts_with('#') {
            let (owner, key, value) = (String::new(), key.to_owned(), line.to_owned());
            out.facts.push(Fact::Note { owner, key, value });
        }
    }
}

//! Values of a policy file that several of its tables hold.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::{Pattern, PolicyFileError, TextRule};

/// The exact text or the pattern; both at once are no rule.
pub(crate) fn rule(
    exact: Option<String>,
    pattern: Option<String>,
    requirement: &str,
) -> Result<Option<TextRule>, PolicyFileError> {
    let name = || requirement.to_owned();
    match (exact, pattern) {
        (Some(_), Some(_)) => {
            Err(PolicyFileError::Signer { name: name(), detail: "found a text and a pattern" })
        }
        (Some(text), None) => Ok(Some(TextRule::Exactly(text))),
        (None, Some(text)) => Pattern::new(&text)
            .map(|pattern| Some(TextRule::Pattern(pattern)))
            .map_err(|source| PolicyFileError::Pattern { name: name(), source }),
        (None, None) => Ok(None),
    }
}

/// `45m`, `12h` or `90d`.
pub(crate) fn age(name: &str, text: &str) -> Result<SignedDuration, PolicyFileError> {
    let wrong = || PolicyFileError::Age { name: name.to_owned(), found: text.chars().take(40).collect() };
    let (number, minutes) = match (text.strip_suffix('m'), text.strip_suffix('h'), text.strip_suffix('d')) {
        (Some(number), _, _) => (number, 1),
        (_, Some(number), _) => (number, 60),
        (_, _, Some(number)) => (number, 24 * 60),
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(SignedDuration::from_mins(i64::from(number) * minutes))
}

/// Reasons name rules, so no two may share a name.
pub(crate) fn distinct<'n>(
    requirement: &str,
    names: impl Iterator<Item = &'n String>,
) -> Result<(), PolicyFileError> {
    let mut known = BTreeSet::new();
    for rule in names {
        if !known.insert(rule) {
            return Err(PolicyFileError::RuleName { name: requirement.to_owned(), rule: rule.clone() });
        }
    }
    Ok(())
}

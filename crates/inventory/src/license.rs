//! What a package's metadata says of its licence.

/// Where a claim comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LicenseSource {
    /// A licence field of the package's own metadata.
    Declared,
    /// The text of a licence or copyright file.
    Text,
}

/// One claim: the words as found, and the SPDX expression when they are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenseClaim {
    /// The words as they stand in the metadata.
    pub text: String,
    /// The valid SPDX expression they form, canonical in case. Never a guess.
    pub expression: Option<String>,
    /// Where they come from.
    pub source: LicenseSource,
}

impl LicenseClaim {
    /// A claim of a metadata field; the expression is set when `text` is a valid SPDX expression.
    pub fn declared(text: impl Into<String>) -> Self {
        Self::of(text.into(), LicenseSource::Declared)
    }

    /// A claim of a licence text.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self::of(text.into(), LicenseSource::Text)
    }

    fn of(text: String, source: LicenseSource) -> Self {
        let text = text.trim().to_owned();
        let expression = canonical_expression(&text);
        Self { text, expression, source }
    }
}

/// The expression with identifiers in the case of the SPDX list, or `None`.
fn canonical_expression(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > 4096 {
        return None;
    }
    let words: Vec<String> = text.split_inclusive([' ', '(', ')']).map(list_case).collect();
    spdx::Expression::parse_mode(&words.concat(), spdx::ParseMode::STRICT)
        .ok()
        .map(|expression| expression.to_string())
}

/// One word with its trailing separator, in the case of the SPDX list when the list knows it in any case.
fn list_case(word: &str) -> String {
    let bare = word.trim_end_matches([' ', '(', ')']);
    // Most are written as the list has them, which is sorted.
    if spdx::license_id(bare).is_some_and(|license| license.name == bare) {
        return word.to_owned();
    }
    let operator = ["AND", "OR", "WITH"].into_iter().find(|operator| operator.eq_ignore_ascii_case(bare));
    let known = spdx::identifiers::LICENSES
        .iter()
        .map(|license| license.name)
        .chain(spdx::identifiers::EXCEPTIONS.iter().map(|exception| exception.name))
        .find(|name| name.eq_ignore_ascii_case(bare));
    known.or(operator).map_or_else(|| word.to_owned(), |name| format!("{name}{}", &word[bare.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_expressions_are_recognised_in_any_case() {
        let expression = |text: &str| LicenseClaim::declared(text).expression;
        assert_eq!(expression("mit"), Some("MIT".into()));
        assert_eq!(expression("Apache-2.0 OR MIT"), Some("Apache-2.0 OR MIT".into()));
        assert_eq!(
            expression("GPL-2.0-only WITH Classpath-exception-2.0").as_deref(),
            Some("GPL-2.0-only WITH Classpath-exception-2.0")
        );
    }

    #[test]
    fn nothing_is_guessed() {
        for text in ["BSD", "GPL", "see LICENSE", "", "MIT AND"] {
            assert_eq!(LicenseClaim::declared(text).expression, None, "{text}");
        }
    }
}

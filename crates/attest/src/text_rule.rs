//! How a claim of a certificate is compared: byte for byte, or with a pattern that must match all of it.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// How a claim of a certificate is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextRule {
    /// Byte for byte.
    Exactly(String),
    /// A regular expression that matches the whole text.
    Pattern(Pattern),
}

/// A regular expression that always matches the whole text: `a` does not match `ab`, nor `evil?a`.
///
/// It is searched in time linear in the text, whatever it says, and its own size is bounded.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    whole: Regex,
}

impl Pattern {
    /// The longest pattern, in bytes.
    pub const BYTES_MAX: usize = 4 * 1_024;
    /// The largest program that it may become, in bytes.
    const PROGRAM_BYTES_MAX: usize = 1024 * 1_024;

    /// Reads a pattern in the syntax of the crate `regex`. `^` and `$` at its ends say nothing more.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        if text.len() > Self::BYTES_MAX {
            return Err(PatternError::TooLong { max: Self::BYTES_MAX });
        }
        // First alone: `a)|(?:b` must not break out of the group that anchors it.
        compile(text)?;
        Ok(Self { text: text.to_owned(), whole: compile(&format!(r"\A(?:{text})\z"))? })
    }

    /// Whether all of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn compile(text: &str) -> Result<Regex, PatternError> {
    let mut builder = RegexBuilder::new(text);
    let compiled = builder.size_limit(Pattern::PROGRAM_BYTES_MAX).dfa_size_limit(Pattern::PROGRAM_BYTES_MAX);
    compiled.build().map_err(|error| {
        let detail = error.to_string();
        let last = detail.lines().last().unwrap_or_default();
        PatternError::Syntax {
            text: text.chars().take(160).collect(),
            detail: last.chars().take(300).collect(),
        }
    })
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl TextRule {
    /// Whether `found` is what is expected.
    pub fn admits(&self, found: &str) -> bool {
        match self {
            Self::Exactly(expected) => expected == found,
            Self::Pattern(pattern) => pattern.matches(found),
        }
    }
}

impl fmt::Display for TextRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(text) => f.write_str(text),
            Self::Pattern(pattern) => write!(f, "/^{}$/", pattern.text),
        }
    }
}

/// Whether all of `text` matches; `*` stands for any text.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// Why a text is not a pattern that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Longer than the limit.
    #[error("the pattern is longer than the limit of {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// No regular expression, or one that grows too large.
    #[error("`{text}` is not a pattern: {detail}")]
    Syntax {
        /// The pattern.
        text: String,
        /// What is wrong.
        detail: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(text)
    }

    #[test]
    fn a_pattern_matches_the_whole_text_or_nothing() {
        assert!(matches(r"https://github\.com/org/.*", "https://github.com/org/app"));
        for text in ["https://github.com/org", "xhttps://github.com/org/app", "https://githubbcom/org/app"] {
            assert!(!matches(r"https://github\.com/org/.*", text), "{text}");
        }
        assert!(
            !matches("a", "ab") && !matches("a", "ba") && !matches("a", "b\na\nb") && matches("^a$", "a")
        );
        assert!(!matches("a|b", "ab") && matches("a|b", "b") && !matches("(?m)^a$", "b\na"));
    }

    #[test]
    fn nothing_breaks_out_of_the_anchors() {
        for text in ["a)|(?:.*", "(?x)a #", "a\\", "(", "[", "(?:a"] {
            assert!(Pattern::new(text).is_err() || !matches(text, "evil"), "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in
            [("AGPL-*", "AGPL-3.0-only"), ("*", ""), ("a*c*e", "abcde"), ("pkg:npm/*@1.*", "pkg:npm/x@1.2")]
        {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("AGPL", "AGPL-3.0-only"), ("a*a", "a"), ("", "a"), ("*b", "a"), ("a*b*c", "acb")]
        {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn the_size_is_bounded() {
        assert_eq!(Pattern::new(&"a".repeat(5_000)), Err(PatternError::TooLong { max: 4_096 }));
        assert!(matches!(Pattern::new("((a{1000}){1000}){1000}"), Err(PatternError::Syntax { .. })));
    }
}

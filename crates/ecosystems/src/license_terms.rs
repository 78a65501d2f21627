//! Licence tags of distributions, translated word by word where a table knows every one of them.

use supercargo_inventory::{LicenseClaim, LicenseSource};

/// Bytes of a tag that is looked into.
const TAG_BYTES_MAX: usize = 4096;

/// Names of one distribution family and the SPDX identifiers that mean exactly the same.
pub(crate) type Table = &'static [(&'static str, &'static str)];

/// A claim whose expression is set when every term is in the table or is an SPDX identifier itself. A tag that
/// joins terms by both `and` and `or` without parentheses is left alone unless `and_binds_tighter`.
pub(crate) fn claim(
    text: &str,
    source: LicenseSource,
    table: Table,
    and_binds_tighter: bool,
) -> LicenseClaim {
    let spdx = LicenseClaim::declared(text);
    let expression = spdx.expression.or_else(|| {
        let translated = translate(&spdx.text, table, and_binds_tighter)?;
        LicenseClaim::declared(translated).expression
    });
    LicenseClaim { text: spdx.text, expression, source }
}

fn translate(text: &str, table: Table, and_binds_tighter: bool) -> Option<String> {
    if text.is_empty() || text.len() > TAG_BYTES_MAX || text.contains(',') {
        return None;
    }
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut translation = Translation { table, out: Vec::new(), term: Vec::new(), joints: vec![None] };
    for word in spaced.split_whitespace() {
        translation.word(word, and_binds_tighter)?;
    }
    translation.end_term()?;
    Some(translation.out.join(" ").replace("( ", "(").replace(" )", ")"))
}

struct Translation<'a> {
    table: Table,
    out: Vec<String>,
    term: Vec<&'a str>,
    /// The last operator at each depth of parentheses.
    joints: Vec<Option<&'static str>>,
}

impl<'a> Translation<'a> {
    fn word(&mut self, word: &'a str, and_binds_tighter: bool) -> Option<()> {
        match word {
            "(" => {
                self.end_term()?;
                self.joints.push(None);
                self.out.push(word.to_owned());
            }
            ")" => {
                self.end_term()?;
                self.joints.pop();
                self.out.push(word.to_owned());
            }
            "and" | "AND" | "And" => self.joint("AND", and_binds_tighter)?,
            "or" | "OR" | "Or" => self.joint("OR", and_binds_tighter)?,
            word => self.term.push(word),
        }
        Some(())
    }

    fn joint(&mut self, operator: &'static str, and_binds_tighter: bool) -> Option<()> {
        self.end_term()?;
        let last = self.joints.last_mut()?;
        if !and_binds_tighter && last.is_some_and(|last| last != operator) {
            return None;
        }
        *last = Some(operator);
        self.out.push(operator.to_owned());
        Some(())
    }

    /// Translates the words since the last operator; `None` when nobody knows them.
    fn end_term(&mut self) -> Option<()> {
        if self.term.is_empty() {
            return Some(());
        }
        let term = std::mem::take(&mut self.term).join(" ");
        let known = self.table.iter().find(|(name, _)| name.eq_ignore_ascii_case(&term));
        let spdx = match known {
            Some((_, spdx)) => (*spdx).to_owned(),
            None => LicenseClaim::declared(term).expression?,
        };
        self.out.push(spdx);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = &[("GPLv2+", "GPL-2.0-or-later"), ("ASL 2.0", "Apache-2.0")];

    fn expression(text: &str, tighter: bool) -> Option<String> {
        claim(text, LicenseSource::Declared, TABLE, tighter).expression
    }

    #[test]
    fn known_terms_make_an_expression() {
        assert_eq!(expression("GPLv2+", false).as_deref(), Some("GPL-2.0-or-later"));
        assert_eq!(expression("MIT and ASL 2.0", false).as_deref(), Some("MIT AND Apache-2.0"));
        assert_eq!(
            expression("MIT and (ISC or ASL 2.0)", false).as_deref(),
            Some("MIT AND (ISC OR Apache-2.0)")
        );
        assert_eq!(expression("MIT or ISC and asl 2.0", true).as_deref(), Some("MIT OR ISC AND Apache-2.0"));
    }

    #[test]
    fn nothing_is_guessed() {
        for text in [
            "GPL",
            "BSD",
            "MIT and Copyright only",
            "ASL 2.0 and MIT or ISC",
            "(GPLv2+",
            "GPLv2+)",
            "",
            "and",
            "GPLv2+, and MIT",
        ] {
            assert_eq!(expression(text, false), None, "{text}");
        }
        assert_eq!(expression(&"GPLv2+ and ".repeat(1000), false), None);
        assert_eq!(claim("  GPL ", LicenseSource::Declared, TABLE, false).text, "GPL");
    }
}

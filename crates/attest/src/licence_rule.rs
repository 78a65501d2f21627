//! Denied licences: whether an expression leaves a choice that is not denied (SPDX 2.3, annex D).

use spdx::expression::{ExprNode, Operator};
use spdx::{Expression, ParseMode};

use crate::text_rule::glob;

/// A licence that cannot be avoided, and the rule that denies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeniedLicence {
    pub(crate) rule: String,
    pub(crate) licence: String,
}

/// More bytes than these are no expression that anybody wrote.
const EXPRESSION_BYTES_MAX: usize = 64 * 1_024;

/// The denied licence that nobody can avoid who takes what stands under `expression`: of `A OR B` both must be
/// denied, of `A AND B` one. What is no expression is searched for denied words.
pub(crate) fn denied(rules: &[String], expression: &str) -> Option<DeniedLicence> {
    if rules.is_empty() {
        return None;
    }
    match parse(expression) {
        Some(parsed) => weigh(rules, expression, &parsed),
        None => words(expression).find_map(|word| matching(rules, &[word])),
    }
}

fn parse(expression: &str) -> Option<Expression> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        return None;
    }
    let mode = ParseMode { allow_slash_as_or_operator: false, ..ParseMode::LAX };
    Expression::parse_mode(expression, mode).ok()
}

/// The expression is postfix: operands first.
fn weigh(rules: &[String], text: &str, parsed: &Expression) -> Option<DeniedLicence> {
    let mut stack: Vec<Option<DeniedLicence>> = Vec::new();
    for node in parsed.iter() {
        let outcome = match node {
            ExprNode::Req(req) => {
                let span = req.span.start as usize..req.span.end as usize;
                let written = text.get(span).unwrap_or_default();
                let licence = written.split_whitespace().next().unwrap_or_default();
                matching(rules, &[written, licence, &req.req.to_string(), &req.req.license.to_string()])
            }
            ExprNode::Op(operator) => {
                let (right, left) = (stack.pop().flatten(), stack.pop().flatten());
                match operator {
                    Operator::And => left.or(right),
                    Operator::Or => left.filter(|_| right.is_some()),
                }
            }
        };
        stack.push(outcome);
    }
    stack.pop().flatten()
}

/// The first rule that one of the spellings of a licence matches.
fn matching(rules: &[String], spellings: &[&str]) -> Option<DeniedLicence> {
    let is = |rule: &&String| {
        let rule = rule.to_lowercase();
        spellings.iter().any(|spelling| glob(&rule, &spelling.to_lowercase()))
    };
    let rule = rules.iter().find(is)?.clone();
    let licence = spellings.first().map(|text| text.chars().take(200).collect()).unwrap_or_default();
    Some(DeniedLicence { rule, licence })
}

fn words(expression: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';');
    expression
        .split(between)
        .filter(|word| !word.is_empty() && !matches!(*word, "AND" | "OR" | "WITH" | "and" | "or" | "with"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_denied(rules: &[&str], expression: &str) -> bool {
        let rules: Vec<String> = rules.iter().map(|&rule| rule.to_owned()).collect();
        denied(&rules, expression).is_some()
    }

    #[test]
    fn a_choice_that_is_left_counts() {
        for (expression, expected) in [
            ("GPL-3.0-only", true),
            ("MIT", false),
            ("MIT OR GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT", false),
            ("MIT AND GPL-3.0-only", true),
            ("GPL-2.0-only OR GPL-3.0-only", true),
            ("(MIT OR GPL-2.0-only) AND Apache-2.0", false),
            ("(MIT OR GPL-2.0-only) AND GPL-3.0-only", true),
            ("MIT OR (Apache-2.0 AND GPL-3.0-only)", false),
            ("GPL-2.0-only WITH Classpath-exception-2.0", true),
            ("MIT or GPL-3.0", false),
            ("GPL-3.0", true),
            ("GPL-2.0+", true),
            ("gpl-3.0-only", true),
            ("Custom OR GPL-3.0-only", true),
            ("see GPL-3.0, MIT", true),
            ("LicenseRef-a OR GPL-3.0-only", false),
        ] {
            assert_eq!(is_denied(&["GPL-*"], expression), expected, "{expression}");
        }
    }

    #[test]
    fn a_rule_names_what_is_written_and_what_is_meant() {
        assert!(is_denied(&["AGPL-3.0"], "AGPL-3.0"));
        assert!(is_denied(&["*WITH Classpath-exception-2.0"], "GPL-2.0-only WITH Classpath-exception-2.0"));
        assert!(!is_denied(&["GPL-2.0-only"], "LGPL-2.0-only"));
        assert!(is_denied(&["LicenseRef-*"], "MIT AND LicenseRef-own"));
        assert!(!is_denied(&[], "GPL-3.0-only"));
        let found = denied(&["AGPL-*".into()], "MIT AND AGPL-3.0-only").unwrap();
        assert_eq!((found.rule.as_str(), found.licence.as_str()), ("AGPL-*", "AGPL-3.0-only"));
    }

    #[test]
    fn nothing_long_or_broken_is_trusted() {
        let long = format!("MIT{}", " OR MIT".repeat(20_000));
        assert!(!is_denied(&["GPL-*"], &long));
        assert!(is_denied(&["GPL-*"], &format!("{long} OR GPL-3.0-only")));
        for broken in ["", "(", ")", "AND", "OR OR", "MIT OR", "MIT WITH", "((((MIT"] {
            assert!(!is_denied(&["GPL-*"], broken), "{broken}");
        }
        assert!(is_denied(&["GPL-*"], "(GPL-3.0-only"));
    }
}

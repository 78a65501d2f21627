//! Relation fields: `a (>= 1) | b:any, c` (Debian policy, chapter 7).

use supercargo_inventory::{Requirement, RequirementKind};

use crate::installed::RELATIONS_MAX;
use crate::text;

/// Alternatives of one requirement.
const ALTERNATIVES_MAX: usize = 256;

/// The requirements of one field. A constraint is kept where all alternatives of a requirement share it.
pub(super) fn requirements(text: &str, kind: RequirementKind) -> Vec<Requirement> {
    text.split(',').take(RELATIONS_MAX).filter_map(|group| requirement(group, kind)).collect()
}

/// The names of a field whose entries have no alternatives, such as `Provides`.
pub(super) fn names(text: &str) -> Vec<String> {
    text.split(',')
        .take(RELATIONS_MAX)
        .filter_map(|entry| alternative(entry).map(|(name, _)| name.to_owned()))
        .collect()
}

fn requirement(group: &str, kind: RequirementKind) -> Option<Requirement> {
    let alternatives: Vec<_> = group.split('|').take(ALTERNATIVES_MAX).filter_map(alternative).collect();
    let (_, constraint) = *alternatives.first()?;
    let constraint = constraint.filter(|_| alternatives.iter().all(|(_, other)| *other == constraint));
    let any_of = alternatives.iter().map(|(name, _)| (*name).to_owned()).collect();
    Some(Requirement { any_of, constraint: constraint.map(str::to_owned), kind })
}

/// A name, with its architecture qualifier, and the text between the parentheses.
fn alternative(text: &str) -> Option<(&str, Option<&str>)> {
    let (name, rest) = text.split_once(['(', '[', '<']).unwrap_or((text, ""));
    let is_version =
        text.trim_start().get(name.trim_start().len()..).is_some_and(|rest| rest.starts_with('('));
    let constraint = rest.split(')').next().map(str::trim).filter(|text| is_version && !text.is_empty());
    Some((text::token(name)?, constraint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Vec<String>, Option<String>)> {
        let all = requirements(text, RequirementKind::Runtime);
        all.into_iter().map(|one| (one.any_of, one.constraint)).collect()
    }

    fn one(names: &[&str], constraint: Option<&str>) -> (Vec<String>, Option<String>) {
        (names.iter().map(|&name| name.to_owned()).collect(), constraint.map(str::to_owned))
    }

    #[test]
    fn alternatives_constraints_and_architectures() {
        assert_eq!(
            read(
                "libc6 (>= 2.14), a|b (<< 2), c (= 1) | d (= 1), python3:any (>= 3.9), e [amd64] <!nocheck>"
            ),
            vec![
                one(&["libc6"], Some(">= 2.14")),
                one(&["a", "b"], None),
                one(&["c", "d"], Some("= 1")),
                one(&["python3:any"], Some(">= 3.9")),
                one(&["e"], None),
            ]
        );
        assert_eq!(names("awk, x (= 1.2), "), ["awk", "x"]);
    }

    #[test]
    fn broken_fields_give_what_can_be_read() {
        assert_eq!(read(",, |, (>= 1), two words, ok ("), vec![one(&["ok"], None)]);
        assert_eq!(read("é (>= 1"), vec![one(&["é"], Some(">= 1"))]);
    }
}

//! Licence claims as formats want them: an identifier of the list, an expression, or a name.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;
use supercargo_inventory::{LicenseClaim, LicenseSource, Package};

/// How one claim is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form<'a> {
    /// An identifier of the list that the CycloneDX schemas carry.
    Id(&'a str),
    /// A valid SPDX expression.
    Expression(&'a str),
    /// Any words.
    Name(&'a str),
}

/// The identifiers that the schema knows. The list of the `spdx` crate is newer, and a validator refuses what
/// the schema does not list.
static SCHEMA_IDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let schema: Value =
        serde_json::from_str(include_str!("../../../schemas/cyclonedx/spdx.schema.json")).unwrap_or_default();
    let ids = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
});

/// How a claim is written; `None` for one that says nothing.
pub(crate) fn form(claim: &LicenseClaim) -> Option<Form<'_>> {
    if claim.text.trim().is_empty() || matches!(claim.text.trim(), "NOASSERTION" | "NONE") {
        return None;
    }
    match claim.expression.as_deref() {
        Some(expression) if SCHEMA_IDS.contains(expression) => Some(Form::Id(expression)),
        Some(expression) if is_self_contained(expression) => Some(Form::Expression(expression)),
        _ => Some(Form::Name(&claim.text)),
    }
}

/// The claims that count as the package's licence: what its metadata declares, or else what its licence
/// texts say.
pub(crate) fn main_claims(package: &Package) -> impl Iterator<Item = &LicenseClaim> {
    let has_declared = package.licenses.iter().any(is_declared);
    package.licenses.iter().filter(move |claim| !has_declared || is_declared(claim))
}

/// The claims of licence texts that stand beside declared ones.
pub(crate) fn other_claims(package: &Package) -> impl Iterator<Item = &LicenseClaim> {
    let has_declared = package.licenses.iter().any(is_declared);
    package.licenses.iter().filter(move |claim| has_declared && !is_declared(claim))
}

fn is_declared(claim: &LicenseClaim) -> bool {
    claim.source == LicenseSource::Declared && form(claim).is_some()
}

/// Whether an expression has a meaning without another document.
fn is_self_contained(expression: &str) -> bool {
    !expression.contains("DocumentRef-")
        && !words(expression).any(|word| matches!(word, "NOASSERTION" | "NONE"))
}

/// The words of an expression, without brackets.
pub(crate) fn words(expression: &str) -> impl Iterator<Item = &str> {
    expression.split([' ', '(', ')']).filter(|word| !word.is_empty())
}

/// The first line of a text, at most 120 characters of it.
pub(crate) fn title(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_of(text: &str) -> Option<Form<'static>> {
        let claim: &'static LicenseClaim = Box::leak(Box::new(LicenseClaim::declared(text)));
        form(claim)
    }

    #[test]
    fn each_claim_has_its_form() {
        assert_eq!(form_of("mit"), Some(Form::Id("MIT")));
        assert_eq!(form_of("MIT OR Apache-2.0"), Some(Form::Expression("MIT OR Apache-2.0")));
        assert_eq!(form_of("do what you like"), Some(Form::Name("do what you like")));
        assert_eq!(form_of("DocumentRef-a:LicenseRef-b"), Some(Form::Name("DocumentRef-a:LicenseRef-b")));
        for nothing in ["", "  ", "NOASSERTION", "NONE"] {
            assert_eq!(form_of(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn the_schema_lists_what_it_should() {
        assert!(SCHEMA_IDS.len() > 700 && SCHEMA_IDS.contains("GPL-2.0-only"));
    }
}

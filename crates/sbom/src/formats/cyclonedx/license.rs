//! Licences, by the rules of each version.

use serde::Serialize;
use supercargo_inventory::{LicenseClaim, LicenseSource};

use super::Edition;
use crate::license::{Form, form, title};

#[derive(Serialize, Debug, PartialEq, Eq)]
#[serde(untagged)]
pub(super) enum Choice<'a> {
    Single {
        license: License<'a>,
    },
    Expression {
        expression: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        acknowledgement: Option<&'static str>,
    },
}

#[derive(Serialize, Debug, PartialEq, Eq)]
pub(super) struct License<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledgement: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Attachment<'a>>,
}

#[derive(Serialize, Debug, PartialEq, Eq)]
struct Attachment<'a> {
    content: &'a str,
}

/// The list for these claims. Before 1.7 a list is either one expression or any number of single licences; an
/// expression that cannot stand beside others is written as a name, so that nothing is lost.
pub(super) fn choices<'a>(
    claims: impl Iterator<Item = &'a LicenseClaim>,
    edition: Edition,
) -> Vec<Choice<'a>> {
    let forms: Vec<_> = claims.filter_map(|claim| Some((claim, form(claim)?))).collect();
    let may_stand = edition >= Edition::V1_7 || forms.len() == 1;
    let mut choices = Vec::new();
    for (claim, form) in forms {
        let choice = choice(&form, may_stand, acknowledgement(claim, edition));
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    choices
}

/// Who says so; there is no field for it before 1.6.
fn acknowledgement(claim: &LicenseClaim, edition: Edition) -> Option<&'static str> {
    let is_declared = claim.source == LicenseSource::Declared && edition >= Edition::V1_6;
    is_declared.then_some("declared")
}

fn choice<'a>(
    form: &Form<'a>,
    expressions_may_stand: bool,
    acknowledgement: Option<&'static str>,
) -> Choice<'a> {
    let single = |id, name, text| Choice::Single { license: License { id, name, acknowledgement, text } };
    match *form {
        Form::Id(id) => single(Some(id), None, None),
        Form::Expression(expression) if expressions_may_stand => {
            Choice::Expression { expression, acknowledgement }
        }
        Form::Expression(expression) => single(None, Some(expression.to_owned()), None),
        Form::Name(text) => {
            let name = title(text);
            let whole = (name != text).then_some(Attachment { content: text });
            single(None, Some(name), whole)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(texts: &[&str], edition: Edition) -> serde_json::Value {
        let claims: Vec<LicenseClaim> = texts.iter().map(|&text| LicenseClaim::declared(text)).collect();
        serde_json::to_value(choices(claims.iter(), edition)).unwrap()
    }

    #[test]
    fn an_expression_stands_alone_until_1_6() {
        let texts = ["MIT OR Apache-2.0", "ISC"];
        assert_eq!(
            written(&texts, Edition::V1_6),
            json!([
                {"license": {"name": "MIT OR Apache-2.0", "acknowledgement": "declared"}},
                {"license": {"id": "ISC", "acknowledgement": "declared"}},
            ])
        );
        assert_eq!(
            written(&texts, Edition::V1_7),
            json!([
                {"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"},
                {"license": {"id": "ISC", "acknowledgement": "declared"}},
            ])
        );
        assert_eq!(
            written(&texts[..1], Edition::V1_6),
            json!([{"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}])
        );
        assert_eq!(written(&texts[..1], Edition::V1_5), json!([{"expression": "MIT OR Apache-2.0"}]));
    }

    #[test]
    fn a_long_text_keeps_its_words_under_a_short_name() {
        let claims = [LicenseClaim::from_text("\n My licence\nDo good.")];
        let written = serde_json::to_value(choices(claims.iter(), Edition::V1_7)).unwrap();
        assert_eq!(
            written,
            json!([{"license": {"name": "My licence", "text": {"content": "My licence\nDo good."}}}])
        );
    }
}

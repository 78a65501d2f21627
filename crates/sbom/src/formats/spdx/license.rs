//! Licence expressions, and the texts behind their `LicenseRef-`.

use std::collections::BTreeMap;

use serde::Serialize;
use supercargo_content::Digest;
use supercargo_inventory::Package;

use crate::Document;
use crate::license::{Form, form, main_claims, title, words};

/// A licence that is not on the SPDX list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExtractedLicense {
    license_id: String,
    name: String,
    extracted_text: String,
}

/// All claims joined by AND, or `NOASSERTION`.
pub(super) fn declared(package: &Package) -> String {
    let mut parts: Vec<String> = main_claims(package).filter_map(form).map(|form| term(&form)).collect();
    parts.sort();
    parts.dedup();
    let bracketed = |part: &String| if part.contains(' ') { format!("({part})") } else { part.clone() };
    match parts.as_slice() {
        [] => "NOASSERTION".to_owned(),
        [only] => only.clone(),
        many => many.iter().map(bracketed).collect::<Vec<_>>().join(" AND "),
    }
}

fn term(form: &Form<'_>) -> String {
    match *form {
        Form::Id(text) | Form::Expression(text) => text.to_owned(),
        Form::Name(text) => reference(text),
    }
}

/// A name for a text: the same text has the same name in every document.
fn reference(text: &str) -> String {
    let digest = Digest::sha256_of(text.as_bytes());
    format!("LicenseRef-supercargo-{}", digest.hex().chars().take(20).collect::<String>())
}

/// Every licence of the document that is not on the list, sorted by its name.
pub(super) fn extracted(document: &Document) -> Vec<ExtractedLicense> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for form in document.packages.iter().flat_map(main_claims).filter_map(form) {
        match form {
            Form::Name(text) => {
                texts.insert(reference(text), text.to_owned());
            }
            Form::Id(expression) | Form::Expression(expression) => {
                for word in words(expression).filter(|word| word.starts_with("LicenseRef-")) {
                    let text = format!("The package metadata names `{word}` and gives no text.");
                    texts.entry(word.to_owned()).or_insert(text);
                }
            }
        }
    }
    let entry = |(license_id, text): (String, String)| {
        let name =
            if license_id.starts_with("LicenseRef-supercargo-") { title(&text) } else { license_id.clone() };
        ExtractedLicense { license_id, name, extracted_text: text }
    };
    texts.into_iter().map(entry).collect()
}

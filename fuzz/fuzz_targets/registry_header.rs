//! `WWW-Authenticate` and `Link`: what was understood, written down again, is understood as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_registry::fuzzing::{challenges, next_page};

fuzz_target!(|value: &str| {
    let found = challenges(value);
    assert_eq!(challenges(&written(&found)), found, "{value:?}");
    match next_page(value) {
        Some(Ok(page)) => {
            let again = next_page(&format!("<{page}>; rel=\"next\""));
            assert_eq!(again, Some(Ok(page)), "{value:?}");
        }
        Some(Err(reason)) => assert!(!reason.contains(char::is_control) && reason.len() < 1_000, "{reason:?}"),
        None => {}
    }
});

fn written(challenges: &[(String, Vec<(String, String)>)]) -> String {
    let quoted = |value: &str| value.replace('\\', r"\\").replace('"', "\\\"");
    let one = |(scheme, parameters): &(String, Vec<(String, String)>)| {
        let parameters: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
        format!("{scheme} {}", parameters.join(", "))
    };
    challenges.iter().map(one).collect::<Vec<_>>().join(", ")
}

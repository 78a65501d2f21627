//! A statement and a report for the tests of rules.

use serde_json::{Value, json};
use supercargo_content::Digest;

use crate::{Report, SignedBy, Statement};

pub(crate) fn statement(predicate: &Value) -> Statement {
    statement_of(&predicate.to_string())
}

pub(crate) fn statement_of(predicate: &str) -> Statement {
    let head = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://cyclonedx.org/bom",
        "subject": [{"name": "app", "digest": {"sha256": "00"}}]
    });
    let head = head.to_string();
    let json = format!("{},\"predicate\":{predicate}}}", head.strip_suffix('}').unwrap());
    Statement::read_without_verifying(json.as_bytes()).unwrap()
}

pub(crate) fn report() -> Report {
    let fingerprint = Digest::sha256_of(b"key");
    let times = vec!["2026-05-01T00:00:00Z".parse().unwrap()];
    Report { times, signer: Some(SignedBy::Key { fingerprint }), ..Report::default() }
}

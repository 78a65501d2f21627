//! The verification cases of the Sigstore conformance suite, by file and by digest.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;
use supercargo::attest_types::{Artifact, Bundle, Policy, PublicKey, TrustedRoot, verify_artifact};
use supercargo::content::{Digest, Limits};

use crate::support::suite;

/// Cases that end otherwise than the suite says. Strict: one that starts to agree must leave the list.
const KNOWN_FAILURES: &[&str] = &[];

#[test]
fn every_case_has_the_listed_verdict_by_file_and_by_digest() {
    let Some(suite) = suite("sigstore") else { return };
    let cases: Vec<Value> = read_json(&suite.join("cases.json"));
    let mut wrong = Vec::new();
    for case in &cases {
        let name = text(case, "name").expect("name");
        let bytes = fs::read(suite.join(text(case, "artifact").expect("artifact"))).expect("artifact");
        let digest: Digest = text(case, "digest").expect("digest").parse().expect("digest");
        for artifact in [Artifact::Bytes(&bytes), Artifact::Digest(&digest)] {
            let verdict = verdict(&suite, case, artifact);
            let passed = if verdict.is_ok() { "pass" } else { "fail" };
            if text(case, "expect") != Some(passed) {
                wrong.push((name.to_owned(), verdict));
            }
        }
    }
    let mut names: Vec<_> = wrong.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    assert_eq!(names, KNOWN_FAILURES, "{wrong:#?}");
    assert!(cases.len() >= 43, "only {} cases", cases.len());
    println!("{} cases, by file and by digest", cases.len());
}

fn verdict(suite: &Path, case: &Value, artifact: Artifact<'_>) -> Result<(), String> {
    let bundle = fs::read(suite.join(text(case, "bundle").expect("bundle"))).expect("bundle");
    let bundle = Bundle::parse(&bundle, &Limits::default()).map_err(|error| error.to_string())?;
    let root = text(case, "trusted_root").map(|file| fs::read(suite.join(file)).expect("root"));
    let root =
        root.map(|json| TrustedRoot::from_json(&json)).transpose().map_err(|error| error.to_string())?;
    let policy = policy(suite, case)?;
    verify_artifact(&bundle, artifact, &policy, root.as_ref()).map(drop).map_err(|error| error.to_string())
}

fn policy(suite: &Path, case: &Value) -> Result<Policy, String> {
    // A fixed moment: the suite's certificates and roots are of its day.
    let now: Timestamp = "2026-11-01T00:00:00Z".parse().expect("time");
    if let Some(key) = text(case, "key") {
        let pem = fs::read(suite.join(key)).expect("key");
        return PublicKey::from_pem(&pem)
            .map(|key| Policy::keys(vec![key], now))
            .map_err(|error| error.to_string());
    }
    let identity = text(case, "identity").expect("identity");
    Ok(Policy::identity(identity, text(case, "issuer").expect("issuer"), now))
}

fn text<'a>(case: &'a Value, field: &str) -> Option<&'a str> {
    case.get(field)?.as_str()
}

fn read_json(file: &Path) -> Vec<Value> {
    serde_json::from_slice(&fs::read(file).expect("cases")).expect("json")
}

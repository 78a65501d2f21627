//! The offline cases of Sigstore's conformance suite, by file and by digest. Skips visibly without the suite.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use supercargo_attest::{Artifact, Bundle, Policy, PublicKey, TrustedRoot, verify_artifact};
use supercargo_content::{Digest, Limits};

#[derive(Deserialize)]
struct Case {
    name: String,
    bundle: String,
    artifact: String,
    digest: String,
    trusted_root: String,
    identity: Option<String>,
    issuer: Option<String>,
    key: Option<String>,
    expect: String,
}

#[test]
fn every_case_has_the_listed_verdict_by_file_and_by_digest() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/sigstore");
    let Ok(cases) = std::fs::read(suite.join("cases.json")) else {
        println!("skipped: no suite at {}", suite.display());
        return;
    };
    let cases: Vec<Case> = serde_json::from_slice(&cases).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let bytes = std::fs::read(suite.join(&case.artifact)).unwrap();
        let digest: Digest = case.digest.parse().unwrap();
        for artifact in [Artifact::Bytes(&bytes), Artifact::Digest(&digest)] {
            let verdict = run(&suite, case, artifact);
            println!("{:<60} {:<5} {}", case.name, case.expect, verdict.as_deref().unwrap_or("pass"));
            if verdict.is_none() != (case.expect == "pass") {
                wrong.push((&case.name, verdict));
            }
        }
    }
    assert_eq!(cases.len(), 43);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `None` when the case passes, or the reason.
fn run(suite: &Path, case: &Case, artifact: Artifact<'_>) -> Option<String> {
    verdict(suite, case, artifact).err().map(|error| error.to_string())
}

fn verdict(suite: &Path, case: &Case, artifact: Artifact<'_>) -> Result<(), Box<dyn std::error::Error>> {
    let at = |path: &str| -> PathBuf { suite.join(path) };
    let now = "2026-11-24T00:00:00Z".parse()?;
    let root = TrustedRoot::from_json(&std::fs::read(at(&case.trusted_root))?)?;
    let bundle = Bundle::parse(&std::fs::read(at(&case.bundle))?, &Limits::default())?;
    let policy = match (&case.key, &case.identity, &case.issuer) {
        (Some(key), _, _) => Policy::keys(vec![PublicKey::from_pem(&std::fs::read(at(key))?)?], now),
        (None, Some(identity), Some(issuer)) => Policy::identity(identity, issuer, now),
        _ => panic!("{}: neither key nor identity", case.name),
    };
    verify_artifact(&bundle, artifact, &policy, Some(&root))?;
    Ok(())
}

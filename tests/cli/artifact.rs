//! `verify --artifact`: a file and its bundle, without an image.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::stage::Stage;
use crate::support::{suite, supercargo};

/// A stage with the manifest of its image as a file, and a bundle about that.
fn signed() -> Stage {
    let stage = Stage::new();
    stage.run("attest oci:layout --key demo.key --bundle b.json").succeeds();
    let index: Value =
        serde_json::from_slice(&fs::read(stage.path("layout/index.json")).expect("index")).expect("json");
    let digest = index["manifests"][0]["digest"].as_str().expect("digest").replace(':', "/");
    fs::copy(stage.path(&format!("layout/blobs/{digest}")), stage.path("file")).expect("manifest");
    stage
}

fn digest_of(stage: &Stage) -> String {
    supercargo::content::Digest::sha256_of(&fs::read(stage.path("file")).expect("file")).to_string()
}

#[test]
fn a_file_and_its_digest_pass_and_another_does_not() {
    let stage = signed();
    let digest = digest_of(&stage);
    for artifact in ["file", &digest] {
        stage
            .run(&format!("verify --artifact {artifact} --bundle b.json --key demo.pub --type cyclonedx"))
            .succeeds()
            .says(&format!("about artifact {digest}"));
    }
    for artifact in ["demo.pub", &format!("sha256:{:064}", 0)] {
        stage
            .run(&format!("verify --artifact {artifact} --bundle b.json --key demo.pub"))
            .fails(5, "subject mismatch");
    }
    stage.run("key generate --output-key-prefix other").succeeds();
    stage.run("verify --artifact file --bundle b.json --key other.pub").fails(5, "signature mismatch");
    stage.run("verify --artifact file --bundle b.json --key demo.pub --type spdx").fails(6, "of type");
}

#[test]
fn several_bundles_may_stand_in_one_file() {
    let stage = signed();
    stage.run("key generate --output-key-prefix other").succeeds();
    stage.run("attest oci:layout --key other.key --bundle c.json").succeeds();
    let line = |name: &str| {
        let bundle: Value =
            serde_json::from_slice(&fs::read(stage.path(name)).expect("bundle")).expect("json");
        bundle.to_string()
    };
    fs::write(stage.path("both.jsonl"), format!("{}\n\n{}\n", line("b.json"), line("c.json"))).expect("file");
    stage
        .run("verify --artifact file --bundle both.jsonl --key demo.pub --key other.pub --threshold 2")
        .succeeds();
    stage
        .run("verify --artifact file --bundle b.json --key demo.pub --key other.pub --threshold 2")
        .fails(5, "too few signers of `file`");
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let stage = signed();
    for (line, words) in [
        ("verify --key demo.pub", "<REF>"),
        ("verify --artifact file --key demo.pub", "--bundle <FILE>"),
        ("verify oci:layout --artifact file --bundle b.json --key demo.pub", "cannot be used with"),
        ("verify --artifact file --bundle b.json --policy p.toml", "cannot be used with"),
        ("verify --artifact sha256:12 --bundle b.json --key demo.pub", "is no digest"),
    ] {
        stage.run(line).fails(2, words);
    }
    stage.run("verify --artifact none --bundle b.json --key demo.pub").fails(1, "`none`");
    stage.run("verify --artifact file --bundle demo.pub --key demo.pub").fails(5, "damaged");
}

/// The cases of the Sigstore conformance suite once more, as a user would type them.
#[test]
fn the_suites_verdicts_are_those_of_the_command() {
    let Some(suite) = suite("sigstore") else { return };
    let cases: Vec<Value> =
        serde_json::from_slice(&fs::read(suite.join("cases.json")).expect("cases")).expect("json");
    for case in &cases {
        for artifact in [
            suite.join(text(case, "artifact").expect("artifact")),
            text(case, "digest").expect("digest").into(),
        ] {
            let passed = verified(&suite, case, &artifact);
            assert_eq!(passed, text(case, "expect") == Some("pass"), "{case} by {}", artifact.display());
        }
    }
    assert!(cases.len() >= 43, "only {} cases", cases.len());
}

fn verified(suite: &Path, case: &Value, artifact: &Path) -> bool {
    let mut command = supercargo();
    command.args(["verify", "--no-progress", "--artifact"]).arg(artifact).arg("--bundle");
    command.arg(suite.join(text(case, "bundle").expect("bundle")));
    let files = [("--key", "key"), ("--trusted-root", "trusted_root")];
    for (flag, file) in files.iter().filter_map(|(flag, field)| Some((flag, text(case, field)?))) {
        command.arg(flag).arg(suite.join(file));
    }
    for flag in ["identity", "issuer"] {
        text(case, flag).map(|value| command.arg(format!("--{flag}")).arg(value));
    }
    let output = command.output().expect("run");
    assert!(matches!(output.status.code(), Some(0 | 1 | 5)), "{}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

fn text<'a>(case: &'a Value, field: &str) -> Option<&'a str> {
    case.get(field)?.as_str()
}

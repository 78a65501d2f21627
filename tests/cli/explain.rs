//! `verify --explain`: a golden file for a pass and for each class of failures.
//!
//! What differs from run to run (keys, digests of what they signed) is replaced by its number in order of appearance.
//! With `UPDATE_GOLDEN=1` in the environment the files are written instead of compared.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use supercargo_testkit::TextImage;

use super::stage::{SMALL, Stage};
use crate::support::{root, suite};

const IDENTITY: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.0.0";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

#[test]
fn signatures_by_keys() {
    let stage = Stage::new();
    stage.run("attest oci:layout --key demo.key --bundle b.json").succeeds();
    stage.run("key generate --output-key-prefix other").succeeds();
    let set = |name: &str, end: &str| {
        let pem = fs::read_to_string(stage.path("demo.pub")).expect("key");
        let text = format!("[[key]]\nname = \"2025\"\nnot-after = \"{end}\"\npem = '''\n{pem}'''\n");
        fs::write(stage.path(name), text).expect("file");
    };
    set("ended.toml", "2025-12-31T23:59:59Z");
    let other = SMALL.replace("left-pad", "right-pad");
    TextImage::parse(&other).expect("image").write_oci_layout(&stage.path("second")).expect("layout");
    for (name, line, code) in [
        ("pass-key", "verify oci:layout --key demo.pub --key other.pub --type cyclonedx", 0),
        ("signature", "verify oci:layout --key other.pub", 5),
        ("signer", "verify oci:layout --identity a@b.example --issuer https://issuer.example", 5),
        ("log", "verify oci:layout --key demo.pub --logs-min 1", 5),
        ("timestamp", "verify oci:layout --key demo.pub --timestamps-min 1", 5),
        ("key-validity", "verify oci:layout --key-set ended.toml", 5),
        ("subject", "verify oci:second --key demo.pub --bundle b.json", 5),
        ("predicate-type", "verify oci:layout --key demo.pub --type spdx", 6),
        ("threshold", "verify oci:layout --key demo.pub --key other.pub --threshold 2", 5),
    ] {
        golden(&stage, name, line, code);
    }
    stage.edit("b.json", |bytes| {
        let mut bundle: Value = serde_json::from_slice(bytes).expect("json");
        let twice = bundle["dsseEnvelope"]["signatures"].as_array_mut().expect("signatures");
        twice.push(twice[0].clone());
        *bytes = bundle.to_string().into_bytes();
    });
    golden(&stage, "bundle", "verify oci:layout --key demo.pub --bundle b.json", 5);
}

#[test]
fn certificates_of_a_real_image() {
    let (Some(layouts), Some(sigstore)) = (suite("layouts"), suite("sigstore")) else { return };
    let stage = Stage::new();
    let production = fs::read(sigstore.join("roots/production.trusted_root.json")).expect("root");
    let production: Value = serde_json::from_slice(&production).expect("json");
    let write = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut root = production.clone();
        change(&mut root);
        fs::write(stage.path(name), root.to_string()).expect("file");
    };
    write("root.json", &|_| {});
    write("no-log.json", &|root| root["tlogs"] = json!([]));
    write("no-ct.json", &|root| root["ctlogs"] = json!([]));
    write("no-ca.json", &|root| root["certificateAuthorities"] = json!([]));
    let ended = json!({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"});
    write("old-log.json", &|root| {
        for log in root["tlogs"].as_array_mut().expect("logs") {
            log["publicKey"]["validFor"] = ended.clone();
        }
    });
    let digest = "sha256:55aee984fd6b1d0e0a19a55265d10d40063a2212bdbabd75b202b1728236548d";
    let image = format!("oci:{}@{digest} --platform linux/amd64", layouts.join("v2.0.0").display());
    let line = |identity: &str, issuer: &str, more: &str| {
        format!("verify {image} --identity {identity} --issuer {issuer} {more}")
    };
    for (name, line, code) in [
        ("pass-certificate", line(IDENTITY, ISSUER, "--trusted-root root.json"), 0),
        ("identity", line("https://github.com/other", ISSUER, "--trusted-root root.json"), 5),
        ("issuer", line(IDENTITY, "https://accounts.google.com", "--trusted-root root.json"), 5),
        ("log-promise", line(IDENTITY, ISSUER, "--trusted-root no-log.json"), 5),
        ("log-window", line(IDENTITY, ISSUER, "--trusted-root old-log.json"), 5),
        ("certificate", line(IDENTITY, ISSUER, "--trusted-root no-ca.json"), 5),
        ("certificate-log", line(IDENTITY, ISSUER, "--trusted-root no-ct.json"), 5),
    ] {
        golden(&stage, name, &line, code);
    }
}

fn golden(stage: &Stage, name: &str, line: &str, code: i32) {
    let done = stage.run(&format!("{line} --explain"));
    assert_eq!(done.code, code, "{name}: {done:#?}");
    let found = compare(name, &done.stdout, line);
    let rows: Vec<Value> = serde_json::from_str(&stage.run(&format!("{line} --json")).stdout).expect("json");
    let checks = rows[0]["checks"].as_array().expect("checks");
    assert_eq!(checks.len(), rows_of(&found, name), "{name}: --json has the same checks");
}

/// Compares what a command line printed with its golden file, or writes that.
#[expect(clippy::disallowed_methods, reason = "a person asks by a variable to have the golden files written")]
pub(super) fn compare(name: &str, printed: &str, line: &str) -> String {
    let found = steady(printed);
    let file = root().join("tests/cli/golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &found).expect("golden file");
    }
    assert_eq!(found, read(&file), "{name}; the command was `{line}`");
    found
}

/// The rows of the first table; what is damaged has one that is none of a report.
fn rows_of(text: &str, name: &str) -> usize {
    let is_check = |line: &&str| line.starts_with("  ") && !line.trim_start().starts_with("carried by");
    let rows = text.lines().skip(1).take_while(|line| line.starts_with("  ")).filter(is_check).count();
    if name == "bundle" { 0 } else { rows }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Digests become numbers, in order of appearance.
fn steady(text: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut steady = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("sha256:") {
        let (before, digest) = rest.split_at(at);
        let digest: String = digest.chars().take("sha256:".len() + 64).collect();
        let number = seen.iter().position(|known| *known == digest).unwrap_or_else(|| {
            seen.push(digest.clone());
            seen.len() - 1
        });
        steady.push_str(&format!("{before}sha256:#{}", number + 1));
        rest = &rest[at + digest.len()..];
    }
    // The bundle's hint at a key is base64 of its digest.
    let (text, mut plain) = (steady + rest, String::new());
    for line in text.lines() {
        let line = match line.split_once("(the bundle hints at key ") {
            Some((before, _)) => format!("{before}(the bundle hints at key …)"),
            None => line.to_owned(),
        };
        // The time of checking stands in where nobody vouches for a time.
        let line = match line.split_once("; found 20") {
            Some((before, time)) if line.contains("key validity") && time.ends_with('Z') => {
                format!("{before}; found now")
            }
            _ => line,
        };
        plain.push_str(&line);
        plain.push('\n');
    }
    plain
}

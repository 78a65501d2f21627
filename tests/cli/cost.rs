//! What a verification costs: requests, sockets, and what may not grow with the size of an SBOM.

use std::fs;
use std::process::Command;

use serde_json::Value;
use supercargo::content::MediaType;
use supercargo_testkit::registry::TestRegistry;

use super::stage::Stage;

const NAME: &str = "team/app";

/// A registry that holds the image of the stage as `team/app:1`.
fn registry(stage: &Stage) -> TestRegistry {
    let registry = TestRegistry::start().expect("registry");
    let blob = |digest: &Value| {
        let hex = &digest.as_str().expect("digest")[7..];
        fs::read(stage.path("layout/blobs/sha256").join(hex)).expect("blob")
    };
    let index: Value =
        serde_json::from_slice(&fs::read(stage.path("layout/index.json")).expect("index")).expect("json");
    let bytes = blob(&index["manifests"][0]["digest"]);
    let manifest: Value = serde_json::from_slice(&bytes).expect("json");
    let layers = manifest["layers"].as_array().expect("layers");
    for descriptor in layers.iter().chain([&manifest["config"]]) {
        let media_type = MediaType::new(descriptor["mediaType"].as_str().expect("type"));
        registry.put_blob(NAME, &media_type, &blob(&descriptor["digest"]));
    }
    registry.put_manifest(NAME, "1", &MediaType::OCI_MANIFEST, &bytes);
    registry
}

#[test]
fn five_bundles_take_seven_requests() {
    let stage = Stage::new();
    let registry = registry(&stage);
    let image = format!("{}/{NAME}:1", registry.host());
    fs::write(stage.path("p.json"), "{\"a\":1}").expect("file");
    for number in 0..5 {
        let kind = format!("https://example.org/review/{number}");
        stage.run(&format!("attest {image} --key demo.key --type {kind} --predicate p.json")).succeeds();
    }
    let before = registry.seen().len();
    let done = stage.run(&format!("verify {image} --key demo.pub --json")).succeeds();
    let rows: Vec<Value> = serde_json::from_str(&done.stdout).expect("json");
    let seen: Vec<String> =
        registry.seen()[before..].iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    assert_eq!(rows.len(), 5, "{rows:#?}");
    assert!(seen.len() <= 7, "{seen:#?}");
    println!("{} requests for {} bundles", seen.len(), rows.len());
}

#[test]
fn offline_a_registry_is_a_clear_error_and_a_layout_is_fine() {
    let stage = Stage::new();
    let registry = registry(&stage);
    stage.run("attest oci:layout --key demo.key").succeeds();
    let image = format!("{}/{NAME}:1", registry.host());
    for command in ["verify --key demo.pub", "fetch --type cyclonedx --key demo.pub", "attached", "scan"] {
        let (command, flags) = command.split_once(' ').unwrap_or((command, ""));
        let done =
            stage.run(&format!("{command} {image} {flags} --offline")).fails(2, "`--offline` was given");
        assert!(done.stderr.contains("oci:"), "{done:#?}");
    }
    assert_eq!(registry.seen().len(), 0);
    stage.run("verify oci:layout --key demo.pub --offline").succeeds();
}

/// Without any network but loopback that is down. Needs the right to make a namespace; says so where it lacks.
#[test]
fn a_layout_verifies_where_there_is_no_network() {
    let stage = Stage::new();
    stage.run("attest oci:layout --key demo.key").succeeds();
    let unshare = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", program]).current_dir(stage.path(""));
        command
    };
    if !unshare("true").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: no namespaces here");
        return;
    }
    let program = env!("CARGO_BIN_EXE_supercargo");
    let output = unshare(program).args(["verify", "oci:layout", "--key", "demo.pub", "--offline"]).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn recomputing_finds_equal_bytes_or_what_differs() {
    let stage = Stage::new();
    for kind in ["cyclonedx", "spdx"] {
        stage.run(&format!("attest oci:layout --key demo.key --type {kind}")).succeeds();
        stage
            .run(&format!("verify oci:layout --key demo.pub --type {kind} --recompute"))
            .succeeds()
            .says("is byte for byte what is in the image");
    }
    let lie = Stage::new();
    lie.run("scan oci:layout -o cyclonedx-json=a.cdx.json").succeeds();
    lie.edit("a.cdx.json", |bytes| {
        let text = String::from_utf8(bytes.clone()).expect("text");
        *bytes = text.replace("left-pad", "left-pod").replace("1.2.5-r0", "1.2.5-r1").into_bytes();
    });
    lie.run("attest oci:layout --key demo.key --predicate a.cdx.json").succeeds();
    let done =
        lie.run("verify oci:layout --key demo.pub --type cyclonedx --recompute").fails(5, "is not true");
    assert!(done.stdout.contains("  + pkg:npm/left-pad@1.3.0"), "{done:#?}");
    assert!(done.stdout.contains("  - pkg:npm/left-pod@1.3.0"), "{done:#?}");
    assert!(done.stdout.contains("  ~ signed: pkg:apk/alpine/musl@1.2.5-r1"), "{done:#?}");
}

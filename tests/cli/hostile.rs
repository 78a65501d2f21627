//! Hostile images through the whole program: each ends with its documented problem or exit code, never a panic.
//!
//! The parsers' own tables (crates/layer/tests/layer/hostile.rs and the tests of image, ecosystems, attest and
//! registry) hold several hundred more cases; here is what a user sees of each kind.

use std::fs;

use serde_json::{Value, json};
use supercargo::content::{Descriptor, MediaType};

use super::stage::{SMALL, Stage};

/// Files that damage a reader, and the words of the problem. The package beside each must still be found.
const FILES: &[(&str, &str, &str)] = &[
    ("file opt/x-1.dist-info/METADATA", "Version: 1", "malformed"),
    ("file app/node_modules/x/package.json", "{\"name\": \"x\", \"version\":", "malformed"),
    ("file app/node_modules/x/package.json", "[[[[[[", "malformed"),
    (
        "file srv/a.jar",
        "PK\x03\x04 and nothing more, for at least the sixty-four bytes that a magic needs",
        "malformed",
    ),
    ("file srv/b.war", "this is no archive at all", "malformed"),
    ("file var/lib/dpkg/status", "Package: a\nStatus: install ok installed", "malformed"),
    ("file var/lib/rpm/rpmdb.sqlite", "SQLite format 3", "malformed"),
    ("file var/lib/rpm/Packages", "not a database", "malformed"),
    ("file var/lib/rpm/Packages.db", "RpmP", "malformed"),
    (
        "file usr/bin/broken",
        "\x7fELF\x02\x01\x01 and then nothing that a program could be, for more than sixty-four bytes",
        "malformed",
    ),
    ("file .wh.", "", "hostile-path"),
    ("file a/.wh..", "", "hostile-path"),
    ("file a/.wh...", "", "hostile-path"),
];

#[test]
fn a_damaged_file_is_a_problem_and_the_rest_is_found() {
    for (section, body, kind) in FILES {
        let stage = Stage::with(&format!("{SMALL}-- layer 2 gzip --\n-- {section} --\n{body}\n"));
        let done = stage.run("scan oci:layout -o purl --verbose").succeeds().says("pkg:npm/left-pad@1.3.0");
        assert!(done.stderr.contains(&format!("problem: {kind}")), "{section}: {done:#?}");
        assert!(done.stderr.contains("of layer 2"), "{section}: {done:#?}");
        stage.run("scan oci:layout --strict").fails(4, "--strict");
    }
}

/// Paths that try to leave the image; none may, and none may hide what is there.
#[test]
fn escaping_names_stay_inside() {
    for name in ["../../etc/passwd", "/etc/passwd", "./etc/passwd", "a/../../../etc/passwd", "..", "a/.."] {
        let stage = Stage::with(&format!(
            "{SMALL}-- layer 2 gzip --\n-- file {name} --\nx\n-- link up -> ../../../../../.. --\n"
        ));
        stage.run("scan oci:layout -o purl").succeeds().says("left-pad").says("musl");
    }
}

#[test]
fn links_in_circles_end() {
    let stage = Stage::with(&format!(
        "{SMALL}-- layer 2 none --\n-- link a -> b --\n-- link b -> a --\n-- link etc/os-release -> ../etc/os-release --\n-- link var/lib/dpkg -> dpkg --\n"
    ));
    stage.run("scan oci:layout -o purl").succeeds().says("left-pad");
}

/// Each lie about a layer names the layer and stops the scan.
#[test]
fn lies_about_layers_stop_the_scan() {
    type Lie = (&'static str, fn(&mut Value, &mut Value), &'static str);
    let lies: &[Lie] = &[
        (
            "diff ID",
            |_, config| config["rootfs"]["diff_ids"][0] = config["rootfs"]["diff_ids"][1].clone(),
            "diff ID mismatch",
        ),
        ("size", |manifest, _| manifest["layers"][0]["size"] = json!(7), "size mismatch"),
        ("size", |manifest, _| manifest["layers"][0]["size"] = json!(-1), "size"),
        ("digest", |manifest, _| manifest["layers"][0]["digest"] = json!("sha256:00"), "digest"),
        (
            "digest",
            |manifest, _| manifest["layers"][0]["digest"] = manifest["config"]["digest"].clone(),
            "mismatch",
        ),
        ("count", |manifest, _| manifest["layers"] = json!([]), "layers"),
        ("count", |_, config| config["rootfs"]["diff_ids"] = json!([]), "layers"),
        ("both", |manifest, _| manifest["manifests"] = json!([]), "manifest"),
        ("schema", |manifest, _| manifest["schemaVersion"] = json!(1), "schema"),
        ("config", |_, config| *config = json!([]), "configuration"),
        ("config", |manifest, _| manifest["config"] = json!(null), "manifest"),
        (
            "compression",
            |manifest, _| manifest["layers"][0]["mediaType"] = json!("application/x-unknown"),
            "application/x-unknown",
        ),
    ];
    for (name, lie, words) in lies {
        let stage = Stage::with(SMALL);
        rewrite(&stage, *lie);
        let done = stage.run("scan oci:layout --strict --verbose");
        assert!(
            [3, 4].contains(&done.code) && done.stderr.contains(words),
            "{name}, expected `{words}`: {done:#?}"
        );
        assert!(!done.stderr.contains("panicked"), "{done:#?}");
    }
}

/// Bytes of the layout's own files.
#[test]
fn damaged_layouts_are_refused() {
    for (file, bytes) in [
        ("index.json", "{"),
        ("index.json", "[]"),
        ("index.json", "{\"schemaVersion\":2,\"manifests\":[{}]}"),
        ("index.json", "{\"schemaVersion\":2,\"manifests\":[]}"),
        ("oci-layout", "{\"imageLayoutVersion\":\"9.9.9\"}"),
        ("oci-layout", "no json"),
    ] {
        let stage = Stage::with(SMALL);
        fs::write(stage.path("layout").join(file), bytes).expect("file");
        let done = stage.run("scan oci:layout");
        assert!(done.code == 3 && !done.stderr.contains("panicked"), "{file} {bytes}: {done:#?}");
    }
}

#[test]
fn archives_that_are_none_are_refused() {
    let stage = Stage::with(SMALL);
    for bytes in [&b""[..], b"\x1f\x8b\x08\x00", b"PK\x03\x04", &[0; 1024], &[0xff; 2048]] {
        fs::write(stage.path("a.tar"), bytes).expect("file");
        for scheme in ["docker-archive", "oci-archive"] {
            let done = stage.run(&format!("scan {scheme}:a.tar"));
            assert!(done.code == 3 && !done.stderr.contains("panicked"), "{scheme}: {done:#?}");
        }
    }
}

#[test]
fn hostile_bundles_are_refused() {
    let stage = Stage::new();
    let deep = "[".repeat(100_000);
    for bundle in
        ["", "{}", "[]", "null", "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.9+json\"}", &deep]
    {
        fs::write(stage.path("b.json"), bundle).expect("file");
        stage.run("verify oci:layout --key demo.pub --bundle b.json").fails(5, "no attestation of");
    }
    for key in ["", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "nonsense"] {
        fs::write(stage.path("k.pub"), key).expect("file");
        stage.run("verify oci:layout --key k.pub").fails(1, "k.pub");
        stage.run("attest oci:layout --key k.pub").fails(1, "k.pub");
    }
}

#[test]
fn control_characters_never_reach_a_terminal() {
    let stage = Stage::with(
        "-- layer 0 none --\n-- file app/node_modules/x/package.json --\n{\"name\": \"x\", \"version\": \"1.0.0\", \"license\": \"MIT\\u001b[2J\"}\n",
    );
    for format in ["table", "purl", "cyclonedx-json", "spdx-json"] {
        let done = stage.run(&format!("scan oci:layout -o {format}")).succeeds();
        assert!(!done.stdout.contains('\u{1b}'), "{format}");
    }
}

/// Applies a lie to manifest and configuration, and makes every digest above right again.
fn rewrite(stage: &Stage, lie: fn(&mut Value, &mut Value)) {
    let layout = stage.path("layout");
    let read = |digest: &Value| {
        let hex = &digest.as_str().expect("digest")[7..];
        serde_json::from_slice::<Value>(&fs::read(layout.join("blobs/sha256").join(hex)).expect("blob"))
            .expect("json")
    };
    let write = |media_type: MediaType, value: &Value| {
        let bytes = value.to_string().into_bytes();
        let descriptor = Descriptor::of(media_type, &bytes);
        fs::write(layout.join("blobs/sha256").join(descriptor.digest.hex()), &bytes).expect("blob");
        descriptor
    };
    let mut index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).expect("index")).expect("json");
    let mut manifest = read(&index["manifests"][0]["digest"]);
    let mut config = read(&manifest["config"]["digest"]);
    let original = manifest.clone();
    lie(&mut manifest, &mut config);
    if manifest["config"] == original["config"] {
        let descriptor = write(MediaType::OCI_CONFIG, &config);
        manifest["config"]["digest"] = json!(descriptor.digest.to_string());
        manifest["config"]["size"] = json!(descriptor.size);
    }
    let descriptor = write(MediaType::OCI_MANIFEST, &manifest);
    index["manifests"][0]["digest"] = json!(descriptor.digest.to_string());
    index["manifests"][0]["size"] = json!(descriptor.size);
    fs::write(layout.join("index.json"), index.to_string()).expect("index");
}

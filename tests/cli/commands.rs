//! Every command, from its arguments to its exit code.

use std::fs;

use serde_json::Value;
use supercargo_testkit::{TextImage, image::write_oci_index};

use super::stage::{SMALL, Stage};

const MUSL: &str = "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3";

#[test]
fn one_scan_writes_every_output() {
    let stage = Stage::with(SMALL);
    let done =
        stage.run("scan oci:layout -o purl -o cyclonedx-json=a.cdx.json -o spdx-json=a.spdx.json").succeeds();
    assert_eq!(done.stdout, format!("{MUSL}\npkg:npm/left-pad@1.3.0\n"));
    let json: Value =
        serde_json::from_slice(&fs::read(stage.path("a.cdx.json")).expect("file")).expect("json");
    assert_eq!(
        (json["specVersion"].as_str(), json["components"].as_array().map(Vec::len)),
        (Some("1.7"), Some(3))
    );
    assert!(stage.path("a.spdx.json").exists());
}

#[test]
fn a_table_is_the_default() {
    let stage = Stage::with(SMALL);
    stage.run("scan oci:layout").succeeds().says("left-pad").says("VERSION");
}

#[test]
fn every_local_source_gives_the_same_packages() {
    let stage = Stage::with(SMALL);
    let image = TextImage::parse(SMALL).expect("image");
    image.write_docker_archive(&stage.path("app.tar")).expect("archive");
    let purls = stage.run("scan oci:layout -o purl").succeeds().stdout;
    for reference in ["oci-dir:layout", "oci:layout:latest", "docker-archive:app.tar"] {
        assert_eq!(stage.run(&format!("scan {reference} -o purl")).succeeds().stdout, purls, "{reference}");
    }
    fs::create_dir_all(stage.path("root/lib/apk/db")).expect("folder");
    fs::write(stage.path("root/lib/apk/db/installed"), "P:musl\nV:1\n").expect("file");
    for reference in ["rootfs:root", "dir:root"] {
        stage.run(&format!("scan {reference} -o purl")).succeeds().says("pkg:apk/");
    }
}

#[test]
fn the_time_comes_from_outside_and_nothing_else_changes_the_bytes() {
    let stage = Stage::with(&format!("created: 2024-01-02T03:04:05Z\n{SMALL}"));
    let scan = |reference: &str, variables: &[(&str, &str)]| {
        stage.run_in(&format!("scan {reference} -o cyclonedx-json"), variables).succeeds().stdout
    };
    let bytes = scan("oci:layout", &[]);
    assert!(bytes.contains("2024-01-02T03:04:05Z"));
    stage.copy_layout("elsewhere");
    assert_eq!(bytes, scan("oci:elsewhere", &[("TZ", "Asia/Kathmandu"), ("LANG", "tr_TR")]));
    assert!(scan("oci:layout", &[("SOURCE_DATE_EPOCH", "0")]).contains("1970-01-01T00:00:00Z"));
    stage.run_in("scan oci:layout", &[("SOURCE_DATE_EPOCH", "soon")]).fails(2, "SOURCE_DATE_EPOCH");
}

#[test]
fn a_platform_is_chosen_by_flag_and_each_gets_its_own_attestation() {
    let stage = Stage::new();
    let image = |platform: &str| TextImage::parse(&format!("platform: {platform}\n{SMALL}")).expect("image");
    write_oci_index(&stage.path("multi"), &[image("linux/amd64"), image("linux/arm64/v8")], "1")
        .expect("index");
    stage.run("scan oci:multi --platform linux/arm64 -o purl").succeeds().says(MUSL);
    stage.run("scan oci:multi --platform linux/s390x").fails(3, "linux/amd64");
    stage.run("scan oci:multi --platform all -o cyclonedx-json=a.cdx.json").succeeds();
    assert!(
        stage.path("a.linux-amd64.cdx.json").exists() && stage.path("a.linux-arm64-v8.cdx.json").exists()
    );
    let done = stage.run("attest oci:multi --platform all --key demo.key --json").succeeds();
    let rows: Vec<Value> = serde_json::from_str(&done.stdout).expect("json");
    assert!(rows.len() == 2 && rows[0]["subject"] != rows[1]["subject"], "{rows:#?}");
    stage.run("verify oci:multi --platform linux/arm64 --key demo.pub").succeeds();
    let foreign = "attest oci:multi --platform linux/arm64 --key demo.key --predicate a.linux-amd64.cdx.json";
    stage.run(foreign).fails(2, "the predicate describes sha256:");
}

#[test]
fn what_was_attested_verifies_and_comes_back_byte_for_byte() {
    let stage = Stage::new();
    stage.run("scan oci:layout -o cyclonedx-json=a.cdx.json").succeeds();
    stage.run("attest oci:layout --key demo.key").succeeds().says("attached as sha256:");
    stage
        .run("verify oci:layout --key demo.pub --type cyclonedx")
        .succeeds()
        .says("ok https://cyclonedx.org/bom about image");
    stage.run("fetch oci:layout --key demo.pub --type cyclonedx -o b.cdx.json").succeeds();
    let read = |name: &str| fs::read_to_string(stage.path(name)).expect("file");
    assert!(read("a.cdx.json") == read("b.cdx.json"));
    stage.run("attached oci:layout").succeeds().says("bundle https://cyclonedx.org/bom");
}

#[test]
fn any_predicate_of_any_type_can_be_attested() {
    let stage = Stage::new();
    fs::write(stage.path("p.json"), "{\"b\": 1,  \"a\": 2}").expect("file");
    stage
        .run("attest oci:layout --key demo.key --type https://example.org/review/v1 --predicate p.json")
        .succeeds();
    stage.run("attest oci:layout --key demo.key --type openvex --predicate p.json").succeeds();
    stage.run("verify oci:layout --key demo.pub --type openvex").succeeds();
    let fetched =
        stage.run("fetch oci:layout --key demo.pub --type https://example.org/review/v1").succeeds();
    assert_eq!(fetched.stdout, "{\"b\": 1,  \"a\": 2}");
    stage.run("attest oci:layout --key demo.key --type openvex").fails(2, "--predicate");
}

#[test]
fn verifying_says_what_failed_and_what_is_there_instead() {
    let stage = Stage::new();
    stage.run("verify oci:layout --key demo.pub").fails(6, "there is none at all");
    stage.run("attest oci:layout --key demo.key --bundle b.json").succeeds();
    stage.run("verify oci:layout --key demo.pub --type spdx").fails(6, "there is https://cyclonedx.org/bom");
    stage.run("key generate --output-key-prefix other").succeeds();
    stage.run("verify oci:layout --key other.pub").fails(5, "signature");
    stage.run("verify oci:layout --identity a@b.c --issuer https://issuer.example").fails(5, "certificate");
    stage.run("verify oci:layout").fails(2, "--key PUB");
    stage.run("verify oci:layout --identity a@b.c").fails(2, "--issuer");
    let done = stage.run("verify oci:layout --key other.pub --json");
    let rows: Vec<Value> = serde_json::from_str(&done.stdout).expect("json");
    assert_eq!(rows[0]["outcome"], "refused");
    assert!(
        rows[0]["checks"].as_array().is_some_and(|checks| checks.iter().any(|check| check["ok"] == false))
    );
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let stage = Stage::new();
    let done = stage.run("attest oci:layout --key demo.key --bundle b.json --json").succeeds();
    let row: Vec<Value> = serde_json::from_str(&done.stdout).expect("json");
    let blob = |digest: &Value| format!("layout/blobs/sha256/{}", &digest.as_str().expect("digest")[7..]);
    let flip = |bytes: &mut Vec<u8>| bytes[40] ^= 0x20;
    stage.edit("b.json", |bytes| {
        let at = bytes.len() - 60;
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    });
    stage.run("verify oci:layout --key demo.pub --bundle b.json").fails(5, "");
    stage.edit(&blob(&row[0]["attached"]), flip);
    stage.run("verify oci:layout --key demo.pub").fails(7, "mismatch");
    stage.edit(&blob(&row[0]["attached"]), flip);
    stage.run("verify oci:layout --key demo.pub").succeeds();
    stage.edit(&blob(&row[0]["subject"]), flip);
    stage.run("verify oci:layout --key demo.pub").fails(3, "mismatch");
    stage.run("scan oci:layout").fails(3, "mismatch");
}

#[test]
fn unverified_content_must_be_asked_for_by_name() {
    let stage = Stage::new();
    stage.run("attest oci:layout --key demo.key").succeeds();
    stage.run("fetch oci:layout --type cyclonedx").fails(2, "nobody is named");
    stage.run("fetch oci:layout --type cyclonedx --unverified").succeeds().says("CycloneDX");
    stage
        .run("fetch oci:layout --type cyclonedx --unverified --key demo.pub")
        .fails(2, "cannot be used with");
    stage.run("fetch oci:layout --type spdx --unverified").fails(6, "there is https://cyclonedx.org/bom");
}

#[test]
fn keys_are_private_and_never_overwritten() {
    let stage = Stage::new();
    let public = stage.run("key public demo.key").succeeds().stdout;
    assert_eq!(public, fs::read_to_string(stage.path("demo.pub")).expect("file"));
    stage.run("key generate --output-key-prefix demo").fails(1, "already");
    stage.run_in("key public demo.key", &[("SUPERCARGO_PASSWORD", "wrong")]).fails(1, "password");
    fs::write(stage.path("password"), "test\n").expect("file");
    stage
        .run_in("key public demo.key --password-file password", &[("SUPERCARGO_PASSWORD", "wrong")])
        .succeeds();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(stage.path("demo.key")).expect("file").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn an_expired_token_is_refused_before_any_request() {
    let stage = Stage::new();
    let token = "e30.eyJpc3MiOiJodHRwczovL2kuZXhhbXBsZSIsInN1YiI6ImEiLCJleHAiOjF9.c2ln";
    fs::write(stage.path("token"), token).expect("file");
    let done = stage.run("attest oci:layout --identity-token @token").fails(1, "expired");
    assert!(!done.stderr.contains("eyJ"), "{done:#?}");
    stage.run("attest oci:layout").fails(2, "nobody is named who signs");
}

#[test]
fn strict_turns_problems_into_an_exit_code() {
    let stage = Stage::with("-- layer 0 gzip --\n-- file opt/x-1.dist-info/METADATA --\nName: x\n");
    stage.run("scan oci:layout").succeeds();
    stage.run("scan oci:layout --strict").fails(4, "1 problem in");
    let done = stage.run("scan oci:layout --verbose").succeeds();
    assert!(done.stderr.contains("METADATA") && done.stderr.contains("layer 0"), "{done:#?}");
    assert_eq!(stage.run("scan oci:layout --quiet").succeeds().stderr, "");
}

#[test]
fn every_limit_has_a_flag_that_bites() {
    let stage = Stage::with(SMALL);
    for (flag, words) in [
        ("--file-bytes-max 4", "over the limit of 4"),
        ("--entries-max 1", "more than 1 entries"),
        ("--path-bytes-max 8", "8"),
    ] {
        let done = stage.run(&format!("scan oci:layout --strict --verbose {flag}")).fails(4, "problem");
        assert!(done.stderr.contains(words), "{flag}: {done:#?}");
    }
    stage.run("scan oci:layout --layers-max 1").fails(3, "layers");
    stage.run("scan oci:layout --manifest-bytes-max 64").fails(3, "64");
    stage.run("scan oci:layout --file-bytes-max 1TB").fails(2, "unknown unit");
}

#[test]
fn wrong_references_name_what_there_is() {
    let stage = Stage::with(SMALL);
    stage.run("scan oci:layout:absent").fails(3, "latest");
    stage.run("scan oci:nowhere").fails(3, "nowhere");
    stage.run("scan lib/UPPER").fails(2, "lib/UPPER");
    stage.run("scan oci:layout -o word").fails(2, "cyclonedx-json@1.7");
    stage.run("scan oci:layout -o purl -o table").fails(2, "only one");
    stage.run("attest rootfs:layout --key demo.key").fails(1, "demo.key");
}

#[test]
fn a_registry_that_refuses_is_a_service_failure() {
    let stage = Stage::with(SMALL);
    stage.run("scan 127.0.0.1:1/team/app:1").fails(7, "127.0.0.1:1");
}

#[test]
fn help_completions_manual_and_the_table_of_ecosystems() {
    let stage = Stage::with(SMALL);
    for command in
        ["", "scan", "attest", "verify", "attached", "fetch", "key generate", "cache info", "ecosystems"]
    {
        stage.run(&format!("{command} --help")).succeeds().says("Usage:");
    }
    stage.run("completions bash").succeeds().says("_supercargo");
    stage.run("man").succeeds().says(".TH");
    stage.run("man --dir pages").succeeds();
    assert!(
        stage.path("pages/supercargo-scan.1").exists()
            && stage.path("pages/supercargo-key-generate.1").exists()
    );
    stage.run("ecosystems").succeeds().says("dpkg");
    let rows: Vec<Value> =
        serde_json::from_str(&stage.run("ecosystems --json").succeeds().stdout).expect("json");
    assert!(
        rows.len() >= 8
            && rows.iter().all(|row| row["wants"].as_array().is_some_and(|wants| !wants.is_empty()))
    );
}

/// What scripts may rely on; none of it may be renamed.
const FIXED: &[(&str, &str)] = &[
    ("scan", "--platform --output"),
    (
        "attest",
        "--key --identity-token --type --predicate --bundle --signing-config --trusted-root --also --layout --no-log",
    ),
    ("sign", "--key --identity-token --legacy --layout --bundle"),
    (
        "verify",
        "--key --identity --issuer --type --trusted-root --json --explain --policy --artifact --bundle --recompute",
    ),
    ("verify", "--all-platforms --offline --threshold --key-set"),
    ("policy test", "--bundle --json"),
    ("attached", "--json"),
    ("fetch", "--type --key --identity --issuer --output --unverified"),
    ("key generate", "--output-key-prefix"),
    ("key public", "--help"),
    ("cache info", "--json"),
    ("cache prune", "--max-size --max-age"),
    ("trust show", "--json"),
    ("trust update", "--tuf-root --tuf-mirror"),
    ("trust export", "--output"),
    ("ecosystems", "--json"),
    ("completions", "--help"),
    ("man", "--help"),
    ("scan", "--quiet --verbose --threads --strict --plain-http --ca --no-progress --layer-cache"),
];

#[test]
fn commands_and_flags_keep_their_names() {
    for (command, flags) in FIXED {
        let help = Stage::new().run(&format!("{command} --help")).succeeds().stdout;
        for flag in flags.split(' ') {
            let is_there = help.split([' ', ',', '\n', '[']).any(|word| word == flag);
            assert!(is_there, "`supercargo {command}` has no `{flag}`");
        }
    }
}

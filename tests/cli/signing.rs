//! Signing, layouts, trust and provenance, from arguments to exit code.

use std::fs;

use serde_json::Value;
use supercargo_testkit::{TextImage, image::write_oci_index};

use super::stage::{SMALL, Stage};

const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";

fn json(stage: &Stage, line: &str) -> Value {
    serde_json::from_str(&stage.run(line).succeeds().stdout).expect("json")
}

#[test]
fn an_image_is_signed_and_the_signature_verifies() {
    let stage = Stage::new();
    stage.run("sign oci:layout --key demo.key").succeeds().says(&format!("signed {SIGNATURE} about sha256:"));
    stage.run(&format!("verify oci:layout --key demo.pub --type {SIGNATURE}")).succeeds().says("ok");
    stage.run("verify oci:layout --key demo.pub --type cyclonedx").fails(6, SIGNATURE);
    stage.run("sign oci:layout --key demo.key --bundle b.json --no-attach").succeeds();
    stage.run("verify oci:layout --key demo.pub --bundle b.json").succeeds();
    stage.run("sign oci:layout").fails(2, "nobody is named who signs");
}

#[test]
fn the_older_layout_lies_behind_a_tag_and_grows() {
    let stage = Stage::new();
    let rows = json(&stage, "sign oci:layout --key demo.key --layout bundle,legacy --json");
    assert!(rows[0]["attached"].is_string() && rows[1]["attachedLegacy"].is_string(), "{rows:#}");
    let subject = rows[0]["subject"].as_str().expect("digest").to_owned();
    stage.run("sign oci:layout --key demo.key --legacy").succeeds();
    stage.run("attest oci:layout --key demo.key --layout legacy").succeeds();
    let tree = stage.run("attached oci:layout").succeeds().stdout;
    assert!(tree.contains("sig") && tree.contains("att"), "{tree}");
    // Neither tag makes the layout ambiguous.
    stage.run("scan oci:layout -o purl").succeeds();
    let blob = |digest: &Value| {
        let path = stage.path(&format!("layout/blobs/sha256/{}", &digest.as_str().expect("digest")[7..]));
        fs::read(path).expect("blob")
    };
    let index: Value =
        serde_json::from_slice(&fs::read(stage.path("layout/index.json")).expect("file")).expect("json");
    let tag = format!("{}.sig", subject.replace(':', "-"));
    let entry = index["manifests"].as_array().expect("list").iter();
    let mut entry = entry.filter(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == tag);
    let manifest: Value = serde_json::from_slice(&blob(&entry.next().expect("tag")["digest"])).expect("json");
    assert!(entry.next().is_none(), "{index:#}");
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), 2, "each signature is a layer: {manifest:#}");
    let payload: Value = serde_json::from_slice(&blob(&layers[0]["digest"])).expect("json");
    assert_eq!(payload["critical"]["image"]["docker-manifest-digest"], subject);
    assert_eq!(payload["critical"]["type"], "cosign container image signature");
}

#[test]
fn of_an_index_the_index_itself_is_signed() {
    let stage = Stage::new();
    let image = |platform: &str| TextImage::parse(&format!("platform: {platform}\n{SMALL}")).expect("image");
    write_oci_index(&stage.path("multi"), &[image("linux/amd64"), image("linux/arm64")], "1").expect("index");
    let index = json(&stage, "sign oci:multi --key demo.key --json");
    assert!(
        index.as_array().is_some_and(|rows| rows.len() == 1) && index[0]["platform"].is_null(),
        "{index:#}"
    );
    let one = json(&stage, "sign oci:multi --platform linux/arm64 --key demo.key --json");
    assert_eq!(one[0]["platform"], "linux/arm64");
    let all = json(&stage, "sign oci:multi --platform all --key demo.key --json");
    assert_eq!(all.as_array().map(Vec::len), Some(3));
    assert_eq!(all[0]["subject"], index[0]["subject"]);
    assert_eq!(all[2]["subject"], one[0]["subject"]);
}

#[test]
fn several_predicates_are_signed_by_one_command() {
    let stage = Stage::new();
    fs::write(stage.path("vex.json"), "{\"a\": 1}").expect("file");
    let rows = json(
        &stage,
        "attest oci:layout --key demo.key --also openvex=vex.json --also test-result=vex.json --json",
    );
    assert_eq!(rows.as_array().map(Vec::len), Some(3));
    for predicate_type in ["cyclonedx", "openvex", "test-result"] {
        stage.run(&format!("verify oci:layout --key demo.pub --type {predicate_type}")).succeeds();
    }
    let fetched = stage.run("fetch oci:layout --key demo.pub --type openvex").succeeds();
    assert_eq!(fetched.stdout, "{\"a\": 1}");
    stage.run("attest oci:layout --key demo.key --also vex.json").fails(2, "TYPE=FILE");
}

#[test]
fn provenance_comes_from_the_run_of_a_build_machine() {
    let stage = Stage::new();
    let run = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "org/app"),
        ("GITHUB_REPOSITORY_ID", "1"),
        ("GITHUB_REPOSITORY_OWNER_ID", "2"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
        ("GITHUB_WORKFLOW_REF", "org/app/.github/workflows/release.yml@refs/heads/main"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_RUN_ID", "3"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
    ];
    let with_password =
        |variables: &[(&'static str, &'static str)]| [variables, &[("SUPERCARGO_PASSWORD", "test")]].concat();
    stage.run_in("attest oci:layout --key demo.key --from-ci", &with_password(&run)).succeeds();
    stage.run("fetch oci:layout --key demo.pub --type slsaprovenance1").succeeds().says("release.yml");
    let hole = with_password(&run[..6]);
    stage.run_in("attest oci:layout --key demo.key --from-ci", &hole).fails(2, "GITHUB_SHA");
    stage.run("attest oci:layout --key demo.key --from-ci").fails(2, "no run of GitHub Actions");
}

#[test]
fn trust_is_shown_exported_and_read_back_without_a_network() {
    let stage = Stage::with(SMALL);
    stage.run("trust show").succeeds().says("built into supercargo").says("https://rekor.sigstore.dev");
    let shown = json(&stage, "trust show --json");
    assert_eq!(shown["origin"], "embedded");
    stage.run("trust export -o root.json").succeeds();
    stage.run("trust export --signing-config").succeeds().says("log2025-1.rekor.sigstore.dev");
    assert_eq!(json(&stage, "trust show --json --trusted-root root.json")["entries"], shown["entries"]);
    stage.run("trust export --instance github -o github.json").succeeds();
    let one_line = |name: &str| -> String {
        let json: Value = serde_json::from_slice(&fs::read(stage.path(name)).expect("file")).expect("json");
        json.to_string()
    };
    fs::write(stage.path("roots.jsonl"), format!("{}\n{}\n", one_line("root.json"), one_line("github.json")))
        .expect("file");
    stage.run("trust show --trusted-root roots.jsonl").succeeds().says("fulcio.githubapp.com");
    stage
        .run("verify oci:layout --identity a@b.c --issuer https://i.example --trusted-root roots.jsonl")
        .fails(6, "none at all");
    fs::write(stage.path("damaged"), "{").expect("file");
    stage
        .run("verify oci:layout --identity a@b.c --issuer https://i.example --trusted-root damaged")
        .fails(1, "damaged");
}

#[test]
fn a_repository_out_of_reach_is_a_service_failure_and_a_bad_root_is_not() {
    let stage = Stage::with(SMALL);
    stage.run("trust export -o root.json").succeeds();
    let private = "--tuf-root root.json --tuf-mirror http://127.0.0.1:1";
    stage.run(&format!("trust update {private}")).fails(1, "root of trust to start from");
    stage.run(&format!("trust show {private}")).fails(1, "supercargo trust update");
    stage.run("trust update --tuf-root root.json").fails(2, "--tuf-mirror");
    stage.run("trust update --offline").fails(2, "asks the repository");
    let cache = stage.path("cache");
    let variables = [("XDG_CACHE_HOME", cache.to_str().expect("utf-8"))];
    let folder = cache.join("supercargo/trust/https%3A%2F%2Ftuf-repo-cdn.sigstore.dev");
    fs::create_dir_all(&folder).expect("folder");
    fs::write(folder.join("timestamp.json"), "{}").expect("file");
    let verify = "verify oci:layout --identity a@b.c --issuer https://i.example";
    stage.run_in(verify, &variables).fails(1, "metadata of the repository");
}

#[test]
fn keys_elsewhere_are_named_by_uri_and_their_secrets_never_shown() {
    let stage = Stage::new();
    let sign = |key: &str| stage.run(&format!("sign oci:layout --key {key}"));
    sign("pkcs11:object=x?pin-value=1234").fails(1, "pin-source");
    sign("pkcs11:object=x").fails(1, "module-path");
    sign("pkcs11:object=x?module-path=/nowhere.so").fails(1, "load its module");
    sign("hashivault://release").fails(2, "VAULT_ADDR");
    sign("no-such-kms://key").fails(1, "sigstore-kms-no-such-kms");
    let vault = [("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_TOKEN", "s3cret")];
    let done = stage.run_in("sign oci:layout --key hashivault://release", &vault).fails(7, "127.0.0.1:1");
    assert!(!done.stderr.contains("s3cret"), "{done:#?}");
}

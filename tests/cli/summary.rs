//! Verification summaries: made from a policy, signed, and accepted in its place.

use std::fs;

use serde_json::{Value, json};
use supercargo::content::Digest;

use super::policy::{golden, stage};
use super::stage::Stage;

const MAKER: &str = "--verifier-id https://verifier.example --resource-uri oci://registry.example/app";
/// The digest of nothing, in the place of a policy's.
const POLICY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A stage with the policy `p.toml`, and a key pair `verifier`.
fn with_verifier(lines: &str) -> Stage {
    let stage = stage(lines);
    stage.run("key generate --output-key-prefix verifier").succeeds();
    stage
}

/// Puts `[accept-vsa]` with these lines before the one requirement of `p.toml`.
fn accept(stage: &Stage, name: &str, lines: &str) {
    let pem = fs::read_to_string(stage.path("verifier.pub")).expect("key");
    let rest = fs::read_to_string(stage.path("p.toml")).expect("policy");
    let head =
        "[accept-vsa]\nverifier-id = 'https://verifier.example'\nresource-uri = 'oci://registry.example/app'";
    let text = format!("{head}\nsigner = [{{ key = '''\n{pem}''' }}]\n{lines}\n{rest}");
    fs::write(stage.path(name), text).expect("policy");
}

fn summary(stage: &Stage) -> Value {
    serde_json::from_slice(&fs::read(stage.path("vsa.json")).expect("file")).expect("json")
}

#[test]
fn a_summary_stands_in_for_the_policy() {
    let stage = with_verifier("type = 'cyclonedx'\n[require.sbom]\npackages-min = 2");
    accept(&stage, "accept.toml", "max-age = '1d'\nlevels = ['SLSA_BUILD_LEVEL_UNEVALUATED']");
    stage.run("attest oci:layout --key demo.key").succeeds();
    let make = format!("verify oci:layout --policy accept.toml --vsa vsa.json {MAKER}");
    stage.run(&make).succeeds().says("satisfied");
    let policy = Digest::sha256_of(&fs::read(stage.path("accept.toml")).expect("policy"));
    let made = summary(&stage);
    assert_eq!(made["verificationResult"], "PASSED");
    assert_eq!(made["verifier"]["id"], "https://verifier.example");
    assert_eq!(made["policy"]["digest"]["sha256"], policy.hex());
    assert_eq!(made["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_UNEVALUATED"]));
    assert_eq!(made["inputAttestations"].as_array().map(Vec::len), Some(1), "{made}");
    golden(&stage, "vsa-missing", "policy test accept.toml oci:layout", 0);
    let sign = "attest oci:layout --type vsa --predicate vsa.json --key verifier.key";
    stage.run(&format!("{sign} --bundle vsa.b.json --no-attach")).succeeds();
    // The bundle of the summary alone suffices: nothing else is looked at.
    golden(&stage, "vsa-accepted", "policy test accept.toml oci:layout --bundle vsa.b.json", 0);
    stage.run("verify oci:layout --policy accept.toml --bundle vsa.b.json").succeeds().says("accepted");
    // A summary is never made of a summary.
    stage.run(&format!("{make} --bundle vsa.b.json")).fails(5, "expected an attestation of type");
    assert_eq!(summary(&stage)["verificationResult"], "FAILED");
    assert_eq!(summary(&stage)["verifiedLevels"], json!(["FAILED"]));
}

#[test]
fn the_level_is_that_of_the_builder() {
    let stage = with_verifier("type = 'slsaprovenance1'\n[require.slsa]\nbuilders = { 'https://b' = 2 }");
    let provenance = json!({"buildDefinition": {"buildType": "https://t", "externalParameters": {}},
                            "runDetails": {"builder": {"id": "https://b"}}});
    fs::write(stage.path("p.json"), provenance.to_string()).expect("file");
    stage.run("attest oci:layout --key demo.key --type slsaprovenance1 --predicate p.json").succeeds();
    stage.run(&format!("verify oci:layout --policy p.toml --vsa vsa.json {MAKER}")).succeeds();
    assert_eq!(summary(&stage)["verifiedLevels"], json!(["SLSA_BUILD_LEVEL_2"]));
}

/// A summary that `each_refusal_is_named` accepts.
fn good() -> Value {
    json!({
        "verifier": {"id": "https://verifier.example"}, "timeVerified": jiff::Timestamp::now().to_string(),
        "resourceUri": "oci://registry.example/app", "policy": {"uri": "x:y", "digest": {"sha256": POLICY}},
        "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_3"], "slsaVersion": "1.0"
    })
}

/// Signs a summary in which one member is changed, as the bundle `v.b.json`.
fn sign(stage: &Stage, pointer: &str, value: &Value, key: &str) {
    let mut changed = good();
    *changed.pointer_mut(pointer).expect("a member") = value.clone();
    fs::write(stage.path("v.json"), changed.to_string()).expect("file");
    let attest = "attest oci:layout --type vsa --predicate v.json --bundle v.b.json --no-attach";
    stage.run(&format!("{attest} --key {key}.key")).succeeds();
}

/// The rules by which the summary is refused.
fn rules(stage: &Stage, line: &str) -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(&stage.run(&format!("{line} --json")).stdout).expect("json");
    let reasons = rows[0]["summary"]["reasons"].as_array().expect("reasons").clone();
    reasons.iter().map(|reason| reason["rule"].as_str().expect("rule").to_owned()).collect()
}

#[test]
fn each_refusal_is_named() {
    let stage = with_verifier("type = 'cyclonedx'");
    stage.run("attest oci:layout --key demo.key --bundle sbom.b.json").succeeds();
    let levels = "levels = ['SLSA_BUILD_LEVEL_2']";
    accept(&stage, "accept.toml", &format!("max-age = '1d'\npolicy-digests = ['sha256:{POLICY}']\n{levels}"));
    let line = "policy test accept.toml oci:layout --bundle v.b.json";
    sign(&stage, "/slsaVersion", &"1.2".into(), "verifier");
    assert_eq!(rules(&stage, line), [""; 0]);
    for (pointer, value, rule) in [
        ("/verifier/id", json!("https://other.example"), "verifier"),
        ("/resourceUri", json!("oci://registry.example/other"), "resource uri"),
        ("/policy/digest/sha256", json!("00".repeat(32)), "policy digest"),
        ("/verificationResult", json!("FAILED"), "verification result"),
        ("/verifiedLevels", json!(["SLSA_BUILD_LEVEL_1"]), "verified level"),
        ("/timeVerified", json!("2020-01-01T00:00:00Z"), "time verified"),
        ("/timeVerified", json!("2999-01-01T00:00:00Z"), "time verified"),
        ("/slsaVersion", json!("2.0"), "slsa version"),
        ("/policy", json!(1), "predicate"),
    ] {
        sign(&stage, pointer, &value, "verifier");
        assert_eq!(rules(&stage, line), [rule], "{pointer}");
    }
    sign(&stage, "/slsaVersion", &"1.2".into(), "demo");
    assert_eq!(rules(&stage, line), ["signature"]);
    golden(&stage, "vsa-refused", line, 5);
    let other = "policy test accept.toml oci:layout --bundle sbom.b.json";
    assert_eq!(rules(&stage, other), ["predicate type"]);
    // Without digests it is the policy itself that must have been checked.
    accept(&stage, "own.toml", "max-age = '1d'");
    sign(&stage, "/slsaVersion", &"1.2".into(), "verifier");
    assert_eq!(rules(&stage, "policy test own.toml oci:layout --bundle v.b.json"), ["policy digest"]);
}

#[test]
fn one_command_checks_signs_and_attaches() {
    let stage = with_verifier("type = 'cyclonedx'\n[require.sbom]\npackages-min = 2");
    accept(&stage, "accept.toml", "max-age = '1d'");
    let attest = format!("attest oci:layout --from-policy accept.toml --key verifier.key {MAKER}");
    let done = stage.run(&attest).fails(5, "does not satisfy the policy");
    assert!(done.stdout.contains("signed https://slsa.dev/verification_summary/v1"), "{done:#?}");
    let done = stage.run("policy test accept.toml oci:layout").fails(5, "expected an attestation of type");
    assert!(done.stdout.contains("expected PASSED, found FAILED"), "{done:#?}");
    stage.run("attest oci:layout --key demo.key").succeeds();
    // Summaries carry whole seconds, and the one of the later second counts.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    stage.run(&attest).succeeds();
    stage.run("policy test accept.toml oci:layout").succeeds().says("accepted       verification summary");
}

#[test]
fn what_a_summary_needs_is_asked_for() {
    let stage = with_verifier("type = 'cyclonedx'");
    let attest = "attest oci:layout --from-policy p.toml --key verifier.key";
    stage.run(attest).fails(2, "--verifier-id");
    stage.run(&format!("verify oci:layout --key demo.pub {MAKER}")).fails(2, "--vsa");
    stage
        .run(&format!("{attest} --verifier-id https://v.example"))
        .fails(2, "is in no registry")
        .hints("say from where it will be fetched with `--resource-uri URI`");
    stage
        .run(&format!("{attest} --verifier-id me --resource-uri x:y"))
        .fails(2, "`me` names the verifier, and is not a URI");
    stage
        .run(&format!("verify oci:layout --policy p.toml --vsa v.json --platform all {MAKER}"))
        .fails(5, "expected an attestation of type");
}

//! Policy files: what they ask for, every reason, and their schema.

use std::fs;

use serde_json::Value;
use supercargo::attest_types::PolicyFile;

use super::stage::Stage;
use crate::support::root;

/// A stage on which the policy `p.toml` has one requirement with these lines, signed by the key `demo`.
fn stage(lines: &str) -> Stage {
    let stage = Stage::new();
    write(&stage, "p.toml", lines);
    stage
}

fn write(stage: &Stage, name: &str, lines: &str) {
    let pem = fs::read_to_string(stage.path("demo.pub")).expect("key");
    let text = format!("[[require]]\nname = \"r\"\nsigner = [{{ key = '''\n{pem}''' }}]\n{lines}\n");
    fs::write(stage.path(name), text).expect("policy");
}

#[test]
fn a_policy_is_satisfied_or_says_every_reason() {
    let stage =
        stage("type = 'cyclonedx'\n[require.sbom]\npackages-min = 2\nrequired-fields = ['version', 'purl']");
    let done = stage.run("policy test p.toml oci:layout").fails(5, "expected an attestation of type");
    assert!(done.stdout.contains("NOT SATISFIED  r"), "{done:#?}");
    stage.run("attest oci:layout --key demo.key --bundle b.json").succeeds();
    stage
        .run("policy test p.toml oci:layout")
        .succeeds()
        .says("satisfied      r")
        .says("signed by key sha256:");
    stage.run("verify oci:layout --policy p.toml").succeeds().says("satisfied");
    stage.run("policy test p.toml oci:layout --bundle b.json").succeeds().says("by the bundle given");
    write(
        &stage,
        "strict.toml",
        "type = 'cyclonedx'\nmax-age = '30d'\n[require.sbom]\ndenied-packages = ['pkg:npm/left-pad@*']\npackages-min = 9\n\
         required-fields = ['supplier']",
    );
    let done = stage.run("policy test strict.toml oci:layout --json").fails(5, "does not satisfy the policy");
    let rows: Vec<Value> = serde_json::from_str(&done.stdout).expect("json");
    let reasons = rows[0]["requirements"][0]["reasons"].as_array().expect("reasons");
    let rules: Vec<&str> = reasons.iter().filter_map(|reason| reason["rule"].as_str()).collect();
    assert_eq!(rules, ["max age", "packages", "package", "field"]);
}

#[test]
fn thresholds_and_all_must_pass() {
    let stage = stage("type = 'openvex'\nwhich = 'any'");
    stage.run("key generate --output-key-prefix other").succeeds();
    fs::write(stage.path("v.json"), "{\"a\":1}").expect("file");
    stage.run("attest oci:layout --key demo.key --type openvex --predicate v.json").succeeds();
    stage.run("attest oci:layout --key other.key --type openvex --predicate v.json").succeeds();
    stage.run("policy test p.toml oci:layout").succeeds();
    write(&stage, "all.toml", "type = 'openvex'\nwhich = 'all'");
    stage.run("policy test all.toml oci:layout").fails(5, "signature mismatch");
    let pem = |name: &str| fs::read_to_string(stage.path(name)).expect("key");
    let both = format!(
        "[[require]]\nname = 'two'\ntype = 'openvex'\nthreshold = 2\nsigner = [{{ key = '''{}''' }}, {{ key = '''{}''' }}]",
        pem("demo.pub"),
        pem("other.pub")
    );
    fs::write(stage.path("both.toml"), both).expect("policy");
    stage.run("policy test both.toml oci:layout").succeeds();
    stage.run("verify oci:layout --type openvex --key demo.pub --key other.pub --threshold 2").succeeds();
    stage
        .run("verify oci:layout --type openvex --key demo.pub --key demo.pub --threshold 2")
        .fails(5, "expected 2 different ones");
}

#[test]
fn a_wrong_policy_names_what_is_wrong() {
    let stage = stage("type = 'cyclonedx'\nfresh = true");
    stage.run("policy test p.toml oci:layout").fails(1, "unknown field `fresh`");
    stage.run("policy test absent.toml oci:layout").fails(1, "absent.toml");
    stage.run("verify oci:layout --policy p.toml --key demo.pub").fails(2, "cannot be used with");
}

#[test]
fn the_schema_takes_what_the_program_takes() {
    let schema: Value =
        serde_json::from_slice(&fs::read(root().join("schemas/policy.schema.json")).expect("schema"))
            .expect("json");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let text = fs::read_to_string(root().join("testdata/policies/everything.toml")).expect("policy");
    let json =
        |text: &str| serde_json::to_value(toml::from_str::<toml::Value>(text).expect("toml")).expect("json");
    let whole = json(&text);
    assert!(
        validator.is_valid(&whole),
        "{:?}",
        validator.iter_errors(&whole).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    assert_eq!(PolicyFile::read(&text).expect("policy").requirements.len(), 2);
    // Without any one of its lines, both agree on what is left.
    let mut kept = 0;
    for number in 0..text.lines().count() {
        let rest: Vec<&str> =
            text.lines().enumerate().filter(|(at, _)| *at != number).map(|(_, line)| line).collect();
        let rest = rest.join("\n");
        let Ok(value) = toml::from_str::<toml::Value>(&rest) else { continue };
        let valid = validator.is_valid(&serde_json::to_value(value).expect("json"));
        let read = PolicyFile::read(&rest);
        // What a key or a pattern is, the schema leaves to the program.
        if let Err(error) = &read
            && error.to_string().contains("key 0")
        {
            continue;
        }
        assert_eq!(valid, read.is_ok(), "without line {}: {read:?}", number + 1);
        kept += 1;
    }
    assert!(kept > 20, "only {kept} variants were compared");
}

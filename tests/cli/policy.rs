//! Policy files: what they ask for, every reason, and their schema.

use std::fs;

use serde_json::{Value, json};
use supercargo::attest_types::PolicyFile;

use super::explain::compare;
use super::stage::Stage;
use crate::support::root;

/// A stage on which the policy `p.toml` has one requirement with these lines, signed by the key `demo`.
pub(super) fn stage(lines: &str) -> Stage {
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

/// Runs `policy test`, compares with the golden file, and gives the rules of the reasons.
pub(super) fn golden(stage: &Stage, name: &str, line: &str, code: i32) -> Vec<String> {
    let done = stage.run(line);
    assert_eq!(done.code, code, "{name}: {done:#?}");
    compare(&format!("policy-{name}"), &done.stdout, line);
    let rows: Vec<Value> = serde_json::from_str(&stage.run(&format!("{line} --json")).stdout).expect("json");
    let of = |verdict: &Value| verdict["reasons"].as_array().cloned().unwrap_or_default();
    let verdicts = rows[0]["requirements"].as_array().cloned().unwrap_or_default();
    let reasons = of(&rows[0]["summary"]).into_iter().chain(verdicts.iter().flat_map(of));
    reasons.filter_map(|reason| reason["rule"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_licence_with_another_choice_is_not_denied() {
    let stage = stage("type = 'cyclonedx'\n[require.sbom]\ndenied-licences = ['GPL-*']");
    let bom = |licence: &str| {
        json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
            {"type": "library", "name": "a", "version": "1", "licenses": [{"expression": licence}]}]})
        .to_string()
    };
    fs::write(stage.path("choice.json"), bom("MIT OR GPL-3.0-only")).expect("file");
    fs::write(stage.path("both.json"), bom("MIT AND GPL-3.0-only")).expect("file");
    for (file, code, expected) in [("choice", 0, vec![]), ("both", 5, vec!["licence"])] {
        let attest = "attest oci:layout --key demo.key --no-attach";
        stage.run(&format!("{attest} --predicate {file}.json --bundle {file}.b.json")).succeeds();
        let line = format!("policy test p.toml oci:layout --bundle {file}.b.json");
        assert_eq!(golden(&stage, &format!("licence-{file}"), &line, code), expected);
    }
}

#[test]
fn a_profile_names_every_field_and_package() {
    let stage = stage("type = 'cyclonedx'\n[require.sbom]\nprofiles = ['bsi-tr-03183-2']");
    let bom = json!({"bomFormat": "CycloneDX", "specVersion": "1.7", "components": [
        {"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1"},
        {"type": "library", "name": "b", "version": "2"}, {"type": "file", "name": "no package"}]});
    fs::write(stage.path("bom.json"), bom.to_string()).expect("file");
    stage.run("attest oci:layout --key demo.key --predicate bom.json").succeeds();
    let rules = golden(&stage, "profile", "policy test p.toml oci:layout", 5);
    assert!(rules.len() > 2 && rules.iter().all(|rule| rule == "profile"), "{rules:?}");
    let done = stage.run("policy test p.toml oci:layout --json").fails(5, "does not satisfy");
    let rows: Vec<Value> = serde_json::from_str(&done.stdout).expect("json");
    let reasons = rows[0]["requirements"][0]["reasons"].as_array().expect("reasons").clone();
    let of = |field: &str| reasons.iter().find(|reason| reason["profile"]["field"] == field).cloned();
    let hash = of("deployable hash").expect("no package says where it is deployed from");
    assert_eq!(hash["profile"]["missing"], hash["profile"]["of"]);
    assert_eq!(hash["profile"]["packages"].as_array().map(Vec::len), Some(2), "{hash}");
    stage.run("attest oci:layout --key demo.key --type spdx").succeeds();
    write(&stage, "spdx.toml", "type = 'spdx'\n[require.sbom]\nprofiles = ['bsi-tr-03183-2']");
    let done = stage.run("policy test spdx.toml oci:layout").fails(5, "expected `format`");
    assert!(done.stdout.contains("the document has none"), "{done:#?}");
    write(&stage, "none.toml", "type = 'spdx'\n[require.sbom]\nprofiles = ['bsi']");
    let words = "there is no profile `bsi`; there are bsi-tr-03183-2";
    stage.run("policy test none.toml oci:layout").fails(1, words);
}

#[test]
fn an_expression_must_be_true() {
    let stage = stage(
        "type = 'cyclonedx'\n[[require.cel]]\nname = 'versions'\n\
         expression = 'predicate.components.all(c, has(c.version))'\n\
         [[require.cel]]\nname = 'subject'\n\
         expression = 'size(subject) == 1 && signer.key.startsWith(\"sha256:\")'",
    );
    stage.run("attest oci:layout --key demo.key").succeeds();
    stage.run("policy test p.toml oci:layout").succeeds().says("satisfied");
    write(
        &stage,
        "false.toml",
        "type = 'cyclonedx'\n[[require.cel]]\nname = 'npm'\nmessage = 'no npm here'\n\
         expression = '!predicate.components.exists(c, has(c.purl) && c.purl.startsWith(\"pkg:npm/\"))'\n\
         [[require.cel]]\nname = 'missing'\nexpression = 'predicate.nothing == 1'\n\
         [[require.cel]]\nname = 'type'\nexpression = 'predicate.version'",
    );
    let rules = golden(&stage, "expression", "policy test false.toml oci:layout", 5);
    assert_eq!(rules, ["expression"; 3]);
    let wrong = "type = 'cyclonedx'\n[[require.cel]]\nname = 'n'\nexpression = 'true && predicat.a'";
    write(&stage, "wrong.toml", wrong);
    let words = "requirement `r`, expression `n`, line 1, column 9: unknown variable `predicat`";
    stage.run("policy test wrong.toml oci:layout").fails(1, words);
}

#[cfg(not(feature = "rego"))]
#[test]
fn rego_is_refused_by_a_build_without_it() {
    let stage = stage("type = 'cyclonedx'\n[[require.rego]]\nname = 'm'\nmodule = 'package supercargo'");
    stage.run("policy test p.toml oci:layout").fails(1, "build it with `--features rego`");
}

#[cfg(feature = "rego")]
#[test]
fn a_module_in_rego_refuses_with_its_own_words() {
    let module = "package supercargo\n\
        deny contains msg if {\n some c in input.predicate.components\n not c.version\n msg := c.name\n}\n\
        allow if input.predicateType == \"https://cyclonedx.org/bom\"";
    let stage =
        stage(&format!("type = 'cyclonedx'\n[[require.rego]]\nname = 'm'\nmodule = \'\'\'\n{module}\'\'\'"));
    for (bom, code) in [("[{\"name\":\"a\",\"version\":\"1\"}]", 0), ("[{\"name\":\"nameless version\"}]", 5)]
    {
        let bom = format!("{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":{bom}}}");
        fs::write(stage.path("bom.json"), bom).expect("file");
        stage.run("attest oci:layout --key demo.key --predicate bom.json --bundle b.json").succeeds();
        let tested = stage.run("policy test p.toml oci:layout --bundle b.json");
        match code {
            0 => drop(tested.succeeds().says("satisfied")),
            _ => assert!(tested.fails(code, "does not satisfy").stdout.contains("nameless version")),
        }
    }
    let wrong = "type = 'cyclonedx'\n[[require.rego]]\nname = 'm'\nmodule = 'package other'";
    write(&stage, "wrong.toml", wrong);
    stage.run("policy test wrong.toml oci:layout").fails(1, "found `package other`");
}

#[test]
fn which_is_the_newest_cannot_be_told_without_a_time() {
    let lines = "type = 'openvex'\n[[require.cel]]\nname = 'a'\nexpression = 'predicate.a == 1'";
    let stage = stage(lines);
    for (name, json) in [("one", "{\"a\":1}"), ("two", "{\"a\":2}")] {
        fs::write(stage.path(name), json).expect("file");
    }
    stage.run("attest oci:layout --key demo.key --type openvex --predicate one").succeeds();
    stage.run("policy test p.toml oci:layout").succeeds();
    stage.run("attest oci:layout --key demo.key --type openvex --predicate two").succeeds();
    let rules = golden(&stage, "newest", "policy test p.toml oci:layout", 5);
    assert_eq!(rules, ["newest", "expression"]);
    write(&stage, "any.toml", &format!("which = 'any'\n{lines}"));
    stage.run("policy test any.toml oci:layout").succeeds();
}

#[test]
fn what_is_damaged_is_a_reason() {
    let stage = stage("type = 'cyclonedx'");
    fs::write(stage.path("b.json"), "{}").expect("file");
    let rules = golden(&stage, "damaged", "policy test p.toml oci:layout --bundle b.json", 5);
    assert_eq!(rules, ["bundle"]);
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
    let read =
        |text: &str| serde_json::to_value(toml::from_str::<toml::Value>(text).expect("toml")).expect("json");
    let whole = read(&text);
    assert!(
        validator.is_valid(&whole),
        "{:?}",
        validator.iter_errors(&whole).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    assert_eq!(PolicyFile::read(&text).expect("policy").requirements.len(), 3);
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

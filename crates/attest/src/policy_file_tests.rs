use super::*;

use serde_json::json;

const SIGNER: &str = r#"signer = [{ identity = "a@example.org", issuer = "https://i.example" }]"#;

fn read(more: &str) -> Result<Requirement, PolicyFileError> {
    let text = format!("[[require]]\nname = 'r'\n{SIGNER}\n{more}");
    PolicyFile::read(&text).map(|mut policy| policy.requirements.remove(0))
}

fn statement(predicate_type: &str, predicate: &serde_json::Value) -> Statement {
    let json = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type,
        "subject": [{"name": "", "digest": {"sha256": "00"}}], "predicate": predicate
    });
    Statement::read_without_verifying(json.to_string().as_bytes()).unwrap()
}

fn reasons(
    requirement: &Requirement,
    predicate_type: &str,
    predicate: &serde_json::Value,
) -> Vec<&'static str> {
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    let report = Report { times: vec!["2026-05-01T00:00:00Z".parse().unwrap()], ..Report::default() };
    let statement = statement(predicate_type, predicate);
    requirement.check(&statement, &report, now).iter().map(PolicyReason::rule).collect()
}

#[test]
fn what_is_not_understood_is_an_error() {
    for (more, words) in [
        ("type = 'cyclonedx'\nfresh = true", "unknown field `fresh`"),
        ("type = 'cyclone'", "`cyclone` is not a predicate type"),
        ("type = 'spdx'\nmax-age = 'soon'", "`soon` is not an age"),
        ("type = 'spdx'\nthreshold = 2", "a threshold of 2 can never be met by 1 signers"),
        ("type = 'spdx'\nslsa = {}", "`slsa` rules say nothing about"),
        ("type = 'slsaprovenance1'\nsbom = {}", "`sbom` rules say nothing about"),
        ("type = 'spdx'\nwhich = 'oldest'", "unknown variant `oldest`"),
    ] {
        let error = read(more).unwrap_err().to_string();
        assert!(error.contains(words), "{more}: {error}");
    }
    let signer = |text: &str| {
        PolicyFile::read(&format!("[[require]]\nname='r'\ntype='spdx'\nsigner=[{text}]"))
            .unwrap_err()
            .to_string()
    };
    assert!(signer("{ identity = 'a' }").contains("found no issuer"));
    assert!(
        signer("{ identity = 'a', identity-pattern = 'a', issuer = 'i' }").contains("a text and a pattern")
    );
    assert!(signer("{ identity-pattern = '(', issuer = 'i' }").contains("is not a pattern"));
    assert!(signer("{ key = 'x' }").contains("key 0 is not readable"));
    assert!(signer("").contains("can never be met"));
    assert!(matches!(PolicyFile::read("require = []"), Err(PolicyFileError::Count { .. })));
    let twice = format!("[[require]]\nname='r'\ntype='spdx'\n{SIGNER}\n").repeat(2);
    assert_eq!(PolicyFile::read(&twice), Err(PolicyFileError::Name { name: "r".into() }));
}

#[test]
fn every_reason_is_given_not_the_first() {
    let rules = read(
        "type = 'slsaprovenance1'\nmax-age = '7d'\n[require.slsa]\nbuilders = { 'https://b' = 2 }\nlevel-min = 3\n\
         build-types = ['https://t']\nsource-repository = 'https://github.com/org/app'\n\
         source-ref-pattern = 'refs/tags/v.*'\nworkflow = '.github/workflows/release.yml'\n\
         reject-unknown-parameters = true\n[require.slsa.external-parameters]\nenv = 'prod'",
    )
    .unwrap();
    let provenance = |builder: &str, git_ref: &str, env: &str| {
        json!({
            "buildDefinition": {
                "buildType": "https://t",
                "externalParameters": {"env": env, "workflow": {
                    "repository": "https://github.com/org/app", "ref": git_ref,
                    "path": ".github/workflows/release.yml"
                }}
            },
            "runDetails": {"builder": {"id": builder}}
        })
    };
    let uri = "https://slsa.dev/provenance/v1";
    let found = reasons(&rules, uri, &provenance("https://other", "refs/heads/x", "dev"));
    assert_eq!(found, ["max age", "builder", "source ref", "external parameters", "external parameters"]);
    let found = reasons(&rules, uri, &provenance("https://b", "refs/tags/v1", "prod"));
    assert_eq!(found, ["max age", "level", "external parameters"]);
    assert_eq!(reasons(&rules, uri, &json!({"a": 1})), ["max age", "predicate"]);
}

#[test]
fn older_provenance_says_the_same_in_other_words() {
    let rules = read(
        "type = 'slsaprovenance'\n[require.slsa]\nbuilders = { 'https://b' = 3 }\nlevel-min = 3\n\
         source-repository = 'https://github.com/org/app'\nsource-ref = 'refs/heads/main'\nworkflow = 'w.yml'",
    )
    .unwrap();
    let provenance = |uri: &str| {
        json!({"builder": {"id": "https://b"}, "buildType": "t",
               "invocation": {"configSource": {"uri": uri, "entryPoint": "w.yml"}, "parameters": {}}})
    };
    let uri = "https://slsa.dev/provenance/v0.2";
    let good = provenance("git+https://github.com/org/app@refs/heads/main");
    assert_eq!(reasons(&rules, uri, &good), [""; 0]);
    let bad = provenance("git+https://github.com/org/fork@refs/heads/main");
    assert_eq!(reasons(&rules, uri, &bad), ["source repository"]);
}

#[test]
fn an_sbom_must_have_what_is_asked_and_nothing_that_is_denied() {
    let rules = read(
        "type = 'cyclonedx'\n[require.sbom]\ndenied-licences = ['AGPL-*']\ndenied-packages = ['pkg:npm/left-*']\n\
         required-fields = ['version', 'supplier']\npackages-min = 3",
    )
    .unwrap();
    let bom = json!({"bomFormat": "CycloneDX", "components": [
        {"type": "library", "name": "a", "version": "1", "publisher": "p",
         "licenses": [{"license": {"id": "AGPL-3.0-only"}}]},
        {"type": "library", "name": "left-pad", "purl": "pkg:npm/left-pad@1"}
    ]});
    let found = reasons(&rules, "https://cyclonedx.org/bom", &bom);
    assert_eq!(found, ["packages", "licence", "package", "field", "field"]);
}

use super::*;

#[cfg(not(feature = "rego"))]
#[test]
fn without_the_feature_a_module_is_an_error() {
    let error = RegoModule::read("r", "package supercargo\ndeny contains \"x\" if true").unwrap_err();
    assert_eq!(error, RegoError::NotBuilt);
    assert!(error.to_string().contains("--features rego"));
}

#[cfg(feature = "rego")]
mod with_the_engine {
    use super::*;

    use std::time::Instant;

    use crate::expression_input::Input;
    use crate::testing::{report, statement};

    fn reasons(module: &str, predicate: &serde_json::Value) -> Vec<RegoReason> {
        let module = RegoModule::read("r", &format!("package supercargo\n{module}")).unwrap();
        let (statement, report) = (statement(predicate), report());
        module.check(&Input::new(&statement, &report, "2026-06-01T00:00:00Z".parse().unwrap()))
    }

    fn error(module: &str) -> String {
        RegoModule::read("r", module).unwrap_err().to_string()
    }

    #[test]
    fn deny_gives_reasons_and_allow_must_be_true() {
        let deny = "deny contains msg if {\n some c in input.predicate.components\n not c.version\n\
                    msg := sprintf(\"%s has no version\", [c.name])\n}";
        let bom =
            serde_json::json!({"components": [{"name": "b"}, {"name": "a"}, {"name": "c", "version": "1"}]});
        let found: Vec<String> = reasons(deny, &bom).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["expected no `deny`, found: a has no version", "expected no `deny`, found: b has no version"]
        );
        assert_eq!(reasons(deny, &serde_json::json!({"components": []})), []);
        let allow = "default allow := false\nallow if input.signer.key == \"sha256:00\"";
        assert_eq!(reasons(allow, &bom).len(), 1);
        let allow = "allow if startswith(input.predicateType, \"https://cyclonedx.org/\")";
        assert_eq!(reasons(allow, &bom), []);
        assert_eq!(reasons("allow if input.predicate.nothing", &bom), [RegoReason::NotAllowed]);
        assert!(matches!(reasons("deny := 1", &bom)[..], [RegoReason::Type { .. }]));
    }

    #[test]
    fn what_does_not_compile_says_where() {
        assert!(
            error("package supercargo\nallow if {").contains("policy.rego:"),
            "{}",
            error("package supercargo\nallow if {")
        );
        assert!(error("package other\nallow := true").contains("found `package other`"));
        assert!(error("package supercargo\nx := 1").contains("found neither"));
        assert!(
            error("package supercargo\nallow if count(numbers.range(1, 9)) > 1").contains("numbers.range")
        );
        assert!(matches!(RegoModule::read("r", &"#".repeat(70_000)), Err(RegoError::TooLong { .. })));
    }

    #[test]
    fn a_function_that_is_not_there_is_told_when_it_is_called() {
        let bom = serde_json::json!({"components": []});
        for call in ["no_such_function(1)", "http.send({})", "time.now_ns() > 1", "opa.runtime().env.HOME"] {
            for rule in ["allow if", "deny contains \"x\" if not"] {
                let found = reasons(&format!("{rule} {call}"), &bom);
                let said = matches!(&found[..], [RegoReason::Failed { detail }]
                    if detail.starts_with("policy.rego:2:") && detail.contains("could not find function"));
                assert!(said, "{call}: {found:?}");
            }
        }
        let mistaken = reasons("deny contains \"x\" if count(1) > 0", &bom);
        assert!(matches!(&mistaken[..], [RegoReason::Failed { .. }]), "{mistaken:?}");
    }

    #[test]
    fn time_is_bounded_and_reasons_are() {
        let many: Vec<u32> = (0..3_000).collect();
        let slow = "allow if {\n some a in input.predicate.l\n some b in input.predicate.l\n some c in input.predicate.l\n\
                    a + b + c == -1\n}";
        let begun = Instant::now();
        let found = reasons(slow, &serde_json::json!({ "l": many }));
        assert!(
            matches!(&found[..], [RegoReason::Failed { detail }] if detail.contains("time limit")),
            "{found:?}"
        );
        assert!(begun.elapsed().as_secs() < 4 * RegoModule::SECONDS_MAX);
        let each = "deny contains msg if {\n some a in input.predicate.l\n msg := sprintf(\"%d\", [a])\n}";
        let found = reasons(each, &serde_json::json!({ "l": many }));
        assert_eq!(found.len(), RegoModule::REASONS_MAX + 1);
        assert_eq!(found.last(), Some(&RegoReason::More { count: 2_900 }));
    }
}

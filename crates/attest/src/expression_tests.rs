use super::*;

use serde_json::{Value as Json, json};

use crate::testing::{report, statement, statement_of};

fn check_of(source: &str, predicate: &str, steps_max: u64) -> Option<ExpressionReason> {
    let expression =
        Expression::compile("r", source, None).unwrap_or_else(|error| panic!("{source}: {error}"));
    let (statement, report) = (statement_of(predicate), report());
    let input = Input::new(&statement, &report, "2026-06-01T00:00:00Z".parse().unwrap());
    expression.check_within(&input, steps_max)
}

fn check(source: &str, predicate: &Json) -> Option<ExpressionReason> {
    check_of(source, &predicate.to_string(), 1_000_000)
}

fn fault(source: &str) -> (usize, usize, Fault) {
    let error = Expression::compile("r", source, None).expect_err(source);
    (error.line, error.column, error.fault)
}

fn bom() -> Json {
    json!({"bomFormat": "CycloneDX", "version": 1, "big": u64::MAX, "ratio": 0.5, "no": null,
           "metadata": {"timestamp": "2026-05-01T00:00:00Z"},
           "components": [{"name": "a", "version": "1", "licenses": [{"license": {"id": "MIT"}}]},
                          {"name": "b", "version": "2", "licenses": []}]})
}

#[test]
fn what_is_true_passes() {
    for source in [
        "true",
        "predicate.bomFormat == 'CycloneDX' && predicate.version == 1",
        "predicate.components.all(c, has(c.version))",
        "predicate.components.exists(c, c.name == 'b')",
        "predicate.components.exists_one(c, c.version == '2')",
        "predicate.components.map(c, c.name) == ['a', 'b']",
        "predicate.components.map(c, c.name != 'a', c.name) == ['b']",
        "predicate.components.filter(c, size(c.licenses) > 0)[0].name == 'a'",
        "predicate.components.all(c, c.licenses.all(l, l.license.id in ['MIT', 'Apache-2.0']))",
        "predicate['components'][1]['name'] == 'b'",
        "predicateType.startsWith('https://cyclonedx.org/')",
        "subject[0].digest.sha256 == '00' && subject[0].name == 'app'",
        "signer.key.startsWith('sha256:') && !has(signer.identity)",
        "timestamp(now) - timestamp(predicate.metadata.timestamp) < duration('1000h')",
        "timestamp(signingTime) < timestamp(now)",
        "predicate.big > 9u && predicate.ratio == 0.5 && predicate.no == null",
        "predicate.components[0].name.matches('^[a-z]$')",
        "type(predicate.version) == int && 'version' in predicate",
        "predicate.version > 0 ? true : false",
        "{'a': [1, 2]}.a.size() == 2",
    ] {
        assert_eq!(check(source, &bom()), None, "{source}");
    }
}

#[test]
fn what_is_not_true_says_why() {
    assert_eq!(
        check("predicate.version  >\n 1", &bom()),
        Some(ExpressionReason::False { text: "predicate.version > 1".into() })
    );
    assert_eq!(check("1 + 1", &bom()), Some(ExpressionReason::Type { found: "int".into() }));
    assert_eq!(
        check("predicate.nothing", &bom()),
        Some(ExpressionReason::NoSuchKey { key: "nothing".into() })
    );
    assert!(matches!(check("predicate < 1", &bom()), Some(ExpressionReason::Overload { .. })));
    assert!(matches!(check("size(1) == 1", &bom()), Some(ExpressionReason::Overload { .. })));
    for source in ["1 / 0 == 1", "[1][5] == 1", "9223372036854775807 + 1 == 1", "int('x') == 1"] {
        let reason = check(source, &bom());
        assert!(matches!(reason, Some(ExpressionReason::Failed { .. })), "{source}: {reason:?}");
    }
    let message = Expression::compile("r", "false", Some("because".into())).unwrap();
    let (statement, report) = (statement(&bom()), report());
    let input = Input::new(&statement, &report, "2026-06-01T00:00:00Z".parse().unwrap());
    assert_eq!(message.check(&input), Some(ExpressionReason::False { text: "because".into() }));
}

#[test]
fn what_does_not_compile_says_where() {
    assert!(matches!(fault("predicate.a &&"), (1, _, Fault::Syntax { .. })));
    assert!(matches!(fault("true &&\n  predicat.a"), (2, 3, Fault::Variable { .. })));
    assert!(matches!(fault("predicate.a.all(x, y)"), (1, 20, Fault::Variable { .. })));
    assert!(matches!(fault("x && predicate.a.all(x, x)"), (1, 1, Fault::Variable { .. })));
    assert!(matches!(fault("sise(predicate) > 1"), (1, _, Fault::Function { .. })));
    assert!(matches!(fault("optional.of(predicate)"), (1, _, Fault::Function { .. })));
    assert!(matches!(fault("predicate.a.matches(predicate.b)"), (1, _, Fault::PatternElsewhere)));
    assert!(matches!(fault("predicate.a.matches('(')"), (1, _, Fault::Pattern(_))));
    assert!(matches!(fault("predicate.a.matches()"), (1, _, Fault::PatternElsewhere)));
    assert!(matches!(fault("a.b{c: 1}"), (1, _, _)));
    assert!(matches!(fault(""), (1, _, Fault::Syntax { .. } | Fault::Parser)));
    assert!(matches!(fault(&"a".repeat(5_000)), (1, 1, Fault::TooLong { .. })));
}

#[test]
fn depth_is_bounded_whatever_it_is_made_of() {
    for source in [
        format!("predicate{}", ".a".repeat(2_000)),
        format!("{}1{}", "(".repeat(2_000), ")".repeat(2_000)),
        format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000)),
        format!("1{}", "+1".repeat(2_000)),
        format!("predicate{}", "[0]".repeat(1_300)),
        format!("predicate{}", ".a()".repeat(1_000)),
        format!("true{}", "?true:true".repeat(400)),
        "((((((((((".repeat(400),
        "predicate.all(x,".repeat(250),
    ] {
        assert!(Expression::compile("r", &source, None).is_err(), "{source}");
    }
    // Signs that cancel each other out are not nested.
    for source in [format!("{}true", "!".repeat(4_000)), format!("{}1 == 1", "-".repeat(4_000))] {
        let expression = Expression::compile("r", &source, None);
        assert!(expression.is_ok_and(|expression| expression.source() == source));
    }
}

#[test]
fn steps_are_bounded_whatever_the_document() {
    let items: Vec<u32> = (0..2_000).collect();
    let document = json!({"l": items, "s": "x".repeat(100_000)}).to_string();
    let too_long = Some(ExpressionReason::Steps { max: 1_000_000 });
    for source in [
        "predicate.l.all(a, predicate.l.all(b, a + b >= 0))",
        "predicate.l.exists(a, predicate.l.exists(b, a + b < 0))",
        "predicate.l.map(a, predicate.l.map(b, a)).size() == 0",
        "predicate.l.filter(a, predicate.l.filter(b, b == a).size() > 5).size() == 0",
        "predicate.l.exists_one(a, predicate.l.exists_one(b, b == a))",
        "predicate.l.all(a, predicate.l == predicate.l)",
        "predicate.l.all(a, a in predicate.l)",
        "predicate.l.all(a, predicate.s.contains('y') == false)",
        "predicate.l.all(a, predicate.s.matches('^x+$'))",
        "predicate.l.all(a, size(predicate.s + predicate.s) > 0)",
        "predicate.l.all(a, predicate.s <= predicate.s) || true",
        "true || predicate.l.all(a, predicate.l.all(b, predicate.nothing))",
        "predicate.l.all(a, predicate.l.all(b, predicate.nothing)) || true",
    ] {
        let expected = if source.starts_with("true ||") { None } else { too_long.clone() };
        assert_eq!(check_of(source, &document, 1_000_000), expected, "{source}");
    }
    let double = format!("[predicate.s]{}.size() > 0", ".map(x, x + x)".repeat(40));
    assert_eq!(check_of(&double, &document, 1_000_000), too_long);
    let pair = format!("[predicate.l]{}.size() > 0", ".map(x, [x, x])".repeat(40));
    assert_eq!(check_of(&pair, &document, 1_000_000), too_long);
    assert_eq!(check_of("predicate.l.all(a, a >= 0)", &document, 1_000_000), None);
}

#[test]
fn hostile_documents_are_reasons() {
    let input = |reason: Option<ExpressionReason>| match reason {
        Some(ExpressionReason::Input(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(input(check_of("true", r#"{"a":1,"a":2}"#, 1_000)).contains("a member twice"));
    let many = format!("{{\"l\":[{}0]}}", "0,".repeat(Expression::VALUES_MAX));
    assert!(input(check_of("true", &many, 1_000)).contains("more values than the limit"));
    let long = format!("{{\"s\":\"{}\"}}", "x".repeat(Expression::PREDICATE_BYTES_MAX));
    assert!(input(check_of("true", &long, 1_000)).contains("expected at most"));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(check_of("predicate.a == predicate.a", &deep, 1_000), None);
    assert_eq!(check_of("true", r#"{"a":"\ud83d\ude00","\u0061b":1}"#, 1_000), None);
}

use supercargo_inventory::{ProblemKind, RequirementKind};

use super::Npm;
use crate::testing::{Layer, edges, kinds, named, purls};

fn manifest(name: &str, version: &str, more: &str) -> String {
    format!(r#"{{"name":"{name}","version":"{version}"{more}}}"#)
}

#[test]
fn edges_are_those_that_node_would_follow() {
    let settlement = Layer::default()
        .file("app/node_modules/a/package.json", manifest("a", "1.0.0", r#","dependencies":{"b":"^1"}"#))
        .file("app/node_modules/a/node_modules/b/package.json", manifest("b", "1.5.0", ""))
        .file(
            "app/node_modules/b/package.json",
            manifest("b", "2.0.0", r#","peerDependencies":{"@s/c":"*"}"#),
        )
        .file(
            "app/node_modules/@s/c/package.json",
            manifest("@s/c", "3.0.0", r#","dependencies":{"b":"2","gone":"1"}"#),
        )
        .scan(&Npm);
    assert_eq!(
        edges(&settlement),
        ["@s/c@3.0.0 DependsOn b@2.0.0", "a@1.0.0 DependsOn b@1.5.0", "b@2.0.0 DependsOn @s/c@3.0.0"]
    );
    assert_eq!(named(&settlement, "@s/c").purl.to_string(), "pkg:npm/%40s/c@3.0.0");
}

#[test]
fn only_roots_of_packages_count() {
    let settlement = Layer::default()
        .file("app/package.json", manifest("app", "1.0.0", ""))
        .file("app/node_modules/r/package.json", manifest("r", "1.0.0", ""))
        .file("app/node_modules/r/lib/esm/package.json", r#"{"type":"module"}"#)
        .file("app/node_modules/r/dist/compiled/x/package.json", manifest("x", "1.0.0", ""))
        .file("app/node_modules/r/test/node_modules/y/package.json", manifest("y", "1.0.0", ""))
        .file("app/node_modules/.bin/z/package.json", manifest("z", "1.0.0", ""))
        .scan(&Npm);
    assert_eq!(purls(&settlement), ["pkg:npm/r@1.0.0"]);
    assert!(settlement.problems.is_empty(), "{:?}", settlement.problems);
}

#[test]
fn stores_and_workspaces_are_reached_through_links() {
    let settlement = Layer::default()
        .file(
            "p/node_modules/.pnpm/a@1/node_modules/a/package.json",
            manifest("a", "1.0.0", r#","dependencies":{"b":"1"}"#),
        )
        .link("p/node_modules/.pnpm/a@1/node_modules/b", "../../b@1/node_modules/b")
        .file("p/node_modules/.pnpm/b@1/node_modules/b/package.json", manifest("b", "1.0.0", ""))
        .link("p/node_modules/a", ".pnpm/a@1/node_modules/a")
        .file("p/node_modules/.store/@s/c@1-x/node_modules/@s/c/package.json", manifest("@s/c", "1.0.0", ""))
        .file("p/packages/w/package.json", manifest("w", "0.1.0", r#","dependencies":{"a":"1"}"#))
        .file("p/packages/v/package.json", manifest("v", "0.1.0", ""))
        .link("p/node_modules/w", "../packages/w")
        .link("p/node_modules/loop", "loop")
        .scan(&Npm);
    assert_eq!(
        purls(&settlement),
        ["pkg:npm/%40s/c@1.0.0", "pkg:npm/a@1.0.0", "pkg:npm/b@1.0.0", "pkg:npm/w@0.1.0"]
    );
    assert_eq!(edges(&settlement), ["a@1.0.0 DependsOn b@1.0.0", "w@0.1.0 DependsOn a@1.0.0"]);
    assert_eq!(named(&settlement, "w").properties["npm:linked"], "true");
}

#[test]
fn the_lock_file_adds_hashes_and_flags() {
    let lock = r#"{"packages":{"node_modules/a":{"version":"1.0.0","dev":true,"inBundle":1,
        "resolved":"https://t:s@registry.example/a.tgz","integrity":"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= md5-x"},
        "node_modules/b":{"version":"9.0.0"},"node_modules/gone":{"version":"1.0.0"}}}"#;
    let settlement = Layer::default()
        .file("app/node_modules/a/package.json", manifest("a", "1.0.0", ""))
        .file("app/node_modules/b/package.json", manifest("b", "1.0.0", ""))
        .file("app/node_modules/.package-lock.json", lock)
        .scan(&Npm);
    let a = named(&settlement, "a");
    assert_eq!(a.hashes[0].hex, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_eq!(a.links[0].url, "https://registry.example/a.tgz");
    assert_eq!(a.properties["npm:dev"], "true");
    assert!(!a.properties.contains_key("npm:bundled"));
    assert_eq!(kinds(&settlement), [ProblemKind::Inconsistent], "b is there in another version");
    assert_eq!(settlement.packages.len(), 2, "what is not on disk is not there");
}

#[test]
fn fields_in_all_their_spellings() {
    let more = r#","license":{"type":"MIT"},"licenses":[{"type":"ISC"},7],"author":"A <a@example.org> (https://example.org)",
        "repository":"owner/name","bugs":{"url":"https://example.org/b"},"homepage":7,"description":["no"],
        "dependencies":{"o":"1","p":{}},"optionalDependencies":{"o":"1"},"devDependencies":{"d":"1"}"#;
    let settlement =
        Layer::default().file("node_modules/a/package.json", manifest("a", "v1.0.0", more)).scan(&Npm);
    let a = named(&settlement, "a");
    assert_eq!(a.version.as_deref(), Some("1.0.0"));
    assert_eq!(a.licenses.iter().map(|claim| claim.text.as_str()).collect::<Vec<_>>(), ["ISC", "MIT"]);
    assert_eq!(a.author.as_ref().unwrap().url.as_deref(), Some("https://example.org"));
    assert!(a.links.iter().any(|link| link.url.ends_with("/owner/name")), "{:?}", a.links);
    let kind = |name: &str| a.requires.iter().find(|need| need.any_of == [name]).unwrap().kind;
    assert_eq!(kind("o"), RequirementKind::Optional);
    assert_eq!(kind("p"), RequirementKind::Runtime);
    assert_eq!(kind("d"), RequirementKind::Build);
}

#[test]
fn manifests_that_describe_no_package_are_reported() {
    for (what, bytes) in [
        ("empty", String::new()),
        ("an array", "[]".into()),
        ("deep nesting", format!("{{\"a\":{}", "[".repeat(1_000_000))),
        ("a template", manifest("<%= dasherize(name) %>", "1.0.0", "")),
        ("a path", manifest("../../etc", "1.0.0", "")),
        ("an empty scope", manifest("@/x", "1.0.0", "")),
        ("two scopes", manifest("@a/b/c", "1.0.0", "")),
        ("a long name", manifest(&"x".repeat(215), "1.0.0", "")),
        ("a name of another type", r#"{"name":{},"version":"1.0.0"}"#.into()),
        ("a version of another type", r#"{"name":"a","version":1}"#.into()),
        ("no version", r#"{"name":"a"}"#.into()),
        ("a version that is none", manifest("a", "latest", "")),
    ] {
        let settlement = Layer::default().file("node_modules/a/package.json", bytes).scan(&Npm);
        assert_eq!(kinds(&settlement), [ProblemKind::Malformed], "{what}");
        assert!(settlement.packages.is_empty(), "{what}");
    }
    let lock = Layer::default().file("node_modules/.package-lock.json", "{\"packages\":[]}").scan(&Npm);
    assert_eq!(kinds(&lock), [ProblemKind::Malformed]);
}

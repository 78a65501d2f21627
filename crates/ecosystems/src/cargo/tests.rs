use std::io::Write as _;

use supercargo_inventory::{PackageKind, ProblemKind};

use super::Cargo;
use crate::testing::{Layer, edges, elf, kinds, named, purls};

const LIST: &str = r#"{"packages":[
    {"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[1,2,3]},
    {"name":"serde","version":"1.0.1","source":"crates.io","kind":"runtime","dependencies":[3]},
    {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
    {"name":"memchr","version":"2.0.0","source":"git"}],"format":1}"#;

fn program(json: &[u8]) -> Layer {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(json).unwrap();
    Layer::default().file("bin/x", elf(&[(".dep-v0", &encoder.finish().unwrap())]))
}

#[test]
fn crates_of_the_program_and_their_edges() {
    let settlement = program(LIST.as_bytes()).scan(&Cargo);
    assert_eq!(
        purls(&settlement),
        ["pkg:cargo/app@0.1.0", "pkg:cargo/memchr@2.0.0", "pkg:cargo/serde@1.0.1"]
    );
    assert_eq!(
        edges(&settlement),
        [
            "app@0.1.0 DependsOn memchr@2.0.0",
            "app@0.1.0 DependsOn serde@1.0.1",
            "serde@1.0.1 DependsOn memchr@2.0.0"
        ]
    );
    assert_eq!(named(&settlement, "app").kind, PackageKind::Application);
    assert_eq!(named(&settlement, "memchr").properties["cargo:source"], "git");
}

#[test]
fn lies_in_the_list_are_reported() {
    let one = |more: &str| format!(r#"{{"packages":[{{"name":"a","version":"1.0.0","source":"x"{more}}}]}}"#);
    for (what, json, kind) in [
        ("no json", "{".to_owned(), ProblemKind::Malformed),
        ("json of another kind", "[]".to_owned(), ProblemKind::Malformed),
        ("deep nesting", "[".repeat(100_000), ProblemKind::Malformed),
        ("a reference past the end", one(r#","dependencies":[7]"#), ProblemKind::Malformed),
        ("a negative reference", one(r#","dependencies":[-1]"#), ProblemKind::Malformed),
        ("a circle", one(r#","dependencies":[0]"#), ProblemKind::Inconsistent),
        (
            "a name that cannot be",
            r#"{"packages":[{"name":"a/../b","version":"1","source":"x"}]}"#.into(),
            ProblemKind::Malformed,
        ),
        (
            "two roots",
            LIST.replace(r#""source":"git""#, r#""source":"git","root":true"#),
            ProblemKind::Inconsistent,
        ),
    ] {
        assert_eq!(kinds(&program(json.as_bytes()).scan(&Cargo)), [kind], "{what}");
    }
}

#[test]
fn a_bomb_is_stopped() {
    let settlement = program(&vec![b' '; super::JSON_BYTES_MAX + 1]).scan(&Cargo);
    assert_eq!(settlement.problems.len(), 1);
    assert!(settlement.packages.is_empty());
}

#[test]
fn damaged_data_and_cut_files_do_not_panic() {
    let garbage = Layer::default().file("bin/x", elf(&[(".dep-v0", b"not zlib")])).scan(&Cargo);
    assert_eq!(kinds(&garbage), [ProblemKind::Malformed]);
    let bytes = elf(&[(".dep-v0", b"not zlib")]);
    for length in 64..bytes.len() {
        Layer::default().file("bin/x", &bytes[..length]).scan(&Cargo);
    }
}

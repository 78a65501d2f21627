use std::io::Write as _;

use supercargo_content::Limits;
use supercargo_inventory::{PackageKind, ProblemKind};

use super::{Cargo, SECTION};
use crate::testing::{Layer, edges, elf, kinds, mach_o, named, noise, pe, purls, same_both_ways, streamed};

const LIST: &str = r#"{"packages":[
    {"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[1,2,3]},
    {"name":"serde","version":"1.0.1","source":"crates.io","kind":"runtime","dependencies":[3]},
    {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
    {"name":"memchr","version":"2.0.0","source":"git"}],"format":1}"#;

fn zlib(json: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(json).unwrap();
    encoder.finish().unwrap()
}

fn program(json: &[u8]) -> Layer {
    Layer::default().file("bin/x", elf(&[(".dep-v0", &zlib(json, 6))]))
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

/// A list of so many crates.
fn long_list(count: usize) -> String {
    let list = (0..count).map(|n| {
        let noise = n.wrapping_mul(2_654_435_761) % 1_000_003;
        format!(r#"{{"name":"c{n}-{noise}","version":"{noise}.{n}.0","source":"crates.io"}}"#)
    });
    format!(r#"{{"packages":[{}]}}"#, list.collect::<Vec<_>>().join(","))
}

/// A program that is larger than the tables that are caught at its ends, with other streams in it.
fn large(list: &[u8]) -> Vec<u8> {
    let noise = noise(200_000);
    let decoys = [zlib(b"{\"name\":1}", 9), zlib(long_list(3).as_bytes(), 9), b"x\xda".repeat(500)].concat();
    elf(&[(".text", &noise), (".rodata", &decoys), (".dep-v0", list), (".data", &noise)])
}

#[test]
fn a_program_that_passes_says_the_same() {
    for level in [0, 1, 9] {
        for count in [1, 1000] {
            let bytes = large(&zlib(long_list(count).as_bytes(), level));
            let found = same_both_ways(&format!("{count} at level {level}"), &Cargo, "bin/x", &bytes);
            assert_eq!(found.facts.len(), count);
        }
    }
    assert!(same_both_ways("none", &Cargo, "bin/x", &elf(&[(".data", &[0; 300_000])])).facts.is_empty());
}

#[test]
fn windows_and_apple_programs_that_pass_say_the_same() {
    let (list, noise) = (zlib(long_list(50).as_bytes(), 9), noise(200_000));
    let parts = [(".text", &noise[..]), (SECTION, &list[..]), (".reloc", &noise[..])];
    for (what, bytes) in [
        ("PE", pe(&parts)),
        ("Mach-O", mach_o(&parts)),
        ("small PE", pe(&parts[1..2])),
        ("small Mach-O", mach_o(&parts[1..2])),
    ] {
        let found = same_both_ways(what, &Cargo, "bin/x", &bytes);
        assert_eq!((found.facts.len(), found.problems.len()), (50, 0), "{what}");
    }
}

#[test]
fn a_list_that_was_not_recognised_is_said() {
    for bytes in [large(b"not zlib"), large(&zlib(b"[1]", 6)), large(&zlib(LIST.as_bytes(), 6)[..50])] {
        let found = streamed(&Cargo, "bin/x", &bytes, 4096, &Limits::default());
        assert!(found.facts.is_empty());
        assert!(found.unread.is_some() || !found.problems.is_empty());
    }
}

#[test]
fn no_cut_and_no_flipped_byte_panics_as_it_passes() {
    let bytes = elf(&[(".dep-v0", &zlib(LIST.as_bytes(), 6))]);
    for length in 64..bytes.len() {
        streamed(&Cargo, "bin/x", &bytes[..length], 50, &Limits::default());
    }
    for at in 4..bytes.len() {
        for value in [0, 0x7f, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            streamed(&Cargo, "bin/x", &bytes, 100, &Limits::default());
        }
    }
}

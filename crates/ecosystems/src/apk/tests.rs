use supercargo_content::Limits;
use supercargo_inventory::{Distro, LayerRef, ProblemKind, RelationshipKind};
use supercargo_layer::FileTree;

use super::*;

const DATABASE: &str = "C:Q1pDaQ=\nP:musl\nV:1.2.5-r0\nA:x86_64\nS:1\nI:2\nT:the musl c library\nU:https://musl.libc.org/\nL:MIT\no:musl
m:Timo <timo@example.org>\nt:1700000000\nc:abc\np:so:libc.musl-x86_64.so.1=1\nF:lib\nM:0:0:755\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1x=\n
P:busybox\nV:1.36.1-r29\nA:x86_64\nL:GPL-2.0-only\no:busybox\nD:so:libc.musl-x86_64.so.1\np:cmd:sh=1.36.1-r29\nF:bin\nR:busybox\nR:sh\n
P:scanelf\nV:1.3.7-r2\nA:x86_64\nL:GPL-2.0-only OR custom\no:pax-utils\nD:musl>=1.2 !uclibc cmd:sh /bin/sh nowhere@edge~3\n";

fn read(text: &str, limits: &Limits) -> Findings {
    let path = ImagePath::new("lib/apk/db/installed");
    let mut out = Findings::default();
    let file = Candidate { path: &path, mode: 0o644, bytes: text.as_bytes(), sha256: None, limits };
    if let Err(problem) = Apk.read(&file, &mut out) {
        out.problem(problem);
    }
    out
}

fn settle(databases: &[(&str, &str)]) -> Settlement {
    let layer = LayerRef { index: 0, diff_id: None, blob: None };
    let mut visible = Vec::new();
    for (path, text) in databases {
        for fact in read(text, &Limits::default()).facts {
            visible.push(Finding {
                path: ImagePath::new(path),
                layer: layer.clone(),
                origin: layer.clone(),
                fact,
            });
        }
    }
    let distro = Distro { id: "alpine".into(), version_id: Some("3.20.3".into()), ..Distro::default() };
    let tree = FileTree::default();
    Apk.settle(&ImageView { tree: &tree, distro: Some(&distro), layers: &[] }, visible)
}

#[test]
fn a_database_with_sonames_commands_and_paths() {
    let settled = settle(&[("lib/apk/db/installed", DATABASE)]);
    let purls: Vec<_> = settled.packages.iter().map(|package| package.purl.to_string()).collect();
    assert_eq!(
        purls,
        [
            "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3",
            "pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.3",
            "pkg:apk/alpine/scanelf@1.3.7-r2?arch=x86_64&distro=alpine-3.20.3&upstream=pax-utils",
        ]
    );
    let needs = |from, to| (from, RelationshipKind::DependsOn, to);
    assert_eq!(settled.edges, [needs(1, 0), needs(2, 0), needs(2, 1)]);
    let (musl, scanelf) = (&settled.packages[0], &settled.packages[2]);
    assert_eq!(musl.files, [ImagePath::new("lib/ld-musl-x86_64.so.1")]);
    assert_eq!(musl.licenses[0].expression.as_deref(), Some("MIT"));
    assert!(musl.hashes.is_empty(), "the control checksum is not the package's");
    assert_eq!(musl.properties["apk:control-checksum"], "Q1pDaQ=");
    assert_eq!(musl.supplier.as_ref().map(|party| party.name.as_str()), Some("Timo"));
    assert_eq!(scanelf.licenses[0].expression, None);
    assert_eq!(scanelf.source, Some(("pax-utils".into(), Some("1.3.7-r2".into()))));
    let needs: Vec<_> = scanelf.requires.iter().map(|need| need.any_of[0].as_str()).collect();
    assert_eq!(needs, ["musl", "cmd:sh", "/bin/sh", "nowhere"]);
}

#[test]
fn two_databases_do_not_satisfy_each_other() {
    let two = [("lib/apk/db/installed", "P:a\nV:1\nD:b\n"), ("usr/lib/apk/db/installed", "P:b\nV:1\n")];
    let settled = settle(&two);
    assert_eq!((settled.packages.len(), settled.edges.len()), (2, 0));
}

#[test]
fn hostile_databases_give_problems_and_what_can_be_read() {
    let cases = [
        ("", 0, 0),
        ("\n\n\n", 0, 0),
        ("P:a\n", 0, 1),
        ("V:1\n", 0, 1),
        ("P:a b\nV:1\n", 0, 1),
        ("P:a\nV:1\nP:b\n", 1, 0),
        ("\u{0}\u{0}\nP:a\nV:1\n", 1, 1),
        ("P:a\nV:1\nno line\n", 1, 1),
        ("P:a\nV:1\nF:../../etc\nR:../../passwd\n", 1, 0),
        ("R:orphan\n", 0, 1),
        ("P:a\nV:1\nD:! = >=1 @x ~\np:= <\n", 1, 0),
        ("é:1\n", 0, 1),
    ];
    for (text, packages, problems) in cases {
        let out = read(text, &Limits::default());
        assert_eq!((out.facts.len(), out.problems.len()), (packages, problems), "{text:?}");
    }
    assert_eq!(read(&"?\n".repeat(3000), &Limits::default()).problems.len(), 17);
}

#[test]
fn no_prefix_of_a_database_panics() {
    for end in 0..DATABASE.len() {
        // The cut line, and the entry that lacks it.
        assert!(read(&DATABASE[..end], &Limits::default()).problems.len() <= 2);
    }
}

#[test]
fn limits_are_kept() {
    let limits = Limits { entries_max: 2, ..Limits::default() };
    let out = read(&"P:a\nV:1\n\n".repeat(9), &limits);
    assert_eq!(out.problems[0].kind, ProblemKind::LimitHit);
    let out = read(&format!("P:a\nV:1\n{}", "R:x\n".repeat(9)), &limits);
    assert_eq!(out.problems[0].kind, ProblemKind::LimitHit);
}

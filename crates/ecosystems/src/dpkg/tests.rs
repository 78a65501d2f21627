use supercargo_content::Limits;
use supercargo_inventory::{Distro, LayerRef, RelationshipKind};
use supercargo_layer::{DeltaEntry, EntryKind, FileTree, LayerDelta};

use super::*;

const STATUS: &str = "Package: bash\nStatus: install ok installed\nPriority: required\nSection: shells\nInstalled-Size: 7164
Maintainer: Matthias Klose <doko@debian.org>\nArchitecture: amd64\nMulti-Arch: foreign\nSource: bash (5.2.15-2)\nVersion: 5.2.15-2+b7
Depends: base-files (>= 2.1.12), debianutils | other\nPre-Depends: libc6 (>= 2.36)\nRecommends: bash-completion
Description: GNU Bourne Again SHell\n Bash is a shell\n .\n Package: not-a-field\nHomepage: http://tiswww.case.edu/php/chet/bash/bashtop.html

Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nSource: glibc\nVersion: 2.36-9

Package: libc6\nStatus: hold ok half-configured\nArchitecture: i386\nMulti-Arch: same\nSource: glibc\nVersion: 2.36-9

Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1

Package: base-files\nStatus: install ok triggers-awaited\nArchitecture: amd64\nVersion: 1:12.4\nProvides: base (= 1)
";

fn read(path: &str, text: &str) -> Findings {
    let (path, limits) = (ImagePath::new(path), Limits::default());
    let mut out = Findings::default();
    let file = Candidate { path: &path, mode: 0o644, bytes: text.as_bytes(), sha256: None, limits: &limits };
    if let Err(problem) = Dpkg.read(&file, &mut out) {
        out.problem(problem);
    }
    out
}

fn settle(files: &[(&str, &str)], links: &[(&str, &str)]) -> Settlement {
    let layer = LayerRef { index: 1, diff_id: None, blob: None };
    let origin = LayerRef { index: 0, ..layer.clone() };
    let mut visible = Vec::new();
    for (path, text) in files {
        for fact in read(path, text).facts {
            visible.push(Finding {
                path: ImagePath::new(path),
                layer: layer.clone(),
                origin: origin.clone(),
                fact,
            });
        }
    }
    let entry = |path: &str, kind| DeltaEntry { path: ImagePath::new(path), kind, mode: 0o644, size: 1 };
    let mut entries: Vec<_> = files.iter().map(|(path, _)| entry(path, EntryKind::File)).collect();
    entries.extend(links.iter().map(|(path, target)| entry(path, EntryKind::Symlink((*target).to_owned()))));
    entries.push(entry("usr/bin", EntryKind::Directory));
    let tree = FileTree::stack([&LayerDelta { entries, ..LayerDelta::default() }]);
    let distro = Distro { id: "debian".into(), version_id: Some("12".into()), ..Distro::default() };
    Dpkg.settle(&ImageView { tree: &tree, distro: Some(&distro), layers: &[] }, visible)
}

fn purls(settlement: &Settlement) -> Vec<String> {
    settlement.packages.iter().map(|package| package.purl.to_string()).collect()
}

#[test]
fn a_status_file_lists_what_is_installed() {
    let settled = settle(&[("var/lib/dpkg/status", STATUS)], &[]);
    assert_eq!(
        purls(&settled),
        [
            "pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12&upstream=bash%405.2.15-2",
            "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc",
            "pkg:deb/debian/libc6@2.36-9?arch=i386&distro=debian-12&upstream=glibc",
            "pkg:deb/debian/base-files@1:12.4?arch=amd64&distro=debian-12",
        ]
    );
    let bash = &settled.packages[0];
    assert_eq!(bash.source, Some(("bash".into(), Some("5.2.15-2".into()))));
    assert_eq!(bash.supplier.as_ref().and_then(|party| party.email.as_deref()), Some("doko@debian.org"));
    assert_eq!(bash.description.as_deref(), Some("GNU Bourne Again SHell"));
    assert_eq!(bash.properties["dpkg:section"], "shells");
    assert_eq!((bash.evidence[0].layer.index, bash.origin.as_ref().map(|layer| layer.index)), (1, Some(0)));
    assert_eq!(settled.packages[2].properties["dpkg:state"], "half-configured");
    let needs = |to| (0, RelationshipKind::DependsOn, to);
    assert_eq!(settled.edges, [needs(1), needs(3)], "the libc6 of its own architecture, and base-files");
}

#[test]
fn without_a_distribution_no_vendor_is_guessed() {
    let facts = read("var/lib/dpkg/status", STATUS).facts;
    let layer = LayerRef { index: 0, diff_id: None, blob: None };
    let finding =
        |fact| Finding { path: ImagePath::new("s"), layer: layer.clone(), origin: layer.clone(), fact };
    let tree = FileTree::default();
    let view = ImageView { tree: &tree, distro: None, layers: &[] };
    let settled = Dpkg.settle(&view, facts.into_iter().map(finding).collect());
    assert_eq!(purls(&settled)[3], "pkg:deb/base-files@1:12.4?arch=amd64");
}

#[test]
fn distroless_packages_have_no_state() {
    let text = "Package: base\nVersion: 1\nArchitecture: all\n";
    let sums = "d41d8cd98f00b204e9800998ecf8427e  bin/a\n";
    let settled = settle(
        &[("var/lib/dpkg/status.d/base", text), ("var/lib/dpkg/status.d/base.md5sums", sums)],
        &[("bin", "usr/bin")],
    );
    assert_eq!(purls(&settled), ["pkg:deb/debian/base@1?arch=all&distro=debian-12"]);
    assert_eq!(
        settled.packages[0].files,
        [ImagePath::new("usr/bin/a")],
        "where it lies in the finished image"
    );
}

#[test]
fn lists_go_before_checksums_and_know_architectures() {
    let settled = settle(
        &[
            ("var/lib/dpkg/status", STATUS),
            ("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/libc.so.6\n"),
            ("var/lib/dpkg/info/libc6:i386.list", "/lib32/libc.so.6\n"),
            ("var/lib/dpkg/info/bash.md5sums", "0  bin/bash\n"),
            ("var/lib/dpkg/info/bash.list", "/bin\n/bin/bash\n/etc/skel\n"),
        ],
        &[],
    );
    let files: Vec<Vec<&str>> =
        settled.packages.iter().map(|p| p.files.iter().map(ImagePath::as_str).collect()).collect();
    let expected: [&[&str]; 4] = [&["bin/bash", "etc/skel"], &["lib/libc.so.6"], &["lib32/libc.so.6"], &[]];
    assert_eq!(files, expected);
}

#[test]
fn licences_come_from_machine_readable_files_even_behind_links() {
    let dep5 = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: x\n
Files: *\nCopyright: x\nLicense: GPL-2+ or Artistic\n\nFiles: a\nLicense: GPL-3+\n text\n\nFiles: b\nLicense: Expat\n\nLicense: GPL-2+\n long text\n";
    let settled = settle(
        &[
            ("var/lib/dpkg/status", STATUS),
            ("usr/share/doc/bash/copyright", dep5),
            ("usr/share/doc/base-files/copyright", "This is free-form\nLicense: MIT\n"),
        ],
        &[("usr/share/doc/libc6", "bash")],
    );
    let of = |at: usize| -> Vec<(&str, Option<&str>)> {
        let package: &Package = &settled.packages[at];
        package.licenses.iter().map(|claim| (claim.text.as_str(), claim.expression.as_deref())).collect()
    };
    let expected =
        [("Expat", Some("MIT")), ("GPL-2+ or Artistic", None), ("GPL-3+", Some("GPL-3.0-or-later"))];
    assert_eq!(of(0), expected);
    assert_eq!(of(1), expected);
    assert_eq!(of(3), []);
}

#[test]
fn hostile_status_files_give_problems_and_what_can_be_read() {
    let cases = [
        ("Version: 1\n", 0, 1),
        ("Package: a\n", 0, 1),
        ("Package: a b\nVersion: 1\n", 0, 1),
        ("Package: a\nVersion: 1\u{1b}[31m\n", 0, 1),
        ("Package: a\nVersion: 1\nDepends: ((((|||,,,\nSource: (\nProvides: ,\n", 1, 0),
        ("garbage\n\nPackage: a\nVersion: 1\n", 1, 1),
        ("Package:\nVersion:\nStatus:\n", 0, 1),
        ("Status: a b config-files\n", 0, 0),
        ("", 0, 0),
    ];
    for (text, packages, problems) in cases {
        let out = read("var/lib/dpkg/status", text);
        assert_eq!((out.facts.len(), out.problems.len()), (packages, problems), "{text:?}");
    }
    assert_eq!(read("var/lib/dpkg/status", &"x: y\n\n".repeat(5000)).problems.len(), 17);
    let long = format!("Package: {}\nVersion: 1\n", "a".repeat(600));
    assert_eq!(read("var/lib/dpkg/status", &long).problems.len(), 1);
}

#[test]
fn no_prefix_of_a_status_file_panics() {
    for end in 0..STATUS.len() {
        assert!(read("var/lib/dpkg/status", &STATUS[..end]).problems.len() <= 1);
    }
}

#[test]
fn limits_are_kept() {
    let (path, limits) =
        (ImagePath::new("var/lib/dpkg/status"), Limits { entries_max: 2, ..Limits::default() });
    let mut out = Findings::default();
    let file =
        Candidate { path: &path, mode: 0o644, bytes: STATUS.as_bytes(), sha256: None, limits: &limits };
    let failed = Dpkg.read(&file, &mut out).expect_err("more than two packages and relations");
    assert_eq!((out.facts.len(), failed.kind), (0, ProblemKind::LimitHit), "{failed}");
    let list = ImagePath::new("var/lib/dpkg/info/a.list");
    let file = Candidate { path: &list, bytes: b"/a\n/b\n/c\n", ..file };
    assert_eq!(Dpkg.read(&file, &mut out).map_err(|problem| problem.kind), Err(ProblemKind::LimitHit));
}

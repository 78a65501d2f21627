use supercargo_content::Limits;
use supercargo_inventory::{LinkKind, ProblemKind, RequirementKind};

use super::Python;
use crate::testing::{Layer, edges, entry, kinds, named, purls, zip};

const SITE: &str = "usr/lib/python3/site-packages";

fn metadata(name: &str, version: &str, more: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}\n\nLicense: not a header\n")
}

#[test]
fn a_dist_info_is_one_package_with_everything_beside_it() {
    let info = format!("{SITE}/Foo.Bar-1.0.dist-info");
    let headers = "Summary: Two\n  lines\r\nAuthor: A B\nAuthor-email: A B <a@example.org>\nLicense: MIT\n\
        Classifier: License :: OSI Approved :: MIT License\nHome-page: https://u:p@example.org\n\
        Project-URL: Issue Tracker, https://example.org/bugs\nRequires-Dist: baz (>=1)\n\
        Requires-Dist: opt[x]>=2 ; python_version > '3' and extra == \"dev\"";
    let settlement = Layer::default()
        .file(&format!("{info}/METADATA"), metadata("Foo.Bar", "1.0", headers))
        .file(&format!("{info}/RECORD"), "foo/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n../../../bin/foo,,\n\"a,\"\"b\",,\n")
        .file(&format!("{info}/INSTALLER"), "pip\n")
        .file(&format!("{info}/REQUESTED"), "")
        .file(&format!("{info}/direct_url.json"), r#"{"url":"https://t@example.org/r.git","vcs_info":{"vcs":"git","commit_id":"abc"}}"#)
        .file(&format!("{SITE}/BAZ-2.dist-info/METADATA"), metadata("BAZ", "2", ""))
        .scan(&Python);
    assert_eq!(purls(&settlement), ["pkg:pypi/baz@2", "pkg:pypi/foo-bar@1.0"]);
    assert_eq!(edges(&settlement), ["Foo.Bar@1.0 DependsOn BAZ@2"]);
    let package = named(&settlement, "Foo.Bar");
    assert_eq!(package.description.as_deref(), Some("Two lines"));
    assert_eq!(package.author.as_ref().unwrap().email.as_deref(), Some("a@example.org"));
    assert_eq!(package.licenses.len(), 1, "{:?}", package.licenses);
    let link = |kind| package.links.iter().find(|link| link.kind == kind).map(|link| link.url.as_str());
    assert_eq!(link(LinkKind::Website), Some("https://example.org"));
    assert_eq!(link(LinkKind::Vcs), Some("https://example.org/r.git"));
    assert_eq!(link(LinkKind::IssueTracker), Some("https://example.org/bugs"));
    assert_eq!(package.properties["python:installer"], "pip");
    assert_eq!(package.properties["python:commit"], "abc");
    assert_eq!(package.properties["python:requested"], "true");
    assert_eq!(package.requires[1].kind, RequirementKind::Optional);
    let files: Vec<_> = package.files.iter().map(|file| file.as_str()).collect();
    assert_eq!(files, [&*format!("{SITE}/foo/__init__.py"), "usr/bin/foo", &format!("{SITE}/a,\"b")]);
    assert_eq!(package.origin.as_ref().unwrap().index, 1);
    assert_eq!(package.evidence[0].layer.index, 3);
}

#[test]
fn eggs_in_every_form() {
    let egg = zip(&[
        entry("EGG-INFO/PKG-INFO", metadata("zipped", "3", "")),
        entry("EGG-INFO/requires.txt", "flat\n[x]\nnever\n"),
    ]);
    let settlement = Layer::default()
        .file(&format!("{SITE}/flat-1.egg-info"), metadata("flat", "1", ""))
        .file(&format!("{SITE}/folder.egg-info/PKG-INFO"), metadata("folder", "2", ""))
        .file(&format!("{SITE}/open-4.egg/EGG-INFO/PKG-INFO"), metadata("open", "4", ""))
        .file(&format!("{SITE}/open-4.egg/EGG-INFO/requires.txt"), "zipped\n")
        .file(&format!("{SITE}/zipped-3.egg"), egg)
        .scan(&Python);
    assert_eq!(
        purls(&settlement),
        ["pkg:pypi/flat@1", "pkg:pypi/folder@2", "pkg:pypi/open@4", "pkg:pypi/zipped@3"]
    );
    assert_eq!(edges(&settlement), ["open@4 DependsOn zipped@3", "zipped@3 DependsOn flat@1"]);
    assert_eq!(named(&settlement, "zipped").evidence[0].inner, "EGG-INFO/PKG-INFO");
}

#[test]
fn two_versions_side_by_side_are_two_packages() {
    let settlement = Layer::default()
        .file("a/x-1.dist-info/METADATA", metadata("x", "1", ""))
        .file("a/x-2.dist-info/METADATA", metadata("x", "2", ""))
        .scan(&Python);
    assert_eq!(purls(&settlement), ["pkg:pypi/x@1", "pkg:pypi/x@2"]);
}

#[test]
fn damage_is_reported_and_the_rest_is_kept() {
    let good = |layer: Layer| layer.file("s/good-1.dist-info/METADATA", metadata("good", "1", ""));
    let huge = format!("X: {}\nName: x\nVersion: 1\n", "y".repeat(5 << 20));
    for (what, path, bytes, kind) in [
        ("no name", "s/a.dist-info/METADATA", b"Version: 1\n".to_vec(), ProblemKind::Malformed),
        ("no version", "s/a.dist-info/METADATA", b"Name: a\n".to_vec(), ProblemKind::Malformed),
        ("empty", "s/a.egg-info", Vec::new(), ProblemKind::Malformed),
        (
            "control characters",
            "s/a.egg-info",
            b"Name: a\x1b[2J\nVersion: 1\n".to_vec(),
            ProblemKind::Malformed,
        ),
        ("not text", "s/a.egg-info", vec![0xff; 4096], ProblemKind::Malformed),
        ("megabytes of headers", "s/a.egg-info", huge.into_bytes(), ProblemKind::LimitHit),
        ("no metadata", "s/a.dist-info/RECORD", b"a,,\n".to_vec(), ProblemKind::Missing),
        ("no zip", "s/a.egg", b"PK\x03\x04".to_vec(), ProblemKind::Malformed),
        ("no json", "s/good-1.dist-info/direct_url.json", b"{".to_vec(), ProblemKind::Malformed),
        (
            "json of another kind",
            "s/good-1.dist-info/direct_url.json",
            b"[]".to_vec(),
            ProblemKind::Malformed,
        ),
        ("deep json", "s/good-1.dist-info/direct_url.json", b"[".repeat(100_000), ProblemKind::Malformed),
    ] {
        let settlement = good(Layer::default()).file(path, bytes).scan(&Python);
        assert_eq!(kinds(&settlement), [kind], "{what}");
        assert_eq!(purls(&settlement), ["pkg:pypi/good@1"], "{what}");
    }
}

#[test]
fn a_record_longer_than_the_limit_is_cut_and_reported() {
    let mut layer = Layer::default()
        .file("s/a-1.dist-info/METADATA", metadata("a", "1", ""))
        .file("s/a-1.dist-info/RECORD", "a,,\nb,,\nc,,\n../../../../../etc/passwd,,\n");
    layer.limits = Limits { entries_max: 2, ..Limits::default() };
    let settlement = layer.scan(&Python);
    assert_eq!(kinds(&settlement), [ProblemKind::LimitHit]);
    assert_eq!(settlement.packages[0].files.len(), 2);
}

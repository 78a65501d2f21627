//! The same archive whole and as it passes, in pieces of all sizes.

use supercargo_content::Limits;
use supercargo_inventory::{Problem, ProblemKind};

use super::Java;
use crate::testing::{ZipEntry, ZipStyle, entry, noise, same_both_ways, styled_zip, whole, zip};
use crate::{Fact, Findings};

fn pom(group: &str, artifact: &str, version: &str) -> ZipEntry {
    let path = format!("META-INF/maven/{group}/{artifact}/pom.properties");
    entry(&path, format!("#Generated\nversion={version}\ngroupId={group}\nartifactId={artifact}\n"))
}

/// What a jar is full of: bytes that hardly pack, and some that look like records.
fn class(at: u32) -> ZipEntry {
    let mut bytes: Vec<u8> = (0..at % 700).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    bytes.extend(b"PK\x03\x04PK\x01\x02PK\x07\x08\0\0\0\0PK\x05\x06");
    ZipEntry { deflate: !at.is_multiple_of(3), ..entry(&format!("org/acme/C{at}.class"), bytes) }
}

fn streamed(path: &str, bytes: &[u8], piece: usize, limits: &Limits) -> Findings {
    crate::testing::streamed(&Java, path, bytes, piece, limits)
}

#[track_caller]
fn same(what: &str, path: &str, bytes: &[u8]) -> Findings {
    same_both_ways(what, &Java, path, bytes)
}

fn kinds(problems: &[Problem]) -> Vec<ProblemKind> {
    problems.iter().map(|problem| problem.kind).collect()
}

fn names(findings: &Findings) -> Vec<String> {
    let package = |fact: &Fact| match fact {
        Fact::Package(package) => Some(package.purl.to_string()),
        _ => None,
    };
    findings.facts.iter().filter_map(package).collect()
}

/// Archives as the usual tools write them: with sizes first, with descriptors of every form, prefixed, commented.
fn styles() -> Vec<(&'static str, ZipStyle)> {
    let plain = ZipStyle::default();
    vec![
        ("plain", plain.clone()),
        ("descriptors", ZipStyle { descriptor: Some((true, false)), ..plain.clone() }),
        ("descriptors without signature", ZipStyle { descriptor: Some((false, false)), ..plain.clone() }),
        ("wide descriptors", ZipStyle { descriptor: Some((true, true)), ..plain.clone() }),
        ("wide descriptors without signature", ZipStyle { descriptor: Some((false, true)), ..plain.clone() }),
        ("zip64", ZipStyle { zip64: true, ..plain.clone() }),
        ("zip64 with descriptors", ZipStyle { zip64: true, descriptor: Some((true, true)), ..plain.clone() }),
        (
            "a launch script in front",
            ZipStyle { prefix: b"#!/bin/sh\nexec PK java\n".to_vec(), ..plain.clone() },
        ),
        ("a comment", ZipStyle { comment: b"PK is what it says".to_vec(), ..plain }),
    ]
}

fn members() -> Vec<ZipEntry> {
    let manifest = entry("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nImplementation-Version: 1.0\r\n");
    let mut members =
        vec![entry("META-INF/", ""), manifest, pom("g", "app", "1.0"), pom("g", "shaded", "3.0")];
    members.extend((0..40).map(class));
    members
}

#[test]
fn every_style_says_the_same_both_ways() {
    for (what, style) in styles() {
        let mut members = members();
        if style.descriptor.is_some() {
            members.iter_mut().for_each(|member| member.deflate = true);
        }
        let findings = same(what, "lib/app-1.0.jar", &styled_zip(&members, &style));
        assert_eq!(names(&findings), ["pkg:maven/g/app@1.0", "pkg:maven/g/shaded@3.0"], "{what}");
        assert!(findings.problems.is_empty(), "{what}: {:?}", findings.problems);
    }
}

#[test]
fn archives_in_archives_of_every_style_say_the_same_both_ways() {
    for (what, style) in styles() {
        let deflated = style.descriptor.is_some();
        let mut inner = members();
        inner.iter_mut().filter(|_| deflated).for_each(|member| member.deflate = true);
        let library = styled_zip(&inner, &style);
        let middle = [pom("g", "web", "1.0"), entry("WEB-INF/lib/app-1.0.jar", &library), class(5)];
        let middle = styled_zip(&middle, &style);
        let mut outer = members();
        outer.push(ZipEntry { deflate: deflated, ..entry("web-1.0.war", &middle) });
        outer.push(ZipEntry { deflate: true, ..entry("lib/app-1.0.jar", &library) });
        outer.iter_mut().filter(|_| deflated).for_each(|member| member.deflate = true);
        let findings = same(what, "opt/app-1.0.ear", &styled_zip(&outer, &style));
        assert_eq!(names(&findings).len(), 7, "{what}: {:?}", findings.problems);
        assert!(findings.problems.is_empty(), "{what}: {:?}", findings.problems);
    }
}

#[test]
fn the_nesting_limit_is_the_same_both_ways() {
    let mut bytes = zip(&[pom("g", "deep", "1.0")]);
    for depth in 0..12 {
        let next = ZipEntry { deflate: depth % 2 == 0, ..entry("next-1.0.jar", bytes) };
        bytes = zip(&[pom("g", &format!("level{depth}"), "1.0"), next]);
    }
    let findings = same("deep", "lib/level11-1.0.jar", &bytes);
    assert_eq!(kinds(&findings.problems), [ProblemKind::LimitHit]);
}

#[test]
fn lies_are_reported_as_it_passes() {
    let good = pom("g", "a", "1.0");
    let with = |change: &dyn Fn(&mut ZipEntry)| {
        let mut lie = good.clone();
        change(&mut lie);
        zip(&[class(1), lie, class(2)])
    };
    let twice = zip(&[good.clone(), ZipEntry { offset: Some(0), ..good.clone() }]);
    let style = ZipStyle::default();
    let unlisted = styled_zip(&[good.clone(), class(3)], &ZipStyle { unlisted: Some(1), ..style.clone() });
    let moved = styled_zip(&[good.clone(), class(3)], &ZipStyle { directory_lie: 7, ..style });
    let two = [zip(std::slice::from_ref(&good)), zip(&[pom("g", "b", "2.0")])].concat();
    for (what, bytes, kind) in [
        ("no zip", b"PK\x03\x04 but no more".to_vec(), ProblemKind::Malformed),
        ("text", b"not at all".repeat(100), ProblemKind::Malformed),
        (
            "another local name",
            with(&|e| e.local_name = Some("META-INF/maven/g/x/pom.xml".into())),
            ProblemKind::Inconsistent,
        ),
        (
            "another local name that nobody wants",
            with(&|e| e.local_name = Some("x".into())),
            ProblemKind::Inconsistent,
        ),
        ("a wrong size", with(&|e| e.size = Some(1)), ProblemKind::Inconsistent),
        ("a wrong checksum", with(&|e| e.crc = Some(1)), ProblemKind::Malformed),
        ("encryption", with(&|e| e.flags = 1), ProblemKind::Unsupported),
        ("shared bytes", twice, ProblemKind::Inconsistent),
        ("an offset past the end", with(&|e| e.offset = Some(0x7fff_ffff)), ProblemKind::Inconsistent),
        ("a member that is not listed", unlisted, ProblemKind::Inconsistent),
        ("a directory that is elsewhere", moved, ProblemKind::Inconsistent),
        ("two archives behind each other", two, ProblemKind::Inconsistent),
    ] {
        for piece in [1, 4096] {
            let found = kinds(&streamed("lib/x.jar", &bytes, piece, &Limits::default()).problems);
            assert!(found.contains(&kind), "{what}, pieces of {piece}: {found:?}");
        }
    }
}

#[test]
fn a_member_that_looks_like_an_archive_does_not_end_early() {
    // A stored member that holds a whole archive with descriptors, under a name that nobody wants.
    let style = ZipStyle { descriptor: Some((true, false)), ..ZipStyle::default() };
    let hidden = styled_zip(&[ZipEntry { deflate: true, ..pom("evil", "evil", "6.6") }], &style);
    let outer = [pom("g", "a", "1.0"), ZipEntry { deflate: false, ..entry("data.bin", &hidden) }, class(1)];
    let findings = same("known size", "lib/a-1.0.jar", &zip(&outer));
    assert_eq!(names(&findings), ["pkg:maven/g/a@1.0"]);
    // Deflated in stored blocks and of unknown size: the descriptors inside do not fit the distance.
    let packed = ZipEntry { deflate: true, level: 0, ..entry("data.bin", &hidden) };
    let outer = [ZipEntry { deflate: true, ..pom("g", "a", "1.0") }, packed];
    let findings = same("unknown size", "lib/a-1.0.jar", &styled_zip(&outer, &style));
    assert_eq!(names(&findings), ["pkg:maven/g/a@1.0"]);
}

#[test]
fn what_is_kept_is_bounded() {
    let large = noise(300_000);
    let bytes = zip(&[pom("g", "a", "1.0"), entry("META-INF/maven/g/a/pom.xml", large)]);
    let limits = Limits { streamed_bytes_min: 100 << 10, ..Limits::default() };
    let found = streamed("lib/a-1.0.jar", &bytes, 4096, &limits);
    assert_eq!(kinds(&found.problems), [ProblemKind::LimitHit]);
    assert_eq!(names(&found), ["pkg:maven/g/a@1.0"]);
}

#[test]
fn bombs_are_stopped_as_they_pass() {
    let zeros = vec![0; 3 << 20];
    let bytes = zip(&[pom("g", "a", "1.0"), entry("b-1.0.jar", &zeros)]);
    let limits = Limits { expansion_ratio_max: 10, expansion_free_bytes: 1000, ..Limits::default() };
    let found = streamed("lib/a-1.0.jar", &bytes, 4096, &limits);
    assert_eq!(kinds(&found.problems), [ProblemKind::LimitHit]);
    assert_eq!(names(&found), ["pkg:maven/g/a@1.0"]);
    let limits = Limits { entries_max: 10, ..Limits::default() };
    let many: Vec<ZipEntry> = (0..100).map(class).collect();
    assert_eq!(
        kinds(&streamed("lib/a-1.0.jar", &zip(&many), 4096, &limits).problems),
        [ProblemKind::LimitHit]
    );
}

#[test]
fn no_cut_and_no_flipped_byte_panics() {
    let inner = zip(&[pom("g", "lib", "2.0")]);
    let style = ZipStyle { descriptor: Some((true, false)), ..ZipStyle::default() };
    let members = [pom("g", "a", "1.0"), class(8), entry("lib/lib-2.0.jar", inner)]
        .map(|e| ZipEntry { deflate: true, ..e });
    for bytes in [zip(&members), styled_zip(&members, &style)] {
        for length in 0..bytes.len() {
            let found = streamed("lib/a-1.0.jar", &bytes[..length], 5, &Limits::default());
            assert!(!found.problems.is_empty(), "cut at {length}");
        }
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                streamed("lib/a-1.0.jar", &bytes, 64, &Limits::default());
            }
        }
    }
}

#[test]
fn an_end_record_in_the_comment_is_no_second_end() {
    for comment in [&b"PK\x05\x06 is what it says"[..], &[b"PK\x05\x06", &[0; 18][..], b"."].concat()] {
        let style = ZipStyle { comment: comment.to_vec(), ..ZipStyle::default() };
        let bytes = styled_zip(&[pom("g", "a", "1.0")], &style);
        let streamed = streamed("lib/a-1.0.jar", &bytes, 9, &Limits::default());
        let whole = whole(&Java, "lib/a-1.0.jar", &bytes, &Limits::default());
        for found in [streamed, whole] {
            assert_eq!((names(&found), found.problems), (vec!["pkg:maven/g/a@1.0".to_owned()], Vec::new()));
        }
    }
}

use supercargo_content::Limits;
use supercargo_inventory::ProblemKind;

use super::Java;
use super::file_name::parse;
use crate::testing::{Layer, ZipEntry, edges, entry, kinds, named, purls, zip};

fn pom(group: &str, artifact: &str, version: &str) -> ZipEntry {
    let path = format!("META-INF/maven/{group}/{artifact}/pom.properties");
    entry(&path, format!("#Generated\nversion={version}\ngroupId={group}\nartifactId={artifact}\n"))
}

fn manifest(headers: &str) -> ZipEntry {
    entry(
        "META-INF/MANIFEST.MF",
        format!("Manifest-Version: 1.0\r\n{headers}\r\n\r\nName: x\r\nBundle-Version: 9\r\n"),
    )
}

fn jar(path: &str, entries: &[ZipEntry]) -> Layer {
    Layer::default().file(path, zip(entries))
}

#[test]
fn file_names_of_the_wild() {
    for (name, artifact, version, classifier) in [
        ("algebra_2.13-2.8.0.jar", "algebra_2.13", Some("2.8.0"), None),
        ("orc-core-2.3.0-shaded-protobuf.jar", "orc-core", Some("2.3.0"), Some("shaded-protobuf")),
        ("interface-1.0.28.JAR", "interface", Some("1.0.28"), None),
        ("log4j-1.2-api-2.20.0.jar", "log4j-1.2-api", Some("2.20.0"), None),
        ("a-1.0-SNAPSHOT.war", "a", Some("1.0-SNAPSHOT"), None),
        ("a-1.0-20240101.120000-3.jar", "a", Some("1.0-20240101.120000-3"), None),
        ("guava-33.0.0-jre.jar", "guava", Some("33.0.0-jre"), None),
        (
            "netty-epoll-4.1.108.Final-linux-x86_64.jar",
            "netty-epoll",
            Some("4.1.108.Final"),
            Some("linux-x86_64"),
        ),
        ("bcprov-jdk18on-1.78.jar", "bcprov-jdk18on", Some("1.78"), None),
        ("a-1.0-beta-2-sources.jar", "a", Some("1.0-beta-2"), Some("sources")),
        ("app.jar", "app", None, None),
        ("-1.0.jar", "-1.0", None, None),
    ] {
        let found = parse(name).unwrap();
        assert_eq!(
            (found.artifact, found.version, found.classifier),
            (artifact, version, classifier),
            "{name}"
        );
    }
    assert_eq!(parse(".jar"), None);
    assert_eq!(parse("a.zip"), None);
}

#[test]
fn a_pom_beats_the_manifest_and_both_are_one_package() {
    let headers = "Bundle-SymbolicName: org.eclipse.jetty.io;singleton:=true\r\nBundle-Version: 9.4.1.v2020\r\nBundle-License: Apache-2.0\r\nBundle-Vendor: Ec\r\n lipse";
    let settlement = jar(
        "usr/share/java/jetty9-io.jar",
        &[manifest(headers), pom("org.eclipse.jetty", "jetty-io", "9.4.1")],
    )
    .scan(&Java);
    assert_eq!(purls(&settlement), ["pkg:maven/org.eclipse.jetty/jetty-io@9.4.1"]);
    let package = &settlement.packages[0];
    assert_eq!(package.supplier.as_ref().unwrap().name, "Eclipse");
    assert_eq!(package.licenses[0].expression.as_deref(), Some("Apache-2.0"));
    assert_eq!(package.properties["java:symbolic-name"], "org.eclipse.jetty.io");
    assert_eq!(package.hashes[0].hex.len(), 64);
}

#[test]
fn what_is_shaded_is_contained() {
    let settlement = jar(
        "lib/orc-core-2.3.0-shaded-protobuf.jar",
        &[pom("com.google.protobuf", "protobuf-java", "3.25.5"), pom("org.apache.orc", "orc-core", "2.3.0")],
    )
    .scan(&Java);
    assert_eq!(
        purls(&settlement),
        [
            "pkg:maven/com.google.protobuf/protobuf-java@3.25.5",
            "pkg:maven/org.apache.orc/orc-core@2.3.0?classifier=shaded-protobuf"
        ]
    );
    assert_eq!(edges(&settlement), ["orc-core@2.3.0 Contains protobuf-java@3.25.5"]);
}

#[test]
fn one_foreign_pom_does_not_name_the_jar() {
    let settlement = jar("lib/app-7.1.jar", &[pom("g", "shaded", "1.0")]).scan(&Java);
    assert_eq!(edges(&settlement), ["app@7.1 Contains shaded@1.0"]);
}

#[test]
fn groups_are_read_and_never_guessed() {
    for (headers, purl) in [
        ("Implementation-Vendor-Id: org.acme.tools", "pkg:maven/org.acme.tools/tool@1.2"),
        ("Implementation-Vendor-Id: org.acme", "pkg:maven/org.acme/tool@1.2"),
        ("Implementation-Vendor-Id: org.apache", "pkg:maven/tool@1.2"),
        ("Implementation-Vendor-Id: acme", "pkg:maven/tool@1.2"),
        (
            "Implementation-Vendor-Id: org.acme\r\nExtension-Name: org.acme.v2.tool",
            "pkg:maven/org.acme/tool@1.2",
        ),
        ("Implementation-Vendor-Id: org.acme\r\nExtension-Name: javax.tool", "pkg:maven/tool@1.2"),
        ("Implementation-Vendor-Id: org.acme\r\nExtension-Name: org.acmeless.tool", "pkg:maven/tool@1.2"),
        ("Implementation-Title: io.acme#tool;1.2", "pkg:maven/io.acme/tool@1.2"),
        ("Implementation-Title: io.acme#other;1.2", "pkg:maven/tool@1.2"),
        ("Implementation-Title: tool", "pkg:maven/tool@1.2"),
        ("Bundle-SymbolicName: org.tool.tool", "pkg:maven/org.tool/tool@1.2"),
        ("Implementation-Vendor-Id: org.acme.tools\r\nImplementation-Version: 9", "pkg:maven/tool@1.2"),
        ("Bundle-SymbolicName: org.acme.tools.tool", "pkg:maven/org.acme.tools/tool@1.2"),
        ("Bundle-SymbolicName: org.acme.tool", "pkg:maven/tool@1.2"),
        ("Bundle-SymbolicName: org.acme.other", "pkg:maven/tool@1.2"),
        ("Implementation-Vendor-Id: ${project.groupId}", "pkg:maven/tool@1.2"),
        ("Automatic-Module-Name: org.acme", "pkg:maven/tool@1.2"),
        ("Implementation-Version: 9.9", "pkg:maven/tool@1.2"),
    ] {
        assert_eq!(purls(&jar("lib/tool-1.2.jar", &[manifest(headers)]).scan(&Java)), [purl], "{headers}");
    }
    let unversioned = jar("lib/tool.jar", &[manifest("Implementation-Version: 3.1")]).scan(&Java);
    assert_eq!(purls(&unversioned), ["pkg:maven/tool@3.1"]);
}

#[test]
fn a_group_that_all_poms_agree_on_is_adopted() {
    let needs = |group: &str| {
        format!(
            "<project><groupId>g</groupId><artifactId>a</artifactId><version>1.0</version><dependencies>\
            <dependency><groupId>{group}</groupId><artifactId>tool</artifactId></dependency></dependencies></project>"
        )
    };
    let with = |path: &str, layer: Layer, group| {
        layer.file(path, zip(&[entry("META-INF/maven/g/a/pom.xml", needs(group))]))
    };
    let once = with("lib/a-1.0.jar", jar("lib/tool-1.2.jar", &[manifest("A: b")]), "org.acme");
    assert_eq!(edges(&once.scan(&Java)), ["a@1.0 DependsOn tool@1.2"]);
    assert!(purls(&once.scan(&Java)).contains(&"pkg:maven/org.acme/tool@1.2".to_owned()));
    let twice = with("lib/old/a-1.0.jar", once, "org.elsewhere");
    assert!(purls(&twice.scan(&Java)).contains(&"pkg:maven/tool@1.2".to_owned()));
}

#[test]
fn archives_in_archives() {
    let inner = zip(&[pom("g", "lib", "2.0")]);
    let middle = zip(&[
        pom("g", "web", "1.0"),
        ZipEntry { deflate: false, ..entry("WEB-INF/lib/lib-2.0.jar", inner) },
    ]);
    let settlement =
        jar("opt/app-1.0.ear", &[pom("g", "app", "1.0"), entry("web-1.0.war", middle)]).scan(&Java);
    assert_eq!(
        purls(&settlement),
        ["pkg:maven/g/app@1.0?type=ear", "pkg:maven/g/lib@2.0", "pkg:maven/g/web@1.0?type=war"]
    );
    assert_eq!(edges(&settlement), ["app@1.0 Contains web@1.0", "web@1.0 Contains lib@2.0"]);
    assert_eq!(named(&settlement, "lib").evidence[0].inner, "web-1.0.war!/WEB-INF/lib/lib-2.0.jar");
}

#[test]
fn a_pom_adds_licence_and_dependencies() {
    let xml = "<project><parent><groupId>g</groupId><version>1.0</version></parent><artifactId>a</artifactId>\
        <properties><v>2.0</v></properties><licenses><license><name>Apache-2.0</name></license></licenses>\
        <description>a &amp; b &undefined;</description><scm><url>https://example.org/r</url></scm><dependencies>\
        <dependency><groupId>${project.groupId}</groupId><artifactId>b</artifactId><version>${v}</version></dependency>\
        <dependency><groupId>g</groupId><artifactId>t</artifactId><scope>test</scope></dependency></dependencies></project>";
    let settlement = jar("lib/a-1.0.jar", &[entry("META-INF/maven/g/a/pom.xml", xml)])
        .file("lib/b-2.0.jar", zip(&[pom("g", "b", "2.0")]))
        .file("lib/t-2.0.jar", zip(&[pom("g", "t", "2.0")]))
        .scan(&Java);
    assert_eq!(edges(&settlement), ["a@1.0 DependsOn b@2.0"]);
    let package = named(&settlement, "a");
    assert_eq!(package.purl.to_string(), "pkg:maven/g/a@1.0");
    assert_eq!(package.description.as_deref(), Some("a & b"));
    assert_eq!(package.licenses[0].text, "Apache-2.0");
    assert_eq!(package.requires[0].constraint.as_deref(), Some("2.0"));
}

#[test]
fn lies_and_damage_are_reported() {
    let good = pom("g", "a", "1.0");
    let with = |change: &dyn Fn(&mut ZipEntry)| {
        let mut lie = pom("g", "a", "1.0");
        change(&mut lie);
        zip(&[lie])
    };
    let overlap = zip(&[
        good.clone(),
        ZipEntry { offset: Some(0), name: "META-INF/maven/g/b/pom.properties".into(), ..good.clone() },
    ]);
    for (what, bytes, kind) in [
        ("no zip", b"PK\x03\x04 but no more".to_vec(), ProblemKind::Malformed),
        ("empty", Vec::new(), ProblemKind::Malformed),
        ("an empty archive", zip(&[]), ProblemKind::Unsupported),
        (
            "another local name",
            with(&|e| e.local_name = Some("META-INF/maven/g/x/pom.properties".into())),
            ProblemKind::Inconsistent,
        ),
        ("a wrong size", with(&|e| e.size = Some(1)), ProblemKind::Inconsistent),
        ("a wrong checksum", with(&|e| e.crc = Some(1)), ProblemKind::Malformed),
        ("encryption", with(&|e| e.flags = 1), ProblemKind::Unsupported),
        ("shared bytes", overlap, ProblemKind::Inconsistent),
        ("an offset past the end", with(&|e| e.offset = Some(0x7fff_ffff)), ProblemKind::Malformed),
    ] {
        let found = kinds(&Layer::default().file("lib/x.jar", bytes).scan(&Java));
        assert!(found.contains(&kind), "{what}: {found:?}");
    }
}

#[test]
fn bombs_are_stopped() {
    let zeros = vec![0; 3 << 20];
    let mut ratio = jar("lib/a-1.0.jar", &[pom("g", "a", "1.0"), entry("b-1.0.jar", &zeros)]);
    ratio.limits = Limits { expansion_ratio_max: 10, expansion_free_bytes: 1000, ..Limits::default() };
    let settlement = ratio.scan(&Java);
    assert_eq!(kinds(&settlement), [ProblemKind::LimitHit]);
    assert_eq!(purls(&settlement), ["pkg:maven/g/a@1.0"]);
}

#[test]
fn nesting_and_entries_are_bounded() {
    let mut bytes = zip(&[pom("g", "deep", "1.0")]);
    for depth in 0..20 {
        bytes = zip(&[pom("g", &format!("level{depth}"), "1.0"), entry("next-1.0.jar", bytes)]);
    }
    let settlement = Layer::default().file("lib/level19-1.0.jar", bytes).scan(&Java);
    assert_eq!(kinds(&settlement), [ProblemKind::LimitHit]);
    assert_eq!(settlement.packages.len(), Limits::default().nesting_depth_max + 1);
    let many: Vec<ZipEntry> = (0..100).map(|at| entry(&format!("{at}.class"), "")).collect();
    let mut layer = jar("lib/a-1.0.jar", &many);
    layer.limits = Limits { entries_max: 10, ..Limits::default() };
    assert_eq!(kinds(&layer.scan(&Java)), [ProblemKind::LimitHit]);
}

#[test]
fn hostile_poms_and_manifests_do_no_harm() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"&b;&b;\">]><project><artifactId>&a;</artifactId></project>";
    for (name, content) in [
        ("META-INF/maven/g/a/pom.xml", bomb.to_owned()),
        ("META-INF/maven/g/a/pom.xml", "<a>".repeat(100_000)),
        ("META-INF/maven/g/a/pom.xml", "</a>".repeat(100_000)),
        ("META-INF/maven/../../pom.properties", "artifactId=../../x\nversion=1".to_owned()),
        ("META-INF/MANIFEST.MF", format!("A: {}", "\n b".repeat(100_000))),
        ("META-INF/MANIFEST.MF", "\u{0}:\u{0}\n".repeat(10_000)),
    ] {
        let settlement = jar("lib/a-1.0.jar", &[entry(name, content)]).scan(&Java);
        assert_eq!(purls(&settlement), ["pkg:maven/a@1.0"], "{name}");
    }
}

#[test]
fn no_cut_and_no_flipped_byte_panics() {
    let inner = zip(&[pom("g", "lib", "2.0")]);
    let bytes = zip(&[manifest("X: y"), pom("g", "a", "1.0"), entry("lib/lib-2.0.jar", inner)]);
    for length in 0..bytes.len() {
        let settlement = Layer::default().file("lib/a-1.0.jar", &bytes[..length]).scan(&Java);
        assert!(!settlement.problems.is_empty(), "cut at {length}");
    }
    for at in 0..bytes.len() {
        for value in [0, 0x7f, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            Layer::default().file("lib/a-1.0.jar", bytes).scan(&Java);
        }
    }
}

//! Inventories made by hand, from harmless to hostile.

use std::collections::BTreeMap;

use supercargo_content::{Descriptor, Digest, MediaType, Platform};
use supercargo_inventory::{
    Coverage, Distro, EcosystemId, Evidence, HashAlgorithm, ImagePath, Inventory, LayerRef, LicenseClaim,
    Link, LinkKind, Package, PackageHash, PackageKind, Party, Problem, Purl, RelationshipKind, Settlement,
    Technique,
};
use supercargo_sbom::{Document, DocumentOptions, Subject};

/// Every sample with its name.
pub(crate) fn all() -> Vec<(&'static str, Document)> {
    vec![
        ("empty", document(vec![], Subject::rootfs(""))),
        ("image", image()),
        ("hostile", hostile()),
        ("cycles", cycles()),
        ("large", large(5000)),
    ]
}

/// A document without operating system.
pub(crate) fn document(settlements: Vec<Settlement>, subject: Subject) -> Document {
    let inventory = Inventory::assemble(None, vec![], settlements, vec![], Coverage::default());
    Document::new(inventory, subject, options())
}

pub(crate) fn options() -> DocumentOptions {
    DocumentOptions {
        created: "2026-11-24T02:40:00.5Z".parse().expect("time"),
        options: BTreeMap::from([("platform".into(), "linux/amd64".into())]),
        ..DocumentOptions::new("supercargo", "0.1.0")
    }
}

pub(crate) fn layer(index: u32) -> LayerRef {
    let digest = |what: &str| Some(Digest::sha256_of(format!("{what} {index}").as_bytes()));
    LayerRef { index, diff_id: digest("diff"), blob: digest("blob") }
}

pub(crate) fn subject() -> Subject {
    Subject {
        tag: Some("12".into()),
        manifest: Some(Descriptor::of(MediaType::OCI_MANIFEST, b"manifest")),
        image_id: Some(Digest::sha256_of(b"config")),
        platform: Some(Platform::new("linux", "amd64")),
        labels: BTreeMap::from([("org.opencontainers.image.title".into(), "Web \u{1b}[31m".into())]),
        annotations: BTreeMap::from([(String::new(), String::new())]),
        ..Subject::container("docker.io/library/debian")
    }
}

fn distro() -> Distro {
    Distro {
        id: "debian".into(),
        id_like: vec!["a".into(), "b".into()],
        name: Some("Debian GNU/Linux".into()),
        pretty_name: Some("Debian GNU/Linux 12 (bookworm)".into()),
        version_id: Some("12".into()),
        codename: Some("bookworm".into()),
        cpe: Some("cpe:/o:debian:debian_linux:12".into()),
        home_url: Some("https://www.debian.org/".into()),
        path: ImagePath::new("usr/lib/os-release"),
    }
}

fn evidence(path: &str, inner: &str, at: u32, technique: Technique) -> Evidence {
    Evidence { path: path.into(), inner: inner.into(), layer: layer(at), technique }
}

fn deb(name: &str, version: &str) -> Package {
    let purl = Purl::new("deb", name).namespace("debian").version(version).qualifier("distro", "debian-12");
    Package {
        source: Some((format!("{name}-src"), Some(version.into()))),
        supplier: Party::parse("Debian (QA) Team <qa@debian.org>"),
        licenses: vec![
            LicenseClaim::from_text("GPL-2.0-or-later"),
            LicenseClaim::from_text("odd words\nand more"),
        ],
        evidence: vec![evidence("var/lib/dpkg/status", "", 0, Technique::ManifestAnalysis)],
        origin: Some(layer(0)),
        properties: BTreeMap::from([("dpkg:section".into(), "shells".into())]),
        ..Package::new(EcosystemId("dpkg"), purl, name)
    }
}

fn jar() -> Package {
    let link = |kind, url: &str| Link { kind, url: url.into() };
    Package {
        kind: PackageKind::Application,
        licenses: vec![
            LicenseClaim::declared("MIT OR Apache-2.0"),
            LicenseClaim::declared("LicenseRef-House AND ISC"),
            LicenseClaim::from_text("BSD-3-Clause"),
        ],
        author: Some(Party {
            is_person: true,
            url: Some("x y".into()),
            ..Party::parse("A <a@b c>").expect("party")
        }),
        links: vec![
            link(LinkKind::Website, "https://example.org/"),
            link(LinkKind::Vcs, "git@example.org:a/b.git"),
            link(LinkKind::IssueTracker, "https://example.org/issues"),
            link(LinkKind::Documentation, "${project.url}"),
            link(LinkKind::Distribution, "https://example.org/a.jar"),
        ],
        hashes: vec![
            PackageHash { algorithm: HashAlgorithm::Sha1, hex: "a".repeat(40) },
            PackageHash { algorithm: HashAlgorithm::Sha256, hex: "not hex".into() },
        ],
        evidence: vec![
            evidence("app/a.jar", "BOOT-INF/lib/b.jar", 1, Technique::BinaryAnalysis),
            evidence("app/a.jar", "", 2, Technique::Filename),
        ],
        origin: Some(layer(1)),
        ..Package::new(
            EcosystemId("java"),
            Purl::new("maven", "b").namespace("org.example").version("1"),
            "b",
        )
    }
}

fn image() -> Document {
    let packages =
        vec![deb("bash", "1:5.2-2"), deb("libc6", "2.36-9"), jar(), pypi("requests"), pypi("idna")];
    let edges = vec![
        (0, RelationshipKind::DependsOn, 1),
        (3, RelationshipKind::DependsOn, 4),
        (0, RelationshipKind::Owns, 3),
        (2, RelationshipKind::Contains, 3),
    ];
    let settlement = Settlement { packages, edges, problems: vec![] };
    let coverage = Coverage { layers: 3, layers_read: 3, entries: 9, files_read: 4, ..Coverage::default() };
    let layers = vec![layer(0), layer(1), layer(2)];
    let inventory = Inventory::assemble(Some(distro()), layers, vec![settlement], vec![], coverage);
    let options = DocumentOptions {
        author: Some(Party {
            url: Some("https://example.org".into()),
            ..Party::parse("ACME <s@example.org>").expect("party")
        }),
        supplier: Party::parse("ACME"),
        ..options()
    };
    Document::new(inventory, subject(), options)
}

pub(crate) fn pypi(name: &str) -> Package {
    Package::new(EcosystemId("python"), Purl::new("pypi", name).version("2.0"), name)
}

/// Texts that break careless writers.
pub(crate) const NASTY: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "\u{1b}]0;title\u{7}\u{9b}31m",
    "\"],\"x\":[\"",
    "\\\u{8}\r\n\t",
    "\u{202e}gnp.exe\u{2066}",
    "\u{feff}\u{fffe}\u{10ffff}\u{10fff0}",
    "ünïcödé 你好 🦀 e\u{301}",
    "<script>&amp;]]>",
    "../../etc/passwd",
    "%zz %00 %",
    "SPDXRef-DOCUMENT",
    "subject",
    "NOASSERTION",
    "LicenseRef-x",
    "DocumentRef-a:LicenseRef-b",
    "(((((MIT",
    "MIT AND",
];

/// Every field of every package holds something nasty.
fn hostile() -> Document {
    let packages: Vec<Package> = NASTY.iter().map(|text| nasty(text)).collect();
    let ring = (0..packages.len()).map(|at| (at, RelationshipKind::DependsOn, (at + 1) % NASTY.len()));
    let all_kinds = [RelationshipKind::Owns, RelationshipKind::Contains].map(|kind| (0, kind, 1));
    let edges = ring.chain(all_kinds).collect();
    let problems = NASTY.iter().map(|text| Problem::malformed(*text).at(&ImagePath::new(text))).collect();
    let text = NASTY.concat();
    let distro = Distro {
        id: String::new(),
        id_like: vec![text.clone()],
        name: Some(text.clone()),
        pretty_name: Some(text.clone()),
        version_id: Some(text.clone()),
        codename: Some(text.clone()),
        cpe: Some(text.clone()),
        home_url: Some(text.clone()),
        path: ImagePath::new(&text),
    };
    let map = BTreeMap::from([(text.clone(), text.clone())]);
    let settlement = Settlement { packages, edges, problems };
    let coverage = Coverage { layers: 2, layers_read: 1, ..Coverage::default() };
    let inventory = Inventory::assemble(Some(distro), vec![layer(0)], vec![settlement], vec![], coverage);
    let subject = Subject {
        labels: map.clone(),
        annotations: map.clone(),
        tag: Some(text.clone()),
        ..Subject::container(&text)
    };
    let subject = Subject { manifest: Some(Descriptor::of(MediaType::OCI_MANIFEST, b"x")), ..subject };
    let party =
        Party { name: text.clone(), email: Some(text.clone()), url: Some(text.clone()), is_person: true };
    let options = DocumentOptions {
        created: jiff::Timestamp::MIN,
        author: Some(party.clone()),
        supplier: Some(party),
        options: map,
        ..DocumentOptions::new(&text, &text)
    };
    Document::new(inventory, subject, options)
}

fn nasty(text: &str) -> Package {
    let party =
        Party { name: text.into(), email: Some(text.into()), url: Some(text.into()), is_person: false };
    let kinds = [
        LinkKind::Website,
        LinkKind::Vcs,
        LinkKind::IssueTracker,
        LinkKind::Documentation,
        LinkKind::Distribution,
    ];
    let algorithms = [HashAlgorithm::Md5, HashAlgorithm::Sha384, HashAlgorithm::Sha512];
    Package {
        version: Some(text.into()),
        source: Some((text.into(), Some(text.into()))),
        licenses: vec![
            LicenseClaim::declared(text),
            LicenseClaim::from_text(text),
            LicenseClaim::declared("MIT"),
        ],
        supplier: Some(party.clone()),
        author: Some(Party { is_person: true, ..party }),
        description: Some(text.into()),
        links: kinds.into_iter().map(|kind| Link { kind, url: text.into() }).collect(),
        hashes: algorithms.into_iter().map(|algorithm| PackageHash { algorithm, hex: text.into() }).collect(),
        evidence: vec![evidence(text, text, 0, Technique::Filename)],
        properties: BTreeMap::from([(text.into(), text.into())]),
        ..Package::new(EcosystemId("rpm"), Purl::new("rpm", text).namespace(text).version(text), text)
    }
}

fn cycles() -> Document {
    let packages = (0..6).map(|at| pypi(&format!("p{at}"))).collect();
    let needs = |from, to| (from, RelationshipKind::DependsOn, to);
    let edges = vec![
        needs(0, 1),
        needs(1, 0),
        needs(2, 3),
        needs(3, 4),
        needs(4, 3),
        (5, RelationshipKind::Contains, 0),
    ];
    document(vec![Settlement { packages, edges, problems: vec![] }], subject())
}

fn large(count: usize) -> Document {
    let packages = (0..count).map(|at| pypi(&format!("package-{at}"))).collect();
    let edges = (0..count).map(|at| (at, RelationshipKind::DependsOn, (at * 7 + 1) % count)).collect();
    document(vec![Settlement { packages, edges, problems: vec![] }], subject())
}

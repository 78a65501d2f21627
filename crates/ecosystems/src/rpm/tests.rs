use std::io::Read as _;
use std::path::Path;

use supercargo_content::{Digest, Limits};
use supercargo_inventory::{ImagePath, ProblemKind, RequirementKind, Settlement};

use super::Rpm;
use super::header::Header;
use crate::testing::{Layer, edges, kinds, named, purls};
use crate::{Candidate, Ecosystem, Findings};

/// A fixture of `testdata/rpmdb`, unpacked.
fn fixture(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/rpmdb").join(format!("{name}.gz"));
    let packed = std::fs::read(&file).expect("a fixture");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).expect("gzip");
    bytes
}

/// `name version arch source licence`, as rpm itself lists the fixtures.
fn expected() -> Vec<String> {
    include_str!("../../../../testdata/rpmdb/expected.tsv").lines().map(str::to_owned).collect()
}

fn listed(settlement: &Settlement) -> Vec<String> {
    let mut lines: Vec<_> = settlement
        .packages
        .iter()
        .map(|package| {
            let qualifier = |key: &str| package.purl.qualifiers().get(key).cloned().unwrap_or_default();
            let version = package.version.clone().unwrap_or_default();
            let license = &package.licenses[0].text;
            [package.name.clone(), version, qualifier("arch"), qualifier("upstream"), license.clone()]
                .join("\t")
        })
        .collect();
    lines.sort();
    lines
}

const DATABASES: &[(&str, &str)] = &[
    ("sqlite/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite"),
    ("sqlite/page-512", "usr/lib/sysimage/rpm/rpmdb.sqlite"),
    ("sqlite/page-65536", "usr/share/rpm/rpmdb.sqlite"),
    ("sqlite/complete.wal", "var/lib/rpm/rpmdb.sqlite-wal"),
    ("ndb/Packages.db", "usr/lib/sysimage/rpm/Packages.db"),
    ("bdb/Packages", "var/lib/rpm/Packages"),
    ("bdb/Packages.big-endian", "usr/share/rpm/Packages"),
];

#[test]
fn the_fixtures_are_those_of_the_readme() {
    let readme = include_str!("../../../../testdata/rpmdb/README.md");
    for (name, _) in DATABASES {
        let digest = Digest::sha256_of(&fixture(name));
        assert!(
            readme.lines().any(|line| line.contains(name) && line.contains(digest.hex())),
            "{name}: {digest}"
        );
    }
}

#[test]
fn every_kind_of_database_lists_what_rpm_lists() {
    for (name, path) in DATABASES {
        let settled = Layer::default().file(path, fixture(name)).scan(&Rpm);
        assert_eq!(listed(&settled), expected(), "{name}");
        assert_eq!(settled.problems, [], "{name}");
    }
}

#[test]
fn packages_carry_what_their_headers_say() {
    let settled =
        Layer::default().file("var/lib/rpm/rpmdb.sqlite", fixture("sqlite/rpmdb.sqlite")).scan(&Rpm);
    let (beta, gamma, delta) = (named(&settled, "beta"), named(&settled, "gamma"), named(&settled, "delta"));
    assert_eq!(
        beta.purl.to_string(),
        "pkg:rpm/beta@2.0-3.el9?arch=x86_64&epoch=1&upstream=beta-2.0-3.el9.src.rpm"
    );
    assert_eq!(beta.source, Some(("beta".into(), Some("2.0-3.el9".into()))));
    assert_eq!(beta.licenses[0].expression.as_deref(), Some("GPL-2.0-or-later AND Apache-2.0"));
    assert_eq!(gamma.licenses[0].expression, None, "`BSD` is a family");
    assert_eq!(beta.supplier.as_ref().map(|party| party.name.as_str()), Some("Example Vendor"));
    assert_eq!(beta.description.as_deref(), Some("the package beta"));
    assert_eq!(beta.links[0].url, "https://example.org/beta");
    assert!(beta.hashes.is_empty(), "no digest of the package file is known");
    assert_eq!(beta.properties["rpm:payload-digest"].len(), 64);
    assert_eq!(beta.properties["rpm:header-sha256"].len(), 64);
    assert_eq!(beta.properties["rpm:header-and-payload-md5"].len(), 32);
    assert!(beta.provides.contains(&"virtual-thing".to_owned()));
    let optional: Vec<_> =
        gamma.requires.iter().filter(|need| need.kind == RequirementKind::Optional).collect();
    assert_eq!(optional[0].any_of, ["delta"]);
    let alpha = &named(&settled, "alpha").requires;
    assert!(alpha.iter().any(|need| need.constraint.as_deref() == Some(">= 2.0")));
    assert!(alpha.iter().all(|need| !need.any_of[0].starts_with("rpmlib(")));
    assert_eq!(delta.files.len(), 302);
    assert!(delta.files.contains(&ImagePath::new("usr/share/delta/file-with-a-long-name-300")));
    assert_eq!(
        edges(&settled),
        [
            "alpha@1.0-1.el9 DependsOn beta@1:2.0-3.el9",
            "beta@1:2.0-3.el9 DependsOn gamma@3.1.4-1.el9",
            "gamma@3.1.4-1.el9 DependsOn beta@1:2.0-3.el9",
        ]
    );
}

#[test]
fn the_newest_kind_of_database_in_a_folder_counts() {
    let old = header(&[(1000, 6, b"old\0"), (1001, 6, b"1\0"), (1002, 6, b"1\0")]);
    let stale = Layer::default()
        .file("var/lib/rpm/rpmdb.sqlite", fixture("sqlite/rpmdb.sqlite"))
        .file("var/lib/rpm/Packages.db", ndb(&[(1, &old)]))
        .file("var/lib/rpm/Packages", b"");
    assert_eq!(listed(&stale.scan(&Rpm)), expected());
    let apart = Layer::default().file("var/lib/rpm/Packages.db", ndb(&[(1, &old)])).file(
        "var/lib/rpmmanifest/container-manifest-2",
        "bash\t5.1-2.cm2\t1\t2\tMicrosoft Corporation\t(none)\t9\tx86_64\t0\tbash-5.1-2.cm2.src.rpm\ngpg-pubkey\t1-2\t1\t2\t(none)\t(none)\t0\t(none)\t0\t(none)\nbad line\n",
    );
    let settled = apart.scan(&Rpm);
    assert_eq!(
        purls(&settled),
        ["pkg:rpm/bash@5.1-2.cm2?arch=x86_64&upstream=bash-5.1-2.cm2.src.rpm", "pkg:rpm/old@1-1"]
    );
    assert_eq!(kinds(&settled), [ProblemKind::Malformed]);
}

#[test]
fn a_log_that_cannot_be_applied_is_reported() {
    let layer = Layer::default().file("var/lib/rpm/rpmdb.sqlite-wal", fixture("sqlite/partial.wal"));
    assert_eq!(kinds(&layer.scan(&Rpm)), [], "no database, nothing to be out of date");
    let settled = layer.file("var/lib/rpm/rpmdb.sqlite", fixture("sqlite/page-512")).scan(&Rpm);
    assert_eq!((settled.packages.len(), kinds(&settled)), (8, vec![ProblemKind::Unsupported]));
    assert!(settled.problems[0].message.contains("pages of the database are newer"));
    let mut torn = fixture("sqlite/partial.wal");
    torn[60] ^= 1;
    let layer = Layer::default().file("var/lib/rpm/rpmdb.sqlite-wal", torn);
    let settled = layer.file("var/lib/rpm/rpmdb.sqlite", fixture("sqlite/page-512")).scan(&Rpm);
    assert_eq!(kinds(&settled), [], "a frame with a wrong checksum was never committed");
}

/// A header blob of string or binary tags.
fn header(tags: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::<u8>::new());
    for (tag, kind, value) in tags {
        let count = if *kind == 7 { value.len() } else { value.iter().filter(|byte| **byte == 0).count() };
        for number in [*tag, *kind, data.len() as u32, count as u32] {
            index.extend(number.to_be_bytes());
        }
        data.extend(*value);
    }
    let mut blob = (tags.len() as u32).to_be_bytes().to_vec();
    blob.extend((data.len() as u32).to_be_bytes());
    blob.extend(index);
    blob.extend(data);
    blob
}

fn tiny() -> Vec<u8> {
    header(&[(1000, 6, b"a\0"), (1001, 6, b"1\0"), (1002, 6, b"2\0")])
}

/// An ndb database of one slot page.
fn ndb(blobs: &[(u32, &[u8])]) -> Vec<u8> {
    let mut file = b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0".to_vec();
    file.resize(32, 0);
    let (mut tail, mut block) = (Vec::new(), 256_u32);
    for (number, blob) in blobs {
        let blocks = (blob.len() as u32 + 28).div_ceil(16);
        file.extend(b"Slot");
        [*number, block, blocks].iter().for_each(|field| file.extend(field.to_le_bytes()));
        tail.extend(b"BlbS");
        [*number, 1, blob.len() as u32].iter().for_each(|field| tail.extend(field.to_le_bytes()));
        tail.extend(*blob);
        block += blocks;
        tail.resize(((block - 256) * 16) as usize, 0);
    }
    while file.len() < 4096 {
        file.extend(b"Slot");
        file.extend([0; 12]);
    }
    file.extend(tail);
    file
}

/// Packages, and the kinds of problems, that a file at the usual place of its kind gives.
fn outcome(file_name: &str, bytes: &[u8]) -> (usize, Vec<ProblemKind>) {
    let (path, limits) = (ImagePath::new("var/lib/rpm").join(file_name), Limits::default());
    let mut out = Findings::default();
    let file = Candidate { path: &path, mode: 0o644, bytes, sha256: None, limits: &limits };
    let failed = Rpm.read(&file, &mut out).err();
    (out.facts.len(), out.problems.iter().chain(&failed).map(|problem| problem.kind).collect())
}

/// The bytes with others put at a place.
fn patched(bytes: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

use ProblemKind::{Malformed, Unsupported};

#[test]
fn hostile_headers() {
    let lies = |at: usize, with: [u8; 4]| patched(&tiny(), at, &with);
    let cases: &[(&str, Vec<u8>, usize, usize)] = &[
        ("as it should be", tiny(), 1, 0),
        ("empty", vec![], 0, 1),
        ("counts only", vec![0; 8], 0, 1),
        ("a huge number of index entries", lies(0, [0xff; 4]), 0, 1),
        ("more index entries than there are", lies(0, [0, 0, 0xff, 0xff]), 0, 1),
        ("a huge length of data", lies(4, [0xff; 4]), 0, 1),
        ("more data than there is", lies(4, [0, 0, 0, 7]), 0, 1),
        ("an unknown type of the name", lies(8 + 4, [0, 0, 0, 10]), 0, 1),
        ("a name behind the data", lies(8 + 8, [0, 0, 0, 99]), 0, 1),
        ("a name at the highest offset", lies(8 + 8, [0xff; 4]), 0, 1),
        ("a name as a number", lies(8 + 4, [0, 0, 0, 4]), 0, 1),
        ("more names than there can be", lies(8 + 12, [0xff; 4]), 0, 1),
        ("no name at all", lies(8 + 12, [0; 4]), 0, 1),
        ("no release", lies(8 + 32, [0; 4]), 0, 1),
        ("a key", header(&[(1000, 6, b"gpg-pubkey\0")]), 0, 0),
        (
            "a name with a line break",
            header(&[(1000, 6, b"a\nb\0"), (1001, 6, b"1\0"), (1002, 6, b"1\0")]),
            0,
            1,
        ),
        ("another tag behind the data", lies(8 + 32, [0, 0, 9, 9]), 0, 1),
    ];
    for (what, blob, packages, problems) in cases {
        let found = outcome("Packages.db", &ndb(&[(1, blob)]));
        assert_eq!(found, (*packages, vec![Malformed; *problems]), "{what}");
    }
    let extra = header(&[(1000, 6, b"a\0"), (1001, 6, b"1\0"), (1002, 6, b"2\0"), (1047, 8, b"x\0")]);
    let extra = patched(&extra, 8 + 48 + 8, &[0xff; 4]);
    assert_eq!(outcome("Packages.db", &ndb(&[(1, &extra)])), (1, vec![Malformed]), "the package stays");
}

#[test]
fn shared_folders_do_not_multiply() {
    let folder = [b"/".as_slice(), &[b'x'; 5000], b"/\0"].concat();
    let names = b"a\0".repeat(5000);
    let blob = header(&[
        (1000, 6, b"a\0"),
        (1001, 6, b"1\0"),
        (1002, 6, b"2\0"),
        (1118, 8, &folder),
        (1117, 8, &names),
        (1116, 4, &[0; 20000]),
    ]);
    // A count of integers, not of zero bytes.
    let blob = patched(&blob, 8 + 5 * 16 + 12, &5000_u32.to_be_bytes());
    let settled = Layer::default().file("var/lib/rpm/Packages.db", ndb(&[(1, &blob)])).scan(&Rpm);
    assert_eq!(settled.packages[0].files.len(), 1, "the same path each time");
    let header = Header::parse(&blob).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(header.numbers(1116).count(), 5000);
}

#[test]
fn hostile_ndb_databases() {
    let two = ndb(&[(1, &tiny()), (2, &tiny())]);
    let cases: &[(&str, Vec<u8>, usize, Vec<ProblemKind>)] = &[
        ("as it should be", two.clone(), 2, vec![]),
        ("no magic", b"RpmQ".repeat(99), 0, vec![Malformed]),
        ("four bytes", b"RpmP".to_vec(), 0, vec![Malformed]),
        ("a later version", patched(&two, 4, &[1]), 0, vec![Unsupported]),
        ("more slot pages than the file has", patched(&two, 12, &[0xff; 4]), 2, vec![Malformed; 2]),
        ("a slot without mark", patched(&two, 32, b"Slop"), 1, vec![Malformed]),
        ("two slots for one blob", patched(&two, 48 + 8, &two[32 + 8..32 + 12]), 1, vec![Malformed]),
        ("a blob behind the end", patched(&two, 32 + 8, &[0xff; 4]), 1, vec![Malformed]),
        ("a blob of another package", patched(&two, 32 + 4, &[9]), 1, vec![Malformed]),
        ("a blob longer than the file", patched(&two, 4096 + 12, &[0xff; 4]), 1, vec![Malformed]),
        ("a blob without mark", patched(&two, 4096, b"Blob"), 1, vec![Malformed]),
    ];
    for (what, bytes, packages, problems) in cases {
        assert_eq!(outcome("Packages.db", bytes), (*packages, problems.clone()), "{what}");
    }
}

#[test]
fn overlapping_headers_end_the_reading() {
    // Each blob reaches to the end of the file, over all later ones.
    let blobs: Vec<_> = (1..200).map(|number| (number, tiny())).collect();
    let refs: Vec<_> = blobs.iter().map(|(number, blob)| (*number, blob.as_slice())).collect();
    let mut file = ndb(&refs);
    let length = file.len();
    for at in
        (4096..length - 160).step_by(16).filter(|at| file[*at..].starts_with(b"BlbS")).collect::<Vec<_>>()
    {
        let rest = (length - at - 16) as u32;
        file[at + 12..at + 16].copy_from_slice(&rest.to_le_bytes());
    }
    let (packages, problems) = outcome("Packages.db", &file);
    assert!(packages < 10, "{packages}");
    assert_eq!(problems, [Malformed]);
}

#[test]
fn hostile_sqlite_databases() {
    let good = fixture("sqlite/page-512");
    let page = |number: usize| (number - 1) * 512;
    let root = (2..=good.len() / 512).find(|number| good[page(*number)] == 5).expect("an interior page");
    let child = u32::from_be_bytes(good[page(root) + 8..page(root) + 12].try_into().unwrap());
    let cases: &[(&str, Vec<u8>, Vec<ProblemKind>)] = &[
        ("no magic", patched(&good, 0, b"sqlite"), vec![Malformed]),
        ("only the magic", good[..16].to_vec(), vec![Malformed]),
        ("a page size of 0", patched(&good, 16, &[0, 0]), vec![Malformed]),
        ("a page size of 513", patched(&good, 16, &[2, 1]), vec![Malformed]),
        ("no usable byte on a page", patched(&good, 20, &[255]), vec![Malformed]),
        ("text in UTF-16", patched(&good, 56, &[0, 0, 0, 2]), vec![Unsupported]),
        ("no schema", patched(&good, 100, &[0]), vec![Malformed; 2]),
        ("an empty schema", patched(&good, 103, &[0, 0]), vec![Malformed]),
    ];
    for (what, bytes, problems) in cases {
        assert_eq!(outcome("rpmdb.sqlite", bytes), (0, problems.clone()), "{what}");
    }
    let looped = patched(&good, page(root) + 8, &(root as u32).to_be_bytes());
    let (packages, problems) = outcome("rpmdb.sqlite", &looped);
    assert_eq!((packages < 8, problems), (true, vec![Malformed]), "a page that is its own child");
    let outside = patched(&good, page(root) + 8, &[0xff; 4]);
    assert_eq!(outcome("rpmdb.sqlite", &outside).1, [Malformed], "a child behind the end");
    let index = patched(&good, page(child as usize), &[0x0a]);
    assert_eq!(outcome("rpmdb.sqlite", &index).1, [Malformed], "a page of an index");
    let many = patched(&good, page(child as usize) + 3, &[0xff, 0xff]);
    assert!(!outcome("rpmdb.sqlite", &many).1.is_empty(), "65,535 cells on a page of 512 bytes");
    let cut = &good[..good.len() / 2];
    let (packages, problems) = outcome("rpmdb.sqlite", cut);
    assert!(packages < 8 && !problems.is_empty(), "half a file: {packages} {problems:?}");
}

#[test]
fn hostile_berkeley_databases() {
    let good = fixture("bdb/Packages");
    let pages = good.len() / 4096;
    let overflow = (1..pages).find(|number| good[number * 4096 + 25] == 7).expect("an overflow page");
    let hash = (1..pages)
        .find(|n| matches!(good[n * 4096 + 25], 2 | 13) && good[n * 4096 + 20] > 2)
        .expect("a hash page");
    let itself = (overflow as u32).to_le_bytes();
    let cases: &[(&str, Vec<u8>, usize, Vec<ProblemKind>)] = &[
        ("as it should be", good.clone(), 8, vec![]),
        ("no magic", vec![0; 512], 0, vec![Malformed]),
        ("only a magic", good[..16].to_vec(), 0, vec![Malformed]),
        ("a btree", patched(&good, 12, &[0x62, 0x31, 5, 0]), 0, vec![Unsupported]),
        ("encrypted", patched(&good, 24, &[1]), 0, vec![Unsupported]),
        ("a page size of 3", patched(&good, 20, &[3, 0, 0, 0]), 0, vec![Malformed]),
        ("a huge number of pages", patched(&good, 32, &[0xff; 4]), 8, vec![Malformed]),
    ];
    for (what, bytes, packages, problems) in cases {
        assert_eq!(outcome("Packages", bytes), (*packages, problems.clone()), "{what}");
    }
    for (what, bytes) in [
        (
            "an overflow page that follows itself",
            patched(&patched(&good, overflow * 4096 + 16, &itself), overflow * 4096 + 22, &[1, 0]),
        ),
        (
            "an overflow page that holds nothing and follows itself",
            patched(&patched(&good, overflow * 4096 + 16, &itself), overflow * 4096 + 22, &[0, 0]),
        ),
        ("an overflow page that is too full", patched(&good, overflow * 4096 + 22, &[0xff, 0xff])),
        ("an overflow page of another type", patched(&good, overflow * 4096 + 25, &[13])),
        ("offsets behind the end of the page", patched(&good, hash * 4096 + 26, &[0xff; 8])),
        ("offsets of 0", patched(&good, hash * 4096 + 26, &[0; 8])),
        ("65,535 items on a page", patched(&good, hash * 4096 + 20, &[0xff, 0xff])),
        ("half a file", good[..pages / 2 * 4096].to_vec()),
    ] {
        let (packages, problems) = outcome("Packages", &bytes);
        assert!(
            packages <= 8 && !problems.is_empty() && problems.len() <= 17,
            "{what}: {packages} {problems:?}"
        );
    }
}

#[test]
fn no_prefix_of_a_header_panics_or_makes_a_package() {
    let whole = tiny();
    for end in 0..whole.len() {
        assert_eq!(outcome("Packages.db", &ndb(&[(1, &whole[..end])])), (0, vec![Malformed]), "{end} bytes");
    }
}

/// Every kind of database, cut at many places and with many wrong bytes: no panic, and a loss is reported.
#[test]
fn damage_is_reported_and_never_panics() {
    let mut random = 42_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for (name, path) in
        DATABASES.iter().filter(|(name, _)| !name.contains("65536") && !name.contains("rpmdb"))
    {
        let (good, file_name) = (fixture(name), path.rsplit('/').next().unwrap_or_default());
        for _ in 0..40 {
            let (packages, problems) = outcome(file_name, &good[..1 + next(good.len() - 1)]);
            // A log without its last frame holds no transaction.
            let is_told = !problems.is_empty() || name.ends_with(".wal");
            assert!(packages == 8 || is_told, "{name}: {packages} {problems:?}");
            let mut bytes = good.clone();
            for _ in 0..=next(20) {
                let at = next(bytes.len());
                bytes[at] = next(256) as u8;
            }
            let (packages, problems) = outcome(file_name, &bytes);
            assert!(packages <= 9 && problems.len() <= 18, "{name}: {packages} {problems:?}");
        }
    }
}

#[test]
fn limits_are_kept() {
    let path = ImagePath::new("var/lib/rpm/Packages.db");
    let (file, limits) =
        (ndb(&[(1, &tiny()), (2, &tiny()), (3, &tiny())]), Limits { entries_max: 2, ..Limits::default() });
    let mut out = Findings::default();
    let failed = Rpm
        .read(&Candidate { path: &path, mode: 0o644, bytes: &file, sha256: None, limits: &limits }, &mut out);
    assert_eq!((out.facts.len(), failed.map_err(|problem| problem.kind)), (2, Err(ProblemKind::LimitHit)));
}

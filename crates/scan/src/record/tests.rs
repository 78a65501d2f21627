//! What is written is read; what was changed is refused; nothing panics.

use std::collections::BTreeMap;

use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_ecosystems::ALL;
use supercargo_image::ImageLayer;
use supercargo_inventory::{
    Coverage, Distro, EcosystemId, Evidence, HashAlgorithm, Inventory, LicenseClaim, Link, LinkKind, Package,
    PackageHash, PackageKind, Party, ProblemKind, Purl, Relationship, RelationshipKind, Requirement,
    RequirementKind, Technique,
};
use supercargo_layer::{Entry, EntryKind};

use super::*;

fn key() -> RecordKey {
    KeyMaker::new(ALL, &Limits::default()).layer(&image_layer())
}

fn image_layer() -> ImageLayer {
    ImageLayer { blob: Descriptor::of(MediaType::OCI_LAYER, b"blob"), diff_id: Digest::sha256_of(b"diff") }
}

fn place(index: u32) -> LayerRef {
    let layer = image_layer();
    LayerRef { index, diff_id: Some(layer.diff_id), blob: Some(layer.blob.digest) }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A package with something in every field.
fn package(layer: &LayerRef) -> Package {
    let id = ALL.last().map_or(EcosystemId("none"), |ecosystem| ecosystem.id());
    let purl =
        Purl::new("npm", "péage").namespace("@s/t").version("1.0").qualifier("a", "b=c").subpath("x/y");
    let hash = |hex: &str| PackageHash { algorithm: HashAlgorithm::Sha1, hex: hex.to_owned() };
    Package {
        kind: PackageKind::Application,
        source: Some(("src".to_owned(), text("2"))),
        licenses: vec![LicenseClaim::declared("mit"), LicenseClaim::from_text("whatever")],
        supplier: Party::parse("A <a@b.c>"),
        author: Some(Party { name: "B".into(), email: None, url: text("u"), is_person: true }),
        description: text("a line"),
        links: vec![Link { kind: LinkKind::Vcs, url: "git:x".into() }],
        hashes: vec![hash("00ff"), hash("ABC"), hash("abc")],
        provides: vec!["v".into()],
        requires: vec![Requirement {
            any_of: vec!["a".into(), "b".into()],
            constraint: text(">1"),
            kind: RequirementKind::Optional,
        }],
        files: vec!["usr/bin/a".into(), "usr/bin/ab".into(), "".into()],
        evidence: vec![Evidence {
            path: "a/é".into(),
            inner: "in/ner".into(),
            layer: layer.clone(),
            technique: Technique::Filename,
        }],
        origin: Some(layer.clone()),
        properties: BTreeMap::from([("k".into(), "v".into())]),
        ..Package::new(id, purl, "péage")
    }
}

fn distro() -> Distro {
    Distro {
        id: "d".into(),
        id_like: vec!["e".into()],
        cpe: text("cpe"),
        path: "etc/os".into(),
        ..Distro::default()
    }
}

fn problem(layer: &LayerRef) -> Problem {
    let ecosystem = ALL.first().map(|ecosystem| ecosystem.id());
    let problem = Problem::new(ProblemKind::HostilePath, "why").at(&"a/b".into());
    Problem { layer: Some(layer.clone()), ecosystem, ..problem }
}

fn record(index: u32) -> LayerRecord {
    let layer = place(index);
    let blank = LayerRef { index: 0, diff_id: None, blob: None };
    let entry = |path: &str, kind| Entry { path: path.into(), kind, mode: 0o4755, size: 1 << 40 };
    let kinds = [
        ("usr", EntryKind::Directory),
        ("usr/é", EntryKind::File),
        ("usr/è", EntryKind::Symlink("../x".into())),
        ("usr/è/z", EntryKind::HardLink("usr/é".into())),
        ("dev/null", EntryKind::Special),
    ];
    let files = vec![("a/b".into(), None), ("a/c".into(), package(&blank).hashes.pop())];
    LayerRecord {
        delta: LayerDelta {
            entries: kinds.map(|(path, kind)| entry(path, kind)).into(),
            whiteouts: vec!["a/b".into()],
            opaques: vec!["".into()],
        },
        facts: vec![FileFacts {
            path: "lib/db".into(),
            ecosystem: EcosystemId("dpkg"),
            facts: vec![
                Fact::Package(Box::new(package(&blank))),
                Fact::Files { owner: "o".into(), files },
                Fact::License { owner: "o".into(), claim: LicenseClaim::declared("MIT OR X11") },
                Fact::Distro(distro()),
                Fact::Note { owner: "o".into(), key: "k".into(), value: "v".into() },
            ],
        }],
        problems: vec![problem(&layer), Problem::malformed("no place")],
        entries: 7,
        files_read: 1,
        compressed_bytes: u64::MAX,
        uncompressed_bytes: 0,
        was_read: true,
        is_verified: true,
        fetched_bytes: None,
        layer,
    }
}

fn inventory() -> Inventory {
    let layers = vec![place(0), place(1)];
    let mut other = package(&layers[0]);
    other.purl = Purl::new("npm", "z");
    let packages = vec![package(&layers[1]), other];
    let (from, to) = (packages[0].id(), packages[1].id());
    Inventory {
        distro: Some(distro()),
        relationships: vec![Relationship { from, kind: RelationshipKind::Contains, to }],
        problems: vec![problem(&layers[1])],
        coverage: Coverage { layers: 2, layers_read: 2, entries: 3, ..Coverage::default() },
        packages,
        layers,
    }
}

fn unseal(bytes: Vec<u8>) -> Result<LayerRecord, RecordError> {
    let limits = RecordLimits::default();
    let sealed = SealedRecord::open(bytes, &key(), &limits)?;
    LayerRecord::unseal(&sealed, place(3), ALL, &limits)
}

#[test]
fn a_record_comes_back_whole_at_any_place_and_names_none() {
    let sealed = record(0).seal(&key()).unwrap();
    assert_eq!(sealed, record(3).seal(&key()).unwrap(), "the bytes depend on the place in an image");
    let back = unseal(sealed.bytes().to_vec()).unwrap();
    assert_eq!(format!("{back:?}"), format!("{:?}", record(3)));
    assert_eq!(back.seal(&key()).unwrap(), sealed);
}

#[test]
fn an_inventory_comes_back_whole() {
    let (sealed, limits) = (seal_inventory(&inventory(), &key()).unwrap(), RecordLimits::default());
    let back = unseal_inventory(&sealed, ALL, &limits).unwrap();
    assert_eq!(format!("{back:?}"), format!("{:?}", inventory()));
}

#[test]
fn every_truncation_and_every_flip_is_refused() {
    let bytes = record(0).seal(&key()).unwrap().bytes().to_vec();
    for end in 0..bytes.len() {
        assert!(unseal(bytes[..end].to_vec()).is_err(), "cut at {end}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << bit;
            assert!(unseal(bytes).is_err(), "bit {bit} of byte {at}");
        }
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(unseal(longer), Err(RecordError::Checksum { .. })));
    assert!(unseal(bytes).is_ok());
}

/// The same with a right checksum: what a hostile writer could send.
#[test]
fn a_changed_body_is_refused_or_reads_the_same_again() {
    let whole = record(0).seal(&key()).unwrap().bytes().to_vec();
    let content = &whole[..whole.len() - 32];
    let (mut refused, mut read) = (0, 0);
    let mut check = |content: Vec<u8>| match unseal(SealedRecord::close(content).bytes().to_vec()) {
        Err(_) => refused += 1,
        Ok(record) => {
            let again = unseal(record.seal(&key()).unwrap().bytes().to_vec()).unwrap();
            assert_eq!(format!("{again:?}"), format!("{record:?}"));
            read += 1;
        }
    };
    for at in 52..content.len() {
        check(content[..at].to_vec());
        for value in [0, 1, 0x7f, 0x80, 0xff, content[at] ^ 1, content[at] ^ 0x40] {
            let mut changed = content.to_vec();
            changed[at] = value;
            check(changed);
        }
    }
    assert!(refused > 100 && read > 100, "{refused} refused, {read} read");
}

#[test]
fn each_refusal_names_its_check() {
    let limits = RecordLimits::default();
    let bytes = record(0).seal(&key()).unwrap().bytes().to_vec();
    let open = |bytes: &[u8], key: &RecordKey, limits| SealedRecord::open(bytes.to_vec(), key, limits);
    let with = |at: usize, value: u8| {
        let mut content = bytes[..bytes.len() - 32].to_vec();
        content[at] = value;
        open(SealedRecord::close(content).bytes(), &key(), &limits).unwrap_err()
    };
    assert_eq!(with(0, b'S'), RecordError::Magic);
    assert_eq!(with(18, 9), RecordError::Format { expected: RECORD_FORMAT, found: 9 });
    assert_eq!(with(19, 2), RecordError::Kind { expected: 1, found: 2 });
    assert!(matches!(with(20, !bytes[20]), RecordError::Key { .. }));
    let small = RecordLimits { record_bytes_max: 100, ..limits };
    assert!(matches!(open(&bytes, &key(), &small), Err(RecordError::TooLong { limit: 100, .. })));
    assert!(matches!(open(&bytes[..40], &key(), &limits), Err(RecordError::TooShort { .. })));
    let image = KeyMaker::new(ALL, &Limits::default()).image(&[image_layer()]);
    assert!(matches!(open(&bytes, &image, &limits), Err(RecordError::Kind { .. })));
}

#[test]
fn limits_on_items_and_texts_hold() {
    let sealed = record(0).seal(&key()).unwrap();
    let unseal = |limits| LayerRecord::unseal(&sealed, place(0), ALL, &limits).unwrap_err();
    let limits = RecordLimits { items_max: 3, ..RecordLimits::default() };
    assert_eq!(unseal(limits), RecordError::Items { found: 5, left: 3 });
    let limits = RecordLimits { text_bytes_max: 2, ..RecordLimits::default() };
    assert_eq!(unseal(limits), RecordError::TextLength { found: 3, limit: 2 });
    let unknown = LayerRecord::unseal(&sealed, place(0), &[], &RecordLimits::default()).unwrap_err();
    assert_eq!(unknown, RecordError::Ecosystem("dpkg".into()));
}

#[test]
fn what_names_another_layer_cannot_be_kept() {
    let mut record = record(0);
    record.problems.push(problem(&place(9)));
    assert_eq!(record.seal(&key()), Err(Inexpressible("layer")));
    let mut inventory = inventory();
    inventory.packages.pop();
    assert_eq!(seal_inventory(&inventory, &key()), Err(Inexpressible("package")));
}

#[test]
fn many_paths_take_little_room() {
    let path = |number: u32| format!("usr/lib/python3/dist-packages/package/module_{number:05}.py");
    let entry =
        |number| Entry { path: path(number).as_str().into(), kind: EntryKind::File, mode: 0o644, size: 1 };
    let delta = LayerDelta { entries: (0..10_000).map(entry).collect(), ..LayerDelta::default() };
    let sealed = LayerRecord { delta, ..record(0) }.seal(&key()).unwrap();
    assert!(sealed.bytes().len() < 160_000, "{} bytes", sealed.bytes().len());
}

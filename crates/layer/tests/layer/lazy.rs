//! Layers read through their table of contents, sound ones and lying ones.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use supercargo_content::{Descriptor, Digest, Limits};
use supercargo_layer::{
    Announced, Budget, EntryKind, LayerInput, LayerPass, LayerReader, Ranged, TocError, Visitor,
};
use supercargo_testkit::image::TextLayer;
use supercargo_testkit::lazy::{Change, estargz, zstd_chunked};
use supercargo_testkit::tar;

use crate::support::{Keep, TakeParts};

const CHUNK: usize = 50;

/// A blob that counts what is read of it.
pub(crate) struct Blob<'a> {
    bytes: &'a [u8],
    serves_parts: bool,
    requests: AtomicU64,
    fetched: AtomicU64,
}

impl<'a> Blob<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, serves_parts: true, requests: AtomicU64::new(0), fetched: AtomicU64::new(0) }
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }
}

impl Ranged for Blob<'_> {
    fn part(&self, offset: u64, len: u64) -> io::Result<Option<Box<dyn Read + '_>>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let part =
            usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..)).unwrap_or_default();
        self.fetched.fetch_add(len.min(part.len() as u64), Ordering::Relaxed);
        Ok(self.serves_parts.then(|| Box::new(part.take(len)) as Box<dyn Read + '_>))
    }
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// An archive with all kinds of members.
fn archive() -> Vec<u8> {
    archive_with(300_000)
}

/// The same with so many bytes that nobody wants.
pub(crate) fn archive_with(unwanted_bytes: usize) -> Vec<u8> {
    let mut archive = Vec::new();
    tar::directory(&mut archive, "etc");
    tar::file(&mut archive, "etc/small", 0o644, b"small");
    tar::file(&mut archive, "etc/empty", 0o644, b"");
    tar::file(&mut archive, "etc/chunks", 0o600, &noise(3 * CHUNK + 7));
    tar::file(&mut archive, "etc/skip-large", 0o644, &noise(unwanted_bytes));
    tar::file(&mut archive, "usr/bin/tool", 0o755, &[b"\x7fELF".as_slice(), &noise(200)].concat());
    tar::symlink(&mut archive, "lib", "usr/lib");
    tar::file(&mut archive, "lib/through-link", 0o644, b"body");
    tar::file(&mut archive, "skip-target", 0o644, b"seen by its other name");
    tar::hardlink(&mut archive, "linked", "skip-target");
    tar::file(&mut archive, "etc/.wh.gone", 0o644, b"");
    tar::file(&mut archive, "var/.wh..wh..opq", 0o644, b"");
    tar::finish(&mut archive);
    archive
}

type Write = fn(&[u8], usize, Change<'_>) -> io::Result<TextLayer>;
const FORMATS: [Write; 2] = [estargz, zstd_chunked];

fn by_toc(layer: &TextLayer, keep: &mut Keep, limits: &Limits) -> Result<LayerPass, TocError> {
    by_toc_of(&Blob::new(&layer.bytes), &layer.blob, &layer.diff_id, keep, limits)
}

fn by_toc_of(
    blob: &Blob<'_>,
    descriptor: &Descriptor,
    diff_id: &Digest,
    visitor: &mut dyn Visitor,
    limits: &Limits,
) -> Result<LayerPass, TocError> {
    let budget = Budget::new(limits.buffered_bytes_max);
    let announced = Announced::of(descriptor).expect("announced");
    let input = LayerInput { descriptor, diff_id };
    LayerReader { limits, budget: &budget }.read_by_toc(blob, &input, &announced, visitor)
}

fn whole(layer: &TextLayer, keep: &mut Keep) -> LayerPass {
    let limits = Limits::default();
    let budget = Budget::new(limits.buffered_bytes_max);
    let reader = LayerReader { limits: &limits, budget: &budget };
    let input = LayerInput { descriptor: &layer.blob, diff_id: &layer.diff_id };
    let pass = reader.read(layer.bytes.as_slice(), &input, keep).unwrap();
    reader.read_links(layer.bytes.as_slice(), &input, &pass.links, keep).unwrap();
    pass
}

#[test]
fn the_table_gives_what_the_archive_gives() {
    for write in FORMATS {
        for chunk in [1, 7, CHUNK, 1 << 20] {
            let layer = write(&archive_with(900), chunk, &|_| {}).unwrap();
            let (mut lazily, mut fully) = (Keep::default(), Keep::default());
            let found = by_toc(&layer, &mut lazily, &Limits::default()).unwrap();
            let mut expected = whole(&layer, &mut fully);
            expected.delta.entries.retain(|entry| entry.path.as_str() != "stargz.index.json");
            fully.bodies.retain(|(path, _)| path != "stargz.index.json");
            assert_eq!(lazily.bodies, fully.bodies);
            assert_eq!(found.delta, expected.delta);
            assert!(found.delta.entries.iter().any(|entry| matches!(entry.kind, EntryKind::HardLink(_))));
            assert_eq!((found.problems, found.links.len(), found.verified), (vec![], 0, false));
        }
    }
}

#[test]
fn only_what_is_wanted_travels() {
    for write in FORMATS {
        let layer = write(&archive(), 1 << 20, &|_| {}).unwrap();
        let blob = Blob::new(&layer.bytes);
        let pass =
            by_toc_of(&blob, &layer.blob, &layer.diff_id, &mut Keep::default(), &Limits::default()).unwrap();
        assert_eq!(pass.fetched_bytes, Some(blob.fetched()));
        assert!(blob.fetched() < 5_000 && layer.bytes.len() > 300_000, "{}", blob.fetched());
        assert!(blob.requests() <= 5, "{} requests", blob.requests());
    }
}

#[test]
fn programs_are_told_by_their_first_chunk() {
    for write in FORMATS {
        let layer = write(&archive_with(900), CHUNK, &|_| {}).unwrap();
        let mut keep = Keep { heads_only: true, ..Keep::default() };
        by_toc(&layer, &mut keep, &Limits::default()).unwrap();
        let names: Vec<_> = keep.bodies.iter().map(|(path, bytes)| (path.as_str(), bytes.len())).collect();
        assert_eq!(names, [("usr/bin/tool", 204)]);
    }
}

#[test]
fn a_program_that_was_not_foreseen_comes_in_one_request() {
    let mut archive = Vec::new();
    tar::file(&mut archive, "tool", 0o755, &[b"\x7fELF".as_slice(), &noise(200_000)].concat());
    tar::finish(&mut archive);
    for write in FORMATS {
        let layer = write(&archive, 1_000, &|_| {}).unwrap();
        let blob = Blob::new(&layer.bytes);
        let mut keep = Keep { heads_only: true, ..Keep::default() };
        by_toc_of(&blob, &layer.blob, &layer.diff_id, &mut keep, &Limits::default()).unwrap();
        assert_eq!(keep.bodies.iter().map(|(_, bytes)| bytes.len()).collect::<Vec<_>>(), [200_004]);
        // The footer, the table, the first and the last chunks, the rest.
        assert!(blob.requests() <= 5, "{} requests", blob.requests());
        assert!(blob.fetched() <= layer.bytes.len() as u64 + 20_000);
    }
}

#[test]
fn of_a_program_that_is_read_in_parts_few_chunks_travel() {
    let program = [b"\x7fELF".as_slice(), &noise(200_000)].concat();
    let mut archive = Vec::new();
    tar::file(&mut archive, "tool", 0o755, &program);
    tar::finish(&mut archive);
    let places = vec![(0, 16), (199_900, 104), (99_990, 20), (199_000, 500), (10, 3_000)];
    for write in FORMATS {
        let layer = write(&archive, 1_000, &|_| {}).unwrap();
        let blob = Blob::new(&layer.bytes);
        let mut take = TakeParts { places: places.clone(), ..TakeParts::default() };
        let pass = by_toc_of(&blob, &layer.blob, &layer.diff_id, &mut take, &Limits::default()).unwrap();
        let expected: Vec<_> =
            places.iter().map(|&(at, len)| program[at as usize..][..len].to_vec()).collect();
        assert_eq!((take.parts, take.bodies, pass.files_read), (expected, 0, 1));
        assert!(blob.fetched() < 60_000, "{} bytes", blob.fetched());

        let mut unhappy = TakeParts { places: places.clone(), is_unhappy: true, ..TakeParts::default() };
        by_toc_of(&blob, &layer.blob, &layer.diff_id, &mut unhappy, &Limits::default()).unwrap();
        assert_eq!((unhappy.parts.len(), unhappy.bodies), (places.len(), 1));
    }
}

#[test]
fn a_part_that_lies_is_found() {
    let lie = |toc: &mut Value| {
        toc["entries"][100]["chunkDigest"] = json!(Digest::sha256_of(b"other").to_string());
    };
    let mut archive = Vec::new();
    tar::file(&mut archive, "tool", 0o755, &[b"\x7fELF".as_slice(), &noise(200_000)].concat());
    tar::finish(&mut archive);
    for write in FORMATS {
        let layer = write(&archive, 1_000, &lie).unwrap();
        for (place, is_seen) in [(50_000, false), (100_500, true)] {
            let blob = Blob::new(&layer.bytes);
            let mut take = TakeParts { places: vec![(place, 10)], ..TakeParts::default() };
            let found = by_toc_of(&blob, &layer.blob, &layer.diff_id, &mut take, &Limits::default());
            assert_eq!(matches!(found, Err(TocError::Chunk { offset: 100_000, .. })), is_seen, "{found:?}");
        }
        let blob = Blob::new(&layer.bytes);
        let mut beyond = TakeParts { places: vec![(200_000, 10)], ..TakeParts::default() };
        let found = by_toc_of(&blob, &layer.blob, &layer.diff_id, &mut beyond, &Limits::default());
        assert!(matches!(found, Err(TocError::Io(_))), "{found:?}");
    }
}

#[test]
fn holes_are_zeros_and_stored_nowhere() {
    let hole = |toc: &mut Value| {
        let entries = toc["entries"].as_array_mut().unwrap();
        let at = entries.iter().position(|entry| entry["name"] == "etc/chunks").unwrap();
        entries[at + 1]["chunkType"] = json!("zeros");
    };
    let layer = zstd_chunked(&archive_with(900), CHUNK, &hole).unwrap();
    let mut keep = Keep::default();
    by_toc(&layer, &mut keep, &Limits::default()).unwrap();
    let body = &keep.bodies.iter().find(|(path, _)| path == "etc/chunks").unwrap().1;
    let mut expected = noise(3 * CHUNK + 7);
    expected[CHUNK..2 * CHUNK].fill(0);
    assert_eq!(*body, expected);
}

#[test]
fn files_in_one_gzip_member_are_unpacked_once() {
    // The small file and the chunks of the next lie in one member when the table says so.
    let mut archive = Vec::new();
    tar::file(&mut archive, "a", 0o644, b"first");
    tar::finish(&mut archive);
    let share = |toc: &mut Value| {
        let mut second = toc["entries"][0].clone();
        second["name"] = json!("b");
        second["innerOffset"] = json!(2);
        second["size"] = json!(3);
        second["chunkSize"] = json!(3);
        second["chunkDigest"] = json!(Digest::sha256_of(b"rst").to_string());
        toc["entries"].as_array_mut().unwrap().push(second);
    };
    let layer = estargz(&archive, 100, &share).unwrap();
    let mut keep = Keep::default();
    by_toc(&layer, &mut keep, &Limits::default()).unwrap();
    assert_eq!(keep.bodies, [("a".into(), b"first".to_vec()), ("b".into(), b"rst".to_vec())]);
}

fn lie(write: Write, change: Change<'_>, limits: &Limits) -> TocError {
    by_toc(&write(&archive_with(900), CHUNK, change).unwrap(), &mut Keep::default(), limits).unwrap_err()
}

#[test]
fn lies_in_the_table_are_found() {
    fn change(name: &'static str, key: &'static str, value: Value) -> impl Fn(&mut Value) {
        move |toc: &mut Value| {
            let entries = toc["entries"].as_array_mut().unwrap();
            entries.iter_mut().find(|entry| entry["name"] == name).unwrap()[key] = value.clone();
        }
    }
    let wrong = json!(Digest::sha256_of(b"other").to_string());
    let limits = Limits::default();
    for write in FORMATS {
        let found = lie(write, &change("etc/chunks", "chunkDigest", wrong.clone()), &limits);
        assert!(
            matches!(found, TocError::Chunk { ref path, offset: 0, .. } if path == "etc/chunks"),
            "{found}"
        );
        let found = lie(write, &change("etc/chunks", "offset", json!(0)), &limits);
        assert!(matches!(found, TocError::Chunk { .. } | TocError::Entry { .. }), "{found}");
        let found = lie(write, &change("etc/small", "offset", json!(u64::MAX)), &limits);
        assert!(found.to_string().contains("outside the blob"), "{found}");
        let found = lie(write, &change("etc/small", "size", json!(6)), &limits);
        assert!(matches!(found, TocError::Entry { .. } | TocError::Chunk { .. }), "{found}");
        let found = lie(write, &change("etc/small", "size", json!(-1)), &limits);
        assert!(matches!(found, TocError::Json(_)), "{found}");
        let found = lie(write, &|toc| toc["version"] = json!(2), &limits);
        assert!(found.to_string().contains("unknown version 2"), "{found}");
        let found = lie(write, &|toc| toc["entries"] = json!({}), &limits);
        assert!(matches!(found, TocError::Json(_)), "{found}");
        let found = lie(write, &|toc| *toc = json!([1]), &limits);
        assert!(matches!(found, TocError::Json(_)), "{found}");
    }
}

/// What a table says is what is reported: that it is what the archive says is not checked, and the caller says so.
#[test]
fn a_table_may_name_paths_that_the_archive_does_not_have() {
    let rename = |toc: &mut Value| {
        for entry in toc["entries"].as_array_mut().unwrap() {
            let name = entry["name"].as_str().unwrap().replace("etc/small", "../../etc/other");
            entry["name"] = json!(name);
        }
    };
    for write in FORMATS {
        let layer = write(&archive_with(900), CHUNK, &rename).unwrap();
        let mut keep = Keep::default();
        let pass = by_toc(&layer, &mut keep, &Limits::default()).unwrap();
        assert!(keep.bodies.iter().any(|(path, _)| path == "etc/other"));
        assert!(pass.problems.iter().any(|problem| problem.kind.name() == "hostile-path") && !pass.verified);
    }
}

#[test]
fn limits_hold_for_tables() {
    let many = |toc: &mut Value| {
        let entry = toc["entries"][1].clone();
        toc["entries"].as_array_mut().unwrap().extend(std::iter::repeat_n(entry, 100));
    };
    for write in FORMATS {
        let found = lie(write, &many, &Limits { entries_max: 50, ..Limits::default() });
        assert!(matches!(found, TocError::Limit { what: "entries", limit: 50 }), "{found}");
        let found = lie(write, &|_| {}, &Limits { toc_bytes_max: 100, ..Limits::default() });
        assert!(matches!(found, TocError::Limit { what: "bytes", limit: 100 }), "{found}");
        // Small when packed, large when unpacked.
        let bomb = |toc: &mut Value| toc["comment"] = json!("0".repeat(4 << 20));
        let found = lie(write, &bomb, &Limits { toc_bytes_max: 100_000, ..Limits::default() });
        assert!(matches!(found, TocError::Limit { what: "bytes", limit: 100_000 }), "{found}");
    }
}

#[test]
fn one_chunk_again_and_again_is_found() {
    let mut archive = Vec::new();
    tar::file(&mut archive, "a", 0o644, &[7; 10_000]);
    tar::finish(&mut archive);
    let again = |toc: &mut Value| {
        let entry = toc["entries"][0].clone();
        toc["entries"].as_array_mut().unwrap().extend(std::iter::repeat_n(entry, 1000));
    };
    for write in FORMATS {
        let layer = write(&archive, 1 << 20, &again).unwrap();
        let limits = Limits { expansion_ratio_max: 2, expansion_free_bytes: 2 << 20, ..Limits::default() };
        let found = by_toc(&layer, &mut Keep::default(), &limits);
        // Bytes that are unpacked once and handed out often cost nothing.
        assert!(matches!(found, Err(TocError::Amplification { .. }) | Ok(_)), "{found:?}");
    }
}

#[test]
fn a_source_without_parts_is_said() {
    let layer = estargz(&archive_with(900), CHUNK, &|_| {}).unwrap();
    let blob = Blob { serves_parts: false, ..Blob::new(&layer.bytes) };
    let found = by_toc_of(&blob, &layer.blob, &layer.diff_id, &mut Keep::default(), &Limits::default());
    assert!(matches!(found, Err(TocError::NoRanges)));
    assert_eq!(blob.requests(), 1);
}

#[test]
fn a_table_with_another_digest_is_not_used() {
    for write in FORMATS {
        let mut layer = write(&archive_with(900), CHUNK, &|_| {}).unwrap();
        let digest = Digest::sha256_of(b"another").to_string();
        let annotations = layer.blob.annotations.iter_mut();
        annotations
            .filter(|(key, _)| !key.ends_with("position"))
            .for_each(|(_, value)| *value = digest.clone());
        let found = by_toc(&layer, &mut Keep::default(), &Limits::default()).unwrap_err();
        assert!(matches!(found, TocError::Digest { .. }), "{found}");
    }
}

/// Whatever is wrong with the bytes: an error, or what was in them before; never anything else, and never a panic.
#[test]
fn flips_and_cuts_anywhere_change_nothing_unseen() {
    let mut small = Vec::new();
    tar::file(&mut small, "a", 0o644, &noise(120));
    tar::file(&mut small, "b", 0o644, b"b");
    tar::finish(&mut small);
    for write in FORMATS {
        let layer = write(&small, CHUNK, &|_| {}).unwrap();
        let mut expected = Keep::default();
        by_toc(&layer, &mut expected, &Limits::default()).unwrap();
        for at in 0..layer.bytes.len() {
            let mut bytes = layer.bytes.clone();
            bytes[at] ^= 0x41;
            let cut = layer.bytes.get(..at).unwrap();
            for bytes in [bytes.as_slice(), cut] {
                let blob = Descriptor { size: bytes.len() as u64, ..layer.blob.clone() };
                let mut keep = Keep::default();
                let found =
                    by_toc_of(&Blob::new(bytes), &blob, &layer.diff_id, &mut keep, &Limits::default());
                if found.is_ok() {
                    assert_eq!(keep.bodies, expected.bodies, "{at}");
                }
            }
        }
    }
}

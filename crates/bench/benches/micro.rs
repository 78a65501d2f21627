//! `make bench-micro`: each step alone, in bytes per second.

#![expect(clippy::unwrap_used, reason = "a bench on inputs of its own")]

use std::io::{self, Read as _};

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use supercargo_bench::inputs::{self, InputFile};
use supercargo_bench::{layout, passes};
use supercargo_content::{Algorithm, Hasher, Limits};
use supercargo_ecosystems::{ALL, Candidate, Findings, Matcher};
use supercargo_inventory::ImagePath;
use supercargo_layer::{Decompressed, TarReader};
use supercargo_sbom::FormatId;

/// Bytes of the layer that the steps of a pass work on.
const LAYER_BYTES: usize = 8_000_000;

fn main() {
    divan::main();
}

#[divan::bench(args = ["gzip", "zstd"])]
fn inflate(bencher: Bencher<'_, '_>, packing: &str) {
    let tar = inputs::layer_tar(LAYER_BYTES);
    let blob = match packing {
        "gzip" => layout::gzip(&tar).unwrap().bytes().to_vec(),
        _ => zstd::encode_all(tar.as_slice(), 3).unwrap(),
    };
    let limits = Limits::default();
    bencher.counter(BytesCount::new(tar.len())).bench(|| {
        let mut plain = Decompressed::new(black_box(blob.as_slice()), &limits).unwrap();
        let mut buffer = vec![0; 1 << 18];
        while plain.read(&mut buffer).unwrap() > 0 {}
    });
}

#[divan::bench]
fn hash(bencher: Bencher<'_, '_>) {
    let tar = inputs::layer_tar(LAYER_BYTES);
    bencher.counter(BytesCount::new(tar.len())).bench(|| {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(black_box(&tar));
        hasher.finish()
    });
}

#[divan::bench]
fn tar_walk(bencher: Bencher<'_, '_>) {
    let tar = inputs::layer_tar(LAYER_BYTES);
    bencher.counter(BytesCount::new(tar.len())).bench(|| {
        let mut reader = TarReader::new(black_box(tar.as_slice()));
        let mut members = 0;
        while reader.next_member().unwrap().is_some() {
            members += 1;
        }
        members
    });
}

/// Bytes of paths, not of files.
#[divan::bench]
fn matcher(bencher: Bencher<'_, '_>) {
    let files = passes::files(&inputs::layer_tar(LAYER_BYTES)).unwrap();
    let paths: Vec<ImagePath> = files.into_iter().map(|file| file.path).collect();
    let bytes: usize = paths.iter().map(|path| path.as_str().len()).sum();
    let matcher = Matcher::compile(ALL).unwrap();
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| paths.iter().filter(|path| !matcher.by_path(black_box(path)).is_empty()).count());
}

/// A whole pass: inflate, both digests, tar, matcher.
#[divan::bench]
fn layer_pass(bencher: Bencher<'_, '_>) {
    let tar = inputs::layer_tar(LAYER_BYTES);
    let packed = layout::gzip(&tar).unwrap();
    bencher
        .counter(BytesCount::new(tar.len()))
        .bench(|| passes::layer(black_box(packed.bytes()), packed.diff_id()).unwrap());
}

fn ecosystems() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|ecosystem| ecosystem.id().0)
}

#[divan::bench(args = ecosystems())]
fn reader(bencher: Bencher<'_, '_>, id: &str) {
    let ecosystem = *ALL.iter().find(|ecosystem| ecosystem.id().0 == id).unwrap();
    let files: Vec<InputFile> = inputs::candidates(ecosystem).unwrap();
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    let limits = Limits::default();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let mut found = Findings::default();
        for file in &files {
            let candidate = Candidate {
                path: &file.path,
                mode: 0o755,
                bytes: &file.bytes,
                sha256: None,
                limits: &limits,
            };
            ecosystem.read(&candidate, &mut found).unwrap();
        }
        found
    });
}

fn formats() -> impl Iterator<Item = FormatId> {
    supercargo_sbom::ALL.iter().map(|format| format.id())
}

/// Bytes written, not read.
#[divan::bench(args = formats())]
fn writer(bencher: Bencher<'_, '_>, format: FormatId) {
    let document = inputs::document(2_000);
    let bytes = passes::encode(&document, format).unwrap().len();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        format.format().encode(black_box(&document), &mut io::sink()).unwrap();
    });
}

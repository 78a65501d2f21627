//! What several fuzz targets share: limits that let a run be fast, archives whose checksums are right, and a pass
//! over bytes whose digests are right.

pub mod both_ways;
pub mod program;
pub mod zip;

use std::io::{self, Read};

use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_layer::{
    Announced, Budget, Decompressed, Entry, Interest, LayerInput, LayerPass, LayerReader, Ranged, Visitor,
};

/// Small limits, so that hitting them is part of the run.
pub fn limits() -> Limits {
    const MIB: u64 = 1 << 20;
    Limits {
        file_bytes_max: MIB,
        streamed_bytes_min: MIB / 16,
        expansion_free_bytes: MIB,
        buffered_bytes_max: MIB,
        ..Limits::default()
    }
}

/// Wants everything, by head or by name, in pieces where the mode says so.
#[derive(Default)]
struct All {
    size: u64,
    seen: u64,
}

impl Visitor for All {
    fn interest(&mut self, entry: &Entry) -> Interest {
        if entry.mode & 1 == 0 { Interest::Body } else { Interest::Head }
    }

    fn wants_head(&mut self, _: &Entry, head: &[u8]) -> bool {
        head.first() != Some(&0)
    }

    fn body(&mut self, entry: &Entry, bytes: &[u8]) {
        assert_eq!(bytes.len() as u64, entry.size);
    }

    fn open(&mut self, entry: &Entry, _: &[u8], _: bool) -> bool {
        (self.size, self.seen) = (entry.size, 0);
        entry.mode & 2 == 0
    }

    fn piece(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
    }

    fn close(&mut self, is_complete: bool) {
        assert_eq!(is_complete, self.seen == self.size);
    }
}

/// Reads a blob as a layer, both passes; `None` when it is refused.
pub fn read_layer(blob: &[u8]) -> Option<LayerPass> {
    let limits = limits();
    let mut tar = Decompressed::new(blob, &limits).ok()?;
    let mut unpacked = Vec::new();
    let is_whole = std::io::Read::read_to_end(&mut tar, &mut unpacked).is_ok();
    let descriptor = Descriptor::of(MediaType::OCI_LAYER_GZIP, blob);
    let layer = LayerInput { descriptor: &descriptor, diff_id: &Digest::sha256_of(&unpacked) };
    let budget = Budget::new(limits.buffered_bytes_max);
    let reader = LayerReader { limits: &limits, budget: &budget };
    let pass = reader.read(blob, &layer, &mut All::default()).ok()?;
    assert_eq!(pass.verified, is_whole);
    reader.read_links(blob, &layer, &pass.links, &mut All::default()).ok()?;
    Some(pass)
}

/// Two chunks, `one` and `two`, as raw zstd frames, and a table behind them.
struct WithTable(Vec<u8>);

impl Ranged for WithTable {
    fn part(&self, offset: u64, len: u64) -> io::Result<Option<Box<dyn Read + '_>>> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        Ok(Some(Box::new(self.0[from..].take(len))))
    }
}

/// Reads a layer through a table whose digest is announced; `None` when the table is refused.
pub fn read_by_toc(table: &[u8]) -> Option<LayerPass> {
    let frame = |text: &[u8; 3]| [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0], text.as_slice()].concat();
    let mut blob = [frame(b"one"), frame(b"two")].concat();
    let (offset, len) = (blob.len() as u64, table.len() as u64);
    blob.extend(table);
    let descriptor = Descriptor::of(MediaType::OCI_LAYER_ZSTD, &blob);
    let layer = LayerInput { descriptor: &descriptor, diff_id: &descriptor.digest };
    let limits = limits();
    let budget = Budget::new(limits.buffered_bytes_max);
    let announced = Announced::ZstdChunked { toc: Digest::sha256_of(table), offset, len };
    let reader = LayerReader { limits: &limits, budget: &budget };
    reader.read_by_toc(&WithTable(blob), &layer, &announced, &mut All::default()).ok()
}

/// Reads a gzip layer through a zTOC; `None` when that is refused.
pub fn read_by_ztoc(ztoc: &[u8]) -> Option<LayerPass> {
    // A stored block of 512 bytes.
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 0, 2, 0xff, 0xfd];
    let blob = [head.as_slice(), &[b'a'; 512], &[0; 8]].concat();
    let descriptor = Descriptor::of(MediaType::OCI_LAYER_GZIP, &blob);
    let layer = LayerInput { descriptor: &descriptor, diff_id: &descriptor.digest };
    let limits = limits();
    let budget = Budget::new(limits.buffered_bytes_max);
    let announced = Announced::Soci { ztoc: ztoc.to_vec() };
    let reader = LayerReader { limits: &limits, budget: &budget };
    reader.read_by_toc(&WithTable(blob), &layer, &announced, &mut All::default()).ok()
}

/// An archive by a script: a line is a type flag, a name and, after a tab, a link target or body. The checksums
/// are right, so that a fuzzer need not find them.
pub fn archive(script: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    for line in script.split(|&byte| byte == b'\n') {
        let Some((&flag, rest)) = line.split_first() else { continue };
        let (name, tail) = rest.split_at(rest.iter().position(|&byte| byte == b'\t').unwrap_or(rest.len()));
        let body = if matches!(flag, b'1' | b'2') { &[] } else { tail };
        let mut header = [0; 512];
        put(&mut header, 0, &name[..name.len().min(100)]);
        put(&mut header, 124, format!("{:011o}", body.len()).as_bytes());
        put(&mut header, 148, b"        ");
        put(&mut header, 156, &[flag]);
        put(&mut header, 157, &tail[tail.len().min(1)..tail.len().min(101)]);
        put(&mut header, 257, b"ustar");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        put(&mut header, 148, format!("{sum:06o}\0").as_bytes());
        tar.extend(header);
        tar.extend(body);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar
}

fn put(header: &mut [u8; 512], at: usize, bytes: &[u8]) {
    header[at..at + bytes.len()].copy_from_slice(bytes);
}

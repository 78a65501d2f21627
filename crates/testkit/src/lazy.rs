//! Layers with a table of contents, written from the formats' descriptions, so that tests can also lie in them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use supercargo_content::{Descriptor, Digest, MediaType};

use crate::image::TextLayer;
use crate::tar;

const BLOCK: usize = 512;

/// How a table is changed before it is written, to lie.
pub type Change<'a> = &'a dyn Fn(&mut Value);

/// A member of an archive that [`crate::tar`] wrote with short names.
struct Member<'a> {
    name: String,
    link: String,
    kind: u8,
    mode: u64,
    body: &'a [u8],
    /// Header, body and padding.
    end: usize,
    begin: usize,
}

/// An eStargz layer: each chunk of a file in a gzip member of its own, the table in the last member of the archive,
/// its place in the footer, its digest in an annotation.
///
/// # Errors
/// Those of the compressor.
pub fn estargz(archive: &[u8], chunk_bytes: usize, change: Change<'_>) -> io::Result<TextLayer> {
    let mut writer = Writer::new(Codec::Gzip);
    let mut entries = Vec::new();
    for member in members(archive) {
        writer.plain.extend(&archive[member.begin..member.begin + BLOCK]);
        let mut entry = entry(&member);
        for (at, chunk) in member.body.chunks(chunk_bytes).enumerate() {
            let offset = writer.begin_member()?;
            writer.plain.extend(chunk);
            if at > 0 {
                entries.push(std::mem::replace(&mut entry, json!({"type": "chunk", "name": member.name})));
            }
            entry["offset"] = json!(offset);
            entry["chunkOffset"] = json!(at * chunk_bytes);
            entry["chunkSize"] = json!(chunk.len());
            entry["chunkDigest"] = json!(Digest::sha256_of(chunk).to_string());
        }
        writer.plain.extend(&archive[member.begin + BLOCK + member.body.len()..member.end]);
        entries.push(entry);
    }
    let mut toc = json!({"version": 1, "entries": entries});
    change(&mut toc);
    let toc = toc.to_string().into_bytes();
    let place = writer.begin_member()?;
    tar::file(&mut writer.plain, "stargz.index.json", 0o444, &toc);
    tar::finish(&mut writer.plain);
    writer.begin_member()?;
    let mut bytes = writer.bytes;
    bytes.extend(footer(place));
    let annotation =
        ("containerd.io/snapshot/stargz/toc.digest".to_owned(), Digest::sha256_of(&toc).to_string());
    Ok(layer(MediaType::OCI_LAYER_GZIP, bytes, writer.all_plain, [annotation].into()))
}

/// The empty gzip member of 51 bytes that ends an eStargz layer.
fn footer(place: usize) -> Vec<u8> {
    let mut footer = vec![0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0];
    footer.extend(b"SG\x16\0");
    footer.extend(format!("{place:016x}STARGZ").bytes());
    footer.extend([1, 0, 0, 0xff, 0xff]);
    footer.extend([0; 8]);
    footer
}

/// A zstd:chunked layer: each chunk of a file in a frame of its own, the table in a skippable frame whose place and
/// digest stand in annotations.
///
/// # Errors
/// Those of the compressor.
pub fn zstd_chunked(archive: &[u8], chunk_bytes: usize, change: Change<'_>) -> io::Result<TextLayer> {
    let mut writer = Writer::new(Codec::Zstd);
    let mut entries = Vec::new();
    let mut written = 0;
    for member in members(archive) {
        writer.plain.extend(&archive[member.begin..member.begin + BLOCK]);
        let mut entry = entry(&member);
        let first = entries.len();
        for (at, chunk) in member.body.chunks(chunk_bytes).enumerate() {
            let offset = writer.begin_member()?;
            writer.plain.extend(chunk);
            if at > 0 {
                entries.push(std::mem::replace(&mut entry, json!({"type": "chunk", "name": member.name})));
                entry["chunkOffset"] = json!(at * chunk_bytes);
            }
            entry["offset"] = json!(offset);
            if member.body.len() > chunk_bytes {
                entry["chunkSize"] = json!(chunk.len());
                entry["chunkDigest"] = json!(Digest::sha256_of(chunk).to_string());
            }
        }
        entries.push(entry);
        if !member.body.is_empty() {
            entries[first]["endOffset"] = json!(writer.begin_member()?);
        }
        writer.plain.extend(&archive[member.begin + BLOCK + member.body.len()..member.end]);
        written = member.end;
    }
    writer.plain.extend(&archive[written..]);
    let mut toc = json!({"version": 1, "entries": entries});
    change(&mut toc);
    let table = zstd::encode_all(toc.to_string().as_bytes(), 3)?;
    let place = writer.begin_member()? + 8;
    let mut bytes = writer.bytes;
    bytes.extend([0x50, 0x2a, 0x4d, 0x18]);
    bytes.extend(u32::try_from(table.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(&table);
    let key = |name| format!("io.github.containers.zstd-chunked.manifest-{name}");
    let position = format!("{place}:{}:{}:1", table.len(), toc.to_string().len());
    let annotations =
        [(key("checksum"), Digest::sha256_of(&table).to_string()), (key("position"), position)].into();
    Ok(layer(MediaType::OCI_LAYER_ZSTD, bytes, writer.all_plain, annotations))
}

fn layer(
    media_type: MediaType,
    bytes: Vec<u8>,
    tar: Vec<u8>,
    annotations: BTreeMap<String, String>,
) -> TextLayer {
    let blob = Descriptor { annotations, ..Descriptor::of(media_type, &bytes) };
    TextLayer { blob, bytes, diff_id: Digest::sha256_of(&tar), tar }
}

fn entry(member: &Member<'_>) -> Value {
    let kind = match member.kind {
        b'1' => "hardlink",
        b'2' => "symlink",
        b'5' => "dir",
        _ => "reg",
    };
    let mut entry = json!({"type": kind, "name": member.name, "mode": member.mode});
    if !member.link.is_empty() {
        entry["linkName"] = json!(member.link);
    }
    if kind == "reg" {
        entry["size"] = json!(member.body.len());
        entry["digest"] = json!(Digest::sha256_of(member.body).to_string());
    }
    entry
}

fn members(archive: &[u8]) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    let mut begin = 0;
    while archive.get(begin..begin + BLOCK).is_some_and(|header| header.iter().any(|&byte| byte != 0)) {
        let header = &archive[begin..begin + BLOCK];
        let text = |range: std::ops::Range<usize>| {
            let text = String::from_utf8_lossy(&header[range]).into_owned();
            text.trim_end_matches('\0').to_owned()
        };
        let number = |range| u64::from_str_radix(text(range).trim(), 8).unwrap_or_default();
        let len = usize::try_from(number(124..136)).unwrap_or_default();
        let body = &archive[begin + BLOCK..begin + BLOCK + len];
        let end = begin + BLOCK + len.next_multiple_of(BLOCK);
        let (name, link) = (text(0..100), text(157..257));
        members.push(Member { name, link, kind: header[156], mode: number(100..108), body, begin, end });
        begin = end;
    }
    members
}

#[derive(Clone, Copy)]
enum Codec {
    Gzip,
    Zstd,
}

struct Writer {
    codec: Codec,
    bytes: Vec<u8>,
    /// What goes into the current member.
    plain: Vec<u8>,
    all_plain: Vec<u8>,
}

impl Writer {
    fn new(codec: Codec) -> Self {
        Self { codec, bytes: Vec::new(), plain: Vec::new(), all_plain: Vec::new() }
    }

    /// Ends the current member; where the next one begins.
    fn begin_member(&mut self) -> io::Result<usize> {
        if !self.plain.is_empty() {
            self.bytes.extend(match self.codec {
                Codec::Gzip => {
                    let mut encoder =
                        flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                    encoder.write_all(&self.plain)?;
                    encoder.finish()?
                }
                Codec::Zstd => zstd::encode_all(self.plain.as_slice(), 3)?,
            });
            self.all_plain.append(&mut self.plain);
        }
        Ok(self.bytes.len())
    }
}

//! Zip archives byte by byte, in the forms of all writers, and with every lie.

use std::io::Write as _;

/// A zip entry, and the lies that can be told about it.
#[derive(Clone)]
pub(crate) struct ZipEntry {
    pub(crate) name: String,
    pub(crate) local_name: Option<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) deflate: bool,
    /// Of deflate; 0 stores blocks as they are.
    pub(crate) level: u32,
    pub(crate) size: Option<u32>,
    pub(crate) crc: Option<u32>,
    pub(crate) flags: u16,
    pub(crate) offset: Option<u32>,
}

/// How an archive is written.
#[derive(Clone, Default)]
pub(crate) struct ZipStyle {
    /// Sums behind each body: whether with signature, whether with sizes of 64 bits.
    pub(crate) descriptor: Option<(bool, bool)>,
    /// Sizes, offsets and the end of the directory in 64 bits.
    pub(crate) zip64: bool,
    /// Bytes before the archive, which its offsets do not count.
    pub(crate) prefix: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    /// An entry that the directory leaves out.
    pub(crate) unlisted: Option<usize>,
    /// How much later than it is the directory claims to be.
    pub(crate) directory_lie: i64,
}

pub(crate) fn entry(name: &str, bytes: impl AsRef<[u8]>) -> ZipEntry {
    ZipEntry {
        name: name.to_owned(),
        local_name: None,
        bytes: bytes.as_ref().to_vec(),
        deflate: true,
        level: 6,
        size: None,
        crc: None,
        flags: 0,
        offset: None,
    }
}

/// A zip archive of entries as they claim to be.
pub(crate) fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    styled_zip(entries, &ZipStyle::default())
}

/// The same in a style.
pub(crate) fn styled_zip(entries: &[ZipEntry], style: &ZipStyle) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (at, entry) in entries.iter().enumerate() {
        let packed = if entry.deflate { deflated(entry) } else { entry.bytes.clone() };
        let offset = entry.offset.unwrap_or(out.len() as u32);
        if entry.offset.is_none() {
            local(&mut out, entry, &packed, style);
        }
        if style.unlisted != Some(at) {
            central(&mut directory, entry, packed.len(), offset, style);
        }
    }
    let start = (out.len() as i64 + style.directory_lie) as u64;
    let count = entries.len() as u64 - style.unlisted.iter().len() as u64;
    let length = directory.len() as u64;
    out.extend(directory);
    if style.zip64 {
        end64(&mut out, count, length, start);
    }
    end(&mut out, count, length, start, style);
    [&style.prefix[..], &out].concat()
}

fn sums(entry: &ZipEntry, packed: usize) -> (u32, u64, u64) {
    let crc = entry.crc.unwrap_or_else(|| rawzip::crc32(&entry.bytes));
    (crc, packed as u64, u64::from(entry.size.unwrap_or(entry.bytes.len() as u32)))
}

fn common(entry: &ZipEntry, style: &ZipStyle) -> Vec<u8> {
    let mut common = Vec::new();
    let descriptor = if style.descriptor.is_some() { 8 } else { 0 };
    common.extend((entry.flags | descriptor).to_le_bytes());
    common.extend((if entry.deflate { 8_u16 } else { 0 }).to_le_bytes());
    common.extend([0; 4]);
    common
}

fn local(out: &mut Vec<u8>, entry: &ZipEntry, packed: &[u8], style: &ZipStyle) {
    let (crc, packed_len, size) = sums(entry, packed.len());
    out.extend(b"PK\x03\x04\x14\x00");
    out.extend(common(entry, style));
    let mut extra = Vec::new();
    match (style.descriptor, style.zip64) {
        (Some(_), _) => out.extend([0; 12]),
        (None, false) => {
            out.extend(crc.to_le_bytes());
            out.extend((packed_len as u32).to_le_bytes());
            out.extend((size as u32).to_le_bytes());
        }
        (None, true) => {
            out.extend(crc.to_le_bytes());
            out.extend([0xff; 8]);
            extra = [&[1, 0, 16, 0][..], &size.to_le_bytes(), &packed_len.to_le_bytes()].concat();
        }
    }
    let name = entry.local_name.as_ref().unwrap_or(&entry.name);
    out.extend((name.len() as u16).to_le_bytes());
    out.extend((extra.len() as u16).to_le_bytes());
    out.extend(name.as_bytes());
    out.extend(extra);
    out.extend(packed);
    if let Some((signed, wide)) = style.descriptor {
        out.extend(if signed { &b"PK\x07\x08"[..] } else { &[] });
        out.extend(crc.to_le_bytes());
        for number in [packed_len, size] {
            out.extend(number.to_le_bytes().get(..if wide { 8 } else { 4 }).unwrap_or_default());
        }
    }
}

fn central(out: &mut Vec<u8>, entry: &ZipEntry, packed: usize, offset: u32, style: &ZipStyle) {
    let (crc, packed, size) = sums(entry, packed);
    out.extend(b"PK\x01\x02\x14\x00\x14\x00");
    out.extend(common(entry, style));
    out.extend(crc.to_le_bytes());
    let mut extra = Vec::new();
    if style.zip64 {
        out.extend([0xff; 8]);
        extra = [&[1, 0, 24, 0][..], &size.to_le_bytes(), &packed.to_le_bytes()].concat();
        extra.extend(u64::from(offset).to_le_bytes());
    } else {
        out.extend((packed as u32).to_le_bytes());
        out.extend((size as u32).to_le_bytes());
    }
    out.extend((entry.name.len() as u16).to_le_bytes());
    out.extend((extra.len() as u16).to_le_bytes());
    out.extend([0; 10]);
    out.extend(if style.zip64 { u32::MAX } else { offset }.to_le_bytes());
    out.extend(entry.name.as_bytes());
    out.extend(extra);
}

fn end64(out: &mut Vec<u8>, count: u64, length: u64, start: u64) {
    let at = out.len() as u64;
    out.extend(b"PK\x06\x06");
    out.extend(44_u64.to_le_bytes());
    out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [count, count, length, start] {
        out.extend(number.to_le_bytes());
    }
    out.extend(b"PK\x06\x07\0\0\0\0");
    out.extend(at.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
}

fn end(out: &mut Vec<u8>, count: u64, length: u64, start: u64, style: &ZipStyle) {
    let (count, length, start) = if style.zip64 {
        (u16::MAX, u32::MAX, u32::MAX)
    } else {
        (count as u16, length as u32, start as u32)
    };
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend((style.comment.len() as u16).to_le_bytes());
    out.extend(&style.comment);
}

fn deflated(entry: &ZipEntry) -> Vec<u8> {
    let level = flate2::Compression::new(entry.level);
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
    encoder.write_all(&entry.bytes).unwrap();
    encoder.finish().unwrap()
}

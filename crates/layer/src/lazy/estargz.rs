//! eStargz: a gzip layer whose last member says where its table of contents begins.
//!
//! Specification: eStargz of containerd's stargz-snapshotter, "The structure", "Footer", "TOC".

use std::io::{self, BufReader, Read};

use supercargo_content::{BoundedReader, Digest, HashingReader, Limits};

use super::TocError;
use super::builder::Builder;
use super::read::{Ranged, part};
use super::toc::{Codec, Toc};
use super::wire;
use crate::{Decompressed, TarReader};

/// The footer, and that of the older stargz: an empty gzip member with the offset in its extra field.
const FOOTER_BYTES: usize = 51;
const OLD_FOOTER_BYTES: usize = 47;
const TABLE: &[u8] = b"stargz.index.json";

/// Reads the table; with it, how many bytes that took.
pub(crate) fn load(
    blob: &dyn Ranged,
    size: u64,
    expected: &Digest,
    limits: &Limits,
) -> Result<(Toc, u64), TocError> {
    let absent = || TocError::Absent("the blob has no eStargz footer");
    let begin = size.checked_sub(FOOTER_BYTES as u64).ok_or_else(absent)?;
    let mut footer = Vec::new();
    part(blob, begin, FOOTER_BYTES as u64)?.read_to_end(&mut footer).map_err(TocError::Io)?;
    let (offset, footer_bytes) = offset_in(&footer).ok_or_else(absent)?;
    let len = (size - footer_bytes).checked_sub(offset).filter(|&len| len > 0).ok_or_else(absent)?;
    if len > limits.toc_bytes_max {
        return Err(TocError::Limit { what: "bytes", limit: limits.toc_bytes_max });
    }
    let unpacked = Decompressed::new(part(blob, offset, len)?, limits).map_err(TocError::of)?;
    let toc = read_table(unpacked, offset, expected, limits)?;
    Ok((toc, len + FOOTER_BYTES as u64))
}

/// Reads the one file of the archive that the table lies in.
fn read_table(archive: impl Read, offset: u64, expected: &Digest, limits: &Limits) -> Result<Toc, TocError> {
    let absent = || TocError::Absent("the archive at its place is none, or holds something else");
    let mut tar = TarReader::new(archive);
    match tar.next_member() {
        Ok(Some(member)) if member.name == TABLE => {}
        Err(crate::TarError::Io(error)) => return Err(TocError::of(error)),
        _ => return Err(absent()),
    }
    let json = BoundedReader::new(tar.stream().ok_or_else(absent)?, limits.toc_bytes_max);
    let mut json = HashingReader::new(json, expected.algorithm());
    let mut builder = Builder::new(Codec::Gzip, offset, limits.entries_max);
    let read = wire::read(BufReader::with_capacity(64 << 10, json.by_ref()), &mut builder);
    // A table that is not the announced one is that first, whatever else is wrong with it.
    io::copy(&mut json, &mut io::sink()).map_err(TocError::of)?;
    let (found, _) = json.finish();
    if found != *expected {
        return Err(TocError::Digest { expected: expected.clone(), found });
    }
    read?;
    builder.finish()
}

/// The offset of the table, and the length of the footer that says it.
fn offset_in(bytes: &[u8]) -> Option<(u64, u64)> {
    let new = bytes.get(..FOOTER_BYTES).and_then(|footer| field(footer, 26, b"SG\x16\0"));
    let old = bytes.get(FOOTER_BYTES - OLD_FOOTER_BYTES..).and_then(|footer| field(footer, 22, b""));
    new.map(|offset| (offset, FOOTER_BYTES as u64)).or(old.map(|offset| (offset, OLD_FOOTER_BYTES as u64)))
}

/// The extra field of a gzip header with nothing else: `prefix`, sixteen digits, `STARGZ`.
fn field(footer: &[u8], len: u8, prefix: &[u8]) -> Option<u64> {
    let header = footer.strip_prefix(&[0x1f, 0x8b, 8, 4])?.get(6..)?;
    let field = header.strip_prefix(&[len, 0])?.strip_prefix(prefix)?;
    let (digits, rest) = field.split_first_chunk::<16>()?;
    rest.starts_with(b"STARGZ").then_some(())?;
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
    u64::from_str_radix(digits, 16).ok()
}

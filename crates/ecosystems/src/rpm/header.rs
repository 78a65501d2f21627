//! The header of a package: an index of tags, and the data they point into.
//!
//! As a database stores it: two big-endian counts (index entries, data bytes), the index of 16-byte entries
//! (tag, type, offset, count), the data. Source: rpm's file format description, "Header".

use std::borrow::Cow;
use std::collections::BTreeMap;

use supercargo_inventory::Problem;

use super::bytes::{Order, part};

/// Index entries, and bytes of data, of one header; the bounds are rpm's own.
const ENTRIES_MAX: usize = 0xffff;
const DATA_BYTES_MAX: usize = 0x0fff_ffff;
/// Strings of one tag that are read.
const STRINGS_MAX: usize = 500_000;
const ENTRY_BYTES: usize = 16;

/// A header whose index was checked against its data.
pub(super) struct Header<'a> {
    entries: BTreeMap<u32, Entry>,
    data: &'a [u8],
    /// Index entries that point outside the data, and were left out.
    pub(super) damaged: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    kind: Kind,
    offset: usize,
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Integers of so many bytes; characters and binary data are integers of one.
    Integers(usize),
    /// Strings that end with a zero byte each.
    Strings,
}

impl<'a> Header<'a> {
    /// Reads the index of a header blob.
    pub(super) fn parse(blob: &'a [u8]) -> Result<Self, Problem> {
        let cut = || Problem::malformed("a package header is cut off");
        let count = Order::Big.size(blob, 0).ok_or_else(cut)?;
        let length = Order::Big.size(blob, 4).ok_or_else(cut)?;
        if count > ENTRIES_MAX || length > DATA_BYTES_MAX {
            let message = format!("a package header claims {count} index entries and {length} bytes of data");
            return Err(Problem::malformed(message));
        }
        let index = part(blob, 8, count * ENTRY_BYTES).ok_or_else(cut)?;
        let data = part(blob, 8 + count * ENTRY_BYTES, length).ok_or_else(cut)?;
        let mut header = Self { entries: BTreeMap::new(), data, damaged: 0 };
        for raw in index.chunks_exact(ENTRY_BYTES) {
            match header.entry(raw) {
                // A later entry of the same tag replaces that of the signed region.
                Some((tag, entry)) => drop(header.entries.insert(tag, entry)),
                None => header.damaged += 1,
            }
        }
        Ok(header)
    }

    /// Bytes of data.
    pub(super) fn data_bytes(&self) -> usize {
        self.data.len()
    }

    /// The first string of a tag; for translated ones that of the C locale.
    pub(super) fn string(&self, tag: u32) -> Option<Cow<'a, str>> {
        self.strings(tag).next()
    }

    /// All strings of a tag; none where the tag is missing or no string.
    pub(super) fn strings(&self, tag: u32) -> impl Iterator<Item = Cow<'a, str>> {
        let entry = self.entries.get(&tag).filter(|entry| entry.kind == Kind::Strings);
        let (mut rest, count) = match entry {
            Some(entry) => (self.data.get(entry.offset..).unwrap_or_default(), entry.count),
            None => (&[][..], 0),
        };
        let next = std::iter::from_fn(move || {
            let end = memchr::memchr(0, rest)?;
            let (text, after) = (rest.get(..end)?, rest.get(end + 1..)?);
            rest = after;
            Some(crate::text::lossy(text))
        });
        next.take(count.min(STRINGS_MAX))
    }

    /// All integers of a tag, without sign; none where the tag is missing or no integer.
    pub(super) fn numbers(&self, tag: u32) -> impl Iterator<Item = u64> {
        let entry = self.entries.get(&tag).copied();
        let (raw, width) = match entry {
            Some(Entry { kind: Kind::Integers(width), offset, count }) => {
                (part(self.data, offset, count * width).unwrap_or_default(), width)
            }
            _ => (&[][..], 1),
        };
        raw.chunks_exact(width).map(|bytes| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// The bytes of a binary tag.
    pub(super) fn bytes(&self, tag: u32) -> Option<&'a [u8]> {
        let entry = self.entries.get(&tag).filter(|entry| entry.kind == Kind::Integers(1))?;
        part(self.data, entry.offset, entry.count)
    }

    fn entry(&self, raw: &[u8]) -> Option<(u32, Entry)> {
        let tag = Order::Big.u32(raw, 0)?;
        let (offset, count) = (Order::Big.size(raw, 8)?, Order::Big.size(raw, 12)?);
        let kind = match Order::Big.u32(raw, 4)? {
            0..=2 | 7 => Kind::Integers(1),
            3 => Kind::Integers(2),
            4 => Kind::Integers(4),
            5 => Kind::Integers(8),
            6 | 8 | 9 => Kind::Strings,
            _ => return None,
        };
        let width = if let Kind::Integers(width) = kind { width } else { 1 };
        part(self.data, offset, count.checked_mul(width)?)?;
        Some((tag, Entry { kind, offset, count }))
    }
}

//! The records of a zip archive, field by field (APPNOTE 6.3, sections 4.3 and 4.5.3).

use std::borrow::Cow;

use crate::text;

pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
pub(super) const CENTRAL: [u8; 4] = *b"PK\x01\x02";
pub(super) const END: [u8; 4] = *b"PK\x05\x06";
const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR64: [u8; 4] = *b"PK\x06\x07";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// A field of 32 bits whose value stands in the zip64 extra field.
const ELSEWHERE: u64 = 0xffff_ffff;
const FLAG_ENCRYPTED: u16 = 1;
const FLAG_DESCRIPTOR: u16 = 8;
/// Bytes of the zip64 end record that are looked at; what a later version adds is passed over.
const END64_BYTES: usize = 56;
/// Bytes before the variable fields of local and central headers.
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
/// The descriptors of all forms: bytes, whether they begin with a signature, and whether sizes have 64 bits.
const DESCRIPTORS: [(usize, bool, bool); 4] =
    [(16, true, false), (24, true, true), (12, false, false), (20, false, true)];
/// Bytes of the longest.
pub(super) const DESCRIPTOR_BYTES_MAX: usize = 24;

/// What a local header and a central one say of a member alike.
#[derive(Debug, Clone, Default)]
pub(super) struct Header {
    pub(super) raw_name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) sums: Sums,
    /// Where the local header is: found there, or as the directory says.
    pub(super) offset: u64,
}

/// Checksum and sizes of a member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Sums {
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
}

/// What the end record says, after that of zip64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct End {
    pub(super) entries: u64,
    pub(super) directory_bytes: u64,
    pub(super) directory_offset: u64,
    pub(super) comment_bytes: u64,
}

/// A record that lies between members or after them.
#[derive(Debug)]
pub(super) enum Record {
    Local(Header),
    Central(Header),
    End64(End),
    Locator,
    End(End),
}

impl Header {
    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & FLAG_ENCRYPTED != 0
    }

    /// Whether checksum and sizes follow the body.
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & FLAG_DESCRIPTOR != 0
    }

    /// The name with what is not UTF-8 replaced.
    pub(super) fn name(&self) -> Cow<'_, str> {
        text::lossy(&self.raw_name)
    }
}

/// How many bytes must be there to go on, for what has been gathered of a record; `None` for no record at all.
pub(super) fn wanted(held: &[u8]) -> Option<usize> {
    let Some(signature) = held.first_chunk::<4>() else { return Some(4) };
    let after = |fixed: usize, fields: &[usize]| {
        let lengths = fields.iter().map(|at| number(held, *at, 2) as usize);
        if held.len() < fixed { fixed } else { fixed + lengths.sum::<usize>() }
    };
    match *signature {
        LOCAL => Some(after(LOCAL_BYTES, &[26, 28])),
        CENTRAL => Some(after(CENTRAL_BYTES, &[28, 30, 32])),
        END64 => Some(END64_BYTES),
        LOCATOR64 => Some(20),
        END => Some(22),
        _ => None,
    }
}

/// The record in bytes of which [`wanted`] wants no more.
pub(super) fn parse(held: &[u8], at: u64) -> Option<Record> {
    Some(match *held.first_chunk::<4>()? {
        LOCAL => Record::Local(local(held, at)),
        CENTRAL => Record::Central(central(held)),
        END64 => Record::End64(End {
            entries: number(held, 32, 8),
            directory_bytes: number(held, 40, 8),
            directory_offset: number(held, 48, 8),
            // Bytes that a later version has put after the fields we know.
            comment_bytes: number(held, 4, 8).saturating_sub(END64_BYTES as u64 - 12),
        }),
        LOCATOR64 => Record::Locator,
        END => Record::End(End {
            entries: number(held, 10, 2),
            directory_bytes: number(held, 12, 4),
            directory_offset: number(held, 16, 4),
            comment_bytes: number(held, 20, 2),
        }),
        _ => return None,
    })
}

fn local(held: &[u8], offset: u64) -> Header {
    let name_end = LOCAL_BYTES + number(held, 26, 2) as usize;
    let mut header = Header {
        raw_name: held.get(LOCAL_BYTES..name_end).unwrap_or_default().to_vec(),
        flags: number(held, 6, 2) as u16,
        method: number(held, 8, 2) as u16,
        sums: sums(held, 14),
        offset,
    };
    let Sums { packed, size, .. } = &mut header.sums;
    widen(held.get(name_end..).unwrap_or_default(), &mut [size, packed]);
    header
}

fn central(held: &[u8]) -> Header {
    let name_end = CENTRAL_BYTES + number(held, 28, 2) as usize;
    let extra_end = name_end + number(held, 30, 2) as usize;
    let mut header = Header {
        raw_name: held.get(CENTRAL_BYTES..name_end).unwrap_or_default().to_vec(),
        flags: number(held, 8, 2) as u16,
        method: number(held, 10, 2) as u16,
        sums: sums(held, 16),
        offset: number(held, 42, 4),
    };
    let Header { sums: Sums { packed, size, .. }, offset, .. } = &mut header;
    widen(held.get(name_end..extra_end).unwrap_or_default(), &mut [size, packed, offset]);
    header
}

fn sums(held: &[u8], at: usize) -> Sums {
    Sums { crc: number(held, at, 4) as u32, packed: number(held, at + 4, 4), size: number(held, at + 8, 4) }
}

/// Takes those numbers that did not fit 32 bits out of the zip64 extra field, in its fixed order.
fn widen(mut extra: &[u8], numbers: &mut [&mut u64]) {
    while extra.len() >= 4 {
        let (id, length) = (number(extra, 0, 2), number(extra, 2, 2) as usize);
        let field = extra.get(4..4 + length).unwrap_or_default();
        if id == 1 {
            let mut at = 0;
            for wide in numbers.iter_mut().filter(|wide| ***wide == ELSEWHERE) {
                if at + 8 <= field.len() {
                    **wide = number(field, at, 8);
                    at += 8;
                }
            }
            return;
        }
        extra = extra.get(4 + length..).unwrap_or_default();
    }
}

/// The descriptor at the end of `before`, if its packed size is what lies between it and the beginning of the body,
/// and its length. `distance` counts from that beginning to the end of `before`.
pub(super) fn descriptor(before: &[u8], distance: u64) -> Option<(Sums, usize)> {
    DESCRIPTORS.iter().find_map(|(length, signed, wide)| {
        let found = before.get(before.len().checked_sub(*length)?..)?;
        let packed = distance.checked_sub(*length as u64)?;
        let fields = if *signed { found.strip_prefix(&DESCRIPTOR)? } else { found };
        let width = if *wide { 8 } else { 4 };
        let crc = number(fields, 0, 4) as u32;
        let sums = Sums { crc, packed: number(fields, 4, width), size: number(fields, 4 + width, width) };
        (sums.packed == packed).then_some((sums, *length))
    })
}

/// Whether a member may be followed by a record of this signature.
pub(super) fn follows_member(signature: [u8; 4]) -> bool {
    matches!(signature, LOCAL | CENTRAL)
}

/// A little-endian number; 0 where there are no bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    let field = bytes.get(at..at + width).unwrap_or_default();
    field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

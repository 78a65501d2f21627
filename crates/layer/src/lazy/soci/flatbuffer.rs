//! The few shapes of FlatBuffers that a zTOC has, read in place. Whatever points outside the buffer is not there.
//!
//! Specification: FlatBuffers, "Internals": offsets are little-endian and relative to where they stand.

use std::ops::Range;

/// A buffer, and where a table lies in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    /// The table that the buffer begins with a pointer to.
    pub(super) fn root(buffer: &'a [u8]) -> Option<Self> {
        Some(Self { buffer, at: pointer(buffer, 0)? })
    }

    /// Where the value of a field lies; `None` when it has its default.
    fn field(&self, slot: usize) -> Option<usize> {
        let back = i32::from_le_bytes(array(self.buffer, self.at)?);
        let vtable = i64::try_from(self.at).ok()?.checked_sub(i64::from(back))?;
        let vtable = usize::try_from(vtable).ok()?;
        let len = u16::from_le_bytes(array(self.buffer, vtable)?);
        let place = 4 + 2 * slot;
        if place + 2 > usize::from(len) {
            return None;
        }
        let offset = u16::from_le_bytes(array(self.buffer, vtable.checked_add(place)?)?);
        (offset != 0).then(|| self.at.checked_add(usize::from(offset)))?
    }

    pub(super) fn byte(&self, slot: usize) -> Option<u8> {
        self.buffer.get(self.field(slot)?).copied()
    }

    /// A number of eight bytes, which must not be negative; 0 by default.
    pub(super) fn long(&self, slot: usize) -> Option<u64> {
        let Some(at) = self.field(slot) else { return Some(0) };
        u64::try_from(i64::from_le_bytes(array(self.buffer, at)?)).ok()
    }

    pub(super) fn table(&self, slot: usize) -> Option<Self> {
        Some(Self { at: pointer(self.buffer, self.field(slot)?)?, ..*self })
    }

    /// A string or a vector of bytes; empty by default.
    pub(super) fn bytes(&self, slot: usize) -> Option<&'a [u8]> {
        self.buffer.get(self.place(slot)?)
    }

    /// Where that lies in the buffer.
    pub(super) fn place(&self, slot: usize) -> Option<Range<usize>> {
        let Some(field) = self.field(slot) else { return Some(0..0) };
        counted(self.buffer, pointer(self.buffer, field)?)
    }

    /// A vector of tables or strings; empty by default.
    pub(super) fn vector(&self, slot: usize) -> Option<Vector<'a>> {
        let Some(field) = self.field(slot) else {
            return Some(Vector { buffer: self.buffer, at: 0, len: 0 });
        };
        let at = pointer(self.buffer, field)?;
        let len = usize::try_from(u32::from_le_bytes(array(self.buffer, at)?)).ok()?;
        let begin = at.checked_add(4)?;
        self.buffer.get(begin..begin.checked_add(len.checked_mul(4)?)?)?;
        Some(Vector { buffer: self.buffer, at: begin, len })
    }
}

/// Pointers one after the other, all of them inside the buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vector<'a> {
    buffer: &'a [u8],
    at: usize,
    pub(super) len: usize,
}

impl<'a> Vector<'a> {
    pub(super) fn tables(self) -> impl Iterator<Item = Option<Table<'a>>> {
        self.places().map(move |at| Some(Table { buffer: self.buffer, at: at? }))
    }

    pub(super) fn strings(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.places().map(move |at| self.buffer.get(counted(self.buffer, at?)?))
    }

    fn places(self) -> impl Iterator<Item = Option<usize>> {
        (0..self.len).map(move |index| pointer(self.buffer, self.at + 4 * index))
    }
}

fn pointer(buffer: &[u8], at: usize) -> Option<usize> {
    let offset = u32::from_le_bytes(array(buffer, at)?);
    at.checked_add(usize::try_from(offset).ok()?).filter(|&to| to < buffer.len())
}

fn counted(buffer: &[u8], at: usize) -> Option<Range<usize>> {
    let len = usize::try_from(u32::from_le_bytes(array(buffer, at)?)).ok()?;
    let begin = at.checked_add(4)?;
    Some(begin..begin.checked_add(len)?)
}

fn array<const N: usize>(buffer: &[u8], at: usize) -> Option<[u8; N]> {
    buffer.get(at..)?.first_chunk().copied()
}

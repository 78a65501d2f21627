//! The parts of a program that are caught while it passes.
//!
//! Tables stand at the beginning of a program (ELF segments, PE, Mach-O), at its end (most ELF sections) or where its
//! first bytes say (the sections of a stripped or patched ELF file). What they point to lies between and must be
//! recognised when it comes: by its first bytes ([`Pattern`]). Afterwards the tables decide which of the parts caught is
//! the one that they name.

use std::ops::Range;

use object::ReadRef;

use super::layout;

/// Bytes caught of the beginning and of the end, where the tables are, and of a table between them.
const TABLE_BYTES: u64 = 64 << 10;
/// Bytes of the longest header that says where a table is (ELF).
const HEADER_BYTES: usize = 64;
/// Bytes caught before such a table: linkers put the names of sections there.
const BEFORE_TABLE_BYTES: u64 = 16 << 10;
/// Bytes that must be there before a candidate is looked at.
pub(crate) const PROBE_BYTES: usize = 256;
/// Parts that are caught at once, and of one file.
const OPEN_MAX: usize = 16;
const PARTS_MAX: usize = 64;

/// What to look for.
pub(crate) trait Pattern: Send {
    /// Where in `bytes` the next candidate begins, from `from` to before `end`.
    fn next(&self, bytes: &[u8], from: usize, end: usize) -> Option<usize>;

    /// Whether a candidate at `offset` of the file is to be caught; it is shown with at least 256 bytes, or with all that are
    /// left of the file.
    fn accepts(&mut self, offset: u64, bytes: &[u8]) -> bool;

    /// A fresh judge of how much is wanted.
    fn extent(&self) -> Box<dyn Extent>;
}

/// Judges how far a part goes.
pub(crate) trait Extent: Send {
    /// Looks at the `fresh` last bytes of what has been caught.
    fn look(&mut self, caught: &[u8], fresh: usize) -> Taken;
}

/// What to do with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It goes on.
    More,
    /// It has so many bytes.
    Whole(usize),
    /// It is none.
    None,
}

/// Catches parts of a file of known size. Short pieces cost more than long ones.
pub(crate) struct Capture<P> {
    pattern: P,
    position: u64,
    kept_left: usize,
    open: Vec<Open>,
    /// Bytes whose candidates could not be shown with enough after them.
    untested: Vec<u8>,
    next_table: NextTable,
    caught: Captured,
}

/// The table whose place will be known next.
enum NextTable {
    /// The sections, by the header.
    Sections,
    /// Their names, by the sections, which end there.
    Names {
        after: u64,
    },
    None,
}

struct Open {
    offset: u64,
    bytes: Vec<u8>,
    extent: Box<dyn Extent>,
}

/// The parts that were caught.
#[derive(Default)]
pub(crate) struct Captured {
    size: u64,
    head: Window,
    tail: Window,
    /// Tables between the two.
    tables: Vec<Window>,
    /// By their offsets.
    parts: Vec<(u64, Vec<u8>)>,
    /// Whether something was not kept for want of room.
    pub(crate) is_cut: bool,
}

/// A range of the file that is caught wherever it lies.
#[derive(Default)]
struct Window {
    range: Range<u64>,
    bytes: Vec<u8>,
}

impl Window {
    fn new(range: Range<u64>) -> Self {
        Self { range, bytes: Vec::new() }
    }

    /// Takes what lies in the range of a piece that stands at `position`.
    fn take(&mut self, position: u64, piece: &[u8]) {
        let within = |offset: u64| usize::try_from(offset.saturating_sub(position)).unwrap_or(usize::MAX);
        let (start, end) = (within(self.range.start), within(self.range.end).min(piece.len()));
        self.bytes.extend_from_slice(piece.get(start..end).unwrap_or_default());
    }
}

impl<P: Pattern> Capture<P> {
    /// Catches at most `kept_bytes_max` bytes besides the ends.
    pub(crate) fn new(pattern: P, size: u64, kept_bytes_max: u64) -> Self {
        let head = Window::new(0..TABLE_BYTES);
        let tail = Window::new(size.saturating_sub(TABLE_BYTES)..size);
        Self {
            pattern,
            position: 0,
            kept_left: usize::try_from(kept_bytes_max).unwrap_or(usize::MAX),
            open: Vec::new(),
            untested: Vec::new(),
            next_table: NextTable::Sections,
            caught: Captured { size, head, tail, ..Captured::default() },
        }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.catch_tables(piece);
        self.feed(0, piece);
        self.test(piece);
        self.position += piece.len() as u64;
    }

    /// What was caught; parts that did not end are as long as they got.
    pub(crate) fn finish(mut self) -> Captured {
        let last = std::mem::take(&mut self.untested);
        self.candidates(&last, last.len(), last.len(), &[]);
        self.caught.parts.extend(self.open.into_iter().map(|open| (open.offset, open.bytes)));
        self.caught
    }

    fn catch_tables(&mut self, piece: &[u8]) {
        let Captured { head, tail, tables, .. } = &mut self.caught;
        for window in [head, tail].into_iter().chain(tables) {
            window.take(self.position, piece);
        }
        let end = self.position + piece.len() as u64;
        while let Some(range) = self.table_found(end) {
            let mut window = Window::new(range.start.max(self.position)..range.end);
            window.take(self.position, piece);
            self.caught.tables.push(window);
        }
    }

    /// The range of the next table, once what says its place has passed; perhaps it has, too. A range that no sensible program has is empty.
    fn table_found(&mut self, end: u64) -> Option<Range<u64>> {
        let is_sensible = |range: &Range<u64>| range.end - range.start <= TABLE_BYTES;
        match self.next_table {
            NextTable::Sections if end >= HEADER_BYTES as u64 => {
                let found = layout::section_table(&self.caught.head.bytes).filter(is_sensible);
                self.next_table =
                    found.as_ref().map_or(NextTable::None, |range| NextTable::Names { after: range.end });
                found.map(|range| range.start.saturating_sub(BEFORE_TABLE_BYTES)..range.end)
            }
            NextTable::Names { after } if end >= after => {
                self.next_table = NextTable::None;
                layout::section_names(&self.caught).filter(is_sensible)
            }
            _ => None,
        }
    }

    /// Shows candidates: first those that begin in earlier pieces, then those that end in this one.
    fn test(&mut self, piece: &[u8]) {
        let mut seam = std::mem::take(&mut self.untested);
        let old = seam.len();
        seam.extend_from_slice(piece.get(..PROBE_BYTES.min(piece.len())).unwrap_or_default());
        let end = (seam.len() + 1).saturating_sub(PROBE_BYTES).min(old);
        self.candidates(&seam, old, end, piece);
        if end < old {
            // The piece is short, and all of it is in the seam.
            seam.drain(..end);
            self.untested = seam;
            return;
        }
        let end = (piece.len() + 1).saturating_sub(PROBE_BYTES);
        self.candidates(piece, 0, end, piece);
        self.untested = piece.get(end..).unwrap_or_default().to_vec();
    }

    /// Candidates of `bytes`, of which `old` come before the piece, that begin before `end`.
    fn candidates(&mut self, bytes: &[u8], old: usize, end: usize, piece: &[u8]) {
        let mut from = 0;
        while let Some(at) = self.pattern.next(bytes, from, end) {
            from = at + 1;
            let offset = (self.position + at as u64).saturating_sub(old as u64);
            if !self.pattern.accepts(offset, bytes.get(at..).unwrap_or_default()) {
                continue;
            }
            if self.open.len() >= OPEN_MAX || self.caught.parts.len() >= PARTS_MAX {
                self.caught.is_cut = true;
                continue;
            }
            let last = self.open.len();
            self.open.push(Open { offset, bytes: Vec::new(), extent: self.pattern.extent() });
            self.feed(last, bytes.get(at..old.max(at)).unwrap_or_default());
            self.feed(last, piece.get(at.saturating_sub(old)..).unwrap_or_default());
        }
    }

    /// Gives bytes to the open parts from the `first` on.
    fn feed(&mut self, first: usize, bytes: &[u8]) {
        let mut at = first;
        while let Some(open) = self.open.get_mut(at) {
            if bytes.len() > self.kept_left {
                self.caught.is_cut = true;
                self.kept_left += self.open.swap_remove(at).bytes.len();
                continue;
            }
            self.kept_left -= bytes.len();
            open.bytes.extend_from_slice(bytes);
            match open.extent.look(&open.bytes, bytes.len()) {
                Taken::More => at += 1,
                Taken::None => self.kept_left += self.open.swap_remove(at).bytes.len(),
                Taken::Whole(length) => {
                    let mut open = self.open.swap_remove(at);
                    self.kept_left += open.bytes.len().saturating_sub(length);
                    open.bytes.truncate(length);
                    open.bytes.shrink_to_fit();
                    self.caught.parts.push((open.offset, open.bytes));
                }
            }
        }
    }
}

impl Captured {
    /// Whether nothing was recognised.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether a part begins there.
    pub(crate) fn begins_at(&self, offset: u64) -> bool {
        self.parts.iter().any(|(start, _)| *start == offset)
    }

    /// The parts that begin in a range, in order, as far as it goes.
    pub(crate) fn parts_in(&self, range: Range<u64>) -> impl Iterator<Item = (u64, &[u8])> {
        let mut parts: Vec<_> = self.parts.iter().filter(|(offset, _)| range.contains(offset)).collect();
        parts.sort_by_key(|(offset, _)| *offset);
        parts.into_iter().map(move |(offset, bytes)| {
            let room = usize::try_from(range.end - offset).unwrap_or(usize::MAX);
            (*offset, bytes.get(..room.min(bytes.len())).unwrap_or_default())
        })
    }

    /// The bytes from `offset` on that were caught with it.
    fn from(&self, offset: u64) -> Option<&[u8]> {
        let tables = [&self.head, &self.tail].into_iter().chain(&self.tables);
        let tables = tables.map(|window| (window.range.start, &window.bytes));
        let all = tables.chain(self.parts.iter().map(|(offset, bytes)| (*offset, bytes)));
        let within = |(start, bytes): (u64, &'_ Vec<u8>)| {
            let skipped = usize::try_from(offset.checked_sub(start)?).ok()?;
            (skipped < bytes.len()).then_some((start, skipped))
        };
        let (start, skipped) = all.clone().filter_map(within).max_by_key(|(start, _)| *start)?;
        let bytes = all.clone().find(|(offset, _)| *offset == start)?.1;
        bytes.get(skipped..)
    }
}

impl<'a> ReadRef<'a> for &'a Captured {
    fn len(self) -> Result<u64, ()> {
        Ok(self.size)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        let size = usize::try_from(size).map_err(|_| ())?;
        if size == 0 {
            return Ok(&[]);
        }
        self.from(offset).and_then(|bytes| bytes.get(..size)).ok_or(())
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let bytes = self.from(range.start).ok_or(())?;
        let room = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| ())?;
        let bytes = bytes.get(..room.min(bytes.len())).ok_or(())?;
        bytes.iter().position(|byte| *byte == delimiter).and_then(|end| bytes.get(..end)).ok_or(())
    }
}

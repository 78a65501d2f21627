//! The SQLite database `rpmdb.sqlite`: the rows of its table `Packages`.
//!
//! Source: "Database File Format" of the SQLite project, sections 1.3 (header), 1.6 (b-trees), 2.1 (records).

use std::borrow::Cow;
use std::collections::BTreeSet;

use supercargo_inventory::{Problem, ProblemKind};

use super::bytes::{Order, part};
use super::headers::Headers;
use super::sqlite_record::{Record, varint};

pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";
/// The header before the b-tree of page 1.
const FILE_HEADER_BYTES: usize = 100;
const LEAF: u8 = 0x0d;
const INTERIOR: u8 = 0x05;
/// The schema's columns.
const TYPE: usize = 0;
const NAME: usize = 1;
const ROOT_PAGE: usize = 3;
/// The column of `Packages` that holds the header.
const BLOB: usize = 1;

/// Reads all packages. Pages that cannot be read are problems; packages on others stay.
pub(super) fn read(bytes: &[u8], headers: &mut Headers<'_>) -> Result<(), Problem> {
    let mut database = Database::open(bytes)?;
    let mut root = None;
    database.rows(1, headers, &mut |record, _| {
        if record.text(TYPE) == Some(b"table") && record.text(NAME) == Some(b"Packages") {
            root = record.integer(ROOT_PAGE).and_then(|number| u32::try_from(number).ok());
        }
        Ok(())
    })?;
    let root = root.ok_or_else(|| Problem::malformed("no table `Packages`"))?;
    database.rows(root, headers, &mut |record, headers| match record.blob(BLOB) {
        Some(blob) => headers.blob(blob),
        None => {
            headers.problem(Problem::malformed("a row of `Packages` without a header"));
            Ok(())
        }
    })
}

struct Database<'a> {
    bytes: &'a [u8],
    page_bytes: usize,
    /// Bytes of a page that SQLite itself uses.
    usable: usize,
    /// Pages that were read; none may be part of two structures.
    seen: BTreeSet<u32>,
}

type Visit<'v> = dyn FnMut(&Record<'_>, &mut Headers<'_>) -> Result<(), Problem> + 'v;

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Problem> {
        if !bytes.starts_with(MAGIC) || bytes.len() < FILE_HEADER_BYTES {
            return Err(Problem::malformed("not an SQLite database"));
        }
        let page_bytes = match Order::Big.u16(bytes, 16) {
            Some(1) => 65536,
            Some(size) if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return Err(Problem::malformed("a page size that is no power of two from 512 to 65536")),
        };
        if !matches!(Order::Big.u32(bytes, 56), Some(0 | 1)) {
            return Err(Problem::new(ProblemKind::Unsupported, "an SQLite database whose text is not UTF-8"));
        }
        let reserved = bytes.get(20).copied().map_or(0, usize::from);
        let usable = page_bytes.saturating_sub(reserved);
        if usable < 480 {
            return Err(Problem::malformed("less than 480 usable bytes on a page"));
        }
        Ok(Self { bytes, page_bytes, usable, seen: BTreeSet::new() })
    }

    /// Visits the rows of the table with this root page, in order.
    fn rows(&mut self, root: u32, headers: &mut Headers<'_>, visit: &mut Visit<'_>) -> Result<(), Problem> {
        let mut pending = vec![root];
        while let Some(number) = pending.pop() {
            let page = match self.claim(number) {
                Ok(page) => page,
                Err(problem) => {
                    headers.problem(problem);
                    continue;
                }
            };
            let node = Node { page, start: if number == 1 { FILE_HEADER_BYTES } else { 0 } };
            match page.get(node.start) {
                Some(&LEAF) => self.leaf(number, &node, headers, visit)?,
                Some(&INTERIOR) => pending.extend(node.children().into_iter().rev()),
                _ => headers.problem(Problem::malformed(format!("page {number} is no part of a table"))),
            }
        }
        Ok(())
    }

    fn leaf(
        &mut self,
        number: u32,
        node: &Node<'a>,
        headers: &mut Headers<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Problem> {
        for at in node.cells(8) {
            let payload = match self.payload(node.page, at) {
                Ok(payload) => payload,
                Err(problem) => {
                    headers.problem(problem);
                    continue;
                }
            };
            match Record::parse(&payload) {
                Some(record) => visit(&record, headers)?,
                None => headers.problem(Problem::malformed(format!("a row on page {number} is damaged"))),
            }
        }
        Ok(())
    }

    /// The payload of a leaf cell, with what lies on overflow pages.
    fn payload(&mut self, page: &'a [u8], at: usize) -> Result<Cow<'a, [u8]>, Problem> {
        let damaged = || Problem::malformed("a cell lies outside its page");
        let (length, after) = varint(page, at).ok_or_else(damaged)?;
        let (_row, start) = varint(page, after).ok_or_else(damaged)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= self.bytes.len());
        let length = length.ok_or_else(|| Problem::malformed("a row is longer than the file"))?;
        let local = self.local_bytes(length);
        let here = part(page, start, local).ok_or_else(damaged)?;
        if local == length {
            return Ok(Cow::Borrowed(here));
        }
        let mut whole = here.to_vec();
        let mut next = Order::Big.u32(page, start + local).ok_or_else(damaged)?;
        while whole.len() < length {
            let overflow = self.claim(next)?;
            let want = (length - whole.len()).min(self.usable - 4);
            whole.extend(part(overflow, 4, want).ok_or_else(damaged)?);
            next = Order::Big.u32(overflow, 0).ok_or_else(damaged)?;
        }
        Ok(Cow::Owned(whole))
    }

    /// Bytes of a payload that lie on the leaf itself (section 1.6, "X", "M" and "K").
    fn local_bytes(&self, length: usize) -> usize {
        let usable = self.usable;
        let most = usable - 35;
        if length <= most {
            return length;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (usable - 4);
        if fitting <= most { fitting } else { least }
    }

    /// A page that nobody read before.
    fn claim(&mut self, number: u32) -> Result<&'a [u8], Problem> {
        let start = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1)?.checked_mul(self.page_bytes));
        let page = start.and_then(|start| part(self.bytes, start, self.page_bytes));
        let page = page.ok_or_else(|| Problem::malformed(format!("page {number} lies outside the file")))?;
        if !self.seen.insert(number) {
            return Err(Problem::malformed(format!("page {number} is used twice")));
        }
        Ok(page)
    }
}

/// A page of a table's b-tree.
struct Node<'a> {
    page: &'a [u8],
    start: usize,
}

impl Node<'_> {
    /// The places of the cells; the header of this kind of page is so long.
    fn cells(&self, header_bytes: usize) -> Vec<usize> {
        let count = Order::Big.u16(self.page, self.start + 3).map_or(0, usize::from);
        let pointers = self.start + header_bytes;
        (0..count).map_while(|at| Order::Big.u16(self.page, pointers + 2 * at)).map(usize::from).collect()
    }

    fn children(&self) -> Vec<u32> {
        let left = self.cells(12).into_iter().filter_map(|at| Order::Big.u32(self.page, at));
        left.chain(Order::Big.u32(self.page, self.start + 8)).collect()
    }
}

//! The write-ahead log `rpmdb.sqlite-wal`: transactions that are not in the database file yet.
//!
//! A log that holds every page is a database of its own and is read here. Of any other only the number of
//! committed pages is kept, and `settle` reports that they are missing. Source: "Database File Format" of the
//! SQLite project, section 4.

use std::collections::BTreeMap;

use supercargo_inventory::{ImagePath, Problem};

use super::bytes::{Order, part};
use super::headers::Headers;
use super::sqlite;
use crate::Fact;

/// The key of the note about pages that cannot be applied here.
pub(super) const UNAPPLIED: &str = "unapplied-pages";

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// Reads a log.
pub(super) fn read(path: &ImagePath, bytes: &[u8], headers: &mut Headers<'_>) -> Result<(), Problem> {
    let log = Log::open(bytes)?;
    let (pages, page_count) = log.committed();
    if pages.is_empty() {
        return Ok(());
    }
    if u32::try_from(pages.len()).is_ok_and(|held| held == page_count) && is_complete(&pages, page_count) {
        return sqlite::read(&pages.into_values().collect::<Vec<_>>().concat(), headers);
    }
    let owner = path.as_str().trim_end_matches("-wal").to_owned();
    headers.fact(Fact::Note { owner, key: UNAPPLIED.to_owned(), value: pages.len().to_string() });
    Ok(())
}

fn is_complete(pages: &BTreeMap<u32, &[u8]>, count: u32) -> bool {
    pages.keys().copied().eq(1..=count)
}

struct Log<'a> {
    bytes: &'a [u8],
    page_bytes: usize,
    /// Order of the words that checksums are made of.
    order: Order,
}

impl<'a> Log<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Problem> {
        let order = match Order::Big.u32(bytes, 0) {
            Some(0x377f_0682) => Order::Little,
            Some(0x377f_0683) => Order::Big,
            _ => return Err(Problem::malformed("not a write-ahead log of SQLite")),
        };
        let page_bytes =
            Order::Big.size(bytes, 8).filter(|size| (512..=65536).contains(size) && size.is_power_of_two());
        let page_bytes =
            page_bytes.ok_or_else(|| Problem::malformed("a log with an impossible page size"))?;
        Ok(Self { bytes, page_bytes, order })
    }

    /// The last committed version of each page, and how many pages the database then has. Frames count up to
    /// the first whose salt or checksum is wrong.
    fn committed(&self) -> (BTreeMap<u32, &'a [u8]>, u32) {
        let (mut open, mut committed, mut page_count) = (Vec::new(), BTreeMap::new(), 0);
        let (mut sum, mut at) = (self.sum((0, 0), part(self.bytes, 0, 24).unwrap_or_default()), HEADER_BYTES);
        while let Some(frame) = part(self.bytes, at, FRAME_HEADER_BYTES + self.page_bytes) {
            let (head, page) = frame.split_at(FRAME_HEADER_BYTES);
            sum = self.sum(self.sum(sum, part(head, 0, 8).unwrap_or_default()), page);
            let written = (Order::Big.u32(head, 16), Order::Big.u32(head, 20));
            if part(head, 8, 8) != part(self.bytes, 16, 8) || written != (Some(sum.0), Some(sum.1)) {
                break;
            }
            open.push((Order::Big.u32(head, 0).unwrap_or_default(), page));
            let size = Order::Big.u32(head, 4).unwrap_or_default();
            if size != 0 {
                committed.extend(open.drain(..));
                page_count = size;
            }
            at += frame.len();
        }
        committed.retain(|number, _| *number <= page_count);
        (committed, page_count)
    }

    fn sum(&self, (mut first, mut second): (u32, u32), bytes: &[u8]) -> (u32, u32) {
        for pair in bytes.chunks_exact(8) {
            let word = |at| self.order.u32(pair, at).unwrap_or_default();
            first = first.wrapping_add(word(0)).wrapping_add(second);
            second = second.wrapping_add(word(4)).wrapping_add(first);
        }
        (first, second)
    }
}

//! The Berkeley DB hash file `Packages`: every pair on its hash pages, in either byte order.
//!
//! A page begins with 26 bytes (next page at 16, entries at 20, bytes in use at 22, type at 25), then the offsets
//! of its items, which fill the page from its end. Headers that do not fit lie on chains of overflow pages.
//! Pages are read in the order of the file: no bucket has to be computed, and no chain of buckets can loop.

use std::borrow::Cow;
use std::collections::BTreeSet;

use supercargo_inventory::{Problem, ProblemKind};

use super::bytes::{Order, part};
use super::headers::Headers;

const MAGIC_AT: usize = 12;
const HASH_MAGIC: u32 = 0x0006_1561;
const BTREE_MAGIC: u32 = 0x0005_3162;
const PAGE_HEADER_BYTES: usize = 26;
/// Types of pages.
const UNSORTED_HASH: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;
/// Types of items.
const KEY_OR_DATA: u8 = 1;
const OFF_PAGE: u8 = 3;

/// Reads all packages. What is damaged is a problem; other pages stay.
pub(super) fn read(bytes: &[u8], headers: &mut Headers<'_>) -> Result<(), Problem> {
    let mut file = Pages::open(bytes)?;
    for number in 1..=file.last_page {
        let Some(page) = file.page(number) else {
            let message = format!("the file ends before page {number} of {}", file.last_page);
            headers.problem(Problem::malformed(message));
            break;
        };
        if matches!(page.get(25), Some(&HASH | &UNSORTED_HASH)) {
            file.hash_page(number, page, headers)?;
        }
    }
    Ok(())
}

struct Pages<'a> {
    bytes: &'a [u8],
    order: Order,
    page_bytes: usize,
    last_page: u32,
    /// Overflow pages that were read; none belongs to two values.
    seen: BTreeSet<u32>,
}

impl<'a> Pages<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Problem> {
        let order = [Order::Little, Order::Big]
            .into_iter()
            .find(|order| matches!(order.u32(bytes, MAGIC_AT), Some(HASH_MAGIC | BTREE_MAGIC)))
            .ok_or_else(|| Problem::malformed("not a Berkeley DB database"))?;
        if order.u32(bytes, MAGIC_AT) == Some(BTREE_MAGIC) {
            return Err(Problem::new(ProblemKind::Unsupported, "a Berkeley DB btree; rpm writes hash files"));
        }
        let page_bytes =
            order.size(bytes, 20).filter(|size| (512..=65536).contains(size) && size.is_power_of_two());
        let page_bytes = page_bytes
            .ok_or_else(|| Problem::malformed("a page size that is no power of two from 512 to 65536"))?;
        let last_page =
            order.u32(bytes, 32).ok_or_else(|| Problem::malformed("the first page is cut off"))?;
        if bytes.get(24).is_none_or(|algorithm| *algorithm != 0) {
            return Err(Problem::new(ProblemKind::Unsupported, "an encrypted Berkeley DB database"));
        }
        Ok(Self { bytes, order, page_bytes, last_page, seen: BTreeSet::new() })
    }

    fn page(&self, number: u32) -> Option<&'a [u8]> {
        let start = usize::try_from(number).ok()?.checked_mul(self.page_bytes)?;
        part(self.bytes, start, self.page_bytes)
    }

    fn hash_page(&mut self, number: u32, page: &'a [u8], headers: &mut Headers<'_>) -> Result<(), Problem> {
        let count = self.order.u16(page, 20).map_or(0, usize::from);
        for pair in 0..count / 2 {
            let value = match (self.item(page, 2 * pair), self.item(page, 2 * pair + 1)) {
                (Some(key), Some(value)) if !is_counter(key) => self.value(value),
                (Some(_), Some(_)) => continue,
                _ => Err(Problem::malformed(format!("an item lies outside page {number}"))),
            };
            match value {
                Ok(value) => headers.blob(&value)?,
                Err(problem) => headers.problem(problem),
            }
        }
        Ok(())
    }

    /// An item with its type byte. Each ends where the one before it begins.
    fn item(&self, page: &'a [u8], at: usize) -> Option<&'a [u8]> {
        let offset = |at: usize| self.order.u16(page, PAGE_HEADER_BYTES + 2 * at).map(usize::from);
        let end = match at.checked_sub(1) {
            Some(before) => offset(before)?,
            None => page.len(),
        };
        page.get(offset(at)?..end).filter(|item| !item.is_empty())
    }

    fn value(&mut self, item: &'a [u8]) -> Result<Cow<'a, [u8]>, Problem> {
        match item.split_first() {
            Some((&KEY_OR_DATA, value)) => Ok(Cow::Borrowed(value)),
            Some((&OFF_PAGE, _)) => {
                let (page, length) = (self.order.u32(item, 4), self.order.size(item, 8));
                let damaged = || Problem::malformed("a reference to overflow pages is cut off");
                self.chain(page.ok_or_else(damaged)?, length.ok_or_else(damaged)?).map(Cow::Owned)
            }
            _ => Err(Problem::new(ProblemKind::Unsupported, "duplicate values in a Berkeley DB database")),
        }
    }

    /// A value that lies on overflow pages.
    fn chain(&mut self, first: u32, length: usize) -> Result<Vec<u8>, Problem> {
        if length > self.bytes.len() {
            return Err(Problem::malformed("a value is longer than the file"));
        }
        let (mut value, mut number) = (Vec::with_capacity(length), first);
        while value.len() < length {
            let page = self.page(number).filter(|page| page.get(25) == Some(&OVERFLOW));
            let page =
                page.ok_or_else(|| Problem::malformed(format!("page {number} is no overflow page")))?;
            if !self.seen.insert(number) {
                return Err(Problem::malformed(format!("overflow page {number} is used twice")));
            }
            let used = self.order.u16(page, 22).map_or(0, usize::from).min(length - value.len());
            let data = part(page, PAGE_HEADER_BYTES, used);
            value.extend(
                data.ok_or_else(|| Problem::malformed(format!("overflow page {number} is too full")))?,
            );
            number = self.order.u32(page, 16).unwrap_or_default();
        }
        Ok(value)
    }
}

/// Package number 0 holds the highest number in use.
fn is_counter(key: &[u8]) -> bool {
    key == [KEY_OR_DATA, 0, 0, 0, 0]
}

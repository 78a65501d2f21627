//! The database `Packages.db` of rpm's own ndb: slots that name blobs, all numbers little-endian.
//!
//! The file begins with a header of two slots (`RpmP`, version, generation, number of slot pages of 4096 bytes);
//! a slot is `Slot`, package number, offset and length in blocks of 16 bytes; a blob is `BlbS`, package number,
//! generation, length, the header's bytes.

use std::collections::BTreeSet;

use supercargo_inventory::{Problem, ProblemKind};

use super::bytes::{Order::Little, part};
use super::headers::Headers;

const PAGE_BYTES: usize = 4096;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
const BLOB_HEAD_BYTES: usize = 16;

/// Reads all packages. A damaged slot or blob is a problem; the others stay.
pub(super) fn read(bytes: &[u8], headers: &mut Headers<'_>) -> Result<(), Problem> {
    if !bytes.starts_with(b"RpmP") {
        return Err(Problem::malformed("not an ndb database"));
    }
    match Little.u32(bytes, 4) {
        Some(0) => {}
        Some(version) => {
            return Err(Problem::new(ProblemKind::Unsupported, format!("ndb version {version}")));
        }
        None => return Err(Problem::malformed("the ndb header is cut off")),
    }
    let slot_bytes = Little.size(bytes, 12).and_then(|pages| pages.checked_mul(PAGE_BYTES));
    let slots = slot_bytes.and_then(|length| part(bytes, 0, length));
    if slots.is_none() {
        headers.problem(Problem::malformed("the slots of the ndb database go behind the end of the file"));
    }
    let mut seen = BTreeSet::new();
    for slot in slots.unwrap_or(bytes).chunks_exact(SLOT_BYTES).skip(2) {
        match blob(bytes, slot, &mut seen) {
            Ok(Some(blob)) => headers.blob(blob)?,
            Ok(None) => {}
            Err(problem) => headers.problem(problem),
        }
        if slots.is_none() && !slot.starts_with(b"Slot") {
            break;
        }
    }
    Ok(())
}

/// The header that a slot names; `None` for a free slot.
fn blob<'a>(bytes: &'a [u8], slot: &[u8], seen: &mut BTreeSet<usize>) -> Result<Option<&'a [u8]>, Problem> {
    if !slot.starts_with(b"Slot") {
        return Err(Problem::malformed("an ndb slot without its mark"));
    }
    let (number, at) = (Little.u32(slot, 4).unwrap_or_default(), Little.size(slot, 8).unwrap_or_default());
    if at == 0 {
        return Ok(None);
    }
    if !seen.insert(at) {
        return Err(Problem::malformed(format!("two ndb slots name the block {at}")));
    }
    let damaged = || Problem::malformed(format!("the blob of package number {number} is damaged"));
    let start = at.checked_mul(BLOCK_BYTES).ok_or_else(damaged)?;
    let head = part(bytes, start, BLOB_HEAD_BYTES).ok_or_else(damaged)?;
    if !head.starts_with(b"BlbS") || Little.u32(head, 4) != Some(number) {
        return Err(damaged());
    }
    let length = Little.size(head, 12).ok_or_else(damaged)?;
    part(bytes, start + BLOB_HEAD_BYTES, length).map(Some).ok_or_else(damaged)
}

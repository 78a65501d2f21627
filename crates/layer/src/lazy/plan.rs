//! Which ranges of a blob will be needed, so that neighbours are fetched together.

use supercargo_content::Limits;

use super::toc::{Chunk, Toc};
use crate::place::{Placed, Placer};
use crate::{EntryKind, Interest, Visitor};

/// Unneeded bytes between two ranges that are fetched together: less than another request costs.
const GAP_BYTES_MAX: u64 = 32 << 10;
/// Bytes at the end of a program that nearly always hold its table of sections and their names.
const TABLE_BYTES: u64 = 8 << 10;
/// A chunk larger than this is not fetched on the mere guess that its file is a program.
const END_CHUNK_BYTES_MAX: u64 = 256 << 10;
/// Bytes that are fetched together, unless one chunk is larger.
const GROUP_BYTES_MAX: u64 = 2 << 20;

/// The ranges of all wanted bodies and heads: sorted, and disjoint but for the byte that two spans share.
pub(crate) fn groups(toc: &Toc, limits: &Limits, visitor: &mut dyn Visitor) -> Vec<(u64, u64)> {
    let mut placer = Placer::new(limits);
    let mut wanted: Vec<(u64, u64)> = Vec::new();
    for listed in &toc.entries {
        let Some(Placed::Entry(entry)) = placer.place(listed.member()) else { continue };
        if entry.kind != EntryKind::File || entry.size == 0 {
            continue;
        }
        let chunks = toc.chunks_of(listed);
        let (first, last) = match visitor.interest(&entry) {
            Interest::Skip => continue,
            Interest::Head => (chunks.get(..1).unwrap_or_default(), end_of_program(chunks)),
            Interest::Body if entry.size > limits.file_bytes_max => continue,
            Interest::Body => (chunks, &[][..]),
        };
        wanted.extend(first.iter().chain(last).filter(|chunk| !chunk.is_zeros).map(range));
    }
    wanted.sort_unstable();
    wanted.dedup();
    coalesce(&wanted)
}

/// The range of the first chunk, and of those right behind it that are fetched together with it.
pub(crate) fn run(chunks: &[Chunk]) -> (u64, u64) {
    let mut stored = chunks.iter().filter(|chunk| !chunk.is_zeros).map(range);
    let first = stored.next().unwrap_or_default();
    let run = stored.try_fold(first, |run, next| {
        let joined = if next.0 < run.0 { None } else { join(run, next) };
        joined.ok_or(run)
    });
    run.unwrap_or_else(|run| run)
}

/// The chunks with the last bytes of a file whose first ones are wanted: if it is a program, its tables are there.
fn end_of_program(chunks: &[Chunk]) -> &[Chunk] {
    let end_of = |chunk: &Chunk| chunk.offset.saturating_add(chunk.len);
    let tables = chunks.last().map_or(0, end_of).saturating_sub(TABLE_BYTES);
    let from = chunks.partition_point(|chunk| end_of(chunk) <= tables).max(1);
    let end = chunks.get(from..).unwrap_or_default();
    let is_small = end.iter().all(|chunk| chunk.end.saturating_sub(chunk.at) <= END_CHUNK_BYTES_MAX);
    if is_small { end } else { &[] }
}

fn range(chunk: &Chunk) -> (u64, u64) {
    (chunk.at, chunk.end)
}

fn coalesce(sorted: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut groups: Vec<(u64, u64)> = Vec::new();
    for &range in sorted {
        match groups.last_mut().and_then(|last| Some((join(*last, range)?, last))) {
            Some((joined, last)) => *last = joined,
            None => groups.push(range),
        }
    }
    groups
}

/// A group with one more range, which begins no earlier; `None` where they are fetched apart.
fn join(group: (u64, u64), (start, end): (u64, u64)) -> Option<(u64, u64)> {
    let is_inside = start == group.0 || end <= group.1;
    let is_near = start.saturating_sub(group.1) <= GAP_BYTES_MAX && end - group.0 <= GROUP_BYTES_MAX;
    (is_inside || is_near).then_some((group.0, group.1.max(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_go_together_up_to_a_size() {
        let gap = GAP_BYTES_MAX;
        assert_eq!(coalesce(&[(0, 10), (10, 20), (20 + gap, 30 + gap)]), [(0, 30 + gap)]);
        assert_eq!(coalesce(&[(0, 10), (11 + gap, 20 + gap)]), [(0, 10), (11 + gap, 20 + gap)]);
        let large = GROUP_BYTES_MAX;
        assert_eq!(coalesce(&[(0, large), (large, large + 1)]), [(0, large), (large, large + 1)]);
        // Chunks in the same compressed bytes differ in their end only.
        assert_eq!(coalesce(&[(0, large), (0, large + 9), (5, 6)]), [(0, large + 9)]);
        // Neighbouring spans share a byte, and are not all one group for that.
        assert_eq!(coalesce(&[(0, large), (large - 1, 2 * large)]), [(0, large), (large - 1, 2 * large)]);
        assert!(coalesce(&[]).is_empty());
    }

    #[test]
    fn the_chunks_of_a_file_go_together_while_they_follow_each_other() {
        let chunk = |at, end, is_zeros| Chunk {
            at,
            end,
            inner: 0,
            offset: 0,
            len: 1,
            sha256: [0; 32],
            is_zeros,
            is_shared: false,
        };
        assert_eq!(run(&[chunk(5, 10, false)]), (5, 10));
        let zeros_between = [chunk(5, 10, false), chunk(0, 0, true), chunk(10, 20, false)];
        assert_eq!(run(&zeros_between), (5, 20));
        assert_eq!(
            run(&[chunk(5, 10, false), chunk(GAP_BYTES_MAX + 11, GAP_BYTES_MAX + 12, false)]),
            (5, 10)
        );
        assert_eq!(run(&[chunk(5, 10, false), chunk(10, GROUP_BYTES_MAX + 6, false)]), (5, 10));
        assert_eq!(run(&[chunk(5, 10, false), chunk(0, 5, false), chunk(10, 20, false)]), (5, 10));
        assert_eq!(run(&[]), (0, 0));
    }
}

//! Which ranges of a blob will be needed, so that neighbours are fetched together.

use supercargo_content::Limits;

use super::toc::{Chunk, Toc};
use crate::place::{Placed, Placer};
use crate::{EntryKind, Interest, Visitor};

/// Unneeded bytes between two ranges that are fetched together: less than another request costs.
const GAP_BYTES_MAX: u64 = 32 << 10;
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
        let needed = match visitor.interest(&entry) {
            Interest::Skip => &[],
            Interest::Head => chunks.get(..1).unwrap_or_default(),
            Interest::Body if entry.size > limits.file_bytes_max => &[],
            Interest::Body => chunks,
        };
        wanted.extend(needed.iter().filter(|chunk| !chunk.is_zeros).map(range));
    }
    wanted.sort_unstable();
    wanted.dedup();
    coalesce(&wanted)
}

fn range(chunk: &Chunk) -> (u64, u64) {
    (chunk.at, chunk.end)
}

fn coalesce(sorted: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut groups: Vec<(u64, u64)> = Vec::new();
    for &(start, end) in sorted {
        match groups.last_mut() {
            Some(last) if start == last.0 || end <= last.1 => last.1 = last.1.max(end),
            Some(last) if is_near(*last, start) && end - last.0 <= GROUP_BYTES_MAX => last.1 = end,
            _ => groups.push((start, end)),
        }
    }
    groups
}

fn is_near(group: (u64, u64), start: u64) -> bool {
    start.saturating_sub(group.1) <= GAP_BYTES_MAX
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
}

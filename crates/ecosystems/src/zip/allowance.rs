//! What reading one archive file may cost.

use supercargo_content::Limits;
use supercargo_inventory::{Problem, ProblemKind};

/// All archives inside one file may unpack to this many times its own size together.
const TOTAL_FACTOR: u64 = 16;
/// The same for small files, in units of `expansion_free_bytes`.
const TOTAL_FREE_FACTOR: u64 = 4;

/// What unpacking one file, archives in archives included, has cost and may still cost.
pub(crate) struct Budget {
    file_bytes_max: u64,
    pub(super) total_left: u64,
    entries_left: u64,
    ratio_max: u64,
    free_bytes: u64,
}

/// The limits on one file, and what is left of them.
pub(crate) struct Allowance<'a> {
    pub(crate) limits: &'a Limits,
    pub(super) budget: Budget,
    kept_left: u64,
}

impl<'a> Allowance<'a> {
    /// What a file of this size may cost.
    pub(crate) fn new(limits: &'a Limits, file_bytes: u64) -> Self {
        let free = limits.expansion_free_bytes.saturating_mul(TOTAL_FREE_FACTOR);
        let budget = Budget {
            file_bytes_max: limits.file_bytes_max,
            total_left: file_bytes.saturating_mul(TOTAL_FACTOR).max(free),
            entries_left: limits.entries_max,
            ratio_max: limits.expansion_ratio_max,
            free_bytes: limits.expansion_free_bytes,
        };
        Self { limits, budget, kept_left: limits.streamed_bytes_min }
    }

    /// The same without the limits, to be put away between two pieces of the file.
    pub(crate) fn put_away(self) -> (Budget, u64) {
        (self.budget, self.kept_left)
    }

    /// The allowance that was put away.
    pub(crate) fn taken_up(limits: &'a Limits, (budget, kept_left): (Budget, u64)) -> Self {
        Self { limits, budget, kept_left }
    }

    /// Whether so many more bytes may be kept of an archive that passes.
    pub(super) fn keep(&mut self, bytes: u64) -> bool {
        let left = self.kept_left.checked_sub(bytes);
        self.kept_left = left.unwrap_or(self.kept_left);
        left.is_some()
    }

    pub(super) fn too_many_entries(&self) -> Problem {
        let message = "too many entries in archives (`entries_max`); the rest is ignored";
        Problem::new(ProblemKind::LimitHit, message)
    }
}

impl Budget {
    /// How many bytes an entry of this packed size may have.
    pub(super) fn allowance(&self, packed: u64, entry_max: u64) -> u64 {
        self.by_ratio(packed).min(entry_max).min(self.file_bytes_max).min(self.total_left)
    }

    fn by_ratio(&self, packed: u64) -> u64 {
        packed.saturating_mul(self.ratio_max).max(self.free_bytes)
    }

    /// Counts one more entry; `false` when there were too many.
    pub(super) fn enter(&mut self) -> bool {
        let left = self.entries_left.checked_sub(1);
        self.entries_left = left.unwrap_or_default();
        left.is_some()
    }

    /// Counts `bytes` that were just unpacked of an entry, which has had `unpacked` of `packed` bytes by now.
    pub(super) fn unpack(&mut self, packed: u64, unpacked: u64, bytes: u64) -> Result<(), Problem> {
        let left = self.total_left.checked_sub(bytes).filter(|_| unpacked <= self.by_ratio(packed));
        let message = "an archive in the archive unpacks to too much (`expansion_ratio_max`)";
        self.total_left = left.ok_or_else(|| Problem::new(ProblemKind::LimitHit, message))?;
        Ok(())
    }
}

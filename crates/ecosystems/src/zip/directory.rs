//! The members that were met against the members that the central directory lists.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use supercargo_inventory::{Problem, ProblemKind};

use super::record::{End, Header};
use super::{Allowance, Entry, Role, Roles};

/// Bytes that one member costs in the two lists.
const MEMBER_BYTES: u64 = 2 * size_of::<Mark>() as u64;

/// A member in one word: where it is, and a hash of its name, method, checksum and sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    offset: u64,
    print: u64,
}

impl Mark {
    fn of(header: &Header) -> Self {
        let mut hasher = DefaultHasher::new();
        (&header.raw_name, header.method, header.sums).hash(&mut hasher);
        Self { offset: header.offset, print: hasher.finish() }
    }
}

/// What passed, and what the directory says of it.
#[derive(Debug, Default)]
pub(super) struct Directory {
    met: Vec<Mark>,
    listed: Vec<Mark>,
    names: BTreeSet<String>,
    /// Entries that somebody wants, with the offsets that the directory gives.
    entries: Vec<Entry>,
    records: u64,
    start: Option<u64>,
    end64: Option<End>,
    end: Option<End>,
    is_too_long: bool,
}

impl Directory {
    /// A member with its local header and sums.
    pub(super) fn meet(&mut self, header: &Header, shared: &mut Allowance<'_>) {
        if shared.keep(MEMBER_BYTES) {
            self.met.push(Mark::of(header));
        } else {
            self.is_too_long = true;
        }
    }

    /// A central header, which begins at `at`.
    pub(super) fn list(&mut self, header: &Header, at: u64, roles: Roles, shared: &mut Allowance<'_>) {
        if self.start.is_none() {
            self.start = Some(at);
        }
        self.records += 1;
        if !self.is_too_long {
            self.listed.push(Mark::of(header));
        }
        let name = header.name();
        let is_wanted = header.raw_name.len() <= shared.limits.path_bytes_max && roles(&name) != Role::None;
        if is_wanted && self.entries.len() < super::KEPT_MAX && self.names.insert(name.to_string()) {
            self.entries.push(Entry::passed(name.into_owned(), header));
        }
    }

    pub(super) fn end64(&mut self, end: End) {
        self.end64 = Some(end);
    }

    pub(super) fn end(&mut self, end: End) {
        self.end = Some(end);
    }

    /// Whether a directory has ended, so that another record begins another.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Forgets a directory that a further one replaces; the members stay met.
    pub(super) fn restart(&mut self) {
        let met = std::mem::take(&mut self.met);
        *self = Self { met, is_too_long: self.is_too_long, ..Self::default() };
    }

    /// The entries with the places of their local headers; `at_end` is where the first end record began.
    pub(super) fn finish(
        mut self,
        at_end: Option<u64>,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<Entry>, Problem> {
        let Some(end) = self.end else {
            return Err(Problem::malformed("not a zip archive: it has no end of a central directory"));
        };
        let end = merged(end, self.end64);
        let start = self.start.or(at_end).unwrap_or_default();
        let Some(base) = start.checked_sub(end.directory_offset) else {
            let message = "the end of the zip directory names a place that is not before it";
            return Err(Problem::new(ProblemKind::Inconsistent, message));
        };
        let bytes = at_end.unwrap_or_default().saturating_sub(start);
        if self.records != end.entries || bytes != end.directory_bytes {
            let (records, entries) = (self.records, end.entries);
            let message = format!(
                "the zip directory has {records} entries in {bytes} bytes, its end says {entries} in {}",
                end.directory_bytes
            );
            problems.push(Problem::new(ProblemKind::Inconsistent, message));
        }
        for entry in &mut self.entries {
            entry.shift(base);
        }
        self.listed.iter_mut().for_each(|mark| mark.offset = mark.offset.saturating_add(base));
        problems.extend(self.compare());
        Ok(self.entries)
    }

    /// Everything that was met must be listed and the other way round, once, and alike.
    fn compare(&mut self) -> Option<Problem> {
        if self.is_too_long {
            let message = "too many members to compare with the zip directory; only wanted ones were";
            return Some(Problem::new(ProblemKind::LimitHit, message));
        }
        self.met.sort_unstable();
        self.listed.sort_unstable();
        if self.met == self.listed {
            return None;
        }
        let met: BTreeSet<Mark> = self.met.iter().copied().collect();
        let listed: BTreeSet<Mark> = self.listed.iter().copied().collect();
        let twice = self.listed.windows(2).find(|pair| pair[0].offset == pair[1].offset);
        let first = twice.map(|pair| pair[0]).or_else(|| met.symmetric_difference(&listed).min().copied());
        let offset = first.unwrap_or(Mark { offset: 0, print: 0 }).offset;
        let at = |mark: &&Mark| mark.offset == offset;
        let what = match (twice, self.met.iter().any(|mark| at(&mark)), listed.iter().find(at)) {
            (Some(_), _, _) => "is listed more than once by",
            (None, true, Some(_)) => "disagrees with",
            (None, true, None) => "is not listed by",
            (None, false, _) => "is not there, but listed by",
        };
        let message = format!("the member at byte {offset} {what} the zip directory");
        Some(Problem::new(ProblemKind::Inconsistent, message))
    }
}

/// The numbers of the zip64 record where the others are all ones.
fn merged(end: End, wide: Option<End>) -> End {
    let Some(wide) = wide else { return end };
    let pick = |narrow: u64, all_ones: u64, wide: u64| if narrow == all_ones { wide } else { narrow };
    End {
        entries: pick(end.entries, 0xffff, wide.entries),
        directory_bytes: pick(end.directory_bytes, 0xffff_ffff, wide.directory_bytes),
        directory_offset: pick(end.directory_offset, 0xffff_ffff, wide.directory_offset),
        comment_bytes: end.comment_bytes,
    }
}

//! A zip archive that lies in memory, read by its directory.

use memchr::memmem;
use rawzip::{ZipArchive, ZipSliceArchive};
use supercargo_inventory::{Problem, ProblemKind};

use super::record::END;
use super::{Allowance, Entry, KEPT_MAX, Place, Role, Roles, disagrees};
use crate::text;

/// Bytes of the end of the directory without its comment, and of the longest comment.
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: usize = 0xffff;

/// An archive in memory whose end was found.
pub(super) struct Whole<'a>(ZipSliceArchive<&'a [u8]>);

impl<'a> Whole<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Problem> {
        let inner = ZipArchive::from_slice(bytes);
        inner.map(Self).map_err(|error| Problem::malformed(format!("not a zip archive: {error}")))
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.0.get_ref()
    }

    /// The entries that somebody wants, in order of the directory; of two with one name the first.
    pub(super) fn entries(
        &self,
        roles: Roles,
        shared: &mut Allowance<'_>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Entry> {
        let (mut entries, mut names) = (Vec::new(), std::collections::BTreeSet::new());
        let mut records = self.0.entries();
        loop {
            let record = match records.next_entry() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) => {
                    let message = format!("the zip directory is damaged: {error}");
                    problems.push(Problem::malformed(message));
                    break;
                }
            };
            if entries.len() >= KEPT_MAX || !shared.budget.enter() {
                problems.push(shared.too_many_entries());
                break;
            }
            let raw_name = record.file_path().as_bytes();
            let name = text::lossy(raw_name);
            let is_wanted = raw_name.len() <= shared.limits.path_bytes_max && roles(&name) != Role::None;
            if is_wanted && names.insert(name.to_string()) {
                entries.push(Entry {
                    name: name.into_owned(),
                    raw_name: raw_name.to_vec(),
                    method: record.compression_method().as_u16(),
                    encrypted: record.flags().is_encrypted(),
                    size: record.uncompressed_size_hint(),
                    crc: record.crc32(),
                    place: Place::Slice(record.wayfinder()),
                });
            }
        }
        problems.extend(self.overlap(&entries));
        entries
    }

    /// Two entries that share bytes are the mark of a zip bomb or of a file that shows different readers
    /// different content.
    fn overlap(&self, entries: &[Entry]) -> Option<Problem> {
        let range = |entry: &Entry| match entry.place {
            Place::Slice(place) => Some(self.0.get_entry(place).ok()?.compressed_data_range()),
            Place::Offset(_) => None,
        };
        let mut ranges: Vec<_> = entries.iter().filter_map(|e| Some((range(e)?, &e.name))).collect();
        ranges.sort();
        let overlap = ranges.windows(2).find_map(|pair| match pair {
            [((_, end), first), ((start, stop), second)] if start < end && start < stop => {
                Some(format!("the entries `{first}` and `{second}` share bytes"))
            }
            _ => None,
        });
        overlap.map(|message| Problem::new(ProblemKind::Inconsistent, message))
    }

    /// The bytes of an entry as they are stored.
    pub(super) fn packed(&self, entry: &Entry, problems: &mut Vec<Problem>) -> Result<&'a [u8], Problem> {
        let Place::Slice(place) = entry.place else { return Err(outside(entry)) };
        let found = self.0.get_entry(place).map_err(|error| {
            Problem::malformed(format!("the entry `{}` cannot be located: {error}", entry.name))
        })?;
        let local = found.local_header();
        let method = local.compression_method().as_u16();
        problems.extend(disagrees(entry, local.file_path().as_bytes(), method));
        let (start, end) = found.compressed_data_range();
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        range.and_then(|(start, end)| self.bytes().get(start..end)).ok_or_else(|| outside(entry))
    }
}

/// Whether the last signature of an end of the directory stands in the comment of an end before it, which reaches to
/// the last byte as ends do.
pub(super) fn has_end_in_comment(bytes: &[u8]) -> bool {
    let start = bytes.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    let tail = bytes.get(start..).unwrap_or_default();
    let reaches_the_end = |at: &usize| {
        let length = tail.get(at + END_BYTES - 2..).and_then(|rest| rest.first_chunk::<2>());
        length.is_some_and(|length| at + END_BYTES + usize::from(u16::from_le_bytes(*length)) == tail.len())
    };
    let mut ends = memmem::rfind_iter(tail, &END);
    ends.next().is_some_and(|last| !reaches_the_end(&last)) && ends.any(|at| reaches_the_end(&at))
}

fn outside(entry: &Entry) -> Problem {
    Problem::malformed(format!("the entry `{}` lies outside the archive", entry.name))
}

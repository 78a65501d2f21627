//! Zip archives that lie in memory: the entries that somebody wants, unpacked within limits.
//!
//! The central directory decides what there is, as in Java's own reader. Where a local header says something
//! else, that is a problem in the report. Names are only names: nothing is ever written to disk.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};
use supercargo_content::Limits;
use supercargo_inventory::{Problem, ProblemKind};

/// Entries of one archive that are kept for reading.
const KEPT_MAX: usize = 100_000;
/// All archives inside one file may unpack to this many times `file_bytes_max` together.
const TOTAL_FACTOR: u64 = 4;

/// What unpacking one file, archives in archives included, has cost and may still cost.
pub(crate) struct Budget {
    file_bytes_max: u64,
    total_left: u64,
    entries_left: u64,
    ratio_max: u64,
    free_bytes: u64,
}

impl Budget {
    /// The budget of one file.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            file_bytes_max: limits.file_bytes_max,
            total_left: limits.file_bytes_max.saturating_mul(TOTAL_FACTOR),
            entries_left: limits.entries_max,
            ratio_max: limits.expansion_ratio_max,
            free_bytes: limits.expansion_free_bytes,
        }
    }

    /// How many bytes an entry of this packed size may have.
    fn allowance(&self, packed: u64, entry_max: u64) -> u64 {
        let by_ratio = packed.saturating_mul(self.ratio_max).max(self.free_bytes);
        by_ratio.min(entry_max).min(self.file_bytes_max).min(self.total_left)
    }
}

/// One entry of the central directory.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The name as written, bytes that are not UTF-8 replaced.
    pub(crate) name: String,
    raw_name: Vec<u8>,
    method: CompressionMethod,
    encrypted: bool,
    size: u64,
    crc: u32,
    place: ZipArchiveEntryWayfinder,
}

/// An archive whose directory has been read.
pub(crate) struct Archive<'a> {
    inner: ZipSliceArchive<&'a [u8]>,
    /// The entries that were asked for, in order of the directory; of two with one name the first.
    pub(crate) entries: Vec<Entry>,
    /// What is wrong with the directory; the entries before the damage are there.
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Archive<'a> {
    /// Reads the directory and keeps the entries whose names are `wanted`.
    pub(crate) fn open(
        bytes: &'a [u8],
        limits: &Limits,
        budget: &mut Budget,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, Problem> {
        let inner = ZipArchive::from_slice(bytes)
            .map_err(|error| Problem::malformed(format!("not a zip archive: {error}")))?;
        let mut archive = Self { inner, entries: Vec::new(), problems: Vec::new() };
        archive.list(limits, budget, wanted);
        archive.report_overlaps();
        Ok(archive)
    }

    /// The entry of exactly this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The bytes of an entry, at most `entry_max`; checked by size and CRC. A local header that disagrees with
    /// the directory is put into `problems`, and the directory is believed.
    pub(crate) fn read(
        &self,
        entry: &Entry,
        entry_max: u64,
        budget: &mut Budget,
        problems: &mut Vec<Problem>,
    ) -> Result<Cow<'a, [u8]>, Problem> {
        let packed = self.packed(entry, problems)?;
        let allowance = budget.allowance(packed.len() as u64, entry_max);
        let bytes = match entry.method {
            _ if entry.encrypted => return Err(unsupported(entry, "is encrypted")),
            CompressionMethod::STORE if packed.len() as u64 <= allowance => Cow::Borrowed(packed),
            CompressionMethod::STORE => return Err(too_long(entry, allowance)),
            CompressionMethod::DEFLATE => Cow::Owned(inflate(entry, packed, allowance)?),
            _ => return Err(unsupported(entry, "uses an unsupported compression method")),
        };
        budget.total_left = budget.total_left.saturating_sub(bytes.len() as u64);
        check(entry, &bytes)?;
        Ok(bytes)
    }

    fn list(&mut self, limits: &Limits, budget: &mut Budget, wanted: impl Fn(&str) -> bool) {
        let mut names = std::collections::BTreeSet::new();
        let mut records = self.inner.entries();
        loop {
            let record = match records.next_entry() {
                Ok(Some(record)) => record,
                Ok(None) => return,
                Err(error) => {
                    let message = format!("the zip directory is damaged: {error}");
                    return self.problems.push(Problem::malformed(message));
                }
            };
            if budget.entries_left == 0 || self.entries.len() >= KEPT_MAX {
                let message = "too many entries in archives (`entries_max`); the rest is ignored";
                return self.problems.push(Problem::new(ProblemKind::LimitHit, message));
            }
            budget.entries_left -= 1;
            let raw_name = record.file_path().as_bytes();
            let name = String::from_utf8_lossy(raw_name);
            if raw_name.len() > limits.path_bytes_max || !wanted(&name) || !names.insert(name.to_string()) {
                continue;
            }
            self.entries.push(Entry {
                name: name.into_owned(),
                raw_name: raw_name.to_vec(),
                method: record.compression_method(),
                encrypted: record.flags().is_encrypted(),
                size: record.uncompressed_size_hint(),
                crc: record.crc32(),
                place: record.wayfinder(),
            });
        }
    }

    /// Two entries that share bytes are the mark of a zip bomb or of a file that shows different readers
    /// different content.
    fn report_overlaps(&mut self) {
        let range = |entry: &Entry| Some(self.inner.get_entry(entry.place).ok()?.compressed_data_range());
        let mut ranges: Vec<_> = self.entries.iter().filter_map(|e| Some((range(e)?, &e.name))).collect();
        ranges.sort();
        let overlap = ranges.windows(2).find_map(|pair| match pair {
            [((_, end), first), ((start, stop), second)] if start < end && start < stop => {
                Some(format!("the entries `{first}` and `{second}` share bytes"))
            }
            _ => None,
        });
        self.problems.extend(overlap.map(|message| Problem::new(ProblemKind::Inconsistent, message)));
    }

    fn packed(&self, entry: &Entry, problems: &mut Vec<Problem>) -> Result<&'a [u8], Problem> {
        let found = self.inner.get_entry(entry.place).map_err(|error| {
            Problem::malformed(format!("the entry `{}` cannot be located: {error}", entry.name))
        })?;
        let local = found.local_header();
        if local.file_path().as_bytes() != entry.raw_name || local.compression_method() != entry.method {
            let message = format!("the local header of `{}` disagrees with the directory", entry.name);
            problems.push(Problem::new(ProblemKind::Inconsistent, message));
        }
        let (start, end) = found.compressed_data_range();
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let bytes: &'a [u8] = self.inner.get_ref();
        range
            .and_then(|(start, end)| bytes.get(start..end))
            .ok_or_else(|| Problem::malformed(format!("the entry `{}` lies outside the archive", entry.name)))
    }
}

fn inflate(entry: &Entry, packed: &[u8], allowance: u64) -> Result<Vec<u8>, Problem> {
    let guess = usize::try_from(entry.size.min(allowance).min(1 << 20)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(guess);
    let mut reader = DeflateDecoder::new(packed).take(allowance.saturating_add(1));
    reader.read_to_end(&mut bytes).map_err(|error| {
        Problem::malformed(format!("the entry `{}` cannot be unpacked: {error}", entry.name))
    })?;
    if bytes.len() as u64 > allowance {
        return Err(too_long(entry, allowance));
    }
    Ok(bytes)
}

fn check(entry: &Entry, bytes: &[u8]) -> Result<(), Problem> {
    let (name, found) = (&entry.name, bytes.len() as u64);
    if found != entry.size {
        let message = format!("the entry `{name}` has {found} bytes, its directory says {}", entry.size);
        return Err(Problem::new(ProblemKind::Inconsistent, message));
    }
    if rawzip::crc32(bytes) != entry.crc {
        return Err(Problem::malformed(format!("the entry `{name}` does not match its checksum")));
    }
    Ok(())
}

fn too_long(entry: &Entry, allowance: u64) -> Problem {
    let message = format!("the entry `{}` unpacks to more than {allowance} bytes", entry.name);
    Problem::new(ProblemKind::LimitHit, message)
}

fn unsupported(entry: &Entry, what: &str) -> Problem {
    Problem::new(ProblemKind::Unsupported, format!("the entry `{}` {what}", entry.name))
}

//! Zip archives: the entries that somebody wants, unpacked within limits.
//!
//! An archive that lies in memory is read by its central directory, as in Java's own reader ([`Archive::open`]). One
//! that is too large for that, or that is packed into another, is read as it passes ([`Passing`]), and believed as far
//! as the directory at its end agrees. Where a local header says something else, that is a problem in the report.
//! Names are only names: nothing is ever written to disk.

mod allowance;
mod body;
mod directory;
mod passing;
mod record;
mod search;
mod whole;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use rawzip::ZipArchiveEntryWayfinder;
use supercargo_content::Digest;
use supercargo_inventory::{Problem, ProblemKind};

pub(crate) use self::allowance::{Allowance, Budget};
pub(crate) use self::passing::Passing;

use self::body::{Body, Kept};
use self::record::{Header, Sums};
use self::whole::Whole;

/// Entries of one archive that are kept for reading.
const KEPT_MAX: usize = 100_000;
/// The two methods that are read.
const STORE: u16 = 0;
const DEFLATE: u16 = 8;

/// What an entry is to whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing.
    None,
    /// A small file to be read.
    Metadata,
    /// An archive to be looked into.
    Archive,
}

/// The role of an entry by its name.
pub(crate) type Roles = fn(&str) -> Role;

/// One entry of the central directory.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The name as written, bytes that are not UTF-8 replaced.
    pub(crate) name: String,
    raw_name: Vec<u8>,
    method: u16,
    encrypted: bool,
    size: u64,
    crc: u32,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// In memory.
    Slice(ZipArchiveEntryWayfinder),
    /// The local header of an archive that has passed.
    Offset(u64),
}

impl Entry {
    fn passed(name: String, header: &Header) -> Self {
        Self {
            name,
            raw_name: header.raw_name.clone(),
            method: header.method,
            encrypted: header.is_encrypted(),
            size: header.sums.size,
            crc: header.sums.crc,
            place: Place::Offset(header.offset),
        }
    }

    /// Moves a place that counts from the first member instead of the beginning of the file.
    fn shift(&mut self, base: u64) {
        if let Place::Offset(offset) = &mut self.place {
            *offset = offset.saturating_add(base);
        }
    }
}

/// An archive whose directory has been read.
pub(crate) struct Archive<'a> {
    data: Data<'a>,
    /// The entries that were asked for, in order of the directory; of two with one name the first.
    pub(crate) entries: Vec<Entry>,
    /// What is wrong with the directory; the entries before the damage are there.
    pub(crate) problems: Vec<Problem>,
    sha256: Option<Digest>,
}

enum Data<'a> {
    Whole(Whole<'a>),
    Passed(Passed),
}

/// What is left of an archive that has passed.
struct Passed {
    kept: BTreeMap<u64, (Header, Kept)>,
}

/// An archive that was packed into another.
struct Nested {
    crc: u32,
    size: u64,
    archive: Result<Archive<'static>, Problem>,
}

impl<'a> Archive<'a> {
    /// Reads the directory of an archive in memory and keeps the entries that have a role. One whose comment looks like
    /// another end of the directory is read from its beginning instead, `depth_left` levels down.
    pub(crate) fn open(
        bytes: &'a [u8],
        roles: Roles,
        depth_left: usize,
        shared: &mut Allowance<'_>,
    ) -> Result<Self, Problem> {
        if whole::has_end_in_comment(bytes) {
            let mut passing = Passing::new(roles, depth_left);
            passing.push(bytes, shared);
            return passing.finish(shared);
        }
        let (whole, mut problems) = (Whole::open(bytes)?, Vec::new());
        let entries = whole.entries(roles, shared, &mut problems);
        Ok(Self { data: Data::Whole(whole), entries, problems, sha256: None })
    }

    /// The same archive, whose digest somebody else has computed.
    pub(crate) fn with_sha256(self, known: Option<&Digest>) -> Self {
        Self { sha256: known.cloned().or(self.sha256), ..self }
    }

    /// The entry of exactly this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The digest of all its bytes; `None` when they have passed, were not hashed and nobody has brought it.
    pub(crate) fn sha256(&self) -> Option<Digest> {
        match &self.data {
            Data::Whole(whole) if self.sha256.is_none() => Some(Digest::sha256_of(whole.bytes())),
            Data::Whole(_) | Data::Passed(_) => self.sha256.clone(),
        }
    }

    /// The bytes of a small entry, at most `entry_max`; checked by size and CRC. A local header that disagrees with
    /// the directory is put into `problems`, and the directory is believed.
    pub(crate) fn read(
        &self,
        entry: &Entry,
        entry_max: u64,
        shared: &mut Allowance<'_>,
        problems: &mut Vec<Problem>,
    ) -> Result<Cow<'_, [u8]>, Problem> {
        let packed = match &self.data {
            Data::Whole(whole) => whole.packed(entry, problems)?,
            Data::Passed(passed) => match passed.kept(entry, problems)? {
                Kept::Packed(bytes) => bytes,
                Kept::Failed(problem) => return Err(problem.clone()),
                Kept::Archive(_) => return Err(unsupported(&entry.name, "is an archive in one place only")),
            },
        };
        let allowance = shared.budget.allowance(packed.len() as u64, entry_max);
        let bytes = match entry.method {
            _ if entry.encrypted => return Err(unsupported(&entry.name, "is encrypted")),
            STORE if packed.len() as u64 <= allowance => Cow::Borrowed(packed),
            STORE => return Err(too_long(&entry.name, allowance)),
            DEFLATE => Cow::Owned(inflate(entry, packed, allowance)?),
            _ => return Err(unsupported(&entry.name, "uses an unsupported compression method")),
        };
        shared.budget.total_left = shared.budget.total_left.saturating_sub(bytes.len() as u64);
        check(entry, bytes.len() as u64, crc32(&bytes))?;
        Ok(bytes)
    }

    /// The archive that an entry is. A stored one is a slice of this one; one that is packed is read as it is
    /// unpacked, `depth_left` levels down.
    pub(crate) fn nested(
        &mut self,
        entry: &Entry,
        roles: Roles,
        depth_left: usize,
        shared: &mut Allowance<'_>,
        problems: &mut Vec<Problem>,
    ) -> Result<Archive<'a>, Problem> {
        match &mut self.data {
            Data::Whole(whole) => {
                let packed = whole.packed(entry, problems)?;
                match entry.method {
                    _ if entry.encrypted => Err(unsupported(&entry.name, "is encrypted")),
                    STORE => {
                        check(entry, packed.len() as u64, crc32(packed))?;
                        Archive::open(packed, roles, depth_left, shared)
                    }
                    DEFLATE => unpack(entry, packed, Passing::new(roles, depth_left), shared),
                    _ => Err(unsupported(&entry.name, "uses an unsupported compression method")),
                }
            }
            Data::Passed(passed) => {
                let Kept::Archive(nested) = passed.take(entry, problems)? else {
                    return Err(unsupported(&entry.name, "is an archive in one place only"));
                };
                check(entry, nested.size, nested.crc)?;
                nested.archive
            }
        }
    }
}

impl Passed {
    fn kept(&self, entry: &Entry, problems: &mut Vec<Problem>) -> Result<&Kept, Problem> {
        let Place::Offset(offset) = entry.place else { return Err(not_met(entry)) };
        let (header, kept) = self.kept.get(&offset).ok_or_else(|| not_met(entry))?;
        problems.extend(disagrees(entry, &header.raw_name, header.method));
        Ok(kept)
    }

    fn take(&mut self, entry: &Entry, problems: &mut Vec<Problem>) -> Result<Kept, Problem> {
        let Place::Offset(offset) = entry.place else { return Err(not_met(entry)) };
        let (header, kept) = self.kept.remove(&offset).ok_or_else(|| not_met(entry))?;
        problems.extend(disagrees(entry, &header.raw_name, header.method));
        match kept {
            Kept::Failed(problem) => Err(problem),
            kept => Ok(kept),
        }
    }
}

fn not_met(entry: &Entry) -> Problem {
    let message = format!("the entry `{}` was not met where the zip directory says that it is", entry.name);
    Problem::new(ProblemKind::Inconsistent, message)
}

fn disagrees(entry: &Entry, local_name: &[u8], local_method: u16) -> Option<Problem> {
    let message = || format!("the local header of `{}` disagrees with the directory", entry.name);
    (local_name != entry.raw_name || local_method != entry.method)
        .then(|| Problem::new(ProblemKind::Inconsistent, message()))
}

/// Reads an archive while it is unpacked.
fn unpack(
    entry: &Entry,
    packed: &[u8],
    passing: Passing,
    shared: &mut Allowance<'_>,
) -> Result<Archive<'static>, Problem> {
    let sums = Sums { packed: packed.len() as u64, ..Sums::default() };
    let header = Header { raw_name: entry.raw_name.clone(), method: DEFLATE, sums, ..Header::default() };
    let failed = || Problem::malformed(format!("the entry `{}` cannot be unpacked", entry.name));
    let body = Body::new(header, Role::Archive, Some(passing));
    let mut body = body.map_err(|refused| refused.1.unwrap_or_else(failed))?;
    body.push(packed, shared);
    match body.finish(shared).1 {
        Some(Kept::Archive(nested)) => {
            check(entry, nested.size, nested.crc)?;
            nested.archive
        }
        Some(Kept::Failed(problem)) => Err(problem),
        _ => Err(failed()),
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
        return Err(too_long(&entry.name, allowance));
    }
    Ok(bytes)
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn check(entry: &Entry, found: u64, crc: u32) -> Result<(), Problem> {
    let name = &entry.name;
    if found != entry.size {
        let message = format!("the entry `{name}` has {found} bytes, its directory says {}", entry.size);
        return Err(Problem::new(ProblemKind::Inconsistent, message));
    }
    if crc != entry.crc {
        return Err(Problem::malformed(format!("the entry `{name}` does not match its checksum")));
    }
    Ok(())
}

fn too_long(name: &str, allowance: u64) -> Problem {
    let message = format!("the entry `{name}` unpacks to more than {allowance} bytes");
    Problem::new(ProblemKind::LimitHit, message)
}

fn unsupported(name: &str, what: &str) -> Problem {
    Problem::new(ProblemKind::Unsupported, format!("the entry `{name}` {what}"))
}

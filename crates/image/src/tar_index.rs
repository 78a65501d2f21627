//! Where the members of a tar archive lie, so that they can be read in place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use supercargo_content::Limits;

use crate::DocumentError;
use crate::document::excerpt;
use crate::files::{Files, OpenFile};
use crate::tar_header::{BLOCK, Extended, Header, Kind};

/// Links followed inside an archive, as in the Linux kernel.
const LINK_HOPS_MAX: usize = 40;
/// Bytes of one extended header; a long name and a few times need hundreds.
const EXTENDED_BYTES_MAX: u64 = 1 << 20;

/// A tar archive on disk and the places of its members. Nothing is unpacked.
#[derive(Debug)]
pub(crate) struct Archive {
    file: File,
    members: BTreeMap<String, Member>,
    twice: BTreeSet<String>,
}

/// Where a file lies in its archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    File(Span),
    Symlink(String),
    HardLink(String),
}

impl Archive {
    /// Reads all headers in one pass.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, ArchiveError> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(ArchiveError::NotAFile);
        }
        let mut archive = Self { file: File::open(path)?, members: BTreeMap::new(), twice: BTreeSet::new() };
        if let Some(format) = archive.compression(Span { offset: 0, len: metadata.len() })? {
            return Err(ArchiveError::Compressed { format });
        }
        archive.read_headers(metadata.len(), limits)?;
        Ok(archive)
    }

    /// The compression of a member or of the whole, by its first bytes.
    pub(crate) fn compression(&self, span: Span) -> io::Result<Option<&'static str>> {
        const MAGICS: &[(&[u8], &str)] =
            &[(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2")];
        let mut start = Vec::new();
        self.reader(span).take(6).read_to_end(&mut start)?;
        Ok(MAGICS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, format)| *format))
    }

    /// The place of a file, links followed inside the archive; `None` when the name is not there.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Span>, DocumentError> {
        let mut at = name.to_owned();
        for _ in 0..=LINK_HOPS_MAX {
            at = match self.members.get(&at) {
                None if at == name => return Ok(None),
                None => break,
                Some(Member::File(span)) => return Ok(Some(*span)),
                Some(Member::HardLink(target)) => inside("", target)?,
                Some(Member::Symlink(target)) => {
                    let folder = at.rsplit_once('/').map_or("", |(folder, _)| folder);
                    inside(folder, target)?
                }
            };
        }
        Err(DocumentError::Link { path: excerpt(name) })
    }

    /// The bytes at a place.
    pub(crate) fn reader(&self, span: Span) -> SpanReader<'_> {
        SpanReader { file: &self.file, at: span.offset, left: span.len }
    }

    fn read_headers(&mut self, archive_len: u64, limits: &Limits) -> Result<(), ArchiveError> {
        let mut at = 0;
        let mut extended = Extended::default();
        let mut entries = 0;
        while let Some(header) = self.header(at, archive_len)? {
            entries += 1;
            if entries > limits.entries_max {
                return Err(ArchiveError::TooManyEntries { limit: limits.entries_max });
            }
            let offset = at.saturating_add(BLOCK);
            let len = header.data_len(&extended);
            let end = offset.checked_add(len).filter(|&end| end <= archive_len);
            let end = end.ok_or(ArchiveError::Truncated { offset: at })?;
            let span = Span { offset, len };
            match header.kind {
                Kind::Extended(kind) => extended.take(kind, &self.extended(span, at)?, at)?,
                Kind::Sparse => return Err(ArchiveError::Sparse { offset: at }),
                _ => self.insert(&header, std::mem::take(&mut extended), span, limits)?,
            }
            at = end.next_multiple_of(BLOCK);
        }
        Ok(())
    }

    /// The header at an offset; `None` at the end, which is a block of zeros or the end of the file.
    fn header(&self, at: u64, archive_len: u64) -> Result<Option<Header>, ArchiveError> {
        if at >= archive_len && at > 0 {
            return Ok(None);
        }
        let mut block = [0; BLOCK as usize];
        self.file.read_exact_at(&mut block, at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Truncated { offset: at },
            _ => error.into(),
        })?;
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        Header::parse(&block, at).map(Some)
    }

    fn extended(&self, span: Span, at: u64) -> Result<Vec<u8>, ArchiveError> {
        if span.len > EXTENDED_BYTES_MAX {
            return Err(ArchiveError::LongHeader { offset: at, limit_bytes: EXTENDED_BYTES_MAX });
        }
        let mut bytes = Vec::new();
        self.reader(span).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn insert(
        &mut self,
        header: &Header,
        extended: Extended,
        span: Span,
        limits: &Limits,
    ) -> Result<(), ArchiveError> {
        let name = extended.path.as_deref().unwrap_or(&header.name);
        if name.len() > limits.path_bytes_max {
            return Err(ArchiveError::LongPath { offset: span.offset, limit_bytes: limits.path_bytes_max });
        }
        // A name that leaves the archive can never be asked for; it stays out.
        let Ok(name) = inside("", name.trim_start_matches('/')) else { return Ok(()) };
        let target = || extended.link.clone().unwrap_or_else(|| header.link.clone());
        let member = match header.kind {
            Kind::File => Member::File(span),
            Kind::Symlink => Member::Symlink(target()),
            Kind::HardLink => Member::HardLink(target()),
            _ => return Ok(()),
        };
        if self.members.insert(name.clone(), member).is_some() {
            self.twice.insert(name);
        }
        Ok(())
    }
}

impl Files for Archive {
    fn open(&self, name: &str) -> io::Result<Option<OpenFile<'_>>> {
        let invalid = |reason| io::Error::new(io::ErrorKind::InvalidData, reason);
        // Blobs are proved by their digest; of two lists, two readers would take different ones.
        if self.twice.contains(name) && !name.contains('/') {
            return Err(invalid(DocumentError::Twice { path: excerpt(name) }));
        }
        let span = self.find(name).map_err(invalid)?;
        Ok(span.map(|span| OpenFile { reader: Box::new(self.reader(span)), len: span.len }))
    }
}

/// The path of `target` seen from `folder`, without `.` and `..`.
pub(crate) fn inside(folder: &str, target: &str) -> Result<String, DocumentError> {
    let escape = || DocumentError::Escape { path: excerpt(target) };
    if target.starts_with('/') {
        return Err(escape());
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop().ok_or_else(escape)?),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// Reads a part of a file without moving the file's own position, so that many can read at once.
pub(crate) struct SpanReader<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for SpanReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..wanted) else { return Ok(0) };
        let read = self.file.read_at(buffer, self.at)?;
        self.at = self.at.saturating_add(read as u64);
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The path is a folder, a device or a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// The whole archive is compressed, so that its members cannot be read in place.
    #[error("compressed with {format}")]
    Compressed {
        /// The format.
        format: &'static str,
    },
    /// A block that is no tar header.
    #[error("no tar header at byte {offset}")]
    Header {
        /// Where.
        offset: u64,
    },
    /// A number that is none, or is too large.
    #[error("bad number in the tar header at byte {offset}")]
    Number {
        /// Where.
        offset: u64,
    },
    /// An extended header that does not follow its format.
    #[error("bad extended tar header at byte {offset}")]
    Extended {
        /// Where.
        offset: u64,
    },
    /// The archive ends inside a member.
    #[error("the member at byte {offset} is cut off")]
    Truncated {
        /// Where.
        offset: u64,
    },
    /// A sparse member, which image archives never have.
    #[error("sparse member at byte {offset}: pack the archive again without `--sparse`")]
    Sparse {
        /// Where.
        offset: u64,
    },
    /// More members than the limit.
    #[error("more than {limit} members; raise the limit with `--entries-max`")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// An extended header over its limit.
    #[error("the extended header at byte {offset} is longer than {limit_bytes} bytes")]
    LongHeader {
        /// Where.
        offset: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// A name over its limit.
    #[error("the name at byte {offset} is longer than {limit_bytes} bytes")]
    LongPath {
        /// Where.
        offset: u64,
        /// The limit.
        limit_bytes: usize,
    },
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[cfg(test)]
#[path = "tar_index_tests.rs"]
pub(crate) mod tests;

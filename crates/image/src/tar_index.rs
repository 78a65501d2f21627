//! Where the members of a tar archive lie, so that they can be read in place.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use supercargo_content::{Limits, MediaType};

use crate::DocumentError;
use crate::files::{Files, OldLayer, OldLayerError, OldLayers, OpenFile};
use crate::names::{Member, Names};
use crate::tar_header::{BLOCK, Extended, Header, Kind};

/// Bytes of one extended header; a long name and a few times need hundreds.
const EXTENDED_BYTES_MAX: u64 = 1 << 20;

/// A tar archive on disk and the places of its members. Nothing is unpacked.
#[derive(Debug)]
pub(crate) struct Archive {
    file: File,
    names: Names<Span>,
}

/// Where a file lies in its archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl Archive {
    /// Reads all headers in one pass.
    pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Self, ArchiveError> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(ArchiveError::NotAFile);
        }
        let mut archive = Self::unread(path)?;
        if let Some(format) = archive.compression(Span { offset: 0, len: metadata.len() })? {
            return Err(ArchiveError::Compressed { format });
        }
        archive.read_headers(metadata.len(), limits)?;
        Ok(archive)
    }

    /// An archive whose headers have not been read.
    pub(crate) fn unread(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, names: Names::default() })
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
        Ok(self.names.find(name)?.copied())
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
        let target = || extended.link.clone().unwrap_or_else(|| header.link.clone());
        let member = match header.kind {
            Kind::File => Member::File(span),
            Kind::Symlink => Member::Symlink(target()),
            Kind::HardLink => Member::HardLink(target()),
            _ => return Ok(()),
        };
        self.names.insert(name, member);
        Ok(())
    }
}

impl Files for Archive {
    fn open(&self, name: &str) -> io::Result<Option<OpenFile<'_>>> {
        let invalid = |reason| io::Error::new(io::ErrorKind::InvalidData, reason);
        let span = self.names.find_one(name).map_err(invalid)?;
        Ok(span.map(|span| OpenFile { reader: Box::new(self.reader(*span)), len: span.len }))
    }

    fn part(&self, name: &str, offset: u64, len: u64) -> io::Result<Option<Box<dyn Read + Send + '_>>> {
        let invalid = |reason| io::Error::new(io::ErrorKind::InvalidData, reason);
        let Some(span) = self.names.find_one(name).map_err(invalid)? else { return Ok(None) };
        let len = len.min(span.len.saturating_sub(offset));
        Ok(Some(Box::new(self.reader(Span { offset: span.offset.saturating_add(offset), len }))))
    }

    fn has(&self, name: &str) -> bool {
        self.find(name).is_ok_and(|span| span.is_some())
    }
}

impl OldLayers for Archive {
    fn old_layer(&self, path: &str) -> Result<Option<OldLayer>, OldLayerError> {
        let Some(span) = self.find(path)? else { return Ok(None) };
        let media_type = match self.compression(span)? {
            Some("gzip") => MediaType::DOCKER_LAYER_GZIP,
            Some("zstd") => MediaType::DOCKER_LAYER_ZSTD,
            _ => MediaType::DOCKER_LAYER,
        };
        Ok(Some(OldLayer { media_type, digest: None, size: span.len }))
    }
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

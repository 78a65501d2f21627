//! SOCI: a document beside a plain gzip layer that lists its files and the places where inflating can begin.
//!
//! Specification: the packages `ztoc` and `compression` of awslabs/soci-snapshotter, version 0.9 and 1.0 of the format.
//!
//! A span is digested as compressed. The 32 KiB before it come from the document, not from the layer, so that whoever
//! writes the document decides what the files say: it counts only where the manifest leads to its digest, or the user asks for it.

mod flatbuffer;
mod inflate;

use std::ops::Range;

use supercargo_content::{Algorithm, Digest, Limits};

use self::flatbuffer::{Table, Vector};
pub(crate) use self::inflate::inflate;
use super::TocError;
use super::toc::{Chunk, Codec, Toc, TocEntry};
use crate::MemberKind;

/// A span is held whole, as compressed and unpacked; the tool makes them of 4 MiB.
pub(crate) const SPAN_BYTES_MAX: u64 = 8 << 20;
const WINDOW_BYTES: usize = 32 << 10;
/// Offsets as compressed and unpacked, bits, window.
const CHECKPOINT_BYTES: usize = 8 + 8 + 1 + WINDOW_BYTES;
/// The number of checkpoints and the size of a span.
const HEADER_BYTES: usize = 4 + 8;
/// Where inflating begins when the first checkpoint is left out, as the first version did: behind a plain gzip header.
const GZIP_HEADER_BYTES: u64 = 10;
const GZIP: u8 = 1;
/// Extended attributes of one file; many files may share one list.
const RECORDS_MAX: usize = 1024;

/// The places where inflating can begin.
#[derive(Debug)]
pub(crate) struct Spans {
    ztoc: Vec<u8>,
    list: Vec<Span>,
}

/// From one checkpoint to the next.
#[derive(Debug)]
pub(crate) struct Span {
    /// Where it begins and ends in the blob; the byte that holds the last bits of one and the first of the next is in both.
    at: u64,
    end: u64,
    /// Where it begins in the archive, and how long it is there.
    plain: u64,
    pub(crate) plain_len: u64,
    /// Bits of the first byte that belong to it; 0 for all.
    bits: u8,
    /// Where the window lies in the document; empty for the first span.
    window: Range<usize>,
    sha256: [u8; 32],
}

impl Spans {
    /// The span that begins there in the blob.
    pub(crate) fn get(&self, at: u64) -> Option<&Span> {
        let index = self.list.binary_search_by_key(&at, |span| span.at).ok()?;
        self.list.get(index)
    }

    pub(crate) fn window(&self, span: &Span) -> &[u8] {
        self.ztoc.get(span.window.clone()).unwrap_or_default()
    }
}

impl Span {
    pub(crate) fn digest(&self) -> Digest {
        // Thirty-two bytes are a SHA-256 always.
        Digest::from_bytes(Algorithm::Sha256, &self.sha256).unwrap_or_else(|| Digest::sha256_of(b""))
    }

    pub(crate) fn bits(&self) -> u8 {
        self.bits
    }
}

/// Reads a document about a blob of `size` bytes.
pub(crate) fn load(ztoc: Vec<u8>, size: u64, limits: &Limits) -> Result<Toc, TocError> {
    if ztoc.len() as u64 > limits.toc_bytes_max {
        return Err(TocError::Limit { what: "bytes", limit: limits.toc_bytes_max });
    }
    let document = Document::of(&ztoc).ok_or(TocError::Form("it is no zTOC"))?;
    if !matches!(document.version, b"0.9" | b"1.0") || document.algorithm != GZIP {
        return Err(TocError::Form("its version or compression is unknown"));
    }
    if document.packed_bytes != size {
        return Err(TocError::Form("it is about a blob of another size"));
    }
    let list = spans(&document, &ztoc)?;
    let (entries, chunks) = files(&document, &list, limits)?;
    Ok(Toc { entries, chunks, codec: Codec::Span, spans: Some(Spans { ztoc, list }) })
}

/// The fields that are used.
struct Document<'a> {
    version: &'a [u8],
    packed_bytes: u64,
    plain_bytes: u64,
    files: Vector<'a>,
    algorithm: u8,
    digests: Vector<'a>,
    /// Where the checkpoints lie in the document.
    checkpoints: Range<usize>,
}

impl<'a> Document<'a> {
    fn of(ztoc: &'a [u8]) -> Option<Self> {
        let root = Table::root(ztoc)?;
        let compression = root.table(5)?;
        Some(Self {
            version: root.bytes(0)?,
            packed_bytes: root.long(2)?,
            plain_bytes: root.long(3)?,
            files: root.table(4)?.vector(0)?,
            algorithm: compression.byte(0).unwrap_or(GZIP),
            digests: compression.vector(2)?,
            checkpoints: compression.place(3)?,
        })
    }
}

/// One checkpoint as written.
struct Checkpoint {
    packed: u64,
    plain: u64,
    bits: u8,
    window: Range<usize>,
}

fn spans(document: &Document<'_>, ztoc: &[u8]) -> Result<Vec<Span>, TocError> {
    let points = checkpoints(document, ztoc).ok_or(TocError::Form("its checkpoints are damaged"))?;
    let mut spans = Vec::with_capacity(points.len());
    let mut digests = document.digests.strings();
    for (index, point) in points.iter().enumerate() {
        let fault = |reason| TocError::Entry { entry: index as u64, reason };
        let next = points.get(index + 1);
        let end = next.map_or(document.packed_bytes, |next| next.packed);
        let plain_end = next.map_or(document.plain_bytes, |next| next.plain);
        let at = if point.bits == 0 { Some(point.packed) } else { point.packed.checked_sub(1) };
        let (Some(at), Some(plain_len)) = (at, plain_end.checked_sub(point.plain)) else {
            return Err(fault("checkpoints are not in order"));
        };
        if point.bits > 7
            || end <= point.packed
            || (plain_len == 0 && next.is_some())
            || (index == 0) != (point.plain == 0)
        {
            return Err(fault("checkpoints are not in order"));
        }
        if end - at > SPAN_BYTES_MAX || plain_len > SPAN_BYTES_MAX {
            return Err(TocError::Limit { what: "bytes in a span", limit: SPAN_BYTES_MAX });
        }
        let sha256 =
            digests.next().flatten().and_then(sha256).ok_or_else(|| fault("no SHA-256 of a span"))?;
        let (plain, bits, window) = (point.plain, point.bits, point.window.clone());
        spans.push(Span { at, end, plain, plain_len, bits, window, sha256 });
    }
    if digests.next().is_some() || spans.is_empty() {
        return Err(TocError::Form("it has not as many digests as checkpoints"));
    }
    Ok(spans)
}

fn checkpoints(document: &Document<'_>, ztoc: &[u8]) -> Option<Vec<Checkpoint>> {
    let (header, packed) = ztoc.get(document.checkpoints.clone())?.split_at_checked(HEADER_BYTES)?;
    let begin = document.checkpoints.start + HEADER_BYTES;
    let count = usize::try_from(i32::from_le_bytes(*header.first_chunk()?)).ok()?;
    let (points, rest) = packed.as_chunks::<CHECKPOINT_BYTES>();
    if !rest.is_empty() || (points.len() != count && points.len().checked_add(1)? != count) {
        return None;
    }
    let mut all = Vec::with_capacity(count);
    if points.len() < count {
        all.push(Checkpoint { packed: GZIP_HEADER_BYTES, plain: 0, bits: 0, window: 0..0 });
    }
    for (index, point) in points.iter().enumerate() {
        let (packed, rest) = point.split_first_chunk::<8>()?;
        let (plain, rest) = rest.split_first_chunk::<8>()?;
        let window = begin + index * CHECKPOINT_BYTES + 17;
        let window = if all.is_empty() { 0..0 } else { window..window + WINDOW_BYTES };
        all.push(Checkpoint {
            packed: u64::try_from(i64::from_le_bytes(*packed)).ok()?,
            plain: u64::try_from(i64::from_le_bytes(*plain)).ok()?,
            bits: *rest.first()?,
            window,
        });
    }
    Some(all)
}

fn files(
    document: &Document<'_>,
    spans: &[Span],
    limits: &Limits,
) -> Result<(Vec<TocEntry>, Vec<Chunk>), TocError> {
    if document.files.len as u64 > limits.entries_max {
        return Err(TocError::Limit { what: "entries", limit: limits.entries_max });
    }
    let (mut entries, mut chunks) = (Vec::new(), Vec::new());
    let (mut reached, mut name_bytes) = (0, 0_u64);
    for (index, file) in document.files.tables().enumerate() {
        let fault = |reason| TocError::Entry { entry: index as u64, reason };
        let file = file.and_then(|file| File::of(&file)).ok_or_else(|| fault("it is no file"))?;
        // Entries may share one long name.
        name_bytes = name_bytes.saturating_add((file.name.len() + file.link.len()) as u64);
        if name_bytes > limits.toc_bytes_max {
            return Err(TocError::Limit { what: "bytes", limit: limits.toc_bytes_max });
        }
        if file.is_sparse {
            return Err(fault("a sparse file lies elsewhere than its place says"));
        }
        let kind = file.kind().ok_or_else(|| fault("it has an unknown type"))?;
        let size = if kind == MemberKind::File { file.size } else { 0 };
        let end = file.offset.checked_add(size).filter(|&end| end <= document.plain_bytes);
        let end = end
            .filter(|_| file.offset >= reached)
            .ok_or_else(|| fault("it lies outside its place in the archive"))?;
        reached = end;
        let first_chunk = u32::try_from(chunks.len()).map_err(|_| fault("too many chunks"))?;
        cut(file.offset, size, spans, &mut chunks);
        let chunk_count = u32::try_from(chunks.len()).map_err(|_| fault("too many chunks"))? - first_chunk;
        let name = file.name.to_vec();
        entries.push(TocEntry { name, kind, mode: file.mode, size, first_chunk, chunk_count });
    }
    Ok((entries, chunks))
}

/// The parts of a file in each span that it lies in.
fn cut(begin: u64, size: u64, spans: &[Span], chunks: &mut Vec<Chunk>) {
    let first = spans.partition_point(|span| span.plain <= begin).saturating_sub(1);
    let mut offset = 0;
    for span in spans.iter().skip(first) {
        if offset >= size {
            break;
        }
        let inner = begin + offset - span.plain;
        let len = (size - offset).min(span.plain_len.saturating_sub(inner));
        let (at, end, sha256) = (span.at, span.end, span.sha256);
        if len > 0 {
            chunks.push(Chunk { at, end, inner, offset, len, sha256, is_zeros: false, is_shared: true });
        }
        offset += len;
    }
}

/// An entry as written.
struct File<'a> {
    name: &'a [u8],
    kind: &'a [u8],
    offset: u64,
    size: u64,
    link: &'a [u8],
    mode: u32,
    is_sparse: bool,
}

impl<'a> File<'a> {
    fn of(table: &Table<'a>) -> Option<Self> {
        let records = table.vector(13).filter(|records| records.len <= RECORDS_MAX)?;
        let mut is_sparse = false;
        for record in records.tables() {
            is_sparse |= record?.bytes(0)?.starts_with(b"GNU.sparse.");
        }
        Some(Self {
            name: table.bytes(0)?,
            kind: table.bytes(1)?,
            offset: table.long(2)?,
            size: table.long(3)?,
            link: table.bytes(4)?,
            mode: (table.long(5)? & 0o7777) as u32,
            is_sparse,
        })
    }

    fn kind(&self) -> Option<MemberKind> {
        Some(match self.kind {
            b"dir" => MemberKind::Directory,
            b"reg" => MemberKind::File,
            b"symlink" => MemberKind::Symlink(self.link.to_vec()),
            b"hardlink" => MemberKind::HardLink(self.link.to_vec()),
            b"char" | b"block" | b"fifo" => MemberKind::Special,
            _ => return None,
        })
    }
}

fn sha256(text: &[u8]) -> Option<[u8; 32]> {
    let digest: Digest = std::str::from_utf8(text).ok()?.parse().ok()?;
    digest.to_bytes().try_into().ok()
}

//! Compressed bytes fetched in groups, unpacked chunk by chunk, each checked.

use std::io::{self, BufRead, BufReader, Read};

use supercargo_content::{Algorithm, Digest, Hasher, Limits};

use super::TocError;
use super::ahead::{self, Ahead};
use super::error::ChunkFault;
use super::plan;
use super::read::{Ranged, part};
use super::soci::{self, Spans};
use super::toc::{Chunk, Codec, Toc};

/// What several chunks in the same compressed bytes may unpack to and still be unpacked only once.
const SHARED_PLAIN_BYTES_MAX: u64 = soci::SPAN_BYTES_MAX;
/// The largest window of a zstd frame: 128 MiB, as for whole layers.
const WINDOW_LOG_MAX: u32 = 27;
const BUFFER_BYTES: usize = 16 << 10;

/// The bytes behind a table of contents.
pub(crate) struct Store<'a> {
    source: &'a dyn Ranged,
    codec: Codec,
    spans: Option<&'a Spans>,
    /// Ranges of the blob that are fetched before they are needed.
    ahead: &'a Ahead<'a>,
    planned: Loaded,
    extra: Loaded,
    shared: Option<(u64, Vec<u8>)>,
    /// Bytes fetched and unpacked, and how many there may be: a table may point to one place again and again.
    pub(crate) fetched: u64,
    fetched_max: u64,
    unpacked: u64,
    unpacked_max: u64,
}

#[derive(Default)]
struct Loaded {
    start: u64,
    bytes: Vec<u8>,
}

impl Loaded {
    fn get(&self, start: u64, end: u64) -> Option<&[u8]> {
        let from = usize::try_from(start.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..usize::try_from(end.checked_sub(self.start)?).ok()?)
    }
}

impl<'a> Store<'a> {
    /// A store over a blob of `size` bytes.
    pub(crate) fn new(
        source: &'a dyn Ranged,
        toc: &'a Toc,
        ahead: &'a Ahead<'a>,
        size: u64,
        limits: &Limits,
    ) -> Self {
        Self {
            source,
            codec: toc.codec,
            spans: toc.spans.as_ref(),
            ahead,
            planned: Loaded::default(),
            extra: Loaded::default(),
            shared: None,
            fetched: ahead.bytes(),
            fetched_max: size.saturating_mul(2).saturating_add(1 << 20),
            unpacked: 0,
            unpacked_max: size.saturating_mul(limits.expansion_ratio_max).max(limits.expansion_free_bytes),
        }
    }

    /// Unpacks the first of `chunks` of the file `path`, compares its digest, and appends it to `out`. The others are what
    /// will be asked for next: those that lie close are fetched together with it.
    pub(crate) fn append(
        &mut self,
        path: &[u8],
        chunks: &[Chunk],
        out: &mut Vec<u8>,
    ) -> Result<(), TocError> {
        let Some(chunk) = chunks.first() else { return Ok(()) };
        let fault = |reason| chunk_error(path, chunk, reason);
        let from = out.len();
        if chunk.is_shared && self.share(path, chunks)? {
            let range = to_usize(chunk.inner)..to_usize(chunk.inner.saturating_add(chunk.len));
            let bytes = self.shared.as_ref().and_then(|(_, bytes)| bytes.get(range));
            out.extend_from_slice(bytes.ok_or_else(|| fault(ChunkFault::Decompress))?);
        } else {
            self.count_unpacked(chunk.inner.saturating_add(chunk.len))?;
            let codec = self.codec;
            let raw = self.raw(chunks)?;
            let unpacked = unpack(codec, raw, chunk, &mut |bytes| out.extend_from_slice(bytes));
            unpacked.map_err(|_| fault(ChunkFault::Decompress))?;
        }
        if self.spans.is_some() {
            return Ok(()); // its span has been checked
        }
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(out.get(from..).unwrap_or_default());
        check(hasher, chunk).map_err(fault)
    }

    /// The first bytes of a chunk that is too large to be held, once all of it has been checked.
    pub(crate) fn start_of(
        &mut self,
        path: &[u8],
        chunk: &Chunk,
        wanted: usize,
    ) -> Result<Vec<u8>, TocError> {
        self.count_unpacked(chunk.inner.saturating_add(chunk.len))?;
        let raw = BufReader::new(self.open(chunk.at, chunk.end)?);
        let (mut start, mut hasher) = (Vec::new(), Hasher::new(Algorithm::Sha256));
        let unpacked = unpack(self.codec, raw, chunk, &mut |bytes| {
            hasher.update(bytes);
            start.extend(bytes.iter().take(wanted - start.len().min(wanted)));
        });
        let fault = |reason| chunk_error(path, chunk, reason);
        unpacked.map_err(|_| fault(ChunkFault::Decompress))?;
        check(hasher, chunk).map_err(fault)?;
        Ok(start)
    }

    /// Unpacks what several chunks share, once for all; `false` when that is too much to hold.
    fn share(&mut self, path: &[u8], chunks: &[Chunk]) -> Result<bool, TocError> {
        let Some(chunk) = chunks.first() else { return Ok(false) };
        let spans = self.spans;
        let span = spans.and_then(|spans| Some((spans, spans.get(chunk.at)?)));
        let end = span.map_or(chunk.inner.saturating_add(chunk.len), |(_, span)| span.plain_len);
        if end > SHARED_PLAIN_BYTES_MAX {
            return Ok(false);
        }
        if self.shared.as_ref().is_some_and(|(at, bytes)| *at == chunk.at && bytes.len() as u64 >= end) {
            return Ok(true);
        }
        self.count_unpacked(end)?;
        let (codec, mut plain) = (self.codec, Vec::new());
        if let Some((spans, span)) = span {
            let raw = self.raw(chunks)?;
            let (expected, found) = (span.digest(), Digest::sha256_of(raw));
            if found != expected {
                return Err(chunk_error(path, chunk, ChunkFault::Digest { expected, found }));
            }
            let plain = soci::inflate(raw, span.bits(), spans.window(span), to_usize(end));
            self.shared = plain.ok().map(|plain| (chunk.at, plain));
            return Ok(true);
        }
        let whole = Chunk { inner: 0, len: end, ..chunk.clone() };
        let raw = self.raw(chunks)?;
        let unpacked = unpack(codec, raw, &whole, &mut |bytes| plain.extend_from_slice(bytes));
        self.shared = unpacked.is_ok().then_some((chunk.at, plain));
        Ok(true)
    }

    /// The compressed bytes of the first of `chunks`.
    fn raw(&mut self, chunks: &[Chunk]) -> Result<&[u8], TocError> {
        let Some(&Chunk { at: start, end, .. }) = chunks.first() else { return Ok(&[]) };
        if self.planned.get(start, end).is_none() && self.extra.get(start, end).is_none() {
            match self.ahead.find(start, end).and_then(|at| self.ahead.take(at)) {
                Some(planned) => {
                    let (start, bytes) = planned?;
                    self.planned = Loaded { start, bytes };
                }
                None => self.extra = self.load(plan::run(chunks))?,
            }
        }
        let loaded = self.planned.get(start, end).or_else(|| self.extra.get(start, end));
        Ok(loaded.unwrap_or_default())
    }

    fn load(&mut self, (start, end): (u64, u64)) -> Result<Loaded, TocError> {
        self.count_fetched(end.saturating_sub(start))?;
        Ok(Loaded { start, bytes: ahead::load(self.source, start, end)? })
    }

    fn open(&mut self, start: u64, end: u64) -> Result<impl Read + use<'a>, TocError> {
        let len = end.saturating_sub(start);
        self.count_fetched(len)?;
        part(self.source, start, len)
    }

    fn count_fetched(&mut self, bytes: u64) -> Result<(), TocError> {
        self.fetched = self.fetched.saturating_add(bytes);
        if self.fetched > self.fetched_max {
            return Err(TocError::Amplification { limit: self.fetched_max });
        }
        Ok(())
    }

    fn count_unpacked(&mut self, bytes: u64) -> Result<(), TocError> {
        self.unpacked = self.unpacked.saturating_add(bytes);
        if self.unpacked > self.unpacked_max {
            return Err(TocError::Amplification { limit: self.unpacked_max });
        }
        Ok(())
    }
}

fn check(hasher: Hasher, chunk: &Chunk) -> Result<(), ChunkFault> {
    let (expected, found) = (chunk.digest(), hasher.finish());
    if found == expected { Ok(()) } else { Err(ChunkFault::Digest { expected, found }) }
}

fn chunk_error(path: &[u8], chunk: &Chunk, reason: ChunkFault) -> TocError {
    let path = String::from_utf8_lossy(path.get(..path.len().min(160)).unwrap_or_default()).into_owned();
    TocError::Chunk { path, offset: chunk.offset, reason }
}

/// Gives exactly the bytes of the chunk; what follows it in the same compressed stream is not looked at.
fn unpack(codec: Codec, raw: impl BufRead, chunk: &Chunk, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    match codec {
        Codec::Gzip => pass(flate2::bufread::GzDecoder::new(raw), chunk, sink),
        // Spans are unpacked whole, and never come here.
        Codec::Span => Err(io::ErrorKind::Unsupported.into()),
        Codec::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(raw)?;
            decoder.window_log_max(WINDOW_LOG_MAX)?;
            pass(decoder, chunk, sink)
        }
    }
}

fn pass(mut plain: impl Read, chunk: &Chunk, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = [0; BUFFER_BYTES];
    let skipped = io::copy(&mut plain.by_ref().take(chunk.inner), &mut io::sink())?;
    let mut left = chunk.len;
    while left > 0 && skipped == chunk.inner {
        let wanted = to_usize(left).min(BUFFER_BYTES);
        let read = plain.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        if read == 0 {
            break;
        }
        sink(buffer.get(..read).unwrap_or_default());
        left -= read as u64;
    }
    if left == 0 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// A length that is bounded elsewhere.
fn to_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

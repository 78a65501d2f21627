//! The stack of readers below a layer's tar, and what must be right at its end.

use std::io::{self, Read};

use supercargo_content::{Descriptor, Digest, MediaType, VerifyingReader};
use supercargo_inventory::{Problem, ProblemKind};

use crate::overlap::{Overlap, StreamHasher};
use crate::{Compression, DecompressError, Decompressed, LayerError, LayerReader, TarError, TarReader};

/// A layer and what its bytes must be.
#[derive(Debug, Clone, Copy)]
pub struct LayerInput<'a> {
    /// The blob.
    pub descriptor: &'a Descriptor,
    /// The digest of the blob unpacked.
    pub diff_id: &'a Digest,
}

/// The tar of a layer on top of a blob.
pub(crate) type LayerTar<B> = TarReader<Hashed<Decompressed<B>>>;

/// What the end of a stream tells.
pub(crate) struct StreamEnd {
    pub(crate) compressed_bytes: u64,
    pub(crate) uncompressed_bytes: u64,
    pub(crate) verified: bool,
    pub(crate) problems: Vec<Problem>,
}

/// Runs `walk` over the tar of a layer, then reads to the end, whatever the walk met, and compares the digests.
pub(crate) fn run<R: Read>(
    blob: R,
    layer: &LayerInput<'_>,
    reader: &LayerReader<'_>,
    overlap: Overlap,
    walk: impl FnOnce(&mut LayerTar<VerifyingReader<R>>) -> Result<(), TarError>,
) -> Result<StreamEnd, LayerError> {
    let name = &layer.descriptor.digest;
    let fail = |error| LayerError::of(name, error);
    let blob = VerifyingReader::new(blob, name.clone(), layer.descriptor.size);
    let unpacked = Decompressed::within(blob, reader.limits, reader.budget).map_err(fail)?;
    let compression = unpacked.compression();
    let mut problems: Vec<Problem> =
        media_type_problem(&layer.descriptor.media_type, compression).into_iter().collect();
    // The blob's own digest is the diff ID when nothing is compressed.
    let hash = compression != Compression::None || layer.diff_id.algorithm() != name.algorithm();
    let hasher = hash.then(|| StreamHasher::new(layer.diff_id.algorithm(), overlap));
    let mut tar = TarReader::new(Hashed::new(unpacked, hasher));
    let result = walk_to_end(&mut tar, walk, &mut problems);
    problems.extend(global_header_problem(&tar));
    let hashed = tar.into_inner();
    let (uncompressed_bytes, compressed_bytes) = (hashed.bytes, hashed.inner.compressed_bytes());
    let mut end = StreamEnd { compressed_bytes, uncompressed_bytes, verified: false, problems };
    if let Err(error) = result {
        let problem = failed(hashed.inner.into_inner(), error).map_err(fail)?;
        end.problems.push(problem);
        return Ok(end);
    }
    let found = hashed.hasher.map_or_else(|| Ok(name.clone()), StreamHasher::finish).map_err(fail)?;
    if found != *layer.diff_id {
        return Err(LayerError::DiffId { layer: name.clone(), expected: layer.diff_id.clone(), found });
    }
    end.verified = true;
    Ok(end)
}

/// Damage of the archive becomes a problem; failure of the stream below stays an error.
pub(crate) fn walk_to_end<B: Read>(
    tar: &mut LayerTar<B>,
    walk: impl FnOnce(&mut LayerTar<B>) -> Result<(), TarError>,
    problems: &mut Vec<Problem>,
) -> io::Result<()> {
    let is_whole = match walk(tar) {
        Ok(()) => true,
        Err(TarError::Io(error)) => return Err(error),
        Err(damaged) => {
            problems.push(Problem::malformed(format!("{damaged}; what follows was not read")));
            false
        }
    };
    let not_zero = tar.drain()?;
    if is_whole && not_zero > 0 && tar.at_end() {
        let message = format!("{not_zero} bytes that are not zero follow the end of the archive");
        problems.push(Problem::new(ProblemKind::Inconsistent, message));
    }
    Ok(())
}

/// After a failure in the middle: a blob that is not the one of its descriptor is the reason, whatever was seen
/// first. A layer that unpacks to too much is only not read further.
fn failed(mut blob: impl Read, error: io::Error) -> io::Result<Problem> {
    let reason = DecompressError::of(&error).cloned();
    if reason.is_some() {
        io::copy(&mut blob, &mut io::sink())?;
    }
    match reason {
        Some(reason @ DecompressError::Expansion { .. }) => {
            Ok(Problem::new(ProblemKind::LimitHit, expansion_message(&reason)))
        }
        _ => Err(error),
    }
}

pub(crate) fn expansion_message(reason: &DecompressError) -> String {
    format!("{reason}; what follows was not read, the diff ID was not checked")
}

/// What is to be said when a blob is compressed in another way than its media type says.
pub fn media_type_problem(media_type: &MediaType, found: Compression) -> Option<Problem> {
    match Compression::of_media_type(media_type) {
        Some(expected) if expected == found => None,
        Some(_) => {
            let message = format!("the media type is `{media_type}`, but the blob is {found}");
            Some(Problem::new(ProblemKind::Inconsistent, message))
        }
        None => {
            let message = format!("`{media_type}` is no known layer type, the blob was read as {found} tar");
            Some(Problem::new(ProblemKind::Unsupported, message))
        }
    }
}

pub(crate) fn global_header_problem<B: Read>(tar: &LayerTar<B>) -> Option<Problem> {
    let count = tar.global_headers_ignored();
    let message =
        format!("{count} global pax headers name or size members; they are ignored, as runtimes do");
    (count > 0).then(|| Problem::new(ProblemKind::Inconsistent, message))
}

/// Counts and, if wanted, hashes what passes.
pub(crate) struct Hashed<R> {
    inner: R,
    hasher: Option<StreamHasher>,
    bytes: u64,
}

impl<R> Hashed<R> {
    pub(crate) fn new(inner: R, hasher: Option<StreamHasher>) -> Self {
        Self { inner, hasher, bytes: 0 }
    }

    /// The stream below, the hasher, and how many bytes passed.
    pub(crate) fn into_parts(self) -> (R, Option<StreamHasher>, u64) {
        (self.inner, self.hasher, self.bytes)
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let (Some(hasher), Some(bytes)) = (&mut self.hasher, buffer.get(..read)) {
            hasher.update(bytes);
        }
        self.bytes += read as u64;
        Ok(read)
    }
}

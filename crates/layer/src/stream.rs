//! The stack of readers below a layer's tar, and what must be right at its end.

use std::io::{self, Read};

use supercargo_content::{
    Algorithm, ContentMismatch, Descriptor, Digest, Hasher, MediaType, VerifyingReader,
};
use supercargo_inventory::{Problem, ProblemKind};

use crate::overlap::{Apart, Overlap, StreamHasher};
use crate::window::Window;
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
pub(crate) type LayerTar<B> = TarReader<Counted<B>>;

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
    // Its digest is compared below, together with the diff ID.
    let blob = VerifyingReader::size_only(blob, name.clone(), layer.descriptor.size);
    let hasher = Hasher::new(name.algorithm());
    let unpacked = Decompressed::hashing(blob, reader.limits, reader.budget, hasher).map_err(fail)?;
    let compression = unpacked.compression();
    let mut problems: Vec<Problem> =
        media_type_problem(&layer.descriptor.media_type, compression).into_iter().collect();
    let mut tar = hashed_tar(unpacked, layer.diff_id.algorithm(), name.algorithm(), overlap);
    let result = walk_to_end(&mut tar, walk, &mut problems);
    problems.extend(global_header_problem(&tar));
    let unpacked = Unpacked::of(tar);
    let (uncompressed_bytes, compressed_bytes) = (unpacked.bytes, unpacked.blob.compressed_bytes());
    let mut end = StreamEnd { compressed_bytes, uncompressed_bytes, verified: false, problems };
    if let Err(error) = result {
        let problem = failed(unpacked.blob, name, error).map_err(fail)?;
        end.problems.push(problem);
        return Ok(end);
    }
    let (blob, found) = unpacked.digests().map_err(fail)?;
    same(name, blob).map_err(fail)?;
    if found != *layer.diff_id {
        return Err(LayerError::DiffId { layer: name.clone(), expected: layer.diff_id.clone(), found });
    }
    end.verified = true;
    Ok(end)
}

/// The tar of a blob, with its digests, which are computed where the bodies are consumed, so that theirs can be
/// computed beside them. When nothing is compressed and the algorithm is one, the digest of the blob is also that of
/// what it holds.
pub(crate) fn hashed_tar<B: Read>(
    mut blob: Decompressed<B>,
    algorithm: Algorithm,
    blob_algorithm: Algorithm,
    overlap: Overlap,
) -> LayerTar<B> {
    let is_compressed = blob.compression() != Compression::None;
    let apart = (is_compressed && overlap == Overlap::Digest).then(|| Apart::start(algorithm));
    let hasher = match &apart {
        Some(_) => None,
        None if is_compressed || algorithm != blob_algorithm => Some(Hasher::new(algorithm)),
        None => blob.take_hasher(),
    };
    let counted = Counted { inner: blob, bytes: 0 };
    let mut window = Window::hashing_with(counted, hasher, |counted, own, beside| {
        counted.inner.hash_with(own, beside);
    });
    if let Some(apart) = apart {
        window.hash_apart(apart);
    }
    TarReader::over(window)
}

/// A blob that has been read to its end.
pub(crate) struct Unpacked<B> {
    pub(crate) blob: Decompressed<B>,
    /// Bytes that it unpacked to.
    pub(crate) bytes: u64,
    hasher: Option<StreamHasher>,
}

impl<B: Read> Unpacked<B> {
    pub(crate) fn of(tar: LayerTar<B>) -> Self {
        let (Counted { inner, bytes }, hasher) = tar.into_parts();
        Self { blob: inner, bytes, hasher }
    }

    /// The digest of the blob, and of the blob unpacked.
    pub(crate) fn digests(self) -> io::Result<(Digest, Digest)> {
        let no_hasher = || io::Error::other("a layer was read without being hashed");
        let unpacked = self.hasher.ok_or_else(no_hasher)?.finish()?;
        let blob = self.blob.into_parts().1.map(Hasher::finish);
        Ok((blob.unwrap_or_else(|| unpacked.clone()), unpacked))
    }
}

fn same(expected: &Digest, found: Digest) -> io::Result<()> {
    if found == *expected {
        return Ok(());
    }
    let mismatch = ContentMismatch::Digest { expected: expected.clone(), found };
    Err(io::Error::new(io::ErrorKind::InvalidData, mismatch))
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
fn failed<B: Read>(mut blob: Decompressed<B>, name: &Digest, error: io::Error) -> io::Result<Problem> {
    let reason = DecompressError::of(&error).cloned();
    if reason.is_some() {
        blob.drain()?;
        blob.into_parts().1.map_or(Ok(()), |hasher| same(name, hasher.finish()))?;
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

/// Counts what a blob unpacks to.
pub(crate) struct Counted<B> {
    inner: Decompressed<B>,
    bytes: u64,
}

impl<B: Read> Read for Counted<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

//! A layer whose digests are known only once it has passed.

use std::io::{self, Read};

use supercargo_content::{Algorithm, Digest, HashingReader};
use supercargo_inventory::{Problem, ProblemKind};

use crate::overlap::{Overlap, StreamHasher};
use crate::pass::Walk;
use crate::stream::{self, Hashed};
use crate::{Compression, DecompressError, Decompressed, LayerPass, LayerReader, TarReader, Visitor};

/// What a blob turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobFacts {
    /// The digest of all its bytes.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// The SHA-256 of the blob unpacked; `None` when it could not be unpacked to its end.
    pub diff_id: Option<Digest>,
    /// How it is compressed.
    pub compression: Compression,
}

impl LayerReader<'_> {
    /// Reads a blob that may be a layer and has to be read now, because it will not come again. The caller compares
    /// the facts with a manifest once that is known; until then the pass is not `verified`.
    ///
    /// # Errors
    ///
    /// Those of the stream. A blob that cannot be unpacked is the inner error; it has been read to its end.
    pub fn read_unnamed<R: Read>(
        &self,
        blob: R,
        algorithm: Algorithm,
        visitor: &mut dyn Visitor,
    ) -> io::Result<(BlobFacts, Result<LayerPass, DecompressError>)> {
        let unpacked = Decompressed::within(HashingReader::new(blob, algorithm), self.limits, self.budget)?;
        let compression = unpacked.compression();
        let hash = compression != Compression::None || algorithm != Algorithm::Sha256;
        let hasher = hash.then(|| StreamHasher::new(Algorithm::Sha256, Overlap::None));
        let mut tar = TarReader::new(Hashed::new(unpacked, hasher));
        let (mut walk, mut problems) = (Walk::new(self, visitor), Vec::new());
        let result = stream::walk_to_end(&mut tar, |tar| walk.run(tar), &mut problems);
        problems.extend(stream::global_header_problem(&tar));
        let (unpacked, hasher, uncompressed_bytes) = tar.into_inner().into_parts();
        let compressed_bytes = unpacked.compressed_bytes();
        let mut blob = unpacked.into_inner();
        let damage = result.map_or_else(|error| damage(&mut blob, error).map(Some), |()| Ok(None))?;
        let (digest, size) = blob.finish();
        let unpacked = hasher.map_or_else(|| Ok(digest.clone()), StreamHasher::finish)?;
        let diff_id = damage.is_none().then_some(unpacked);
        let pass = LayerPass { compressed_bytes, uncompressed_bytes, ..walk.finish() };
        let pass = judge(pass, problems, damage);
        Ok((BlobFacts { digest, size, diff_id, compression }, pass))
    }
}

/// What stopped the unpacking; the blob is read to its end. Other errors are those of the stream.
fn damage(blob: &mut impl Read, error: io::Error) -> io::Result<DecompressError> {
    let Some(reason) = DecompressError::of(&error).cloned() else { return Err(error) };
    io::copy(blob, &mut io::sink())?;
    Ok(reason)
}

/// A layer that unpacks to too much is only not read further; other damage is an error.
fn judge(
    mut pass: LayerPass,
    problems: Vec<Problem>,
    damage: Option<DecompressError>,
) -> Result<LayerPass, DecompressError> {
    pass.problems.extend(problems);
    match damage {
        None => {}
        Some(reason @ DecompressError::Expansion { .. }) => {
            pass.problems.push(Problem::new(ProblemKind::LimitHit, stream::expansion_message(&reason)));
        }
        Some(reason) => return Err(reason),
    }
    Ok(pass)
}

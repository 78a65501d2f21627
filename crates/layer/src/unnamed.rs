//! A layer whose digests are known only once it has passed.

use std::io::{self, Read};

use supercargo_content::{Algorithm, Digest, Hasher};
use supercargo_inventory::{Problem, ProblemKind};

use crate::overlap::Overlap;
use crate::pass::Walk;
use crate::stream::{self, Unpacked};
use crate::{Compression, DecompressError, Decompressed, LayerPass, LayerReader, Visitor};

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
        let blob = Decompressed::hashing(blob, self.limits, self.budget, Hasher::new(algorithm))?;
        let compression = blob.compression();
        let mut tar = stream::hashed_tar(blob, Algorithm::Sha256, algorithm, Overlap::None);
        let (mut walk, mut problems) = (Walk::new(self, visitor), Vec::new());
        let result = stream::walk_to_end(&mut tar, |tar| walk.run(tar), &mut problems);
        problems.extend(stream::global_header_problem(&tar));
        let mut unpacked = Unpacked::of(tar);
        let (uncompressed_bytes, compressed_bytes) = (unpacked.bytes, unpacked.blob.compressed_bytes());
        let damage =
            result.map_or_else(|error| damage(&mut unpacked.blob, error).map(Some), |()| Ok(None))?;
        let size = unpacked.blob.compressed_bytes();
        let (digest, plain) = unpacked.digests()?;
        let diff_id = damage.is_none().then_some(plain);
        let pass = LayerPass { compressed_bytes, uncompressed_bytes, ..walk.finish() };
        let pass = judge(pass, problems, damage);
        Ok((BlobFacts { digest, size, diff_id, compression }, pass))
    }
}

/// What stopped the unpacking; the blob is read to its end. Other errors are those of the stream.
fn damage<R: Read>(blob: &mut Decompressed<R>, error: io::Error) -> io::Result<DecompressError> {
    let Some(reason) = DecompressError::of(&error).cloned() else { return Err(error) };
    blob.drain()?;
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

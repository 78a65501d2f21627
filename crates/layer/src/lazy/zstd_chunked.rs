//! zstd:chunked: a zstd layer whose table of contents lies in a skippable frame that the manifest points to.
//!
//! Specification: the package `chunked` of containers/storage, which writes and reads it.

use std::io::{self, BufReader, Read};

use supercargo_content::{BoundedReader, Digest, HashingReader, Limits};

use super::TocError;
use super::builder::Builder;
use super::read::{Ranged, part};
use super::toc::{Codec, Toc};
use super::wire;
use crate::Decompressed;

/// Reads the table; with it, how many bytes that took.
pub(crate) fn load(
    blob: &dyn Ranged,
    size: u64,
    (offset, len): (u64, u64),
    expected: &Digest,
    limits: &Limits,
) -> Result<(Toc, u64), TocError> {
    if len == 0 || offset.checked_add(len).is_none_or(|end| end > size) {
        return Err(TocError::Absent("its place lies outside the blob"));
    }
    if len > limits.toc_bytes_max {
        return Err(TocError::Limit { what: "bytes", limit: limits.toc_bytes_max });
    }
    let hashed = HashingReader::new(part(blob, offset, len)?, expected.algorithm());
    let unpacked = Decompressed::new(hashed, limits).map_err(TocError::of)?;
    let mut json = BoundedReader::new(unpacked, limits.toc_bytes_max);
    let mut builder = Builder::new(Codec::Zstd, offset, limits.entries_max);
    let read = wire::read(BufReader::with_capacity(64 << 10, json.by_ref()), &mut builder);
    let rest = io::copy(&mut json, &mut io::sink());
    // A table that is not the announced one is that first, whatever else is wrong with it.
    let mut hashed = json.into_inner().into_inner();
    io::copy(&mut hashed, &mut io::sink()).map_err(TocError::Io)?;
    let (found, _) = hashed.finish();
    if found != *expected {
        return Err(TocError::Digest { expected: expected.clone(), found });
    }
    read?;
    rest.map_err(TocError::of)?;
    Ok((builder.finish()?, len))
}

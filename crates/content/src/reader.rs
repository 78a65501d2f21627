//! Readers that count, bound, hash and compare.

use std::io::{self, Read};

use crate::{Algorithm, Digest, Hasher};

/// Bytes that are not what their descriptor says. Carried inside an [`io::Error`] of kind `InvalidData`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentMismatch {
    /// The stream is longer or shorter than its size.
    #[error("size mismatch for {digest}: expected {expected} bytes, found {found}{more}", more = if *at_least { " or more" } else { "" })]
    Size {
        /// The digest that was asked for.
        digest: Digest,
        /// The size of the descriptor.
        expected: u64,
        /// The bytes seen.
        found: u64,
        /// Reading stopped at the first byte too many.
        at_least: bool,
    },
    /// The bytes have another digest.
    #[error("digest mismatch: expected {expected}, found {found}")]
    Digest {
        /// The digest of the descriptor.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
}

impl ContentMismatch {
    /// The mismatch inside an I/O error, if it is one.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// A stream that is longer than a limit. Carried inside an [`io::Error`] of kind `InvalidData`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("longer than the limit of {limit_bytes} bytes")]
pub struct LimitExceeded {
    /// The limit.
    pub limit_bytes: u64,
}

/// Passes bytes through and hashes them.
pub struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
    bytes: u64,
}

impl<R: Read> HashingReader<R> {
    /// Hashes what `inner` yields.
    pub fn new(inner: R, algorithm: Algorithm) -> Self {
        Self { inner, hasher: Hasher::new(algorithm), bytes: 0 }
    }

    /// The bytes passed so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digest and number of the bytes passed.
    pub fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.bytes)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Yields bytes that are proved to be those of a descriptor once the end is reached.
///
/// The end of the stream is reported only when size and digest are right, so `read_to_end` and
/// `io::copy` cannot succeed on wrong bytes.
pub struct VerifyingReader<R> {
    inner: R,
    hasher: Option<Hasher>,
    expected: Digest,
    size: u64,
    seen: u64,
}

impl<R: Read> VerifyingReader<R> {
    /// Checks that `inner` yields `size` bytes with the digest `expected`.
    pub fn new(inner: R, expected: Digest, size: u64) -> Self {
        let hasher = Some(Hasher::new(expected.algorithm()));
        Self { inner, hasher, expected, size, seen: 0 }
    }

    /// Checks the size only: for a caller that hashes what it consumes and compares that with `expected` itself.
    pub fn size_only(inner: R, expected: Digest, size: u64) -> Self {
        Self { inner, hasher: None, expected, size, seen: 0 }
    }

    fn check_end(&mut self) -> io::Result<usize> {
        if self.seen != self.size {
            return Err(self.size_mismatch(false));
        }
        if let Some(hasher) = self.hasher.take() {
            let found = hasher.finish();
            if found != self.expected {
                let expected = self.expected.clone();
                return Err(invalid_data(ContentMismatch::Digest { expected, found }));
            }
        }
        Ok(0)
    }

    fn size_mismatch(&self, at_least: bool) -> io::Error {
        let digest = self.expected.clone();
        invalid_data(ContentMismatch::Size { digest, expected: self.size, found: self.seen, at_least })
    }
}

impl<R: Read> Read for VerifyingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(buffer)?;
        if read == 0 {
            return self.check_end();
        }
        self.seen += read as u64;
        if self.seen > self.size {
            return Err(self.size_mismatch(true));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..read]);
        }
        Ok(read)
    }
}

/// Fails, instead of ending early, when more than a limit is read.
pub struct BoundedReader<R> {
    inner: R,
    limit_bytes: u64,
    left: u64,
}

impl<R: Read> BoundedReader<R> {
    /// Lets at most `limit_bytes` through.
    pub fn new(inner: R, limit_bytes: u64) -> Self {
        Self { inner, limit_bytes, left: limit_bytes }
    }

    /// The stream below.
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for BoundedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| invalid_data(LimitExceeded { limit_bytes: self.limit_bytes }))?;
        Ok(read)
    }
}

/// All bytes of `reader`, or [`LimitExceeded`].
pub fn read_bounded(reader: impl Read, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    BoundedReader::new(reader, limit_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn invalid_data(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(bytes: &[u8], digest_of: &[u8], size: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        VerifyingReader::new(bytes, Digest::sha256_of(digest_of), size).read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn right_bytes_pass() {
        assert_eq!(verify(b"hold", b"hold", 4).unwrap(), b"hold");
        assert_eq!(verify(b"", b"", 0).unwrap(), b"");
    }

    #[test]
    fn each_lie_is_named() {
        let mismatch =
            |result: io::Result<Vec<u8>>| ContentMismatch::of(&result.unwrap_err()).cloned().unwrap();
        assert!(matches!(mismatch(verify(b"hole", b"hold", 4)), ContentMismatch::Digest { .. }));
        assert!(matches!(
            mismatch(verify(b"hol", b"hold", 4)),
            ContentMismatch::Size { found: 3, at_least: false, .. }
        ));
        assert!(matches!(
            mismatch(verify(b"holds", b"hold", 4)),
            ContentMismatch::Size { at_least: true, .. }
        ));
    }

    #[test]
    fn a_bound_is_an_error_not_an_end() {
        assert_eq!(read_bounded(&b"1234"[..], 4).unwrap(), b"1234");
        assert!(read_bounded(&b"12345"[..], 4).is_err());
    }
}

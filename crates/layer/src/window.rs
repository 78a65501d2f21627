//! A large buffer over a stream, looked at in place.

use std::io::{self, Read};

use supercargo_content::{Hasher, Share};

use crate::overlap::Apart;

/// Bytes read from the stream at once; a body up to this size is handed over without being copied.
pub(crate) const WINDOW_BYTES: usize = 256 << 10;

/// Adds bytes of a window to one digest or two, together with what its stream still has to hash.
pub(crate) type HashWith<R> = fn(&mut R, Share<'_>, Option<Share<'_>>);

/// Buffers a stream and lends out what it holds. What has been consumed is hashed, if that is wanted, before it is
/// overwritten: late enough to do it together with other bytes.
pub(crate) struct Window<R> {
    inner: R,
    buffer: Box<[u8]>,
    /// What comes before in the buffer has been hashed.
    hashed: usize,
    start: usize,
    end: usize,
    consumed: u64,
    hasher: Option<Hasher>,
    /// Of the bytes that are hashed from now on, too.
    beside: Option<Hasher>,
    hash_with: HashWith<R>,
    /// Who hashes on another thread all that is read.
    apart: Option<Apart>,
    /// What comes before in the buffer has been sent there.
    sent: usize,
}

impl<R: Read> Window<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self::hashing(inner, None)
    }

    /// The same; all that is consumed goes through `hasher`.
    pub(crate) fn hashing(inner: R, hasher: Option<Hasher>) -> Self {
        Self::hashing_with(inner, hasher, |_, own, beside| {
            Hasher::update_all([own].into_iter().chain(beside))
        })
    }

    /// The same over a stream that has bytes of its own to hash, best together with these.
    pub(crate) fn hashing_with(inner: R, hasher: Option<Hasher>, hash_with: HashWith<R>) -> Self {
        let buffer = vec![0; WINDOW_BYTES].into();
        let (beside, apart) = (None, None);
        Self {
            inner,
            buffer,
            hashed: 0,
            start: 0,
            end: 0,
            consumed: 0,
            hasher,
            beside,
            hash_with,
            apart,
            sent: 0,
        }
    }

    /// What is buffered now.
    pub(crate) fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Buffers at least `wanted` bytes (at most [`WINDOW_BYTES`]) unless the stream ends before, and lends all.
    pub(crate) fn fill(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.end - self.start < wanted {
            self.compact();
        }
        while self.end - self.start < wanted && self.refill()? > 0 {}
        Ok(self.available())
    }

    /// Drops `count` buffered bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        self.consumed += count as u64;
    }

    /// The stream below, without what is buffered, and the hasher of what was consumed.
    pub(crate) fn into_parts(mut self) -> (R, Option<Hasher>) {
        self.settle();
        (self.inner, self.hasher)
    }

    /// Gives up the hasher of what was consumed so far.
    pub(crate) fn end_hashing(&mut self) -> Option<Hasher> {
        self.settle();
        self.hasher.take()
    }

    /// Hashes as much of what has been consumed as there are other bytes, together with those.
    pub(crate) fn settle_with(&mut self, other: Share<'_>, third: Option<Share<'_>>) {
        let end = self.start.min(self.hashed + other.1.len());
        let consumed = self.buffer.get(self.hashed..end).unwrap_or_default();
        let own = self.hasher.iter_mut().map(|hasher| (hasher, consumed));
        Hasher::update_all(own.chain([other]).chain(third));
        self.hashed = self.hashed.max(end);
    }

    /// Begins another digest, of what comes from here on.
    pub(crate) fn begin_beside(&mut self, hasher: Hasher) {
        self.settle();
        self.beside = Some(hasher);
    }

    /// Hashes the rest of what the other digest is of before it is consumed.
    pub(crate) fn hash_body_ahead(&mut self, count: usize) {
        if self.beside.is_some() {
            self.settle();
            self.hash_to((self.start + count).min(self.end));
        }
    }

    /// Lets another thread hash all that is read from here on.
    pub(crate) fn hash_apart(&mut self, apart: Apart) {
        (self.apart, self.sent) = (Some(apart), self.end);
    }

    /// Ends that.
    pub(crate) fn end_apart(&mut self) -> Option<Apart> {
        self.compact();
        self.apart.take()
    }

    /// Forgets the other digest.
    pub(crate) fn drop_beside(&mut self) {
        if self.beside.is_some() {
            self.end_beside();
        }
    }

    /// Ends the other digest, here.
    pub(crate) fn end_beside(&mut self) -> Option<Hasher> {
        self.settle();
        self.beside.take()
    }

    /// Hashes what has been consumed.
    fn settle(&mut self) {
        self.hash_to(self.start);
    }

    fn hash_to(&mut self, end: usize) {
        let bytes = self.buffer.get(self.hashed..end).unwrap_or_default();
        let mut shares = self.hasher.iter_mut().chain(&mut self.beside).map(|hasher| (hasher, bytes));
        if let Some(first) = shares.next() {
            (self.hash_with)(&mut self.inner, first, shares.next());
        }
        self.hashed = self.hashed.max(end);
    }

    /// Bytes consumed since the beginning.
    pub(crate) fn position(&self) -> u64 {
        self.consumed
    }

    /// Passes over `count` bytes; the bytes that are missing when the stream ends before.
    pub(crate) fn skip(&mut self, mut count: u64) -> io::Result<u64> {
        while count > 0 {
            let held = self.fill(1)?.len();
            if held == 0 {
                break;
            }
            let step = usize::try_from(count).map_or(held, |count| count.min(held));
            self.consume(step);
            count -= step as u64;
        }
        Ok(count)
    }

    /// Fills `out`; the number of bytes that there were. Large remainders are read past the buffer.
    pub(crate) fn copy_to(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let step = self.read(rest)?;
            if step == 0 {
                break;
            }
            done += step;
        }
        Ok(done)
    }

    /// Moves what is held to the beginning, so that the next read is a large one.
    fn compact(&mut self) {
        self.settle();
        self.hashed -= self.start;
        let held = self.start..self.end;
        if let Some(apart) = &mut self.apart {
            let mut buffer = apart.buffer();
            if let (Some(to), Some(from)) = (buffer.get_mut(..held.len()), self.buffer.get(held)) {
                to.copy_from_slice(from);
            }
            apart.send(std::mem::replace(&mut self.buffer, buffer), self.sent..self.end);
            self.sent = self.end - self.start;
        } else {
            self.buffer.copy_within(held, 0);
        }
        self.end -= self.start;
        self.start = 0;
    }

    fn refill(&mut self) -> io::Result<usize> {
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = read_retrying(&mut self.inner, room)?;
        self.end += read;
        Ok(read)
    }
}

impl<R: Read> Read for Window<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.start < self.end || out.len() < WINDOW_BYTES / 4 || self.apart.is_some() {
            let held = self.fill(1)?;
            let step = held.len().min(out.len());
            if let (Some(to), Some(from)) = (out.get_mut(..step), held.get(..step)) {
                to.copy_from_slice(from);
            }
            self.consume(step);
            return Ok(step);
        }
        self.settle();
        let read = read_retrying(&mut self.inner, out)?;
        self.consumed += read as u64;
        let bytes = out.get(..read).unwrap_or_default();
        Hasher::update_all(self.hasher.iter_mut().chain(&mut self.beside).map(|hasher| (hasher, bytes)));
        Ok(read)
    }
}

fn read_retrying(inner: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match inner.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

//! A large buffer over a stream, looked at in place.

use std::io::{self, Read};

/// Bytes read from the stream at once; a body up to this size is handed over without being copied.
pub(crate) const WINDOW_BYTES: usize = 256 << 10;

/// Buffers a stream and lends out what it holds.
pub(crate) struct Window<R> {
    inner: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    consumed: u64,
}

impl<R: Read> Window<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, buffer: vec![0; WINDOW_BYTES].into(), start: 0, end: 0, consumed: 0 }
    }

    /// What is buffered now.
    pub(crate) fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Buffers at least `wanted` bytes (at most [`WINDOW_BYTES`]) unless the stream ends before, and lends all.
    pub(crate) fn fill(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.buffer.len() - self.start < wanted {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < wanted && self.refill()? > 0 {}
        Ok(self.available())
    }

    /// Drops `count` buffered bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        self.consumed += count as u64;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// The stream below, without what is buffered.
    pub(crate) fn into_inner(self) -> R {
        self.inner
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

    fn refill(&mut self) -> io::Result<usize> {
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = read_retrying(&mut self.inner, room)?;
        self.end += read;
        Ok(read)
    }
}

impl<R: Read> Read for Window<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.start < self.end || out.len() < WINDOW_BYTES / 4 {
            let held = self.fill(1)?;
            let step = held.len().min(out.len());
            if let (Some(to), Some(from)) = (out.get_mut(..step), held.get(..step)) {
                to.copy_from_slice(from);
            }
            self.consume(step);
            return Ok(step);
        }
        let read = read_retrying(&mut self.inner, out)?;
        self.consumed += read as u64;
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

//! Zstandard frames (RFC 8878).

use std::io::{self, Read};

use zstd::stream::raw::{DParameter, Decoder, Operation};

use crate::window::Window;
use crate::{Compression, DecompressError};

/// The largest window that a frame may ask for: 128 MiB, as the reference decoder's default.
const WINDOW_LOG_MAX: u32 = 27;

/// Unpacks all frames of a zstd stream.
pub(crate) struct ZstdReader<R> {
    input: Window<R>,
    decoder: Decoder<'static>,
    between_frames: bool,
}

impl<R: Read> ZstdReader<R> {
    pub(crate) fn new(input: Window<R>) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Self { input, decoder, between_frames: true })
    }

    pub(crate) fn position(&self) -> u64 {
        self.input.position()
    }

    pub(crate) fn into_inner(self) -> R {
        self.input.into_inner()
    }

    /// Whether another frame follows.
    fn next_frame(&mut self) -> io::Result<bool> {
        let offset = self.position();
        let head = self.input.fill(4)?;
        if head.is_empty() {
            return Ok(false);
        }
        if Compression::of_magic(head) != Compression::Zstd {
            return Err(DecompressError::TrailingGarbage { compression: Compression::Zstd, offset }.into());
        }
        self.decoder.reinit()?;
        self.between_frames = false;
        Ok(true)
    }

    fn step(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let held = self.input.fill(1)?;
        let at_end = held.is_empty();
        let Ok(status) = self.decoder.run_on_buffers(held, out) else {
            let (compression, offset) = (Compression::Zstd, self.position());
            return Err(DecompressError::Data { compression, offset }.into());
        };
        self.input.consume(status.bytes_read);
        self.between_frames = status.remaining == 0;
        if at_end && status.bytes_written == 0 && !self.between_frames {
            return Err(DecompressError::Truncated(Compression::Zstd).into());
        }
        Ok(status.bytes_written)
    }
}

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.between_frames && !self.next_frame()? {
                return Ok(0);
            }
            match self.step(out)? {
                0 => {}
                written => return Ok(written),
            }
        }
    }
}

//! Zstandard frames (RFC 8878).

use std::io::{self, Read};

use zstd::stream::raw::{DParameter, Decoder, Operation};

use crate::window::Window;
use crate::{Budget, Compression, DecompressError, Reservation};

/// The largest window that a frame may ask for: 128 MiB, as the reference decoder's default.
const WINDOW_LOG_MAX: u32 = 27;
/// Bytes of the longest frame header.
const HEADER_BYTES_MAX: usize = 18;

/// Unpacks all frames of a zstd stream.
pub(crate) struct ZstdReader<R> {
    input: Window<R>,
    decoder: Decoder<'static>,
    between_frames: bool,
    budget: Option<Budget>,
    window: Option<Reservation>,
    window_bytes: u64,
}

impl<R: Read> ZstdReader<R> {
    /// What the decoder holds for its window is charged to `budget`, and may not be more than that.
    pub(crate) fn new(input: Window<R>, budget: Option<Budget>) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Self { input, decoder, between_frames: true, budget, window: None, window_bytes: 0 })
    }

    pub(crate) fn position(&self) -> u64 {
        self.input.position()
    }

    /// The compressed bytes.
    pub(crate) fn input(&mut self) -> &mut Window<R> {
        &mut self.input
    }

    pub(crate) fn into_input(self) -> Window<R> {
        self.input
    }

    /// Whether another frame follows.
    fn next_frame(&mut self) -> io::Result<bool> {
        let offset = self.position();
        let head = self.input.fill(HEADER_BYTES_MAX)?;
        if head.is_empty() {
            return Ok(false);
        }
        if Compression::of_magic(head) != Compression::Zstd {
            return Err(DecompressError::TrailingGarbage { compression: Compression::Zstd, offset }.into());
        }
        let window_bytes = window_bytes(head).unwrap_or_default();
        self.charge(window_bytes)?;
        self.decoder.reinit()?;
        self.between_frames = false;
        Ok(true)
    }

    /// Charges what a larger window than those before needs; the decoder keeps it to its end.
    fn charge(&mut self, window_bytes: u64) -> Result<(), DecompressError> {
        let Some(budget) = self.budget.as_ref().filter(|_| window_bytes > self.window_bytes) else {
            return Ok(());
        };
        let max_bytes = budget.total_bytes();
        if window_bytes > max_bytes {
            return Err(DecompressError::Window { window_bytes, max_bytes });
        }
        self.window = None;
        self.window = Some(budget.charge(window_bytes));
        self.window_bytes = window_bytes;
        Ok(())
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

/// The window that a frame's header asks for (RFC 8878, section 3.1.1.1); `None` for a header that is cut and for a
/// skippable frame.
fn window_bytes(head: &[u8]) -> Option<u64> {
    let (magic, rest) = head.split_first_chunk::<4>()?;
    let (&descriptor, rest) = rest.split_first()?;
    if *magic != [0x28, 0xb5, 0x2f, 0xfd] {
        return None;
    }
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = rest.first()?;
        let base = 1_u64 << (10 + u32::from(window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    let dictionary_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
    let size_bytes = [1, 2, 4, 8].get(usize::from(descriptor >> 6)).copied()?;
    let size = rest.get(dictionary_bytes..)?.get(..size_bytes)?;
    let size = size.iter().rev().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    Some(if size_bytes == 2 { size + 256 } else { size })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn frame(bytes: &[u8], window_log: u32, sized: bool) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(window_log).unwrap();
        if sized {
            encoder.set_pledged_src_size(Some(bytes.len() as u64)).unwrap();
        }
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn windows_are_read_from_headers() {
        assert_eq!(window_bytes(&frame(b"abc", 20, false)), Some(1 << 20));
        assert_eq!(window_bytes(&frame(&[7; 300], 20, true)), Some(300));
        assert_eq!(window_bytes(&frame(&[7; 100_000], 20, true)), Some(100_000));
        assert_eq!(window_bytes(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x59]), Some((1 << 21) + (1 << 18)));
        assert_eq!(window_bytes(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]), None);
        assert_eq!(window_bytes(&[0x28, 0xb5, 0x2f, 0xfd]), None);
    }

    #[test]
    fn a_window_is_charged_and_bounded() {
        let two = [frame(&[1; 10], 20, false), frame(&[2; 10], 22, false)].concat();
        let budget = Budget::new(5 << 20);
        let mut reader = ZstdReader::new(Window::new(&two[..]), Some(budget.clone())).unwrap();
        let mut out = Vec::new();
        reader.read_to_end(&mut out).unwrap();
        assert_eq!(out.len(), 20);
        assert!(budget.try_acquire((1 << 20) + 1).is_none() && budget.try_acquire(1 << 20).is_some());
        drop(reader);
        assert!(budget.try_acquire(5 << 20).is_some());
        let mut reader = ZstdReader::new(Window::new(&two[..]), Some(Budget::new(2 << 20))).unwrap();
        let error = reader.read_to_end(&mut out).unwrap_err();
        assert!(error.to_string().contains("--buffered-bytes-max"), "{error}");
    }
}

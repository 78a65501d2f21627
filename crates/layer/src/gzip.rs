//! gzip members around raw deflate (RFC 1952).

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

use crate::window::Window;
use crate::{Compression, DecompressError};

/// Bytes of a file name or comment in a member's header, which nothing needs.
const TEXT_BYTES_MAX: usize = 64 << 10;

const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;
const FLAGS_RESERVED: u8 = 0xe0;

/// Unpacks all members of a gzip stream.
pub(crate) struct GzipReader<R> {
    input: Window<R>,
    inflate: Decompress,
    state: State,
}

enum State {
    Member,
    Body,
    Trailer,
    End,
}

impl<R: Read> GzipReader<R> {
    pub(crate) fn new(input: Window<R>) -> Self {
        Self { input, inflate: Decompress::new(false), state: State::Member }
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

    /// Reads the header of the next member, or passes the zeros after the last one.
    fn member(&mut self) -> io::Result<State> {
        let offset = self.position();
        match self.input.fill(2)? {
            [] => return Ok(State::End),
            [0x1f, 0x8b, ..] => {}
            [0, ..] if offset > 0 => return self.padding(),
            _ => return Err(garbage(offset)),
        }
        let header: [u8; 10] = self.take()?;
        let [_, _, method, flags, ..] = header;
        let refuse = |reason| Err(DecompressError::Header { offset, reason }.into());
        if method != 8 {
            return refuse("the method is not deflate");
        }
        if flags & FLAGS_RESERVED != 0 {
            return refuse("a reserved flag is set");
        }
        if !self.optional_fields(flags)? {
            return refuse("a file name or comment does not end within 64 KiB");
        }
        self.inflate.reset(false);
        Ok(State::Body)
    }

    /// Passes the optional fields; `false` when a text is too long.
    fn optional_fields(&mut self, flags: u8) -> io::Result<bool> {
        if flags & FLAG_EXTRA != 0 {
            let length = u16::from_le_bytes(self.take()?);
            if self.input.skip(u64::from(length))? > 0 {
                return Err(truncated());
            }
        }
        for flag in [FLAG_NAME, FLAG_COMMENT] {
            if flags & flag != 0 && !self.skip_text()? {
                return Ok(false);
            }
        }
        if flags & FLAG_HEADER_CRC != 0 {
            let _crc: [u8; 2] = self.take()?;
        }
        Ok(true)
    }

    fn skip_text(&mut self) -> io::Result<bool> {
        let mut wanted = 256;
        loop {
            let held = self.input.fill(wanted)?;
            if let Some(end) = held.iter().take(TEXT_BYTES_MAX).position(|&byte| byte == 0) {
                self.input.consume(end + 1);
                return Ok(true);
            }
            if held.len() < wanted {
                return Err(truncated());
            }
            if wanted == TEXT_BYTES_MAX {
                return Ok(false);
            }
            wanted = (wanted * 4).min(TEXT_BYTES_MAX);
        }
    }

    fn body(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let held = self.input.fill(1)?;
        let at_end = held.is_empty();
        let (read_before, written_before) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(held, out, FlushDecompress::None);
        let read = usize::try_from(self.inflate.total_in() - read_before).unwrap_or(usize::MAX);
        let written = usize::try_from(self.inflate.total_out() - written_before).unwrap_or(usize::MAX);
        self.input.consume(read);
        match status {
            Ok(Status::StreamEnd) => self.state = State::Trailer,
            Ok(_) if at_end && read == 0 && written == 0 => return Err(truncated()),
            Ok(_) => {}
            Err(_) => {
                let (compression, offset) = (Compression::Gzip, self.position());
                return Err(DecompressError::Data { compression, offset }.into());
            }
        }
        Ok(written)
    }

    fn trailer(&mut self) -> io::Result<()> {
        let [_, _, _, _, length @ ..]: [u8; 8] = self.take()?;
        let expected = u32::from_le_bytes(length);
        let found = (self.inflate.total_out() & u64::from(u32::MAX)) as u32;
        if expected != found {
            return Err(DecompressError::Length { expected, found }.into());
        }
        self.state = State::Member;
        Ok(())
    }

    fn padding(&mut self) -> io::Result<State> {
        loop {
            let held = self.input.fill(1)?;
            if held.is_empty() {
                return Ok(State::End);
            }
            let zeros = held.iter().take_while(|&&byte| byte == 0).count();
            let clean = zeros == held.len();
            self.input.consume(zeros);
            if !clean {
                return Err(garbage(self.position()));
            }
        }
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let field = self.input.fill(N)?.first_chunk::<N>().copied().ok_or_else(truncated)?;
        self.input.consume(N);
        Ok(field)
    }
}

impl<R: Read> Read for GzipReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state {
                State::Member => self.state = self.member()?,
                State::Body => match self.body(out)? {
                    0 => {}
                    written => return Ok(written),
                },
                State::Trailer => self.trailer()?,
                State::End => return Ok(0),
            }
        }
    }
}

fn truncated() -> io::Error {
    DecompressError::Truncated(Compression::Gzip).into()
}

fn garbage(offset: u64) -> io::Error {
    DecompressError::TrailingGarbage { compression: Compression::Gzip, offset }.into()
}

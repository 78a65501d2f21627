//! Inflating from the middle of a stream.
//!
//! Specification: RFC 1951, sections 3.2.4 to 3.2.7.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

/// Exactly `len` bytes of what a deflate stream says from a place on: `bits` of the first byte belong to it (0 for all),
/// `window` is what was before.
pub(crate) fn inflate(packed: &[u8], bits: u8, window: &[u8], len: usize) -> io::Result<Vec<u8>> {
    let mut decoder = Decompress::new(false);
    if !window.is_empty() {
        decoder.set_dictionary(window).map_err(|_| damaged())?;
    }
    let mut plain = vec![0; len];
    match packed.split_first() {
        Some((&first, rest)) if bits > 0 => {
            feed(&mut decoder, &lead_in(first, bits), &mut plain)?;
            feed(&mut decoder, rest, &mut plain)?;
        }
        _ => feed(&mut decoder, packed, &mut plain)?,
    }
    if decoder.total_out() == len as u64 { Ok(plain) } else { Err(damaged()) }
}

/// Inflates all of `packed`, or until `plain` is full.
fn feed(decoder: &mut Decompress, mut packed: &[u8], plain: &mut [u8]) -> io::Result<()> {
    let place = |total: u64| usize::try_from(total).unwrap_or(usize::MAX);
    while !packed.is_empty() && decoder.total_out() < plain.len() as u64 {
        let (read, written) = (decoder.total_in(), decoder.total_out());
        let room = plain.get_mut(place(written)..).unwrap_or_default();
        let status = decoder.decompress(packed, room, FlushDecompress::None).map_err(|_| damaged())?;
        packed = packed.get(place(decoder.total_in() - read)..).unwrap_or_default();
        let is_stuck = decoder.total_in() == read && decoder.total_out() == written;
        if is_stuck || status == Status::StreamEnd {
            break;
        }
    }
    Ok(())
}

/// Blocks without content that end where the wanted bits of the first byte begin, and then these bits.
///
/// The stream cannot be shifted instead: stored blocks begin at the next whole byte, which must stay where it is.
fn lead_in(first: u8, bits: u8) -> Vec<u8> {
    let low = 8 - u32::from(bits.clamp(1, 8));
    let mut lead = Bits::default();
    if low % 2 == 1 {
        lead.push_empty_dynamic_block();
    }
    while lead.len % 8 != low {
        lead.push_empty_fixed_block();
    }
    lead.push(u128::from(first >> low), 8 - low);
    lead.value.to_le_bytes().into_iter().take(lead.len as usize / 8).collect()
}

/// At most 128 bits: 97 of a dynamic block, 30 of fixed ones, and one of the first byte.
#[derive(Default)]
struct Bits {
    value: u128,
    len: u32,
}

impl Bits {
    fn push(&mut self, value: u128, len: u32) {
        self.value |= value.checked_shl(self.len).unwrap_or_default();
        self.len += len;
    }

    /// Ten bits: not the last, fixed codes, end of block.
    fn push_empty_fixed_block(&mut self) {
        self.push(0b010, 10);
    }

    /// An odd number of bits: a block whose only symbols are 255 and the end of the block.
    fn push_empty_dynamic_block(&mut self) {
        self.push(0b100, 3);
        // 257 codes for literals, one for distances, 19 lengths of codes for lengths.
        self.push(15 << 10, 14);
        // In their order: `18` has one bit, `0` and `1` have two.
        for at in 0..19 {
            self.push(
                match at {
                    2 => 1,
                    3 | 17 => 2,
                    _ => 0,
                },
                3,
            );
        }
        // `18` twice: 138 and 117 zeros.
        self.push(127 << 1, 8);
        self.push(106 << 1, 8);
        // `1` for 255 and 256, `0` for the distance, then the end of the block.
        self.push(0b01_11_11, 6);
        self.push(1, 1);
    }
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::DeflateEncoder;
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn text(len: usize) -> Vec<u8> {
        (0..len).map(|at| b"abcdefgh"[(at * at / 7 + at / 100) % 8]).collect()
    }

    #[test]
    fn what_leads_in_says_nothing_and_ends_at_the_bit() {
        // A stored block of one byte, whose header begins at each bit of the first byte.
        for bits in 1..8 {
            let low = 8 - bits;
            // Final, stored: the three bits of the header may go on in the next byte, where padding ends as well.
            let header = 1_u16 << low;
            let mut stream = header.to_le_bytes().to_vec();
            stream.truncate(if bits >= 3 { 1 } else { 2 });
            stream.extend([1, 0, 0xfe, 0xff, b'x']);
            stream[0] |= !(0xff_u8 << low);
            assert_eq!(inflate(&stream, bits, &[], 1).unwrap(), b"x", "{bits}");
            assert!(inflate(&stream, bits, &[], 2).is_err());
            assert!(inflate(&stream[..stream.len() - 1], bits, &[], 1).is_err());
        }
    }

    #[test]
    fn a_whole_stream_needs_no_window() {
        let plain = text(300_000);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&plain).unwrap();
        let stream = encoder.finish().unwrap();
        assert!(inflate(&stream, 0, &[], plain.len()).unwrap() == plain);
        assert!(inflate(&stream, 0, &[], plain.len() + 1).is_err());
        assert!(inflate(&stream[..stream.len() / 2], 0, &[], plain.len()).is_err());
        assert!(inflate(&[], 3, &[], 1).is_err());
    }

    #[test]
    fn what_was_before_can_be_pointed_to() {
        let window = text(32 << 10);
        let mut encoder = Compress::new(Compression::best(), false);
        encoder.set_dictionary(&window).unwrap();
        let mut stream = Vec::with_capacity(4096);
        encoder.compress_vec(&window[..9000], &mut stream, FlushCompress::Finish).unwrap();
        assert!(stream.len() < 200, "{}", stream.len());
        assert!(inflate(&stream, 0, &window, 9000).unwrap() == window[..9000]);
        assert!(inflate(&stream, 0, &[], 9000).is_err());
    }
}

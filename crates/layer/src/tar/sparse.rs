//! Files with holes.

use super::header::{Header, number};
use super::{TarDamage, pax};

/// Segments of one file; more would be a larger map than any extension header may hold.
pub(super) const SEGMENTS_MAX: usize = 1 << 16;

/// Bytes of a file that are stored; the rest is zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where they belong in the file.
    pub(super) offset: u64,
    /// Their number.
    pub(super) len: u64,
}

/// Checks that segments ascend, stay in the file, and sum up to the bytes stored.
pub(super) fn check(segments: &[Segment], real_size: u64, stored: u64) -> Result<(), TarDamage> {
    let (mut end, mut sum) = (0_u64, 0_u64);
    for segment in segments {
        if segment.offset < end {
            return Err(TarDamage::SparseMap);
        }
        end = segment.offset.checked_add(segment.len).ok_or(TarDamage::SparseMap)?;
        sum = sum.checked_add(segment.len).ok_or(TarDamage::SparseMap)?;
    }
    if end > real_size || sum != stored { Err(TarDamage::SparseMap) } else { Ok(()) }
}

/// The four segments of an old GNU header, whether extension blocks follow, and the real size.
pub(super) fn of_gnu_header(header: &Header) -> Result<(Vec<Segment>, bool, u64), TarDamage> {
    let real_size = number(header.field(483, 12)).ok_or(TarDamage::Number("realsize"))?;
    let mut segments = Vec::new();
    push_fields(header.field(386, 96), &mut segments)?;
    Ok((segments, header.field(482, 1) != [0], real_size))
}

/// The twenty-one segments of an extension block and whether another follows.
pub(super) fn of_gnu_extension(block: &Header, segments: &mut Vec<Segment>) -> Result<bool, TarDamage> {
    push_fields(block.field(0, 504), segments)?;
    if segments.len() > SEGMENTS_MAX {
        return Err(TarDamage::SparseMap);
    }
    Ok(block.field(504, 1) != [0])
}

/// Segments end at the first pair that is empty.
fn push_fields(fields: &[u8], segments: &mut Vec<Segment>) -> Result<(), TarDamage> {
    for pair in fields.chunks_exact(24).take_while(|pair| pair[0] != 0) {
        let (offset, len) = pair.split_at(12);
        let offset = number(offset).ok_or(TarDamage::SparseMap)?;
        let len = number(len).ok_or(TarDamage::SparseMap)?;
        segments.push(Segment { offset, len });
    }
    Ok(())
}

/// Format 1.0: lines of decimal numbers in the first blocks of the body, the first being the count.
#[derive(Default)]
pub(super) struct MapText {
    line: Vec<u8>,
    count: Option<usize>,
    offset: Option<u64>,
    segments: Vec<Segment>,
}

impl MapText {
    /// Adds one block; `true` when the map is complete, the rest of the block being padding.
    pub(super) fn push(&mut self, block: &[u8]) -> Result<bool, TarDamage> {
        for &byte in block {
            if byte != b'\n' {
                self.line.push(byte);
                if self.line.len() > 20 {
                    return Err(TarDamage::SparseMap);
                }
            } else if self.line_ends()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The segments read.
    pub(super) fn finish(self) -> Vec<Segment> {
        self.segments
    }

    fn line_ends(&mut self) -> Result<bool, TarDamage> {
        let value = pax::decimal(&self.line).map_err(|_| TarDamage::SparseMap)?;
        self.line.clear();
        let Some(count) = self.count else {
            let count = usize::try_from(value).ok().filter(|&count| count <= SEGMENTS_MAX);
            self.count = Some(count.ok_or(TarDamage::SparseMap)?);
            return Ok(value == 0);
        };
        match self.offset.take() {
            None => self.offset = Some(value),
            Some(offset) => self.segments.push(Segment { offset, len: value }),
        }
        Ok(self.segments.len() == count)
    }
}

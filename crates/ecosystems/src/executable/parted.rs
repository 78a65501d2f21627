//! A program of which parts can be read, in any order.

use std::cell::Cell;
use std::io;
use std::ops::Range;

use object::ReadRef;
use object::read::{ReadCache, ReadCacheOps};
use supercargo_layer::Parts;

/// Bytes that are read at once, where less is wanted, and where such a read begins.
const BLOCK_BYTES: usize = 32 << 10;
const BLOCK_ALIGNMENT: u64 = 4 << 10;
/// What a read counts for at least, so that their number is limited with their bytes.
const CHARGE_BYTES_MIN: u64 = 1 << 10;

/// The bytes of a file of which only what is asked for is read, and held as long as this lives.
pub(crate) struct Parted<'a> {
    cache: ReadCache<Source<'a>>,
    /// Bytes that may still be read.
    left: Cell<u64>,
    /// Whether more was asked for.
    is_cut: Cell<bool>,
}

impl<'a> Parted<'a> {
    /// Reads at most `bytes_max` bytes of a file of `size` bytes.
    pub(crate) fn new(parts: &'a mut dyn Parts, size: u64, bytes_max: u64) -> Self {
        let source = Source { parts, size, position: 0, block_at: 0, block: Vec::new(), fault: None };
        Self { cache: ReadCache::new(source), left: Cell::new(bytes_max), is_cut: Cell::new(false) }
    }

    /// Whether all that was asked for was read, or was not in the file.
    ///
    /// # Errors
    ///
    /// The first one of the source.
    pub(crate) fn finish(self) -> io::Result<bool> {
        match self.cache.into_inner().fault {
            Some(fault) => Err(fault),
            None => Ok(!self.is_cut.get()),
        }
    }

    fn charge(&self, bytes: u64) -> Result<(), ()> {
        let left = self.left.get().checked_sub(bytes.max(CHARGE_BYTES_MIN));
        self.is_cut.set(self.is_cut.get() || left.is_none());
        left.map(|left| self.left.set(left)).ok_or(())
    }
}

impl<'a> ReadRef<'a> for &'a Parted<'_> {
    fn len(self) -> Result<u64, ()> {
        (&self.cache).len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        // What lies outside is no reason to read the file in another way.
        if offset.checked_add(size).is_none_or(|end| self.len().is_ok_and(|size| end > size)) {
            return Err(());
        }
        self.charge(size)?;
        (&self.cache).read_bytes_at(offset, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        self.charge(CHARGE_BYTES_MIN)?;
        (&self.cache).read_bytes_at_until(range, delimiter)
    }
}

/// The file, read in blocks, of which the last one is at hand.
struct Source<'a> {
    parts: &'a mut dyn Parts,
    size: u64,
    position: u64,
    block_at: u64,
    block: Vec<u8>,
    fault: Option<io::Error>,
}

impl Source<'_> {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), ()> {
        let at = self.position;
        if self.in_block(at, into.len()).is_none() && into.len() <= BLOCK_BYTES / 2 {
            self.load_block(at)?;
        }
        match self.in_block(at, into.len()) {
            Some(bytes) => into.copy_from_slice(bytes),
            None => self.load(at, into)?,
        }
        self.position = at.saturating_add(into.len() as u64);
        Ok(())
    }

    fn in_block(&self, at: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.block_at)?).ok()?;
        self.block.get(from..from.checked_add(len)?)
    }

    fn load_block(&mut self, at: u64) -> Result<(), ()> {
        self.block_at = at - at % BLOCK_ALIGNMENT;
        let left = usize::try_from(self.size.saturating_sub(self.block_at)).unwrap_or(usize::MAX);
        let mut block = std::mem::take(&mut self.block);
        block.resize(left.min(BLOCK_BYTES), 0);
        self.load(self.block_at, &mut block)?;
        self.block = block;
        Ok(())
    }

    fn load(&mut self, at: u64, into: &mut [u8]) -> Result<(), ()> {
        if self.fault.is_none() {
            self.fault = self.parts.read_at(at, into).err();
        }
        if self.fault.is_none() { Ok(()) } else { Err(()) }
    }
}

impl ReadCacheOps for Source<'_> {
    fn len(&mut self) -> Result<u64, ()> {
        Ok(self.size)
    }

    fn seek(&mut self, position: u64) -> Result<u64, ()> {
        self.position = position;
        Ok(position)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ()> {
        let left = usize::try_from(self.size.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let count = left.min(buffer.len());
        self.fill(buffer.get_mut(..count).unwrap_or_default())?;
        Ok(count)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), ()> {
        self.fill(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that can be had in parts; how often and how many were.
    struct Bytes<'a> {
        bytes: &'a [u8],
        reads: usize,
        fails: bool,
    }

    impl Parts for Bytes<'_> {
        fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            self.reads += 1;
            let from = usize::try_from(offset).unwrap();
            let found = self.bytes.get(from..from + buffer.len()).filter(|_| !self.fails);
            buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }
    }

    fn numbered(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn parts_are_those_of_the_file() {
        let bytes = numbered(200_000);
        let mut source = Bytes { bytes: &bytes, reads: 0, fails: false };
        let parted = Parted::new(&mut source, bytes.len() as u64, 1 << 20);
        for (from, len) in [(0, 16), (16, 4), (199_990, 10), (30_000, 9_000), (10, 100_000), (100_000, 0)] {
            let found = (&parted).read_bytes_at(from as u64, len as u64);
            assert_eq!(found, Ok(&bytes[from..from + len]), "{from}, {len}");
        }
        assert_eq!((&parted).read_bytes_at_until(251..600, 7), Ok(&bytes[251..258]));
        assert_eq!((&parted).read_bytes_at(199_990, 11), Err(()));
        assert_eq!((&parted).read_bytes_at(u64::MAX, 2), Err(()));
        assert!(parted.finish().unwrap());
        assert!(source.reads <= 6, "{} reads", source.reads);
    }

    #[test]
    fn too_much_is_said() {
        let bytes = numbered(200_000);
        for (reads, len) in [(1, 150_000), (2, 60_000), (200, 1)] {
            let mut source = Bytes { bytes: &bytes, reads: 0, fails: false };
            let parted = Parted::new(&mut source, bytes.len() as u64, 100_000);
            let refused = (0..reads).filter(|at| (&parted).read_bytes_at(*at, len).is_err());
            assert!(refused.count() > 0);
            assert!(!parted.finish().unwrap());
        }
    }

    #[test]
    fn a_fault_of_the_source_is_no_end_of_the_file() {
        let bytes = numbered(200_000);
        let mut source = Bytes { bytes: &bytes, reads: 0, fails: true };
        let parted = Parted::new(&mut source, bytes.len() as u64, 1 << 20);
        assert_eq!((&parted).read_bytes_at(0, 16), Err(()));
        assert_eq!(parted.finish().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

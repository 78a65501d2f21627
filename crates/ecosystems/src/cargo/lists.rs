//! Recognising the list of crates while a program passes.

use flate2::{Decompress, FlushDecompress, Status};
use memchr::memchr_iter;

use super::JSON_BYTES_MAX;
use crate::executable::{Extent, Pattern, Taken};

/// What every list begins with; serde writes the only key of two that comes first.
const BEGINNING: &[u8] = b"{\"packages\":";
/// The second byte of a zlib stream whose first is 0x78, for the four levels.
const LEVELS: [u8; 4] = [0x01, 0x5e, 0x9c, 0xda];

/// zlib streams that begin like a list.
pub(super) struct Lists {
    probe: Decompress,
}

impl Default for Lists {
    fn default() -> Self {
        Self { probe: Decompress::new(true) }
    }
}

impl Pattern for Lists {
    fn next(&self, bytes: &[u8], from: usize, end: usize) -> Option<usize> {
        let is_stream = |at: &usize| bytes.get(at + 1).is_some_and(|level| LEVELS.contains(level));
        memchr_iter(0x78, bytes.get(from..end.min(bytes.len()))?).map(|at| from + at).find(is_stream)
    }

    fn accepts(&mut self, _offset: u64, bytes: &[u8]) -> bool {
        let mut out = [0; BEGINNING.len()];
        self.probe.reset(true);
        let head = bytes.get(..bytes.len().min(crate::executable::PROBE_BYTES)).unwrap_or_default();
        self.probe.decompress(head, &mut out, FlushDecompress::None).is_ok() && out == *BEGINNING
    }

    fn extent(&self) -> Box<dyn Extent> {
        Box::new(Stream(Decompress::new(true)))
    }
}

/// A zlib stream up to its end.
struct Stream(Decompress);

impl Extent for Stream {
    fn look(&mut self, caught: &[u8], fresh: usize) -> Taken {
        let mut rest = caught.get(caught.len() - fresh..).unwrap_or_default();
        let mut out = [0; 16 << 10];
        loop {
            let (read, written) = (self.0.total_in(), self.0.total_out());
            let status = self.0.decompress(rest, &mut out, FlushDecompress::None);
            let used = usize::try_from(self.0.total_in() - read).unwrap_or_default();
            rest = rest.get(used..).unwrap_or_default();
            let is_idle = used == 0 && self.0.total_out() == written;
            match status {
                Ok(Status::StreamEnd) => return Taken::Whole(caught.len() - rest.len()),
                // The reader says that it is too long.
                Ok(_) if self.0.total_out() > JSON_BYTES_MAX as u64 => return Taken::Whole(caught.len()),
                Ok(_) if is_idle && rest.is_empty() => return Taken::More,
                Ok(_) if !is_idle => {}
                _ => return Taken::None,
            }
        }
    }
}

//! A program that passes, for whoever reads it.

use supercargo_content::{Digest, Limits};
use supercargo_inventory::{ImagePath, Problem};

use super::{Capture, Captured, Pattern};
use crate::{BodySink, Findings, Passer};

/// What a reader makes of the parts that were caught.
pub(crate) type ReadCaptured = fn(&Program<'_>, &mut Findings) -> Result<(), Problem>;

/// A program that has passed.
pub(crate) struct Program<'a> {
    pub(crate) path: &'a ImagePath,
    pub(crate) limits: &'a Limits,
    pub(crate) captured: &'a Captured,
}

/// Catches what looks like `pattern`, and hands it to `read` at the end.
pub(crate) fn sink(
    file: &Passer<'_>,
    pattern: impl Pattern + 'static,
    read: ReadCaptured,
) -> Box<dyn BodySink> {
    let capture = Capture::new(pattern, file.size, file.limits.streamed_bytes_min);
    Box::new(Sink { path: file.path.clone(), limits: file.limits.clone(), capture, read })
}

struct Sink<P> {
    path: ImagePath,
    limits: Limits,
    capture: Capture<P>,
    read: ReadCaptured,
}

impl<P: Pattern> BodySink for Sink<P> {
    fn push(&mut self, bytes: &[u8]) {
        self.capture.push(bytes);
    }

    fn finish(self: Box<Self>, _sha256: Option<&Digest>, out: &mut Findings) -> Result<(), Problem> {
        let captured = self.capture.finish();
        let program = Program { path: &self.path, limits: &self.limits, captured: &captured };
        (self.read)(&program, out)
    }
}

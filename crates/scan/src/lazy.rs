//! Layers read through their table of contents, where there is one and the source serves parts of blobs.

use std::fmt::Display;
use std::io::{self, Read};

use supercargo_content::Descriptor;
use supercargo_ecosystems::ALL;
use supercargo_image::{Blobs, ImageLayer};
use supercargo_inventory::{LayerRef, Problem, ProblemKind};
use supercargo_layer::{Announced, Entry, LayerInput, LayerReader, Ranged, TocError};

use crate::LayerRecord;
use crate::collect::Collector;
use crate::pipeline::{Counted, Fault, Job};

/// How reading through a table ended.
pub(crate) enum ByToc {
    Read(LayerRecord),
    /// The layer is to be read whole; with what is to be said about it.
    Whole(Option<Problem>),
}

impl Job<'_> {
    /// Reads a layer through the table of contents that its manifest announces, unless `--full` was given.
    pub(crate) fn read_by_toc(
        &self,
        place: &LayerRef,
        layer: &ImageLayer,
        blobs: &dyn Blobs,
    ) -> Result<ByToc, Fault> {
        if self.full {
            return Ok(ByToc::Whole(None));
        }
        let announced = match Announced::of(&layer.blob) {
            Some(announced) => Ok(Some(announced)),
            None => self.soci.announced(layer, blobs, self.limits),
        };
        let announced = match announced {
            Ok(Some(announced)) => announced,
            Ok(None) => return Ok(ByToc::Whole(None)),
            Err(reason) => {
                return Ok(ByToc::Whole(Some(read_whole(place, ProblemKind::Inconsistent, &reason))));
            }
        };
        let reader = LayerReader { limits: self.limits, budget: &self.budget };
        let input = LayerInput { descriptor: &layer.blob, diff_id: &layer.diff_id };
        let mut collector = Collector::new(ALL, &self.matcher, self.limits).by_toc();
        let parts = Parts { blobs, blob: &layer.blob, job: self };
        match reader.read_by_toc(&parts, &input, &announced, &mut collector) {
            Ok(pass) => Ok(ByToc::Read(collector.record(place.clone(), pass))),
            Err(TocError::Io(error)) => Err(error.into()),
            Err(TocError::NoRanges) => Ok(ByToc::Whole(None)),
            Err(reason) => Ok(ByToc::Whole(Some(read_whole(place, kind_of(&reason), &reason)))),
        }
    }
}

/// Why a layer that has a table was read whole all the same.
fn read_whole(place: &LayerRef, kind: ProblemKind, reason: &dyn Display) -> Problem {
    let message = format!("{reason}; the layer was read whole");
    Problem { layer: Some(place.clone()), ..Problem::new(kind, message) }
}

fn kind_of(reason: &TocError) -> ProblemKind {
    match reason {
        TocError::Limit { .. } => ProblemKind::LimitHit,
        _ => ProblemKind::Inconsistent,
    }
}

/// Whether a file that no reader wants by its path can be a program or library. Who writes one without the executable
/// bit gives it one of the usual names.
pub(crate) fn can_be_program(entry: &Entry) -> bool {
    const ENDINGS: [&str; 6] = [".so", ".node", ".dll", ".exe", ".dylib", ".pyd"];
    let name = entry.path.file_name();
    entry.mode & 0o111 != 0 || name.contains(".so.") || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The parts of one blob.
struct Parts<'a> {
    blobs: &'a dyn Blobs,
    blob: &'a Descriptor,
    job: &'a Job<'a>,
}

impl Ranged for Parts<'_> {
    fn part(&self, offset: u64, len: u64) -> io::Result<Option<Box<dyn Read + '_>>> {
        let part = self.blobs.part(self.blob, offset, len)?;
        Ok(part.map(|inner| Box::new(Counted { inner, progress: self.job.progress }) as Box<dyn Read + '_>))
    }
}

#[cfg(test)]
#[path = "lazy_tests.rs"]
mod tests;

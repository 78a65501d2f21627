//! One pass over a layer through its table of contents.

use std::io::{self, Read};
use std::thread;

use super::ahead::Ahead;
use super::members::TocMembers;
use super::store::Store;
use super::{Announced, TocError, estargz, plan, soci, zstd_chunked};
use crate::pass::{Walk, by_member};
use crate::{LayerInput, LayerPass, LayerReader, TarError, Visitor};

/// A blob that can be read in parts, several at once.
pub trait Ranged: Sync {
    /// At most `len` bytes from `offset` on; `None` when the source serves no parts.
    fn part(&self, offset: u64, len: u64) -> io::Result<Option<Box<dyn Read + '_>>>;
}

impl LayerReader<'_> {
    /// Reads a layer through the table of contents that its manifest announces: every member, and of the bytes only the
    /// chunks of files that are wanted, each checked against the table, the table against `announced`. Hard links are
    /// read as well. `visitor` is asked for its interest twice.
    ///
    /// The blob digest and the diff ID are not checked, so that the pass is not `verified`: a runtime that unpacks the
    /// layer would see what the archive says, which may be something else.
    ///
    /// # Errors
    ///
    /// Whatever keeps the table from being used. The layer can still be read whole, with another visitor, unless it is
    /// [`TocError::Io`].
    pub fn read_by_toc(
        &self,
        blob: &dyn Ranged,
        layer: &LayerInput<'_>,
        announced: &Announced,
        visitor: &mut dyn Visitor,
    ) -> Result<LayerPass, TocError> {
        let size = layer.descriptor.size;
        let (toc, toc_bytes) = match announced {
            Announced::Estargz { toc } => estargz::load(blob, size, toc, self.limits)?,
            Announced::ZstdChunked { toc, offset, len } => {
                zstd_chunked::load(blob, size, (*offset, *len), toc, self.limits)?
            }
            Announced::Soci { ztoc } => (soci::load(ztoc.clone(), size, self.limits)?, ztoc.len() as u64),
        };
        let ahead = Ahead::new(blob, plan::groups(&toc, self.limits, visitor));
        let _held = self.budget.charge(ahead.held_bytes_max());
        let mut members = TocMembers::new(&toc, Store::new(blob, &toc, &ahead, size, self.limits));
        let walked = thread::scope(|scope| {
            ahead.start(scope);
            let walked = self.walk_toc(&mut members, visitor);
            if walked.is_ok() {
                ahead.pass_over()
            } else {
                ahead.stop()
            }
            walked
        });
        let mut pass = walked.map_err(fault)?;
        pass.compressed_bytes = size;
        pass.uncompressed_bytes = toc.entries.iter().map(|entry| entry.size).fold(0, u64::saturating_add);
        pass.fetched_bytes = Some(toc_bytes + members.store.fetched);
        Ok(pass)
    }

    fn walk_toc(
        &self,
        members: &mut TocMembers<'_>,
        visitor: &mut dyn Visitor,
    ) -> Result<LayerPass, TarError> {
        let mut walk = Walk::new(self, visitor);
        walk.run(members)?;
        let mut pass = walk.finish();
        if !pass.links.is_empty() {
            let links = std::mem::take(&mut pass.links);
            members.restart();
            let mut walk = Walk::new(self, visitor);
            walk.run_links(members, &by_member(&links))?;
            pass.problems.append(&mut walk.pass.problems);
        }
        Ok(pass)
    }
}

/// Opens a part of a blob.
pub(crate) fn part(blob: &dyn Ranged, offset: u64, len: u64) -> Result<impl Read + '_, TocError> {
    Ok(blob.part(offset, len).map_err(TocError::Io)?.ok_or(TocError::NoRanges)?.take(len))
}

fn fault(error: TarError) -> TocError {
    match error {
        TarError::Io(error) => TocError::of(error),
        // A table is no archive; nothing of it can be damaged in this way.
        damaged @ TarError::Damaged { .. } => TocError::Json(damaged.to_string()),
    }
}

//! The one pass over a layer.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use supercargo_content::{Algorithm, Digest, Hasher, Limits};
use supercargo_inventory::{ImagePath, Problem, ProblemKind};

use crate::links::{WantedLink, trace};
use crate::members::Members;
use crate::overlap::Overlap;
use crate::place::{Placed, Placer};
use crate::stream::{self, LayerInput};
use crate::{Budget, Entry, EntryKind, Interest, LayerDelta, LayerError, Member, TarError, Visitor};

/// Reads layers and folders within limits.
#[derive(Debug, Clone, Copy)]
pub struct LayerReader<'a> {
    /// The limits on each layer.
    pub limits: &'a Limits,
    /// The bytes that all threads may buffer together.
    pub budget: &'a Budget,
}

/// What one pass found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerPass {
    /// All entries, whiteouts and opaque folders.
    pub delta: LayerDelta,
    /// What could not be read, without the layer, which the caller knows. What was read stays.
    pub problems: Vec<Problem>,
    /// Hard links wanted by their own name, and files that passed but are needed whole, for
    /// [`LayerReader::read_links`].
    pub links: Vec<WantedLink>,
    /// Members met.
    pub entries: u64,
    /// Bodies handed to the visitor.
    pub files_read: u64,
    /// Bytes of the blob.
    pub compressed_bytes: u64,
    /// Bytes of the blob unpacked.
    pub uncompressed_bytes: u64,
    /// Whether blob digest, size and diff ID were all compared. False when the expansion limit was hit, for folders,
    /// for layers read through their table of contents, and until the caller has compared what
    /// [`LayerReader::read_unnamed`] found; such a pass must not be cached.
    pub verified: bool,
    /// Bytes of the blob that were fetched, when it was read through its table of contents.
    pub fetched_bytes: Option<u64>,
}

impl LayerReader<'_> {
    /// Bytes of the largest file that is held whole.
    pub(crate) fn held_bytes_max(&self) -> u64 {
        self.limits.file_bytes_max.min(self.limits.buffered_bytes_max)
    }

    /// Reads a layer once: checks the blob and the diff ID, notes every entry, and hands the bodies that are
    /// wanted to `visitor`.
    ///
    /// # Errors
    ///
    /// When blob digest, size or diff ID are wrong, or the stream fails. Damage of the archive inside and limits
    /// are problems of the [`LayerPass`].
    pub fn read<R: Read>(
        &self,
        blob: R,
        layer: &LayerInput<'_>,
        visitor: &mut dyn Visitor,
    ) -> Result<LayerPass, LayerError> {
        self.read_overlapped(blob, layer, visitor, Overlap::None)
    }

    /// The same with part of the work on a second thread. The answer does not depend on it.
    ///
    /// # Errors
    ///
    /// As [`LayerReader::read`].
    pub fn read_overlapped<R: Read>(
        &self,
        blob: R,
        layer: &LayerInput<'_>,
        visitor: &mut dyn Visitor,
        overlap: Overlap,
    ) -> Result<LayerPass, LayerError> {
        let mut walk = Walk::new(self, visitor);
        let end = stream::run(blob, layer, self, overlap, |tar| walk.run(tar))?;
        let mut pass = walk.finish();
        pass.problems.extend(end.problems);
        (pass.compressed_bytes, pass.uncompressed_bytes) = (end.compressed_bytes, end.uncompressed_bytes);
        pass.verified = end.verified;
        Ok(pass)
    }

    /// Reads a layer a second time for the hard links of the first pass: `visitor` gets the body of each link's
    /// target under the link's name. Its `interest` is not asked again. The delta stays empty.
    ///
    /// # Errors
    ///
    /// As [`LayerReader::read`].
    pub fn read_links<R: Read>(
        &self,
        blob: R,
        layer: &LayerInput<'_>,
        links: &[WantedLink],
        visitor: &mut dyn Visitor,
    ) -> Result<LayerPass, LayerError> {
        let by_member = by_member(links);
        let mut walk = Walk::new(self, visitor);
        let end = stream::run(blob, layer, self, Overlap::None, |tar| walk.run_links(tar, &by_member))?;
        let mut pass = walk.pass;
        pass.problems.extend(end.problems);
        (pass.compressed_bytes, pass.uncompressed_bytes) = (end.compressed_bytes, end.uncompressed_bytes);
        pass.verified = end.verified;
        Ok(pass)
    }
}

/// Links by the position of the file that they lead to.
pub(crate) fn by_member(links: &[WantedLink]) -> BTreeMap<u64, Vec<&WantedLink>> {
    let mut by_member: BTreeMap<u64, Vec<&WantedLink>> = BTreeMap::new();
    for link in links {
        by_member.entry(link.member).or_default().push(link);
    }
    by_member
}

/// The state of a pass.
pub(crate) struct Walk<'a> {
    reader: &'a LayerReader<'a>,
    visitor: &'a mut dyn Visitor,
    placer: Placer<'a>,
    pub(crate) pass: LayerPass,
    /// Entries of the delta by position in the archive, for hard links.
    members: Vec<u64>,
    wanted_links: Vec<usize>,
    handed_over: HashSet<ImagePath>,
    /// Files that passed and are needed whole after all.
    again: Vec<WantedLink>,
    holes_left: u64,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(reader: &'a LayerReader<'a>, visitor: &'a mut dyn Visitor) -> Self {
        Self {
            reader,
            visitor,
            placer: Placer::new(reader.limits),
            pass: LayerPass::default(),
            members: Vec::new(),
            wanted_links: Vec::new(),
            handed_over: HashSet::new(),
            again: Vec::new(),
            holes_left: reader.limits.expansion_free_bytes,
        }
    }

    pub(crate) fn run(&mut self, tar: &mut impl Members) -> Result<(), TarError> {
        while let Some(member) = self.next(tar)? {
            match self.placer.place(member) {
                Some(Placed::Entry(entry)) => self.entry(tar, entry)?,
                Some(Placed::Whiteout(path)) => self.pass.delta.whiteouts.push(path),
                Some(Placed::Opaque(path)) => self.pass.delta.opaques.push(path),
                None => {}
            }
        }
        Ok(())
    }

    pub(crate) fn run_links(
        &mut self,
        tar: &mut impl Members,
        links: &BTreeMap<u64, Vec<&WantedLink>>,
    ) -> Result<(), TarError> {
        while let Some(member) = self.next(tar)? {
            let Some(links) = links.get(&(self.pass.entries - 1)) else { continue };
            let entries: Vec<Entry> =
                links.iter().map(|link| Entry { size: member.size, ..link.entry.clone() }).collect();
            self.hand_over(tar, &entries)?;
        }
        Ok(())
    }

    /// The next member, counted.
    fn next(&mut self, tar: &mut impl Members) -> Result<Option<Member>, TarError> {
        let max = self.reader.limits.entries_max;
        let member = tar.next_member()?;
        if member.is_none() {
            return Ok(None);
        }
        if self.pass.entries == max {
            self.problem(ProblemKind::LimitHit, entries_message(max));
            return Ok(None);
        }
        self.pass.entries += 1;
        Ok(member)
    }

    fn entry(&mut self, tar: &mut impl Members, entry: Entry) -> Result<(), TarError> {
        if !self.handed_over.is_empty() && self.handed_over.remove(&entry.path) {
            self.visitor.replaced(&entry);
            self.again.retain(|link| link.entry.path != entry.path);
        }
        match entry.kind {
            EntryKind::File if entry.size > 0 && self.is_wanted(tar, &entry)? => {
                self.hand_over(tar, std::slice::from_ref(&entry))?;
            }
            EntryKind::HardLink(_) if self.visitor.interest(&entry) == Interest::Body => {
                self.wanted_links.push(self.pass.delta.entries.len());
            }
            _ => {}
        }
        self.members.push(self.pass.entries - 1);
        self.pass.delta.entries.push(entry);
        Ok(())
    }

    fn is_wanted(&mut self, tar: &mut impl Members, entry: &Entry) -> Result<bool, TarError> {
        Ok(match self.visitor.interest(entry) {
            Interest::Skip => false,
            Interest::Body => true,
            Interest::Head => {
                let (head, len) = tar.head()?;
                self.visitor.wants_head(entry, head.get(..len).unwrap_or_default())
            }
        })
    }

    /// Hands the current body over under each of the names, all of one size: in parts or as it passes to those who read it
    /// so, whole to the others where it may be held.
    fn hand_over(&mut self, tar: &mut impl Members, entries: &[Entry]) -> Result<(), TarError> {
        let Some(size) = entries.first().map(|entry| entry.size) else { return Ok(()) };
        if let Some(message) = self.too_many_holes(tar.hole_bytes()) {
            self.refuse(entries, &message);
            return Ok(());
        }
        let wants_digest = entries.iter().any(|entry| self.visitor.wants_digest(entry));
        let (mut open, mut whole) = (Vec::new(), Vec::new());
        let may_be_whole = size <= self.reader.held_bytes_max();
        let (head, len) = tar.head()?;
        let head = head.get(..len).unwrap_or_default();
        for entry in entries {
            let is_offered = size > self.reader.limits.streamed_bytes_min;
            if self.by_parts(tar, entry, head)? {
                self.note(entry);
            } else if is_offered && self.visitor.open(entry, head, may_be_whole) {
                open.push(entry);
                self.note(entry);
            } else if may_be_whole {
                whole.push(entry);
            } else {
                self.refuse(std::slice::from_ref(entry), &too_large(size, self.reader));
            }
        }
        let result = match (open.is_empty(), whole.is_empty()) {
            (true, true) => return Ok(()),
            (false, true) => self.stream(tar, wants_digest),
            (_, false) => self.whole(tar, &whole, !open.is_empty(), wants_digest),
        };
        if !open.is_empty() {
            self.visitor.close(result.is_ok());
        }
        for entry in open.into_iter().filter(|_| may_be_whole) {
            if self.visitor.again(entry) {
                let (entry, target) = (entry.clone(), entry.path.clone());
                self.again.push(WantedLink { entry, target, member: self.pass.entries.saturating_sub(1) });
            }
        }
        result
    }

    fn by_parts(&mut self, tar: &mut impl Members, entry: &Entry, head: &[u8]) -> Result<bool, TarError> {
        let parts = tar.parts();
        let read = parts.map(|parts| self.visitor.parts(entry, head, parts)).transpose();
        Ok(read.map_err(TarError::Io)?.unwrap_or(false))
    }

    fn note(&mut self, entry: &Entry) {
        self.pass.files_read += 1;
        self.handed_over.insert(entry.path.clone());
    }

    /// Hands the current body over in pieces. What the visitor keeps of it is taken from the budget in advance.
    fn stream(&mut self, tar: &mut impl Members, wants_digest: bool) -> Result<(), TarError> {
        let kept_bytes = self.reader.limits.streamed_bytes_min.min(self.reader.limits.buffered_bytes_max);
        let _reservation = self.reader.budget.acquire(kept_bytes).ok();
        let is_digested = wants_digest && tar.begin_body_digest();
        let mut hasher = (wants_digest && !is_digested).then(|| Hasher::new(Algorithm::Sha256));
        while let Some(piece) = tar.piece()? {
            hasher.iter_mut().for_each(|hasher| hasher.update(piece));
            self.visitor.piece(piece);
        }
        let digest = tar.end_body_digest().or(hasher.map(Hasher::finish));
        digest.into_iter().for_each(|digest| self.visitor.digest(digest));
        Ok(())
    }

    fn whole(
        &mut self,
        tar: &mut impl Members,
        entries: &[&Entry],
        open: bool,
        wants_digest: bool,
    ) -> Result<(), TarError> {
        // A body lent out of the read buffer takes nothing, and must not queue behind those that do.
        let bytes = tar.body_buffer_bytes();
        let reservation = (bytes > 0).then(|| self.reader.budget.acquire_buffer(bytes)).transpose();
        let mut reservation = match reservation {
            Ok(reservation) => reservation,
            Err(over) => {
                entries.iter().for_each(|entry| self.refuse(std::slice::from_ref(*entry), &over.to_string()));
                return Ok(());
            }
        };
        if let Some(reservation) = &mut reservation {
            tar.swap_scratch(std::mem::take(&mut reservation.buffer));
        }
        if wants_digest {
            tar.begin_body_digest();
        }
        if let Some((bytes, digest)) = tar.digested_body(self.reader.limits.file_bytes_max)? {
            if wants_digest {
                self.visitor.digest(digest.unwrap_or_else(|| Digest::sha256_of(bytes)));
            }
            if open {
                self.visitor.piece(bytes);
            }
            for entry in entries {
                self.visitor.body(entry, bytes);
                self.pass.files_read += 1;
                self.handed_over.insert(entry.path.clone());
            }
        }
        if let Some(reservation) = &mut reservation {
            reservation.buffer = tar.swap_scratch(Vec::new());
        }
        Ok(())
    }

    /// Holes cost nothing in the archive, but time; those of wanted files are bounded together.
    fn too_many_holes(&mut self, bytes: u64) -> Option<String> {
        let max = self.reader.limits.expansion_free_bytes;
        match self.holes_left.checked_sub(bytes) {
            Some(left) => {
                self.holes_left = left;
                None
            }
            None => {
                Some(format!("the holes of sparse files are over the limit of {max} bytes, it was not read"))
            }
        }
    }

    fn refuse(&mut self, entries: &[Entry], message: &str) {
        let problem = |entry: &Entry| Problem::new(ProblemKind::LimitHit, message).at(&entry.path);
        self.pass.problems.extend(entries.iter().map(problem));
    }

    fn problem(&mut self, kind: ProblemKind, message: String) {
        self.pass.problems.push(Problem::new(kind, message));
    }

    pub(crate) fn finish(mut self) -> LayerPass {
        self.pass.problems.append(&mut self.placer.problems);
        let (links, mut problems) = trace(&self.pass.delta.entries, &self.members, &self.wanted_links);
        self.pass.links = links;
        self.pass.links.append(&mut self.again);
        self.pass.problems.append(&mut problems);
        self.pass
    }
}

pub(crate) fn entries_message(max: u64) -> String {
    format!("more than {max} entries, the rest was not read")
}

/// Why a body of this size, which nobody reads as it passes, is not read.
pub(crate) fn too_large(size: u64, reader: &LayerReader<'_>) -> String {
    let max = reader.held_bytes_max();
    format!(
        "a file of {size} bytes is over the limit of {max} for files that are held whole (`--file-bytes-max`, \
         `--buffered-bytes-max`), and was not read"
    )
}

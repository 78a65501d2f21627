//! The visitor of one layer: asks the matcher, calls the readers, keeps what they say.

use std::collections::BTreeSet;
use std::io;

use supercargo_content::{Digest, Limits};
use supercargo_ecosystems::{
    BodySink, Candidate, Ecosystem, EcosystemSet, Findings, Matcher, PartedFile, Passer,
};
use supercargo_inventory::{ImagePath, LayerRef, Problem, ProblemKind};
use supercargo_layer::{Entry, Interest, LayerPass, Parts, Visitor, WantedLink};

use crate::kept::{self, Kept};
use crate::{FileFacts, LayerRecord, lazy};

/// Collects what the readers of a table say about the files of one layer.
pub(crate) struct Collector<'a> {
    table: &'a [&'a dyn Ecosystem],
    matcher: &'a Matcher,
    limits: &'a Limits,
    facts: Vec<FileFacts>,
    problems: Vec<Problem>,
    passing: Vec<PassingFile<'a>>,
    /// Files that readers need whole after they passed; the next time they are not read as they pass.
    again: BTreeSet<ImagePath>,
    /// The digest of the body that comes next, or that has just passed.
    digest: Option<Digest>,
    kept: Option<Kept>,
    by_toc: bool,
}

/// A file that is read as it passes, by one reader.
struct PassingFile<'a> {
    path: ImagePath,
    ecosystem: &'a dyn Ecosystem,
    sink: Box<dyn BodySink>,
    may_be_whole: bool,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(table: &'a [&'a dyn Ecosystem], matcher: &'a Matcher, limits: &'a Limits) -> Self {
        let (facts, problems, passing) = (Vec::new(), Vec::new(), Vec::new());
        let (again, digest, kept, by_toc) = (BTreeSet::new(), None, None, false);
        Self { table, matcher, limits, facts, problems, passing, again, digest, kept, by_toc }
    }

    /// The same, keeping bodies for the hard links of a layer that cannot be read again.
    pub(crate) fn keeping(self) -> Self {
        Self { kept: Some(Kept::default()), ..self }
    }

    /// The same for a layer of which only what is wanted is fetched: the first bytes of a file are looked at only where
    /// it can be a program by its mode or name.
    pub(crate) fn by_toc(self) -> Self {
        Self { by_toc: true, ..self }
    }

    /// Reads the kept bodies under the names of hard links; those that were not kept are problems.
    pub(crate) fn read_kept(&mut self, links: &[WantedLink]) {
        let kept = self.kept.take().unwrap_or_default();
        self.digest = None;
        // In the order in which a second reading would meet the files.
        let mut links: Vec<&WantedLink> = links.iter().collect();
        links.sort_by_key(|link| link.member);
        for link in links {
            match kept.get(&link.target) {
                Some(bytes) => self.body(&link.entry, bytes),
                None => self.problems.push(kept::not_kept(link)),
            }
        }
    }

    /// What was collected, and what the pass itself found, as the record of a layer.
    pub(crate) fn record(self, layer: LayerRef, pass: LayerPass) -> LayerRecord {
        let mut problems = self.problems;
        problems.extend(pass.problems);
        for problem in &mut problems {
            problem.layer.get_or_insert_with(|| layer.clone());
        }
        LayerRecord {
            layer,
            delta: pass.delta,
            facts: self.facts,
            problems,
            entries: pass.entries,
            files_read: pass.files_read,
            compressed_bytes: pass.compressed_bytes,
            uncompressed_bytes: pass.uncompressed_bytes,
            was_read: true,
            is_verified: pass.verified,
            fetched_bytes: pass.fetched_bytes,
        }
    }

    fn read_as(&mut self, ecosystem: &dyn Ecosystem, candidate: &Candidate<'_>) {
        let mut findings = Findings::default();
        if let Err(problem) = ecosystem.read(candidate, &mut findings) {
            findings.problem(problem);
        }
        self.put(ecosystem, candidate.path, findings);
    }

    fn put(&mut self, ecosystem: &dyn Ecosystem, path: &ImagePath, findings: Findings) {
        let problems = findings.problems.into_iter().chain(findings.unread);
        self.problems.extend(problems.map(|problem| {
            let mut problem = problem.at(path);
            problem.ecosystem.get_or_insert(ecosystem.id());
            problem
        }));
        let (path, ecosystem) = (path.clone(), ecosystem.id());
        // A file that says nothing is kept too: it ends the run of an older version below it.
        self.facts.push(FileFacts { path, ecosystem, facts: findings.facts });
    }

    fn readers(&self, set: EcosystemSet) -> impl Iterator<Item = &'a dyn Ecosystem> + use<'a> {
        let table = self.table;
        set.iter().filter_map(move |position| table.get(position).copied())
    }

    /// The readers that read a file as it passes, and those that cannot.
    fn open_readers(
        &self,
        entry: &Entry,
        head: &[u8],
        may_be_whole: bool,
    ) -> (Vec<PassingFile<'a>>, Vec<&'a dyn Ecosystem>) {
        let (mut passing, mut others) = (Vec::new(), Vec::new());
        let file = Passer { path: &entry.path, mode: entry.mode, size: entry.size, limits: self.limits };
        let readers = self.matcher.by_path(&entry.path).with(self.matcher.by_magic(head));
        for ecosystem in self.readers(readers) {
            match ecosystem.stream(&file) {
                Some(sink) => {
                    passing.push(PassingFile { path: entry.path.clone(), ecosystem, sink, may_be_whole })
                }
                None => others.push(ecosystem),
            }
        }
        (passing, others)
    }
}

/// Why a reader did not see a file.
fn not_whole(ecosystem: &dyn Ecosystem, entry: &Entry, limits: &Limits) -> Problem {
    let max = limits.file_bytes_max.min(limits.buffered_bytes_max);
    let message = format!(
        "a file of {} bytes is over the limit of {max} for files that are held whole, and the reader of {} needs all of \
         it; raise `--file-bytes-max` and `--buffered-bytes-max`",
        entry.size,
        ecosystem.description().title
    );
    let mut problem = Problem::new(ProblemKind::LimitHit, message).at(&entry.path);
    problem.ecosystem = Some(ecosystem.id());
    problem
}

impl Visitor for Collector<'_> {
    fn interest(&mut self, entry: &Entry) -> Interest {
        if !self.matcher.by_path(&entry.path).is_empty() {
            Interest::Body
        } else if entry.size >= Matcher::FILE_BYTES_MIN && (!self.by_toc || lazy::can_be_program(entry)) {
            Interest::Head
        } else {
            Interest::Skip
        }
    }

    fn wants_head(&mut self, _entry: &Entry, head: &[u8]) -> bool {
        !self.matcher.by_magic(head).is_empty()
    }

    fn wants_digest(&mut self, entry: &Entry) -> bool {
        self.digest = None;
        self.readers(self.matcher.by_path(&entry.path)).any(|ecosystem| ecosystem.wants_digest())
    }

    fn digest(&mut self, digest: Digest) {
        self.digest = Some(digest);
    }

    fn body(&mut self, entry: &Entry, bytes: &[u8]) {
        self.kept.iter_mut().for_each(|kept| kept.keep(&entry.path, bytes));
        // Several names of one file are read one after the other.
        let sha256 = self.digest.clone();
        let (path, mode, sha256) = (&entry.path, entry.mode, sha256.as_ref());
        let candidate = Candidate { path, mode, bytes, sha256, limits: self.limits };
        let readers = self.matcher.by_path(&entry.path).with(self.matcher.by_magic(bytes));
        for ecosystem in self.readers(readers) {
            self.read_as(ecosystem, &candidate);
        }
    }

    /// Where one reader needs more than parts, none of them gets it so.
    fn parts(&mut self, entry: &Entry, head: &[u8], parts: &mut dyn Parts) -> io::Result<bool> {
        let readers = self.matcher.by_path(&entry.path).with(self.matcher.by_magic(head));
        let file = PartedFile::new(&entry.path, entry.size, self.limits, parts);
        let mut found = Vec::new();
        for ecosystem in self.readers(readers) {
            let mut findings = Findings::default();
            match ecosystem.read_parts(&file, &mut findings) {
                Some(read) => findings.problems.extend(read.err()),
                None => return Ok(false),
            }
            found.push((ecosystem, findings));
        }
        let is_enough = file.finish()? && !found.is_empty();
        if is_enough {
            found.into_iter().for_each(|(ecosystem, findings)| self.put(ecosystem, &entry.path, findings));
        }
        Ok(is_enough)
    }

    /// Where one reader needs the file whole, and may have it, all of them get it so.
    fn open(&mut self, entry: &Entry, head: &[u8], may_be_whole: bool) -> bool {
        if may_be_whole && self.again.contains(&entry.path) {
            return false;
        }
        let (passing, others) = self.open_readers(entry, head, may_be_whole);
        if passing.is_empty() || may_be_whole && !others.is_empty() {
            return false;
        }
        self.problems.extend(others.into_iter().map(|reader| not_whole(reader, entry, self.limits)));
        self.passing.extend(passing);
        true
    }

    fn piece(&mut self, bytes: &[u8]) {
        self.passing.iter_mut().for_each(|file| file.sink.push(bytes));
    }

    fn close(&mut self, is_complete: bool) {
        let digest = self.digest.clone();
        let mut closed = Vec::new();
        for PassingFile { path, ecosystem, sink, may_be_whole } in std::mem::take(&mut self.passing) {
            let mut findings = Findings::default();
            if let Err(problem) = sink.finish(digest.as_ref(), &mut findings) {
                findings.problem(problem);
            }
            if may_be_whole && is_complete && findings.unread.is_some() {
                self.again.insert(path.clone());
            }
            closed.push((path, ecosystem, findings));
        }
        for (path, ecosystem, findings) in closed {
            if is_complete && !self.again.contains(&path) {
                self.put(ecosystem, &path, findings);
            }
        }
    }

    fn again(&mut self, entry: &Entry) -> bool {
        self.again.contains(&entry.path)
    }

    fn replaced(&mut self, entry: &Entry) {
        self.kept.iter_mut().for_each(|kept| kept.forget(&entry.path));
        self.facts.retain(|file| file.path != entry.path);
        self.problems.retain(|problem| problem.path.as_ref() != Some(&entry.path));
    }
}

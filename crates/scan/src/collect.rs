//! The visitor of one layer: asks the matcher, calls the readers, keeps what they say.

use supercargo_content::Limits;
use supercargo_ecosystems::{Candidate, Ecosystem, Findings, Matcher};
use supercargo_inventory::{LayerRef, Problem};
use supercargo_layer::{Entry, Interest, LayerPass, Visitor, WantedLink};

use crate::kept::{self, Kept};
use crate::{FileFacts, LayerRecord, lazy};

/// Collects what the readers of a table say about the files of one layer.
pub(crate) struct Collector<'a> {
    table: &'a [&'a dyn Ecosystem],
    matcher: &'a Matcher,
    limits: &'a Limits,
    facts: Vec<FileFacts>,
    problems: Vec<Problem>,
    kept: Option<Kept>,
    by_toc: bool,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(table: &'a [&'a dyn Ecosystem], matcher: &'a Matcher, limits: &'a Limits) -> Self {
        Self { table, matcher, limits, facts: Vec::new(), problems: Vec::new(), kept: None, by_toc: false }
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
            fetched_bytes: pass.fetched_bytes,
        }
    }

    fn read_as(&mut self, ecosystem: &dyn Ecosystem, candidate: &Candidate<'_>) {
        let mut findings = Findings::default();
        if let Err(problem) = ecosystem.read(candidate, &mut findings) {
            findings.problem(problem);
        }
        self.problems.extend(findings.problems.into_iter().map(|problem| {
            let mut problem = problem.at(candidate.path);
            problem.ecosystem.get_or_insert(ecosystem.id());
            problem
        }));
        let (path, ecosystem) = (candidate.path.clone(), ecosystem.id());
        // A file that says nothing is kept too: it ends the run of an older version below it.
        self.facts.push(FileFacts { path, ecosystem, facts: findings.facts });
    }
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

    fn body(&mut self, entry: &Entry, bytes: &[u8]) {
        self.kept.iter_mut().for_each(|kept| kept.keep(&entry.path, bytes));
        let candidate = Candidate { path: &entry.path, mode: entry.mode, bytes, limits: self.limits };
        let readers = self.matcher.by_path(&entry.path).with(self.matcher.by_magic(bytes));
        for position in readers.iter() {
            if let Some(ecosystem) = self.table.get(position) {
                self.read_as(*ecosystem, &candidate);
            }
        }
    }

    fn replaced(&mut self, entry: &Entry) {
        self.kept.iter_mut().for_each(|kept| kept.forget(&entry.path));
        self.facts.retain(|file| file.path != entry.path);
        self.problems.retain(|problem| problem.path.as_ref() != Some(&entry.path));
    }
}

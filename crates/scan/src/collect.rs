//! The visitor of one layer: asks the matcher, calls the readers, keeps what they say.

use std::collections::BTreeSet;

use supercargo_content::Limits;
use supercargo_ecosystems::{Candidate, Ecosystem, EcosystemSet, Findings, Matcher};
use supercargo_inventory::{ImagePath, Problem};

use crate::FileFacts;

/// Collects what the readers of a table say about the files of one layer.
pub(crate) struct Collector<'a> {
    table: &'a [&'a dyn Ecosystem],
    matcher: &'a Matcher,
    limits: &'a Limits,
    /// Files that were asked for already, so that a second pass reads none of them again.
    seen: BTreeSet<ImagePath>,
    pub(crate) facts: Vec<FileFacts>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) files_read: u64,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(table: &'a [&'a dyn Ecosystem], matcher: &'a Matcher, limits: &'a Limits) -> Self {
        let (seen, facts, problems) = (BTreeSet::new(), Vec::new(), Vec::new());
        Self { table, matcher, limits, seen, facts, problems, files_read: 0 }
    }

    /// Who wants a file of this name.
    pub(crate) fn wants_path(&self, path: &ImagePath) -> EcosystemSet {
        self.matcher.by_path(path)
    }

    /// Who wants a file of this name that begins like this.
    pub(crate) fn wants(&self, path: &ImagePath, head: &[u8]) -> EcosystemSet {
        self.matcher.by_path(path).with(self.matcher.by_magic(head))
    }

    /// Lets everybody who wants the file read it.
    pub(crate) fn read(&mut self, path: &ImagePath, mode: u32, bytes: &[u8]) {
        self.files_read += 1;
        self.seen.insert(path.clone());
        let candidate = Candidate { path, mode, bytes, limits: self.limits };
        for position in self.wants(path, bytes).iter() {
            if let Some(ecosystem) = self.table.get(position) {
                self.read_as(*ecosystem, &candidate);
            }
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

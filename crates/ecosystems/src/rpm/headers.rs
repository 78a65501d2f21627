//! Where the database readers put what they find.

use supercargo_content::Limits;
use supercargo_inventory::{Package, Problem};

use super::header::Header;
use super::package;
use crate::installed::{Budget, ProblemCount};
use crate::{Fact, Findings};

/// Collects packages and problems of one database.
pub(super) struct Headers<'a> {
    out: &'a mut Findings,
    problems: ProblemCount,
    budget: Budget,
    /// Bytes of headers that the file can still hold.
    bytes_left: usize,
}

impl<'a> Headers<'a> {
    /// Nothing found yet in a file of so many bytes.
    pub(super) fn new(file_bytes: usize, limits: &Limits, out: &'a mut Findings) -> Self {
        let (problems, budget) = (ProblemCount::default(), Budget::new(limits));
        Self { out, problems, budget, bytes_left: file_bytes }
    }

    /// Takes the header blob of a package. A damaged one is a problem, and reading goes on; an error means that
    /// there are too many, or more than fit into the file unless they overlap.
    pub(super) fn blob(&mut self, blob: &[u8]) -> Result<(), Problem> {
        let left = self.bytes_left.checked_sub(blob.len());
        self.bytes_left = left.ok_or_else(|| Problem::malformed("package headers overlap each other"))?;
        match Header::parse(blob).and_then(|header| package::of(&header)) {
            Ok((package, damage)) => {
                damage.into_iter().for_each(|problem| self.problem(problem));
                package.map_or(Ok(()), |package| self.package(package))
            }
            Err(problem) => {
                self.problem(problem);
                Ok(())
            }
        }
    }

    /// Takes a package.
    pub(super) fn package(&mut self, package: Package) -> Result<(), Problem> {
        self.budget.spend(&package)?;
        self.out.package(package);
        Ok(())
    }

    /// Takes a fact that is no package.
    pub(super) fn fact(&mut self, fact: Fact) {
        self.out.facts.push(fact);
    }

    /// Takes a problem; reading goes on.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.add(self.out, problem);
    }

    /// Tells of the problems that were too many to tell one by one.
    pub(super) fn finish(self) {
        self.problems.finish(self.out);
    }
}

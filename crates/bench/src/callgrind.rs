//! Instruction counts of fixed inputs, kept in the repository.
//!
//! Unlike seconds, the instructions of a program hardly depend on the machine: callgrind shows it a processor of its
//! own. SHA-256 is left out: callgrind's processor has no SHA instructions, so the portable code that it runs there
//! would drown everything else, and ships nowhere.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output};

/// How much a count may grow before that is a failure, in percent.
pub const GROWTH_PERCENT_MAX: u64 = 3;

/// The functions that are left out, by a part of their names.
const LEFT_OUT: &[&str] = &["sha2::", "sha2_"];

/// The instructions that a program spends in itself, by function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// All instructions but those that are left out.
    pub fn total(&self) -> u64 {
        self.0.values().sum::<u64>() - self.left_out()
    }

    /// The instructions that are left out.
    pub fn left_out(&self) -> u64 {
        let is_left_out = |name: &str| LEFT_OUT.iter().any(|part| name.contains(part));
        self.0.iter().filter(|(name, _)| is_left_out(name)).map(|(_, count)| count).sum()
    }

    /// The functions with the most instructions.
    pub fn heaviest(&self, len: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self.0.iter().map(|(name, &count)| (name.as_str(), count)).collect();
        all.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
        all.truncate(len);
        all
    }

    /// Reads what callgrind wrote: self costs only.
    pub fn parse(text: &str) -> Self {
        let (mut counts, mut names) = (BTreeMap::new(), BTreeMap::new());
        let (mut current, mut is_call) = (String::new(), false);
        for line in text.lines() {
            if let Some(function) = line.strip_prefix("fn=") {
                current = resolve(function, &mut names);
            } else if let Some(function) = line.strip_prefix("cfn=") {
                resolve(function, &mut names);
            } else if line.starts_with("calls=") {
                is_call = true; // the next line is the cost of the callee
            } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok());
                if !std::mem::take(&mut is_call) {
                    *counts.entry(current.clone()).or_default() += cost.unwrap_or_default();
                }
            }
        }
        Self(counts)
    }
}

/// `(12) name` the first time, `(12)` from then on.
fn resolve(text: &str, names: &mut BTreeMap<String, String>) -> String {
    let (id, name) = text.split_once(' ').unwrap_or((text, ""));
    if !name.is_empty() {
        names.insert(id.to_owned(), name.to_owned());
    }
    names.get(id).cloned().unwrap_or_else(|| text.to_owned())
}

/// Runs a program in a folder under callgrind and counts. The folder is its home, too.
///
/// # Errors
/// Those of starting valgrind, a program that fails, and one without symbols: nothing could be left out.
pub fn count(program: &Path, arguments: &[&str], folder: &Path) -> io::Result<Counts> {
    let out = folder.join("callgrind.out");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet", "--compress-pos=no", "--dump-instr=no", "--dump-line=no"]);
    command.arg(format!("--callgrind-out-file={}", out.display())).arg(program).args(arguments);
    // The processor is callgrind's own, the C library's choices by cache size and vector width are not.
    command.env(
        "GLIBC_TUNABLES",
        "glibc.cpu.x86_rep_movsb_threshold=2048:glibc.cpu.x86_non_temporal_threshold=3145728",
    );
    let output = command.current_dir(folder).env("HOME", folder).env_remove("XDG_CACHE_HOME").output()?;
    if !output.status.success() {
        return Err(failed(program, &output));
    }
    let counts = Counts::parse(&fs::read_to_string(&out)?);
    if counts.left_out() == 0 {
        let what = "without symbols SHA-256 cannot be told apart";
        return Err(io::Error::other(format!("failed to count {}: {what}", program.display())));
    }
    Ok(counts)
}

/// The error of a program that ended as it should not.
pub fn failed(program: &Path, output: &Output) -> io::Error {
    let said = String::from_utf8_lossy(&output.stderr);
    io::Error::other(format!("failed to run {}: {}: {}", program.display(), output.status, said.trim()))
}

/// The counts of the repository: `NAME TAB INSTRUCTIONS` on each line, `#` before comments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record(BTreeMap<String, u64>);

impl Record {
    /// Reads a record; a line that is none is left out and then missed by [`Record::verdict`].
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (name, count) = line.split_once('\t')?;
            Some((name.to_owned(), count.trim().parse().ok()?))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect())
    }

    /// The text of a record.
    pub fn write(counts: &[(&str, u64)]) -> String {
        let head = "# Instructions of fixed inputs by `make bench-counts`, without SHA-256.\n\
                    # Written by `make bench-counts-record`; a change here is a decision.\n";
        counts.iter().fold(head.to_owned(), |text, (name, count)| format!("{text}{name}\t{count}\n"))
    }

    /// How a count compares: a line about it, and whether it may stay.
    pub fn verdict(&self, name: &str, found: u64) -> (String, bool) {
        let Some(&recorded) = self.0.get(name).filter(|&&count| count > 0) else {
            return (format!("{name}: {found} instructions, not recorded yet"), false);
        };
        let growth = (found as f64 / recorded as f64 - 1.0) * 100.0;
        let is_fine = found.saturating_mul(100) <= recorded.saturating_mul(100 + GROWTH_PERCENT_MAX);
        let verdict = if is_fine { "ok" } else { "TOO MANY" };
        (format!("{name}: {found} instructions, {growth:+.2} % of {recorded}: {verdict}"), is_fine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: &str = "events: Instructions\n\nfl=(1) a.rs\nfn=(1) main\n0 10\ncfn=(2) sha2::soft::compress\ncalls=3 0\n0 700\n\nfn=(2)\n0 700\n\nfn=(3) inflate\n+1 50\n* 7\nsummary: 767\n";

    #[test]
    fn self_costs_are_counted_and_digests_left_out() {
        let counts = Counts::parse(OUT);
        assert_eq!((counts.total(), counts.left_out()), (67, 700));
        assert_eq!(counts.heaviest(2), [("sha2::soft::compress", 700), ("inflate", 57)]);
    }

    #[test]
    fn growth_above_the_bound_fails() {
        let record = Record::parse(&Record::write(&[("a", 1000), ("b", 1)]));
        assert!(record.verdict("a", 1030).1);
        assert!(record.verdict("a", 10).1);
        assert!(!record.verdict("a", 1031).1);
        assert!(!record.verdict("c", 1).1, "an input without a record must not pass");
    }
}

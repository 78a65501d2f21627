//! Rounds of runs: every tool on every image, forwards and backwards by turns.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::images::BenchImage;
use crate::layout;
use crate::measure::{Run, Usage, disk_bytes};
use crate::results::{self, Results, Row, TableKind};
use crate::scenarios::{Scenario, Stage};
use crate::tools::{Programs, Tool};

/// What a comparison works with.
pub struct Runner<'a> {
    /// The program whose command `measure` measures.
    pub helper: PathBuf,
    /// Temporary files, homes, documents and logs of the runs.
    pub work: PathBuf,
    /// Fills the Java database of a trivy cache in this folder; trivy wants one before it looks at a jar.
    pub java_database: PathBuf,
    /// Rounds for each image.
    pub rounds: u64,
    /// Called with a line about each run.
    pub say: &'a dyn Fn(&str),
}

/// One run to be made.
struct Planned {
    table: TableKind,
    name: &'static str,
    program: String,
    keeps_home: bool,
    run: Result<Run, String>,
    counts_packages: bool,
}

impl Runner<'_> {
    /// Every tool over every image; what the results hold already is kept.
    ///
    /// # Errors
    /// Those of files and of starting programs. A program that fails is a row.
    pub fn tools(&self, programs: &Programs, images: &[BenchImage], results: &mut Results) -> io::Result<()> {
        let tools = programs.tools();
        for image in images {
            image.warm_page_cache()?;
            for round in 0..self.rounds {
                let planned: Vec<Planned> =
                    self.order(&tools, round).map(|tool| self.tool(programs, tool, image)).collect();
                self.round(image, round, planned, results)?;
            }
        }
        Ok(())
    }

    /// Every scenario over every image; what the results hold already is kept.
    ///
    /// # Errors
    /// As [`Runner::tools`].
    pub fn scenarios(&self, stage: &Stage, images: &[BenchImage], results: &mut Results) -> io::Result<()> {
        for image in images {
            image.warm_page_cache()?;
            for round in 0..self.rounds {
                let planned =
                    Scenario::ALL.iter().map(|&scenario| self.scenario(stage, scenario, image)).collect();
                self.round(image, round, planned, results)?;
            }
        }
        Ok(())
    }

    /// Odd rounds go backwards, but a run that needs what another left stays behind it.
    fn order(&self, tools: &[Tool], round: u64) -> impl Iterator<Item = Tool> {
        let mut groups: Vec<Vec<Tool>> = Vec::new();
        for &tool in tools {
            match groups.last_mut().filter(|_| tool.keeps_home()) {
                Some(group) => group.push(tool),
                None => groups.push(vec![tool]),
            }
        }
        if round % 2 == 1 {
            groups.reverse();
        }
        groups.into_iter().flatten()
    }

    fn tool(&self, programs: &Programs, tool: Tool, image: &BenchImage) -> Planned {
        let run = programs.run(tool, image, &self.home(), &self.sbom());
        Planned {
            table: TableKind::Tools,
            name: tool.name(),
            program: fingerprint(programs.get(tool).unwrap_or(Path::new("")), image),
            keeps_home: tool.keeps_home(),
            run: run.ok_or_else(|| "not found".to_owned()),
            counts_packages: tool != Tool::Floor,
        }
    }

    fn scenario(&self, stage: &Stage, scenario: Scenario, image: &BenchImage) -> Planned {
        let program = if scenario.is_floor() { &stage.floor } else { &stage.ours };
        Planned {
            table: TableKind::Scenarios,
            name: scenario.name(),
            program: fingerprint(program, image),
            keeps_home: scenario.keeps_home(),
            run: stage.run(scenario, image, &self.home(), &self.sbom()),
            counts_packages: !scenario.is_floor() && scenario != Scenario::WarmList,
        }
    }

    /// The runs of one round belong together: when one is missing, all are made again.
    fn round(
        &self,
        image: &BenchImage,
        round: u64,
        planned: Vec<Planned>,
        results: &mut Results,
    ) -> io::Result<()> {
        // What failed is run again, and so is what could not be run and now can.
        let is_there = |plan: &Planned| {
            let row = results.find(plan.table, &image.name, plan.name, round, &plan.program);
            row.is_some_and(|row| row.reason.as_ref() == plan.run.as_ref().err())
        };
        if planned.iter().all(is_there) {
            (self.say)(&format!("{:<12} round {round}: kept", image.name));
            return Ok(());
        }
        for plan in planned {
            let row = self.row(image, round, plan)?;
            (self.say)(&line(&row));
            results.add(row)?;
        }
        Ok(())
    }

    fn row(&self, image: &BenchImage, round: u64, plan: Planned) -> io::Result<Row> {
        let mut row = Row {
            table: plan.table,
            image: image.name.clone(),
            name: plan.name.to_owned(),
            round,
            program: plan.program,
            usage: Usage::default(),
            packages: None,
            kept_bytes: 0,
            reason: None,
        };
        let run = match plan.run {
            Ok(run) => run,
            Err(reason) => return Ok(Row { reason: Some(reason), ..row }),
        };
        self.prepare(plan.keeps_home)?;
        let log = self.work.join("log");
        row.usage = run.measured(&self.helper, &self.work.join("tmp"), &log)?;
        row.kept_bytes = disk_bytes(&self.home()).saturating_sub(disk_bytes(&self.java_folder()));
        row.packages = plan.counts_packages.then(|| results::packages(&self.sbom())).flatten();
        if row.usage.status != 0 {
            row.reason = Some(format!("failed with status {}: {}", row.usage.status, last_line(&log)));
        }
        Ok(row)
    }

    /// An empty folder for temporary files, and an empty home unless it is kept.
    fn prepare(&self, keeps_home: bool) -> io::Result<()> {
        empty(&self.work.join("tmp"))?;
        if !keeps_home {
            empty(&self.home())?;
            copy_folder(&self.java_database, &self.java_folder())?;
        }
        match fs::remove_file(self.sbom()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn home(&self) -> PathBuf {
        self.work.join("home")
    }

    fn sbom(&self) -> PathBuf {
        self.work.join("sbom.json")
    }

    fn java_folder(&self) -> PathBuf {
        self.home().join("trivy/java-db")
    }
}

fn line(row: &Row) -> String {
    let head = format!("{:<12} round {} {:<24}", row.image, row.round, row.name);
    if let Some(reason) = &row.reason {
        return format!("{head} {reason}");
    }
    let usage = &row.usage;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    format!(
        "{head} {:>7.2} s CPU {:>7.2} s wall {:>6.0} MB peak {:>6.0} MB temp {:>5} packages",
        usage.cpu_s(),
        usage.wall_s,
        megabytes(usage.peak_bytes),
        megabytes(usage.temp_bytes),
        row.packages.map_or_else(|| "–".to_owned(), |count| count.to_string())
    )
}

fn last_line(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("(it said nothing)");
    line.trim().chars().take(200).collect()
}

/// The first digits of the digests of a program and of an image, for which a row holds.
fn fingerprint(program: &Path, image: &BenchImage) -> String {
    let bytes = fs::read(program).unwrap_or_default();
    let short = |hex: &str| hex.chars().take(12).collect::<String>();
    format!("{}@{}", short(&layout::hex(&Sha256::digest(&bytes))), short(&image.digest))
}

fn empty(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

/// Copies the files of a folder, if it is there.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner() -> Runner<'static> {
        Runner {
            helper: PathBuf::new(),
            work: PathBuf::new(),
            java_database: PathBuf::new(),
            rounds: 1,
            say: &|_| {},
        }
    }

    #[test]
    fn odd_rounds_go_backwards_and_trivy_again_stays_behind_trivy() {
        let tools = [Tool::Floor, Tool::Ours, Tool::TrivyCold, Tool::TrivyAgain];
        assert_eq!(runner().order(&tools, 0).collect::<Vec<_>>(), tools);
        let backwards = [Tool::TrivyCold, Tool::TrivyAgain, Tool::Ours, Tool::Floor];
        assert_eq!(runner().order(&tools, 1).collect::<Vec<_>>(), backwards);
    }
}

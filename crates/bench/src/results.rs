//! What was measured, kept line by line so that a run can be taken up again.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::measure::Usage;

/// Which of the two tables a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Image by tool.
    Tools,
    /// Image by scenario of this program.
    Scenarios,
}

impl TableKind {
    fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Scenarios => "scenarios",
        }
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The table.
    pub table: TableKind,
    /// The image.
    pub image: String,
    /// The tool or scenario.
    pub name: String,
    /// The round, from 0.
    pub round: u64,
    /// The digests of program and image, shortened: another build of either is measured anew.
    pub program: String,
    /// What it cost.
    pub usage: Usage,
    /// Distinct package URLs in its document.
    pub packages: Option<u64>,
    /// Bytes that it left in its home folder.
    pub kept_bytes: u64,
    /// Why it was not run, or failed.
    pub reason: Option<String>,
}

impl Row {
    /// Whether both are of the same run, whatever build of the program made it.
    fn is_of(&self, other: &Self) -> bool {
        self.is_beside(other) && self.round == other.round
    }

    /// Whether both are rounds of one cell of the tables.
    fn is_beside(&self, other: &Self) -> bool {
        (self.table, &self.image, &self.name) == (other.table, &other.image, &other.name)
    }

    fn to_json(&self) -> Value {
        json!({
            "table": self.table.name(),
            "image": self.image,
            "name": self.name,
            "round": self.round,
            "program": self.program,
            "usage": self.usage.to_json(),
            "packages": self.packages,
            "kept_bytes": self.kept_bytes,
            "reason": self.reason,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Some(Self {
            table: if value["table"] == "tools" { TableKind::Tools } else { TableKind::Scenarios },
            image: text("image")?,
            name: text("name")?,
            round: value["round"].as_u64()?,
            program: text("program")?,
            usage: Usage::from_json(&value["usage"]),
            packages: value["packages"].as_u64(),
            kept_bytes: value["kept_bytes"].as_u64()?,
            reason: text("reason"),
        })
    }
}

/// The rows of an output folder.
#[derive(Debug, Clone)]
pub struct Results {
    file: PathBuf,
    rows: Vec<Row>,
}

impl Results {
    /// Opens `FOLDER/rows.jsonl`. A line that is cut short by a kill is measured again.
    ///
    /// # Errors
    /// Those of reading and of making the folder.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = folder.join("rows.jsonl");
        let text = if file.exists() { fs::read_to_string(&file)? } else { String::new() };
        let mut results = Self { file, rows: Vec::new() };
        for row in text.lines().filter_map(|line| Row::from_json(&serde_json::from_str(line).ok()?)) {
            results.replace(row);
        }
        let lines: String = results.rows.iter().map(|row| format!("{}\n", row.to_json())).collect();
        fs::write(&results.file, lines)?;
        Ok(results)
    }

    fn replace(&mut self, row: Row) {
        self.rows.retain(|other| !other.is_of(&row));
        self.rows.push(row);
    }

    /// The rows of the newest build of each program and image, in the order in which they were measured.
    pub fn current(&self) -> Vec<Row> {
        let is_current = |row: &&Row| {
            let newest = self.rows.iter().rfind(|other| other.is_beside(row));
            newest.is_some_and(|newest| newest.program == row.program)
        };
        self.rows.iter().filter(is_current).cloned().collect()
    }

    /// The row of this run, if it is there.
    pub fn find(&self, table: TableKind, image: &str, name: &str, round: u64, program: &str) -> Option<&Row> {
        let is_it = |row: &&Row| {
            (row.table, row.image.as_str(), row.name.as_str()) == (table, image, name)
                && (row.round, row.program.as_str()) == (round, program)
        };
        self.rows.iter().find(is_it)
    }

    /// Adds a row, or puts it in place of the earlier one of the same run, and writes it down.
    ///
    /// # Errors
    /// Those of writing.
    pub fn add(&mut self, row: Row) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.file)?;
        writeln!(file, "{}", row.to_json())?;
        self.replace(row);
        Ok(())
    }

    /// The current rows as one JSON text.
    pub fn to_json(&self) -> String {
        let rows: Vec<Value> = self.current().iter().map(Row::to_json).collect();
        format!("{:#}\n", json!({"rows": rows}))
    }
}

/// Distinct package URLs of a CycloneDX document, nested components included; `None` when it is none.
pub fn packages(sbom: &Path) -> Option<u64> {
    let document: Value = serde_json::from_slice(&fs::read(sbom).ok()?).ok()?;
    let mut purls = BTreeSet::new();
    collect(&document, &mut purls);
    Some(purls.len() as u64)
}

fn collect<'a>(component: &'a Value, purls: &mut BTreeSet<&'a str>) {
    for part in component["components"].as_array().into_iter().flatten() {
        purls.extend(part["purl"].as_str());
        collect(part, purls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, wall_s: f64) -> Row {
        Row {
            table: TableKind::Tools,
            image: "big".into(),
            name: name.into(),
            round: 0,
            program: "p".into(),
            usage: Usage { wall_s, ..Usage::default() },
            packages: Some(3),
            kept_bytes: 0,
            reason: None,
        }
    }

    #[test]
    fn rows_survive_a_restart_and_the_last_of_one_run_counts() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = Results::open(folder.path()).unwrap();
        results.add(row("a", 1.0)).unwrap();
        results.add(row("b", 1.0)).unwrap();
        results.add(row("a", 2.0)).unwrap();
        let file = folder.path().join("rows.jsonl");
        let cut = fs::read_to_string(&file).unwrap() + "{\"table\": \"to";
        fs::write(&file, cut).unwrap();
        let mut again = Results::open(folder.path()).unwrap();
        let last = again.find(TableKind::Tools, "big", "a", 0, "p").unwrap();
        assert_eq!((again.current().len(), last.usage.wall_s), (2, 2.0));
        again.add(row("c", 1.0)).unwrap();
        assert_eq!(Results::open(folder.path()).unwrap().current().len(), 3);
    }

    #[test]
    fn rows_of_an_older_build_are_not_mixed_in() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = Results::open(folder.path()).unwrap();
        results.add(row("a", 1.0)).unwrap();
        results.add(Row { round: 1, ..row("a", 1.0) }).unwrap();
        results.add(Row { program: "newer".into(), ..row("a", 2.0) }).unwrap();
        let seconds: Vec<f64> = results.current().iter().map(|row| row.usage.wall_s).collect();
        assert_eq!(seconds, [2.0]);
    }

    #[test]
    fn a_purl_counts_once_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        let text = r#"{"components": [{"purl": "a"}, {"components": [{"purl": "b"}, {"purl": "a"}]}, {}]}"#;
        fs::write(&file, text).unwrap();
        assert_eq!(packages(&file), Some(2));
        fs::write(&file, "no json").unwrap();
        assert_eq!(packages(&file), None);
    }
}

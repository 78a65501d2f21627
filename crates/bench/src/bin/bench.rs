//! The runner of all measurements but the micro-benchmarks; `tests/bench/README.md` says how it is used.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Args, Parser, Subcommand};
use supercargo_bench::callgrind::{Counts, Record};
use supercargo_bench::counts::Input;
use supercargo_bench::images::{self, BenchImage};
use supercargo_bench::report::{self, Heading, ImageLine};
use supercargo_bench::results::Results;
use supercargo_bench::runner::Runner;
use supercargo_bench::scenarios::{Registry, Stage};
use supercargo_bench::tools::{Programs, Tool};
use supercargo_bench::{floor, measure, summary};

/// Measures supercargo beside its floor and its peers.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compare tools and scenarios over the large images; writes table.md and results.json
    Run(RunArgs),
    /// Count instructions with callgrind and compare them with a record
    Counts {
        /// The record
        record: PathBuf,
        /// The supercargo binary, with its symbols
        #[arg(long)]
        ours: PathBuf,
        /// Write the record instead
        #[arg(long)]
        write: bool,
    },
    /// Run one program and print its cost as JSON (used by `run`)
    #[command(hide = true)]
    Measure {
        temp: PathBuf,
        program: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The folder of images that testdata/images/bench/build.sh fills
    #[arg(long)]
    images: PathBuf,
    /// Where rows, tables, logs and temporary files go; rows that are there are not measured again
    #[arg(long)]
    out: PathBuf,
    /// The supercargo binary
    #[arg(long)]
    ours: PathBuf,
    /// The same with the fast decoder
    #[arg(long)]
    fast: Option<PathBuf>,
    /// A folder with syft, trivy and olareg, before PATH
    #[arg(long)]
    peers: Option<PathBuf>,
    /// A trivy Java database, so that trivy looks at jars without a network
    #[arg(long)]
    java_db: PathBuf,
    /// Rounds for each image, forwards and backwards by turns
    #[arg(long, default_value_t = 1)]
    pairs: u64,
    /// Only these images
    #[arg(long, value_delimiter = ' ')]
    only: Vec<String>,
    /// Only the comparison of tools
    #[arg(long, conflicts_with = "scenarios_only")]
    tools_only: bool,
    /// Only the scenarios
    #[arg(long)]
    scenarios_only: bool,
    /// Where programs are looked for
    #[arg(long, env = "PATH", hide = true, default_value = "")]
    path: OsString,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Action::Run(args) => run(&args),
        Action::Counts { record, ours, write } => counts(&record, &ours, write),
        Action::Measure { temp, program, arguments } => {
            measure::measure(&program, &arguments, &temp).map(|usage| say(&usage.to_json().to_string()))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &RunArgs) -> io::Result<()> {
    let images = open_images(args)?;
    let mut results = Results::open(&args.out)?;
    let programs = programs(args)?;
    let runner = Runner {
        helper: std::env::current_exe()?,
        work: args.out.join("work"),
        java_database: args.java_db.clone(),
        rounds: args.pairs,
        say: &say,
    };
    fs::create_dir_all(&runner.work)?;
    if !args.scenarios_only {
        runner.tools(&programs, &images, &mut results)?;
    }
    if !args.tools_only {
        let stage = stage(args, &programs, &runner.work)?;
        runner.scenarios(&stage, &images, &mut results)?;
    }
    let (heading, rows) = (heading(&programs, &images)?, results.current());
    let table = report::markdown(&heading, &rows) + &summary::markdown(&heading, &rows);
    fs::write(args.out.join("table.md"), &table)?;
    fs::write(args.out.join("results.json"), results.to_json())?;
    fs::remove_dir_all(&runner.work)?;
    say(&table);
    Ok(())
}

fn open_images(args: &RunArgs) -> io::Result<Vec<BenchImage>> {
    let mut names: Vec<&str> = args.only.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        names = images::NAMES.to_vec();
    }
    let mut found = Vec::new();
    for name in names {
        match BenchImage::open(&args.images, name)? {
            Some(image) => found.push(image),
            None => say(&format!("{name}: not in {}, left out", args.images.display())),
        }
    }
    if found.is_empty() { Err(io::Error::other("no image to measure")) } else { Ok(found) }
}

fn programs(args: &RunArgs) -> io::Result<Programs> {
    let mut programs = Programs::default();
    programs.insert(Tool::Floor, beside("floor")?);
    programs.insert(Tool::Ours, args.ours.clone());
    if let Some(fast) = &args.fast {
        programs.insert(Tool::OursFast, fast.clone());
    }
    for (name, tools) in [
        ("syft", &[Tool::Syft][..]),
        ("trivy", &[Tool::TrivyCold, Tool::TrivyAgain][..]),
        ("olareg", &[][..]),
    ] {
        match find(args, name) {
            Some(program) => tools.iter().for_each(|&tool| programs.insert(tool, program.clone())),
            None => say(&format!("{name}: not found, its rows are left out")),
        }
    }
    Ok(programs)
}

/// A program of this crate, built beside this one.
fn beside(name: &str) -> io::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() { Ok(path) } else { Err(io::Error::other(format!("no program {}", path.display()))) }
}

fn find(args: &RunArgs, name: &str) -> Option<PathBuf> {
    let folders = args.peers.iter().cloned().chain(std::env::split_paths(&args.path));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn stage(args: &RunArgs, programs: &Programs, work: &Path) -> io::Result<Stage> {
    let registry = match find(args, "olareg") {
        Some(program) => Registry::start(&program, &args.images, &work.join("registry.log"))
            .map_err(|error| format!("not run: {error}")),
        None => Err("not run: olareg was not found".to_owned()),
    };
    let help = Command::new(&args.ours).args(["scan", "--help"]).output()?;
    let has_cache = String::from_utf8_lossy(&help.stdout).contains("--no-cache");
    let floor = programs.get(Tool::Floor).map(Path::to_owned).unwrap_or_default();
    Ok(Stage { ours: args.ours.clone(), floor, has_cache, registry, scratch: work.join("layouts") })
}

fn heading(programs: &Programs, images: &[BenchImage]) -> io::Result<Heading> {
    let mut tools: Vec<String> = Vec::new();
    for tool in programs.tools() {
        let Some(program) = programs.get(tool).filter(|_| tool != Tool::Floor && !tool.keeps_home()) else {
            continue;
        };
        tools.push(format!("{} {}", tool.name(), version(program)));
    }
    let mut lines = Vec::new();
    for image in images {
        let plain_bytes = floor::layout(&image.layout)?.plain_bytes;
        lines.push(ImageLine {
            name: image.name.clone(),
            layers: image.layers.len(),
            stored_bytes: image.stored_bytes(),
            plain_bytes: Some(plain_bytes),
        });
    }
    Ok(Heading { machine: machine(), tools, images: lines })
}

/// What a program says of its version, else what the Go toolchain finds in it.
fn version(program: &Path) -> String {
    let answer = |command: &mut Command| {
        let output = command.output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let modules = answer(Command::new("go").args(["version", "-m"]).arg(program)).unwrap_or_default();
    let name = format!("/{}", program.file_name().unwrap_or_default().to_string_lossy());
    let module = modules.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["dep" | "mod", module, version, ..] if module.ends_with(&name) => Some((*version).to_owned()),
            _ => None,
        }
    });
    let said = || answer(Command::new(program).arg("--version"))?.lines().next().map(str::to_owned);
    module.or_else(said).unwrap_or_else(|| "of unknown version".to_owned())
}

fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).collect();
    format!("{} × {}", names.len(), names.first().unwrap_or(&"unknown processor"))
}

fn counts(file: &Path, ours: &Path, write: bool) -> io::Result<()> {
    let (folder, ours) = (tempfile::tempdir()?, ours.canonicalize()?);
    let mut found = Vec::new();
    for input in Input::ALL {
        input.prepare(&ours, folder.path())?;
        found.push((input.name(), input.count(&ours, folder.path())?));
    }
    if write {
        let totals: Vec<_> = found.iter().map(|(name, counts)| (*name, counts.total())).collect();
        say(&Record::write(&totals));
        return fs::write(file, Record::write(&totals));
    }
    compare(&Record::parse(&fs::read_to_string(file)?), &found)
}

fn compare(record: &Record, found: &[(&str, Counts)]) -> io::Result<()> {
    let mut failed = 0;
    for (name, counts) in found {
        let (line, is_fine) = record.verdict(name, counts.total());
        say(&line);
        if !is_fine {
            failed += 1;
            let heaviest = counts.heaviest(12);
            heaviest.iter().for_each(|(function, count)| say(&format!("  {count:>14} {function}")));
        }
    }
    let next = "find out why, or record the new counts with `make bench-counts-record`";
    if failed > 0 { Err(io::Error::other(format!("{failed} counts grew too much: {next}"))) } else { Ok(()) }
}

#[expect(clippy::print_stdout, reason = "a program for developers")]
fn say(text: &str) {
    println!("{text}");
}

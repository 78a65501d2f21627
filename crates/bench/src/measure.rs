//! One run of one program: CPU, wall, memory, temporary bytes, bytes read and written.
//!
//! The kernel sums `RUSAGE_CHILDREN` over all children of a process, so each run has a process of its own between it
//! and the runner: `bench measure` starts the program, waits, and writes down what it cost.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage as Rusage, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde_json::{Value, json};

/// How often the temporary folder is looked at. What lives shorter is missed here, and counts as written all the same.
const SAMPLE: Duration = Duration::from_millis(20);

/// What this process and its reaped children read and wrote.
const COUNTERS: &str = "/proc/self/io";

/// A program to run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What is set in its environment, on top of the runner's own.
    pub environment: BTreeMap<String, String>,
    /// A file for its standard input.
    pub input: Option<PathBuf>,
}

/// What a run cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// The exit code; 128 and more for a signal.
    pub status: i32,
    /// Seconds by the clock.
    pub wall_s: f64,
    /// Seconds in user code, of the program and the children that it waited for.
    pub user_s: f64,
    /// Seconds in the kernel for it.
    pub system_s: f64,
    /// Peak resident bytes of the largest process.
    pub peak_bytes: u64,
    /// Peak bytes on disk in the folder for temporary files.
    pub temp_bytes: u64,
    /// Bytes passed to `read` and its kin. Mapped files do not count.
    pub read_bytes: u64,
    /// Bytes passed to `write` and its kin.
    pub written_bytes: u64,
}

impl Usage {
    /// User and system seconds.
    pub fn cpu_s(&self) -> f64 {
        self.user_s + self.system_s
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "status": self.status,
            "wall_s": self.wall_s,
            "user_s": self.user_s,
            "system_s": self.system_s,
            "peak_bytes": self.peak_bytes,
            "temp_bytes": self.temp_bytes,
            "read_bytes": self.read_bytes,
            "written_bytes": self.written_bytes,
        })
    }

    /// From JSON; what is missing is zero.
    pub fn from_json(value: &Value) -> Self {
        let seconds = |name: &str| value[name].as_f64().unwrap_or_default();
        let bytes = |name: &str| value[name].as_u64().unwrap_or_default();
        Self {
            status: value["status"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(-1),
            wall_s: seconds("wall_s"),
            user_s: seconds("user_s"),
            system_s: seconds("system_s"),
            peak_bytes: bytes("peak_bytes"),
            temp_bytes: bytes("temp_bytes"),
            read_bytes: bytes("read_bytes"),
            written_bytes: bytes("written_bytes"),
        }
    }
}

impl Run {
    /// Runs it with `temp` as the folder for temporary files, its output going to `log`. `helper` is the program
    /// whose command `measure` ends in [`measure`].
    ///
    /// # Errors
    /// Those of starting; a program that fails is a [`Usage`] with its status.
    pub fn measured(&self, helper: &Path, temp: &Path, log: &Path) -> io::Result<Usage> {
        let mut command = Command::new(helper);
        command.arg("measure").arg(temp).arg("--").arg(&self.program).args(&self.arguments);
        command.envs(&self.environment).env("TMPDIR", temp).stderr(File::create(log)?);
        command.stdin(match &self.input {
            Some(file) => Stdio::from(File::open(file)?),
            None => Stdio::null(),
        });
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let value = serde_json::from_str(text.lines().last().unwrap_or_default());
        value.map(|value| Usage::from_json(&value)).map_err(|_| {
            let said = fs::read_to_string(log).unwrap_or_default();
            io::Error::other(format!("failed to measure {}: {}", self.program.display(), said.trim()))
        })
    }
}

/// Runs a program to its end. Its standard output goes where its errors go.
///
/// # Errors
/// Those of starting and waiting.
pub fn measure(program: &str, arguments: &[String], temp: &Path) -> io::Result<Usage> {
    let (done, temp) = (AtomicBool::new(false), temp.to_owned());
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&temp, &done));
        let usage = run(program, arguments);
        done.store(true, Ordering::Relaxed);
        let temp_bytes = watcher.join().unwrap_or_default();
        usage.map(|usage| Usage { temp_bytes, ..usage })
    })
}

fn run(program: &str, arguments: &[String]) -> io::Result<Usage> {
    // What reaped children read and wrote counts as ours; their own counters only root may read once they have ended.
    let before = fs::read_to_string(COUNTERS)?;
    let start = Instant::now();
    let mut child = Command::new(program).args(arguments).stdout(io::stderr()).spawn()?;
    let status = reap(&mut child)?;
    let wall_s = start.elapsed().as_secs_f64();
    let after = fs::read_to_string(COUNTERS)?;
    let grown = |name: &str| counter(&after, name).saturating_sub(counter(&before, name));
    let children = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let usage = of_children(&children);
    Ok(Usage { status, wall_s, read_bytes: grown("rchar"), written_bytes: grown("wchar"), ..usage })
}

fn reap(child: &mut Child) -> io::Result<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    let status = child.wait()?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}

fn of_children(children: &Rusage) -> Usage {
    let seconds = |micros: i64| micros as f64 / 1e6;
    Usage {
        user_s: seconds(children.user_time().num_microseconds()),
        system_s: seconds(children.system_time().num_microseconds()),
        peak_bytes: u64::try_from(children.max_rss()).unwrap_or_default() * 1024,
        ..Usage::default()
    }
}

fn counter(counters: &str, name: &str) -> u64 {
    let line = counters.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
}

/// The largest size that the folder has until `done`.
fn watch(folder: &Path, done: &AtomicBool) -> u64 {
    let mut peak = 0;
    loop {
        let last = done.load(Ordering::Relaxed);
        peak = peak.max(disk_bytes(folder));
        if last {
            return peak;
        }
        thread::sleep(SAMPLE);
    }
}

/// Bytes on disk of all files below a folder; what vanishes meanwhile counts as nothing.
pub fn disk_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
        Ok(meta) => meta.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, temp: &Path) -> Usage {
        measure("sh", &["-c".to_owned(), script.to_owned()], temp).unwrap()
    }

    #[test]
    fn what_a_program_reads_writes_and_leaves_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        let usage = shell(
            &format!(
                "head -c 3000000 /dev/zero > {0}; cat {0} > /dev/null; sleep 0.1; exit 7",
                file.display()
            ),
            folder.path(),
        );
        assert_eq!(usage.status, 7);
        assert!(usage.wall_s >= 0.1, "{usage:?}");
        // Other tests of this process read and write at the same time.
        assert!(usage.written_bytes >= 6_000_000 && usage.read_bytes >= 6_000_000, "{usage:?}");
        assert!(usage.temp_bytes >= 2_900_000, "{usage:?}");
        assert!(usage.peak_bytes > 0, "{usage:?}");
    }

    #[test]
    fn json_leads_back() {
        let usage = Usage { status: 3, wall_s: 1.5, peak_bytes: 1 << 40, ..Usage::default() };
        assert_eq!(Usage::from_json(&usage.to_json()), usage);
    }
}

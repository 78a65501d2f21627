//! What the tests share: where things are, and a command that knows nothing of the machine it runs on.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of the official suites, when this checkout has them beside it. They are never copied here.
#[expect(clippy::print_stderr, reason = "a skipped suite must be seen in the log")]
pub(crate) fn suite(name: &str) -> Option<PathBuf> {
    let folder = root().join("../shared/suites").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: the suite `{name}` is not beside this checkout");
    None
}

/// The binary under test, in an empty environment and without a cache folder: no test meets the user's.
pub(crate) fn supercargo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supercargo"));
    command.env_clear().env("HOME", "/nonexistent").env("SUPERCARGO_PASSWORD", "test");
    command.env("XDG_CACHE_HOME", "/dev/null");
    command
}

/// The files below a folder with an ending, sorted.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

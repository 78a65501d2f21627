//! A folder with an image in it, in which a test runs commands. A test reads as a sentence.

use std::fs;
use std::path::Path;
use std::process::Output;

use supercargo_testkit::TextImage;
use tempfile::TempDir;

use crate::support::supercargo;

/// A small image with two packages.
pub(crate) const SMALL: &str = "\
-- layer 0 gzip --
-- file etc/os-release --
ID=alpine
VERSION_ID=3.20.3
-- file lib/apk/db/installed --
P:musl
V:1.2.5-r0
A:x86_64
-- layer 1 zstd --
-- file app/node_modules/left-pad/package.json --
{\"name\": \"left-pad\", \"version\": \"1.3.0\"}
";

/// The folder.
pub(crate) struct Stage(TempDir);

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it wrote to stdout.
    pub(crate) stdout: String,
    /// What it wrote to stderr.
    pub(crate) stderr: String,
}

impl Stage {
    /// A folder with [`SMALL`] as the layout `layout`, and a key pair `demo`.
    pub(crate) fn new() -> Self {
        let stage = Self::with(SMALL);
        stage.run("key generate --output-key-prefix demo").succeeds();
        stage
    }

    /// A folder with an image as the layout `layout`.
    pub(crate) fn with(text: &str) -> Self {
        let stage = Self(tempfile::tempdir().expect("folder"));
        TextImage::parse(text).expect("text image").write_oci_layout(&stage.path("layout")).expect("layout");
        stage
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command line in the folder.
    pub(crate) fn run(&self, line: &str) -> Done {
        self.run_in(line, &[])
    }

    /// The same with variables in the environment.
    pub(crate) fn run_in(&self, line: &str, variables: &[(&str, &str)]) -> Done {
        let mut command = supercargo();
        command.env("XDG_CACHE_HOME", self.path("cache"));
        command.current_dir(self.0.path()).args(line.split_whitespace()).envs(variables.iter().copied());
        Done::of(command.output().expect("the binary runs"))
    }

    /// Changes a file.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path(name)).expect("file");
        change(&mut bytes);
        fs::write(self.path(name), bytes).expect("file");
    }

    /// Copies the layout to another folder.
    pub(crate) fn copy_layout(&self, to: &str) {
        copy(&self.path("layout"), &self.path(to));
    }
}

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("utf-8");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// It ended well.
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// It ended with this code and said these words on stderr.
    pub(crate) fn fails(self, code: i32, words: &str) -> Self {
        assert!(self.code == code && self.stderr.contains(words), "expected {code} and `{words}`: {self:#?}");
        self
    }

    /// It named this next step on stderr.
    pub(crate) fn hints(self, words: &str) -> Self {
        assert!(self.stderr.contains(&format!("hint: {words}")), "expected the hint `{words}`: {self:#?}");
        self
    }

    /// It said these words on stdout.
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.stdout.contains(words), "expected `{words}`: {self:#?}");
        self
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("copy");
        }
    }
}

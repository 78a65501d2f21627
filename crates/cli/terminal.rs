//! Everything that goes to stderr: progress, notes and errors. Stdout is for data.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use supercargo::Progress;

use crate::args::Common;

/// A line on stderr. A closed stderr is no reason to fail.
pub(crate) fn complain(line: &str) {
    let _closed = writeln!(anstream::stderr(), "{line}");
}

/// A line on stderr unless `--quiet`.
pub(crate) fn note(common: &Common, line: &str) {
    if !common.quiet {
        complain(line);
    }
}

/// Opens a page in the person's browser, if the system can; the address stands on the terminal anyway.
pub(crate) fn browse(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let silent = std::process::Stdio::null;
    let _no_browser =
        std::process::Command::new(opener).arg(url).stdin(silent()).stdout(silent()).stderr(silent()).spawn();
}

/// A progress bar on a terminal, nothing elsewhere.
pub(crate) struct Bar {
    bar: ProgressBar,
    layers: Mutex<(u64, u64)>,
}

impl Bar {
    /// Draws only where stderr is a terminal and nobody forbade it.
    pub(crate) fn new(common: &Common) -> Self {
        let is_wanted = std::io::stderr().is_terminal() && !common.quiet && !common.no_progress;
        let target = if is_wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style =
            ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, layers: Mutex::new((0, 0)) }
    }

    fn show(&self, change: impl FnOnce(&mut (u64, u64))) {
        if let Ok(mut layers) = self.layers.lock() {
            change(&mut layers);
            self.bar.set_message(format!("layers {}/{}", layers.0, layers.1));
        }
    }
}

impl Progress for Bar {
    fn start(&self, layers: u64, bytes: u64) {
        self.bar.set_length(bytes);
        self.show(|counts| *counts = (0, layers));
    }

    fn read(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn layer_done(&self) {
        self.show(|counts| counts.0 += 1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

//! How a run ends: the exit code, the error in words, and the hint.

use std::process::ExitCode;

use supercargo::{Error, Failure};

use crate::args::Common;
use crate::terminal;

/// The exit codes. They are part of the interface: scripts hold us to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Success = 0,
    /// Any failure that has no code of its own.
    Failure = 1,
    /// The command line is wrong. Clap uses the same code.
    Usage = 2,
    /// The image cannot be found or read, or its bytes are not what its digests promise.
    Image = 3,
    /// Something in the image could not be read, and `--strict` was given.
    Problems = 4,
    /// An attestation is there, and a check failed.
    Refused = 5,
    /// There is nothing to verify.
    Nothing = 6,
    /// A registry or a signing service failed or refused.
    Service = 7,
}

impl Exit {
    fn of(failure: Failure) -> Self {
        match failure {
            Failure::Usage => Self::Usage,
            Failure::Image => Self::Image,
            Failure::Problems => Self::Problems,
            Failure::Refused => Self::Refused,
            Failure::Nothing => Self::Nothing,
            Failure::Service => Self::Service,
            Failure::Other => Self::Failure,
        }
    }
}

/// Renders the outcome of a command.
pub(crate) fn code(outcome: Result<(), Error>, common: &Common) -> ExitCode {
    let exit = match outcome {
        Ok(()) => Exit::Success,
        Err(error) if error.is_broken_pipe() => Exit::Success,
        Err(error) => {
            render(&error, common);
            Exit::of(error.failure())
        }
    };
    ExitCode::from(exit as u8)
}

fn render(error: &Error, common: &Common) {
    terminal::complain(&format!("error: {}", supercargo::clean(&error.to_string())));
    let mut cause = std::error::Error::source(error);
    let mut above = error.to_string();
    while let Some(error) = cause {
        let text = error.to_string();
        if !above.contains(&text) {
            terminal::complain(&format!("  because: {}", supercargo::clean(&text)));
        }
        above = text;
        cause = error.source();
    }
    if let Some(hint) = error.hint().filter(|_| !common.quiet) {
        terminal::complain(&format!("  hint: {hint}"));
    }
}

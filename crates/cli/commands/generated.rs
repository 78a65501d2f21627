//! Completions and manual pages, generated from the arguments.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use supercargo::Error;

use crate::args::Cli;
use crate::output;

/// Writes the completion script of a shell to stdout.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "supercargo", &mut script);
    output::stdout(&script)
}

/// Writes the main manual page to stdout, or one page per command to a folder.
pub(crate) fn man(dir: Option<&Path>) -> Result<(), Error> {
    let mut command = Cli::command();
    command.build();
    let Some(dir) = dir else { return output::stdout(&page(&command)?) };
    fs::create_dir_all(dir).map_err(|source| Error::write(dir, source))?;
    pages(&command, dir, "supercargo")
}

fn pages(command: &Command, dir: &Path, name: &str) -> Result<(), Error> {
    output::file(&dir.join(format!("{name}.1")), &page(command)?)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        pages(sub, dir, &format!("{name}-{}", sub.get_name()))?;
    }
    Ok(())
}

fn page(command: &Command) -> Result<Vec<u8>, Error> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command.clone()).render(&mut page);
    rendered.map_err(|source| Error::write(Path::new("the manual page"), source))?;
    Ok(page)
}

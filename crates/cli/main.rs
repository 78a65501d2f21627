//! The binary: arguments in, one façade call, rendering out.

mod args;
mod commands;
mod environment;
mod exit;
mod output;
mod secrets;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    exit::code(commands::run(&cli), &cli.common)
}

//! One file per command; this one only chooses.

mod artifact;
mod attached;
mod attest;
mod bundles;
mod cache;
mod delivery;
mod ecosystems;
mod explain;
mod fetch;
mod generated;
mod key;
mod policy;
mod recompute;
mod scan;
mod setup;
mod sign;
mod signer;
mod signers;
mod trust;
mod verify;

use supercargo::Error;

use crate::args::{Cli, Command};

/// Runs the command that was typed.
pub(crate) fn run(cli: &Cli) -> Result<(), Error> {
    match &cli.command {
        Command::Scan(args) => scan::run(args, &cli.common),
        Command::Attest(args) => attest::run(args, &cli.common),
        Command::Sign(args) => sign::run(args, &cli.common),
        Command::Verify(args) => match &args.artifact {
            Some(artifact) => artifact::run(artifact, args, &cli.common),
            None => verify::run(args, &cli.common),
        },
        Command::Policy(command) => policy::run(command, &cli.common),
        Command::Attached(args) => attached::run(args, &cli.common),
        Command::Fetch(args) => fetch::run(args, &cli.common),
        Command::Key(command) => key::run(command, &cli.common),
        Command::Cache(command) => cache::run(command, &cli.common),
        Command::Trust(command) => trust::run(command, &cli.common),
        Command::Ecosystems(args) => ecosystems::run(args),
        Command::Completions { shell } => generated::completions(*shell),
        Command::Man { dir } => generated::man(dir.as_deref()),
    }
}

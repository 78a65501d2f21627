//! What a user types for every command.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::cache::CacheArgs;
use super::limits::LimitArgs;

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// Print errors only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print every problem and the cause of every error
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// Draw no progress on the terminal
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Threads for reading layers [default: one per core]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Open no connection; what would need one is an error
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Fail with exit code 4 when anything in the image could not be read
    #[arg(long, global = true)]
    pub(crate) strict: bool,
    /// Fetch and check layers whole, even those with a table of contents (eStargz, zstd:chunked, SOCI)
    #[arg(long, global = true)]
    pub(crate) full: bool,
    /// Read layers through a SOCI index that hangs on the image, though nothing binds it to the image: whoever can push
    /// beside the image then decides what is found
    #[arg(long, global = true, conflicts_with = "full", hide_short_help = true)]
    pub(crate) soci: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// How registries are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct RegistryArgs {
    /// Talk plain HTTP to this host (repeatable; loopback hosts need no flag)
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub(crate) plain_http: Vec<String>,
    /// Trust the certificate authorities in this PEM file too (repeatable)
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Vec<PathBuf>,
    /// Client certificate chain (PEM)
    #[arg(long, global = true, value_name = "FILE", requires = "client_key", value_hint = ValueHint::FilePath)]
    pub(crate) client_cert: Option<PathBuf>,
    /// Private key of the client certificate (PEM)
    #[arg(long, global = true, value_name = "FILE", requires = "client_cert", value_hint = ValueHint::FilePath)]
    pub(crate) client_key: Option<PathBuf>,
    /// Read from MIRROR before HOST (repeatable, tried in order)
    #[arg(long, global = true, value_name = "HOST=MIRROR")]
    pub(crate) mirror: Vec<String>,
}

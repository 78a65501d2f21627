//! What a user types about the cache.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::limits::parse_size;

/// Where the records of layers are kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cache options")]
pub(crate) struct CacheArgs {
    /// Keep the records of layers in this folder [default: supercargo/records in the user's cache folder]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Read every layer, and keep nothing in a folder
    #[arg(long, global = true, conflicts_with = "cache_dir")]
    pub(crate) no_cache: bool,
    /// Take records from this repository too; only those count that the named key or identity has signed
    #[arg(long, global = true, value_name = "REF")]
    pub(crate) layer_cache: Option<String>,
    /// The public key of whoever signs the records in the repository (PEM)
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        requires = "layer_cache",
        conflicts_with = "layer_cache_identity",
        hide_short_help = true,
        value_hint = ValueHint::FilePath
    )]
    pub(crate) layer_cache_key: Option<PathBuf>,
    /// The exact identity of whoever signs them: an e-mail address or URI
    #[arg(
        long,
        global = true,
        value_name = "ID",
        requires_all = ["layer_cache", "layer_cache_issuer"],
        hide_short_help = true
    )]
    pub(crate) layer_cache_identity: Option<String>,
    /// The exact issuer of that identity
    #[arg(
        long,
        global = true,
        value_name = "URL",
        requires = "layer_cache_identity",
        hide_short_help = true
    )]
    pub(crate) layer_cache_issuer: Option<String>,
    /// What to trust for that identity (Sigstore trusted root, JSON) [default: the embedded public-good root]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        requires = "layer_cache",
        hide_short_help = true,
        value_hint = ValueHint::FilePath
    )]
    pub(crate) layer_cache_trusted_root: Option<PathBuf>,
    /// Put new records there too, signed with `--layer-cache-signing-key` or the identity of this build
    #[arg(long, global = true, requires = "layer_cache", hide_short_help = true)]
    pub(crate) layer_cache_push: bool,
    /// Sign new records with this private key
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        requires = "layer_cache_push",
        hide_short_help = true,
        value_hint = ValueHint::FilePath
    )]
    pub(crate) layer_cache_signing_key: Option<String>,
    /// Sign new records as this build's identity with these services (Sigstore signing config, JSON) [default: those
    /// of the public-good instance]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        requires = "layer_cache_push",
        conflicts_with = "layer_cache_signing_key",
        hide_short_help = true,
        value_hint = ValueHint::FilePath
    )]
    pub(crate) layer_cache_signing_config: Option<PathBuf>,
}

/// The commands of `cache`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
The cache holds what supercargo read from each layer, so that no layer is read twice. It is pruned by itself: records
that nobody used for 30 days go, and what is above 2 GiB.

EXAMPLES
  supercargo cache info --json
  supercargo cache prune --max-size 500MiB --max-age 7
  supercargo cache prune --all")]
pub(crate) enum CacheCommand {
    /// Say where the cache is and what is in it
    Info {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove what nobody used for long, and what is too much
    Prune {
        /// Bytes that may stay; what was used longest ago goes first [default: 2GiB]
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        max_size: Option<u64>,
        /// Days that a record stays which nobody uses [default: 30]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=36_500))]
        max_age: Option<u32>,
        /// Remove everything
        #[arg(long, conflicts_with_all = ["max_size", "max_age"])]
        all: bool,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
}

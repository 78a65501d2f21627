//! What a user types. The doc comments here are the help.

mod cache;
mod global;
mod limits;
mod signing;
mod target;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

pub(crate) use self::cache::{CacheArgs, CacheCommand};
pub(crate) use self::global::{Common, RegistryArgs};
pub(crate) use self::limits::LimitArgs;
pub(crate) use self::signing::{
    AttestArgs, DeliveryArgs, Instance, LayoutArg, LoginArg, SignArgs, SignerArgs, TrustArgs, TrustCommand,
};
pub(crate) use self::target::{PlatformArg, Target};
pub(crate) use self::verify::{
    FetchArgs, PolicyArgs, PolicyCommand, PolicyTestArgs, SummaryArgs, VerifyArgs,
};

/// Answers for the cargo of a container image: lists what is in it, writes the SBOM, signs it, attaches it, and
/// verifies what others attached.
#[derive(Debug, Parser)]
#[command(name = "supercargo", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

const AFTER_HELP: &str = "\
IMAGE REFERENCES
  alpine, ghcr.io/org/app:1      a registry (`registry:` may stand before it)
  oci:DIR[:TAG|@DIGEST]          an OCI image layout in a folder
  oci-archive:FILE[:TAG]         an OCI image layout in a tar file
  docker-archive:FILE[:TAG]      what `docker save` writes
  rootfs:DIR                     an unpacked root file system
  -                              an archive of either kind on stdin; also `docker-archive:-[:TAG]`

EXIT CODES
  0 done                         4 problems in the image (with --strict)
  1 any other failure            5 refused: an attestation is there, a check failed
  2 wrong usage                  6 nothing to verify: no such attestation
  3 the image cannot be read     7 a registry or signing service failed

EXAMPLES
  supercargo scan alpine:3.22
  supercargo scan oci:layout:app -o cyclonedx-json=app.cdx.json -o spdx-json=app.spdx.json
  supercargo attest ghcr.io/org/app:1 --key cosign.key
  supercargo verify ghcr.io/org/app:1 --key cosign.pub --type cyclonedx";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the packages of an image and write its SBOM
    Scan(ScanArgs),
    /// Sign a statement about an image and attach it
    Attest(AttestArgs),
    /// Sign an image itself, as `cosign sign` does
    Sign(SignArgs),
    /// Verify what is attached to an image
    Verify(VerifyArgs),
    /// Test policy files
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Draw the tree of what is attached to an image
    Attached(AttachedArgs),
    /// Write a verified predicate, such as the SBOM itself
    Fetch(FetchArgs),
    /// Make and convert signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Look into and prune the cache of layer records
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Show, renew or export what signatures are verified against
    #[command(subcommand)]
    Trust(TrustCommand),
    /// List the package ecosystems and the files that are read for them
    Ecosystems(EcosystemsArgs),
    /// Write the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page
    Man {
        /// A folder for one page per command; without it the main page goes to stdout
        #[arg(long, value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
}

/// Arguments of `scan`.
#[derive(Debug, Args)]
#[command(after_help = "\
FORMATS
  table                 for people; the default
  cyclonedx-json[@1.7]  CycloneDX JSON, 1.6 or 1.7
  spdx-json[@2.3]       SPDX JSON
  purl                  one package URL per line

With `--platform all` and FILE, the platform goes into the name: app.cdx.json becomes app.linux-amd64.cdx.json.

EXAMPLES
  supercargo scan alpine:3.22
  supercargo scan ghcr.io/org/app:1 --platform all -o cyclonedx-json=app.cdx.json
  supercargo scan docker-archive:app.tar -o purl -o spdx-json=app.spdx.json
  docker save app:1 | supercargo scan - -o cyclonedx-json=app.cdx.json")]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Write FORMAT to stdout, or to FILE (repeatable; one scan writes them all)
    #[arg(long, short, value_name = "FORMAT[=FILE]")]
    pub(crate) output: Vec<String>,
}

/// Arguments of `attached`.
#[derive(Debug, Args)]
#[command(
    after_help = "EXAMPLES\n  supercargo attached ghcr.io/org/app:1\n  supercargo attached oci:layout:app --json"
)]
pub(crate) struct AttachedArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Print the tree as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The commands of `key`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an ECDSA P-256 key pair, NAME.key (encrypted) and NAME.pub, that cosign can use
    Generate {
        /// Where to write, without the endings
        #[arg(long, value_name = "NAME", default_value = "cosign")]
        output_key_prefix: String,
        /// Read the password from the first line of this file
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        password_file: Option<PathBuf>,
    },
    /// Write the public half of a private key
    Public {
        /// The private key: a file, or a URI as for `sign --key`
        #[arg(value_name = "FILE|URI", value_hint = ValueHint::FilePath)]
        key: String,
        /// Read the password or PIN from the first line of this file
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        password_file: Option<PathBuf>,
    },
}

/// Arguments of `ecosystems`.
#[derive(Debug, Args)]
pub(crate) struct EcosystemsArgs {
    /// Print the table as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}

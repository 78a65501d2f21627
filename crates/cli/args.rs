//! What a user types. The doc comments here are the help.

mod cache;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use supercargo::content::Platform;

use crate::signing_args::{AttestArgs, SignArgs, TrustCommand};
use crate::verify_args::{FetchArgs, PolicyCommand, VerifyArgs};
pub(crate) use cache::{CacheArgs, CacheCommand};

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

/// Bounds on hostile input. Sizes take a suffix: `64KiB`, `128MiB`, `2GiB`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Bytes of one file that is held whole; archives and programs are read as they pass [default: 64MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(crate) file_bytes_max: Option<u64>,
    /// Entries of one layer, or of one archive inside it [default: 2000000]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    pub(crate) entries_max: Option<u64>,
    /// Bytes of one path or link target [default: 4096]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    pub(crate) path_bytes_max: Option<usize>,
    /// Archives inside archives, and indexes inside indexes [default: 8]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    pub(crate) nesting_depth_max: Option<usize>,
    /// Uncompressed bytes per compressed byte [default: 1032]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    pub(crate) expansion_ratio_max: Option<u64>,
    /// Layers of one image [default: 512]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    pub(crate) layers_max: Option<usize>,
    /// Bytes of one manifest, index or configuration [default: 8MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(crate) manifest_bytes_max: Option<u64>,
    /// Manifests and indexes looked at below one reference [default: 4096]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    pub(crate) manifests_max: Option<usize>,
    /// Bytes of all files held at once by all threads [default: 64MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(crate) buffered_bytes_max: Option<u64>,
    /// Bytes of one attached artifact [default: 128MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(crate) attachment_bytes_max: Option<u64>,
    /// Attached artifacts looked at for one image [default: 256]
    #[arg(long, global = true, value_name = "N", hide_short_help = true)]
    pub(crate) attachments_max: Option<usize>,
    /// Bytes of the table of contents of one layer; with a larger one it is read whole [default: 128MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub(crate) toc_bytes_max: Option<u64>,
}

/// Which image.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The image
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// The platform to choose in an index, `os/arch[/variant]`, or `all` [default: this host's]
    #[arg(long, value_name = "PLATFORM", value_parser = parse_platform)]
    pub(crate) platform: Option<PlatformArg>,
}

/// `all` or one platform.
#[derive(Debug, Clone)]
pub(crate) enum PlatformArg {
    All,
    One(Platform),
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

fn parse_platform(text: &str) -> Result<PlatformArg, String> {
    if text == "all" {
        return Ok(PlatformArg::All);
    }
    text.parse()
        .map(PlatformArg::One)
        .map_err(|error: supercargo::content::PlatformParseError| error.to_string())
}

/// `4096`, `64KiB`, `128MiB`, `2GiB`.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        other => return Err(format!("unknown unit `{other}`: expected B, KiB, MiB or GiB")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a size, such as `128MiB`"))?;
    number.checked_mul(unit).ok_or_else(|| format!("`{text}` is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("7"), Ok(7));
        assert!(
            parse_size("1TB").is_err() && parse_size("KiB").is_err() && parse_size("99999999999GiB").is_err()
        );
    }
}

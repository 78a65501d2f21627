//! What a user types to sign, and to say whom to trust. The doc comments here are the help.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::target::Target;
use super::verify::SummaryArgs;

/// Where trust comes from.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Trust options")]
pub(crate) struct TrustArgs {
    /// The Sigstore instance
    #[arg(long, value_name = "NAME", default_value = "public-good")]
    pub(crate) instance: Instance,
    /// A private instance: the `root.json` of its TUF repository, to start from
    #[arg(long, value_name = "FILE", requires = "tuf_mirror", conflicts_with = "instance", value_hint = ValueHint::FilePath)]
    pub(crate) tuf_root: Option<PathBuf>,
    /// A private instance: the URL of its TUF repository
    #[arg(long, value_name = "URL", requires = "tuf_root", value_hint = ValueHint::Url)]
    pub(crate) tuf_mirror: Option<String>,
    /// Trust this file instead of a repository (Sigstore trusted root, JSON, or JSON Lines with several)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trusted_root: Option<PathBuf>,
}

/// The well-known Sigstore instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Instance {
    /// Sigstore's public-good instance
    #[default]
    PublicGood,
    /// GitHub's instance for private repositories
    Github,
    /// Sigstore's staging instance
    Staging,
}

/// Who signs, and with which services.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Signing options")]
pub(crate) struct SignerArgs {
    /// Sign with this private key: a file (cosign's, PKCS#8 or SEC1 PEM), or a URI, see KEYS
    #[arg(long, value_name = "FILE|URI", conflicts_with = "identity_token", value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<String>,
    /// Read the password or PIN of the key from the first line of this file
    #[arg(long, value_name = "FILE", requires = "key", value_hint = ValueHint::FilePath)]
    pub(crate) password_file: Option<PathBuf>,
    /// Sign keyless with this OIDC identity token, or with the one in FILE; without `--key` and this, the build machine
    /// is asked for one (GitHub Actions, GitLab, Buildkite, CircleCI, Google Cloud, SPIFFE, Tekton)
    #[arg(long, value_name = "TOKEN|@FILE")]
    pub(crate) identity_token: Option<String>,
    /// Sign keyless as the person who logs in: in a browser on this machine, or on any device
    #[arg(long, value_name = "WHERE", conflicts_with_all = ["key", "identity_token"])]
    pub(crate) login: Option<LoginArg>,
    /// Log in at this issuer [default: the one of the instance]
    #[arg(long, value_name = "URL", requires = "login", value_hint = ValueHint::Url)]
    pub(crate) oidc_issuer: Option<String>,
    /// The name of this program at the issuer
    #[arg(long, value_name = "ID", requires = "login", default_value = "sigstore")]
    pub(crate) oidc_client_id: String,
    /// The signing services (Sigstore signing config, JSON) [default: those of the instance; with a key, none]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) signing_config: Option<PathBuf>,
    /// Write to no transparency log
    #[arg(long, conflicts_with = "log")]
    pub(crate) no_log: bool,
    /// With a key: write to the transparency log of the instance too
    #[arg(long)]
    pub(crate) log: bool,
    /// With a key: have the time vouched for by the timestamp authority of the instance
    #[arg(long)]
    pub(crate) timestamp: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// Where a person logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoginArg {
    /// In a browser on this machine, which brings the answer to a port of loopback
    Browser,
    /// On any device, with a code
    Device,
}

/// How signatures hang on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum LayoutArg {
    /// A Sigstore bundle as a referrer: cosign from version 3, GitHub
    Bundle,
    /// A layer behind the tag `sha256-….sig` or `.att`: cosign before version 3, policy-controller
    Legacy,
}

/// Where the signature goes.
#[derive(Debug, Args)]
pub(crate) struct DeliveryArgs {
    /// How it hangs on the image
    #[arg(long, value_name = "LAYOUT", value_delimiter = ',', default_value = "bundle")]
    pub(crate) layout: Vec<LayoutArg>,
    /// Also write the signed bundle to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
    /// Attach nothing; only write the bundle
    #[arg(long, requires = "bundle")]
    pub(crate) no_attach: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const KEYS: &str = "\
KEYS
  cosign.key                               a file; its password from --password-file, SUPERCARGO_PASSWORD,
                                           COSIGN_PASSWORD or the terminal
  pkcs11:token=T;object=K?module-path=M    a PKCS#11 token (RFC 7512); its PIN likewise, or pin-source=FILE
  hashivault://NAME                        the transit engine at VAULT_ADDR, with VAULT_TOKEN
  NAME://KEY                               the program sigstore-kms-NAME (awskms, gcpkms, azurekms …)
";

/// Arguments of `attest`.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Without --predicate the image is scanned and the SBOM that was found is attested, for exactly the manifest that was
scanned. With `--platform all` each platform gets its own.

{KEYS}
EXAMPLES
  supercargo attest ghcr.io/org/app:1 --key cosign.key
  supercargo attest oci:layout:app --key cosign.key --type spdx
  supercargo attest ghcr.io/org/app:1 --from-ci
  supercargo attest ghcr.io/org/app:1 --from-policy policy.toml --verifier-id https://verifier.example/ci --key cosign.key
  supercargo attest ghcr.io/org/app:1 --also openvex=app.vex.json --also test-result=junit.json
  supercargo attest ghcr.io/org/app:1 --identity-token @token.jwt --type slsaprovenance1 --predicate provenance.json"))]
pub(crate) struct AttestArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// The predicate type: cyclonedx, spdx, spdxjson, slsaprovenance1, openvex, vuln, custom … or any URI
    #[arg(long = "type", value_name = "TYPE", default_value = "cyclonedx")]
    pub(crate) predicate_type: String,
    /// The predicate, a JSON file or `-` for stdin, instead of a scan
    #[arg(long, value_name = "FILE|-", value_hint = ValueHint::FilePath)]
    pub(crate) predicate: Option<PathBuf>,
    /// State the provenance of this run of GitHub Actions or GitLab CI, as `slsaprovenance1`
    #[arg(long, conflicts_with_all = ["predicate", "predicate_type"])]
    pub(crate) from_ci: bool,
    /// Check what hangs on the image against this policy and state what came of it, as `vsa` (a SLSA verification
    /// summary), passed or failed; the exit code is that of `verify --policy`
    #[arg(long, value_name = "POLICY", group = "summed_up", requires = "verifier_id",
          value_hint = ValueHint::FilePath,
          conflicts_with_all = ["predicate", "predicate_type", "from_ci"])]
    pub(crate) from_policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) summary: SummaryArgs,
    /// Sign this predicate too, with the same certificate (repeatable; only with one image)
    #[arg(long, value_name = "TYPE=FILE")]
    pub(crate) also: Vec<String>,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
}

/// Arguments of `sign`.
#[derive(Debug, Args)]
#[command(after_help = format!("\
What is signed is the manifest that REF names: of an index, the index itself. `--platform os/arch` signs that platform's
manifest instead, `--platform all` the index and every platform's manifest.

{KEYS}
EXAMPLES
  supercargo sign ghcr.io/org/app:1 --key cosign.key
  supercargo sign ghcr.io/org/app:1 --key cosign.key --layout bundle,legacy
  supercargo sign ghcr.io/org/app:1 --key 'pkcs11:token=release;object=signer?module-path=/usr/lib/softhsm/libsofthsm2.so'
  supercargo sign ghcr.io/org/app:1"))]
pub(crate) struct SignArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
    /// The same as `--layout legacy`
    #[arg(long, conflicts_with = "layout")]
    pub(crate) legacy: bool,
}

/// The commands of `trust`.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Say what is trusted, where it comes from and how old it is; asks nobody
    Show {
        #[command(flatten)]
        trust: TrustArgs,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch the newest trusted root and signing configuration of the instance, verify and keep them
    Update {
        #[command(flatten)]
        trust: TrustArgs,
        /// Print what is trusted now as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the trusted root to a file that any Sigstore client takes
    Export {
        #[command(flatten)]
        trust: TrustArgs,
        /// Write the signing configuration instead
        #[arg(long)]
        signing_config: bool,
        /// Write to this file [default: stdout]
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
}

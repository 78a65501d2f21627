//! What a user types to verify. The doc comments here are the help.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::target::{PlatformArg, Target, parse_platform};

/// Who must have signed, and with how much evidence.
#[derive(Debug, Args)]
#[command(next_help_heading = "Verification options")]
pub(crate) struct PolicyArgs {
    /// A public key, PEM (repeatable: any one of all keys and identities will do)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: Vec<PathBuf>,
    /// Keys with the time in which each is trusted, TOML: `[[key]]` tables with `pem`, and perhaps `name`,
    /// `not-before` and `not-after` (repeatable)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key_set: Vec<PathBuf>,
    /// The exact identity in the certificate, an e-mail address or URI (repeatable)
    #[arg(long, value_name = "ID", alias = "certificate-identity")]
    pub(crate) identity: Vec<String>,
    /// A pattern that matches the whole identity, as if in `^…$` (repeatable)
    #[arg(long, value_name = "REGEX", alias = "certificate-identity-regexp")]
    pub(crate) identity_regexp: Vec<String>,
    /// The exact issuer of the identities; one for all, or one for each `--identity` in the same order
    #[arg(long, value_name = "URL", alias = "certificate-oidc-issuer")]
    pub(crate) issuer: Vec<String>,
    /// A pattern that matches the whole issuer of all identities
    #[arg(long, value_name = "REGEX", conflicts_with = "issuer", alias = "certificate-oidc-issuer-regexp")]
    pub(crate) issuer_regexp: Option<String>,
    /// How many different signers there must be for one predicate type
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threshold: u16,
    /// Refuse statements that are about anything else as well
    #[arg(long)]
    pub(crate) only_subject: bool,
    /// Entries in how many logs each signature needs [default: 1 with a certificate, 0 with a key]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=32))]
    pub(crate) logs_min: Option<u16>,
    /// Timestamps of how many authorities each signature needs
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=32))]
    pub(crate) timestamps_min: u16,
    /// Accept certificates that no certificate log has seen, as those of GitHub for private repositories
    #[arg(long)]
    pub(crate) no_certificate_log: bool,
    /// What to trust: authorities and logs (Sigstore trusted root, JSON) [default: the embedded public-good root]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Verify this bundle instead of what is attached
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
An attestation passes when it is about the image's manifest or the index that it was chosen from. The command
succeeds when as many different signers as `--threshold` says passed for one predicate type. Cosign's older tags
(.sig, .att) are looked at when nothing else suffices.

EXAMPLES
  supercargo verify ghcr.io/org/app:1 --key cosign.pub
  supercargo verify ghcr.io/org/app:1 --policy policy.toml --vsa vsa.json --verifier-id https://verifier.example/ci
  supercargo verify --artifact app.tar.gz --bundle app.sigstore.json --key cosign.pub
  supercargo verify ghcr.io/org/app:1 --key alice.pub --key bob.pub --key carol.pub --threshold 2 --explain
  supercargo verify ghcr.io/org/app:1 --type slsaprovenance1 \\
      --identity-regexp 'https://github\\.com/org/app/\\.github/workflows/release\\.yml@refs/tags/.*' \\
      --issuer https://token.actions.githubusercontent.com")]
pub(crate) struct VerifyArgs {
    /// The image
    #[arg(value_name = "REF", required_unless_present = "artifact")]
    pub(crate) reference: Option<String>,
    /// The platform to choose in an index, `os/arch[/variant]`, or `all` [default: this host's]
    #[arg(long, value_name = "PLATFORM", value_parser = parse_platform)]
    pub(crate) platform: Option<PlatformArg>,
    /// Verify a bundle about this file, or about what has this digest, instead of an image
    #[arg(long, value_name = "FILE|sha256:HEX", value_hint = ValueHint::FilePath, requires = "bundle",
          conflicts_with_all = ["reference", "platform", "all_platforms", "policy_file", "recompute"])]
    pub(crate) artifact: Option<String>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Only attestations of this predicate type (a name of cosign's or any URI)
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) predicate_type: Option<String>,
    /// Check a policy file instead: what must be there, signed by whom, how fresh, and saying what (TOML)
    #[arg(long = "policy", value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = [
        "key", "key_set", "identity", "identity_regexp", "issuer", "issuer_regexp", "predicate_type", "explain",
    ])]
    pub(crate) policy_file: Option<PathBuf>,
    /// Write a verification summary (SLSA VSA v1) of what the policy gave, for `attest --type vsa --predicate FILE`
    #[arg(long, value_name = "FILE", group = "summed_up", requires_all = ["policy_file", "verifier_id"],
          value_hint = ValueHint::FilePath)]
    pub(crate) vsa: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) summary: SummaryArgs,
    /// Scan the image again with the options that the signed SBOM names, and compare: equal bytes, or what differs
    #[arg(long, conflicts_with_all = ["json", "explain", "policy_file"])]
    pub(crate) recompute: bool,
    /// Verify each image of an index, as `--platform all` does; every one must pass
    #[arg(long, conflicts_with = "platform")]
    pub(crate) all_platforms: bool,
    /// Print every check with what was expected and found, also those that were not reached
    #[arg(long)]
    pub(crate) explain: bool,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl VerifyArgs {
    /// The image to verify, if it is not about a file.
    pub(crate) fn target(&self) -> Target {
        let platform = if self.all_platforms { Some(PlatformArg::All) } else { self.platform.clone() };
        Target { reference: self.reference.clone().unwrap_or_default(), platform }
    }
}

/// What a verification summary says of its maker.
#[derive(Debug, Default, Args)]
pub(crate) struct SummaryArgs {
    /// Who verifies, a URI; policies accept pairs of it and a signer
    #[arg(long, value_name = "URI", requires = "summed_up", value_hint = ValueHint::Url)]
    pub(crate) verifier_id: Option<String>,
    /// From where the image will be fetched, a URI [default: `oci://HOST/REPOSITORY` of an image in a registry]
    #[arg(long, value_name = "URI", requires = "verifier_id", value_hint = ValueHint::Url)]
    pub(crate) resource_uri: Option<String>,
}

/// The commands of `policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check an image, or a bundle about it, against a policy file, and say every reason
    Test(PolicyTestArgs),
}

/// Arguments of `policy test`.
#[derive(Debug, Args)]
#[command(after_help = "\
The format is described by schemas/policy.schema.json. Every requirement must be satisfied.

EXAMPLES
  supercargo policy test policy.toml ghcr.io/org/app:1
  supercargo policy test policy.toml oci:layout:app --bundle app.sigstore.json --json")]
pub(crate) struct PolicyTestArgs {
    /// The policy file (TOML)
    #[arg(value_name = "POLICY", value_hint = ValueHint::FilePath)]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) target: Target,
    /// What to trust: authorities and logs (Sigstore trusted root, JSON) [default: the embedded public-good root]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Test this bundle instead of what is attached
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `fetch`.
#[derive(Debug, Args)]
#[command(after_help = "\
Of several attestations that pass, the newest is taken, by the time for which a log or a timestamp authority vouches.

EXAMPLES
  supercargo fetch ghcr.io/org/app:1 --type cyclonedx --key cosign.pub -o app.cdx.json
  supercargo fetch ghcr.io/org/app:1 --type spdx --unverified")]
pub(crate) struct FetchArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// The predicate type (a name of cosign's or any URI)
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) predicate_type: String,
    /// Write to this file [default: stdout]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Check no signature: the content may come from anybody
    #[arg(long, conflicts_with_all = ["key", "key_set", "identity", "identity_regexp", "issuer", "issuer_regexp"])]
    pub(crate) unverified: bool,
}

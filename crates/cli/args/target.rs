//! What a user types about an image.

use clap::Args;
use supercargo::content::Platform;

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

pub(super) fn parse_platform(text: &str) -> Result<PlatformArg, String> {
    if text == "all" {
        return Ok(PlatformArg::All);
    }
    text.parse()
        .map(PlatformArg::One)
        .map_err(|error: supercargo::content::PlatformParseError| error.to_string())
}

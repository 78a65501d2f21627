//! What a user types about limits.

use clap::Args;

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

/// `4096`, `64KiB`, `128MiB`, `2GiB`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
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
    fn sizes_have_units() {
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("7"), Ok(7));
        assert!(
            parse_size("1TB").is_err() && parse_size("KiB").is_err() && parse_size("99999999999GiB").is_err()
        );
    }
}

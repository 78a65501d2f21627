//! The platform of the machine that runs us, in the words of image indexes.

use supercargo_content::Platform;

/// The platform whose images run on a host.
///
/// `os` and `arch` are those of [`std::env::consts`]; the result is in Go's names. Hosts that run containers in
/// a Linux virtual machine (macOS, Windows) want Linux images.
///
/// ```
/// assert_eq!(supercargo_image::host_platform("macos", "aarch64").to_string(), "linux/arm64");
/// ```
pub fn host_platform(os: &str, arch: &str) -> Platform {
    let os = match os {
        "macos" | "windows" => "linux",
        other => other,
    };
    let architecture = match arch {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        "mips64" => "mips64le",
        other => other,
    };
    Platform::new(os, architecture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_names_become_go_names() {
        for (os, arch, platform) in [
            ("linux", "x86_64", "linux/amd64"),
            ("linux", "x86", "linux/386"),
            ("macos", "x86_64", "linux/amd64"),
            ("windows", "x86_64", "linux/amd64"),
            ("linux", "riscv64", "linux/riscv64"),
            ("freebsd", "aarch64", "freebsd/arm64"),
        ] {
            assert_eq!(host_platform(os, arch).to_string(), platform);
        }
    }
}

//! Where data goes: stdout or files, whole or not at all.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use supercargo::Error;
use supercargo::sbom::FormatId;

/// One `-o FORMAT[=FILE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    /// What to write.
    pub(crate) format: FormatId,
    /// Where; stdout without it.
    pub(crate) file: Option<PathBuf>,
}

impl Output {
    /// Reads `FORMAT[=FILE]`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let (format, file) = match text.split_once('=') {
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = format
            .parse()
            .map_err(|error: supercargo::sbom::FormatParseError| Error::usage(error.to_string()))?;
        Ok(Self { format, file })
    }

    /// The same with the platform in the file name: `app.cdx.json` → `app.linux-amd64.cdx.json`.
    pub(crate) fn for_platform(&self, platform: &str) -> Self {
        let file = self.file.as_ref().map(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (stem, rest) = name.split_once('.').map_or((name.as_str(), ""), |(stem, rest)| (stem, rest));
            let platform = platform.replace('/', "-");
            let dot = if rest.is_empty() { "" } else { "." };
            file.with_file_name(format!("{stem}.{platform}{dot}{rest}"))
        });
        Self { format: self.format, file }
    }
}

/// Writes bytes to stdout.
pub(crate) fn stdout(bytes: &[u8]) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|source| Error::write(Path::new("stdout"), source))
}

/// Writes a file through a temporary one beside it, so that a half-written file never has the final name.
pub(crate) fn file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace(path, bytes, 0o644)
}

/// The same for a private key: only the owner may read it, and an existing file is not overwritten.
pub(crate) fn new_secret_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if path.exists() {
        let kind = std::io::ErrorKind::AlreadyExists;
        return Err(Error::write(path, std::io::Error::new(kind, "there is such a file already")));
    }
    replace(path, bytes, 0o600)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let is_device = fs::metadata(path).is_ok_and(|meta| !meta.is_file());
    if is_device {
        return fs::write(path, bytes).map_err(|source| Error::write(path, source));
    }
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_new(&temporary, bytes, mode).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        let _nothing_to_remove = fs::remove_file(&temporary);
        Error::write(path, source)
    })
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_goes_before_the_endings() {
        let output = Output::parse("cyclonedx-json=out/app.cdx.json").unwrap();
        let file = output.for_platform("linux/arm64/v8").file.unwrap();
        assert_eq!(file, Path::new("out/app.linux-arm64-v8.cdx.json"));
    }

    #[test]
    fn an_unknown_format_is_a_usage_error() {
        let error = Output::parse("word").unwrap_err().to_string();
        assert!(error.contains("word") && error.contains("cyclonedx-json"), "{error}");
    }
}

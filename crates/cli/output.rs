//! Where data goes: stdout or files, whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use supercargo::Error;
use supercargo::sbom::FormatId;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 64 << 10;

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
    stdout_with(|out| out.write_all(bytes))
}

/// The same, bit by bit.
pub(crate) fn stdout_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let mut stdout = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    write(&mut stdout)
        .and_then(|()| stdout.flush())
        .map_err(|source| Error::write(Path::new("stdout"), source))
}

/// Writes a file through a temporary one beside it, so that a half-written file never has the final name.
pub(crate) fn file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    file_with(path, |out| out.write_all(bytes))
}

/// The same, bit by bit.
pub(crate) fn file_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    replace(path, 0o644, write).map_err(|source| Error::write(path, source))
}

/// The same for a private key: only the owner may read it, and an existing file is not overwritten.
pub(crate) fn new_secret_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if path.exists() {
        let kind = io::ErrorKind::AlreadyExists;
        return Err(Error::write(path, io::Error::new(kind, "there is such a file already")));
    }
    replace(path, 0o600, |out| out.write_all(bytes)).map_err(|source| Error::write(path, source))
}

fn replace(path: &Path, mode: u32, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let is_device = fs::metadata(path).is_ok_and(|meta| !meta.is_file());
    if is_device {
        let mut device = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
        return write(&mut device).and_then(|()| device.flush());
    }
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_new(&temporary, mode, write).and_then(|()| fs::rename(&temporary, path));
    written.inspect_err(|_| {
        let _nothing_to_remove = fs::remove_file(&temporary);
    })
}

fn write_new(path: &Path, mode: u32, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, options.open(path)?);
    write(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()
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

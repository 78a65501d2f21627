//! Whom a cache folder belongs to. Who can write a record can write our SBOMs.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Why a file or folder is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It belongs to somebody else.
    #[error("expected it to belong to user {expected} or root, found user {found}")]
    Owner {
        /// This process's user.
        expected: u32,
        /// The owner.
        found: u32,
    },
    /// Somebody else may write it.
    #[error("expected that only its owner can write it, found mode {found:o}")]
    Writable {
        /// The permission bits.
        found: u32,
    },
    /// It is a link, a device, or a folder where a file should be.
    #[error("expected a {expected} and no link, found something else")]
    Kind {
        /// `file` or `folder`.
        expected: &'static str,
    },
}

/// Whether a folder is one, and only its owner can write in it.
pub(super) fn check_folder(folder: &Metadata) -> Result<(), Distrust> {
    if !folder.is_dir() {
        return Err(Distrust::Kind { expected: "folder" });
    }
    check_owner(folder)
}

/// Whether an open file is one, and only its owner can write it.
pub(super) fn check_file(file: &Metadata) -> Result<(), Distrust> {
    if !file.is_file() {
        return Err(Distrust::Kind { expected: "file" });
    }
    check_owner(file)
}

#[cfg(unix)]
fn check_owner(what: &Metadata) -> Result<(), Distrust> {
    use std::os::unix::fs::MetadataExt;
    let (expected, found) = (rustix::process::geteuid().as_raw(), what.uid());
    if found != expected && found != 0 {
        return Err(Distrust::Owner { expected, found });
    }
    if what.mode() & 0o022 != 0 {
        return Err(Distrust::Writable { found: what.mode() & 0o7777 });
    }
    Ok(())
}

/// Elsewhere a user's cache folder is protected by its own rules.
#[cfg(not(unix))]
fn check_owner(_what: &Metadata) -> Result<(), Distrust> {
    Ok(())
}

/// Opens a file for reading, never through a link and never waiting for a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}

/// Makes a file that nobody else can read, and that was not there.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder that nobody else can look into, with its parents.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

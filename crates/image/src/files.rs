//! The files of an image layout, in a folder or in an archive.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use supercargo_content::{Descriptor, Digest, read_bounded};

use crate::Blobs;

/// Files by name. Names have `/` between parts, do not begin with one, and hold no `..`.
pub(crate) trait Files: Send + Sync {
    /// Opens a file; `None` when there is none.
    fn open(&self, name: &str) -> io::Result<Option<OpenFile<'_>>>;
}

/// A file that can be read from its start.
pub(crate) struct OpenFile<'a> {
    pub(crate) reader: Box<dyn Read + Send + 'a>,
    pub(crate) len: u64,
}

/// A folder.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Files for Folder {
    fn open(&self, name: &str) -> io::Result<Option<OpenFile<'_>>> {
        let path = self.0.join(name);
        let metadata = match std::fs::metadata(&path) {
            Err(error) if is_absent(&error) => return Ok(None),
            other => other?,
        };
        // A pipe would block, a device never end.
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("`{}` is not a file", path.display()),
            ));
        }
        Ok(Some(OpenFile { reader: Box::new(File::open(&path)?), len: metadata.len() }))
    }
}

/// The blobs of an image layout.
pub(crate) struct LayoutBlobs(pub(crate) Arc<dyn Files>);

impl Blobs for LayoutBlobs {
    fn blob(&self, what: &Descriptor) -> io::Result<Box<dyn Read + Send + '_>> {
        let name = blob_name(&what.digest);
        let absent =
            || io::Error::new(io::ErrorKind::NotFound, format!("`{name}` is not in the image layout"));
        Ok(self.0.open(&name)?.ok_or_else(absent)?.reader)
    }
}

/// `blobs/sha256/HEX`.
pub(crate) fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

/// A small file as a whole; `None` when there is none.
pub(crate) fn read_small(files: &dyn Files, name: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    files.open(name)?.map(|file| read_bounded(file.reader, bytes_max)).transpose()
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

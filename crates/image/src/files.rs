//! The files of an image layout, in a folder or in an archive.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use supercargo_content::{Descriptor, Digest, MediaType, read_bounded};

use crate::{Blobs, DocumentError};

/// Files by name. Names have `/` between parts, do not begin with one, and hold no `..`.
pub(crate) trait Files: Send + Sync {
    /// Opens a file; `None` when there is none.
    fn open(&self, name: &str) -> io::Result<Option<OpenFile<'_>>>;

    /// At most `len` bytes of a file, from `offset` on; `None` when there is no such file.
    fn part(&self, name: &str, offset: u64, len: u64) -> io::Result<Option<Box<dyn Read + Send + '_>>>;

    /// Whether there is a file of this name, be it readable or not.
    fn has(&self, name: &str) -> bool;
}

/// The layers of a Docker archive of the older form, by path.
pub(crate) trait OldLayers: Files {
    /// What is known of a layer before it is read; `None` when it is not there.
    fn old_layer(&self, path: &str) -> Result<Option<OldLayer>, OldLayerError>;
}

/// A layer that is known by its path.
pub(crate) struct OldLayer {
    pub(crate) media_type: MediaType,
    /// The digest of its bytes, where they were read already.
    pub(crate) digest: Option<Digest>,
    pub(crate) size: u64,
}

/// Why nothing is known of a layer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OldLayerError {
    #[error(transparent)]
    Link(#[from] DocumentError),
    #[error(transparent)]
    Io(#[from] io::Error),
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

    fn part(&self, name: &str, offset: u64, len: u64) -> io::Result<Option<Box<dyn Read + Send + '_>>> {
        if self.open(name)?.is_none() {
            return Ok(None);
        }
        let mut file = File::open(self.0.join(name))?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Some(Box::new(file.take(len))))
    }

    fn has(&self, name: &str) -> bool {
        self.0.join(name).is_file()
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

    fn part(
        &self,
        what: &Descriptor,
        offset: u64,
        len: u64,
    ) -> io::Result<Option<Box<dyn Read + Send + '_>>> {
        self.0.part(&blob_name(&what.digest), offset, len)
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

//! The bytes of one repository.

use std::io::{self, Read};
use std::sync::Arc;

use supercargo_content::Descriptor;
use supercargo_image::Blobs;

use crate::download::Download;
use crate::host::Repository;
use crate::{RegistryClient, RegistryError};

/// The blobs and manifests of one repository, as streams that go on where they broke off.
///
/// A stream never gives more bytes than the descriptor says; the digest is for the reader to check.
#[derive(Debug, Clone)]
pub struct RepositoryBlobs {
    client: RegistryClient,
    repository: Repository,
}

impl RepositoryBlobs {
    pub(crate) fn new(client: RegistryClient, repository: Repository) -> Self {
        Self { client, repository }
    }

    /// Opens a stream. It must not be read on a thread of an asynchronous runtime.
    pub fn open(&self, what: &Descriptor) -> Result<Box<dyn Read + Send>, RegistryError> {
        let download = Download::new(Arc::clone(&self.client.session), &self.repository, what)?;
        // The reader keeps the client, and so the threads that feed it, alive.
        let incoming = self.client.wait(download.start())?;
        Ok(Box::new(Kept { incoming, _client: self.client.clone() }))
    }

    /// Opens a stream of `len` bytes from `offset` on; `None` when the registry serves no parts (RFC 9110, section 14).
    pub fn open_part(
        &self,
        what: &Descriptor,
        offset: u64,
        len: u64,
    ) -> Result<Option<Box<dyn Read + Send>>, RegistryError> {
        if len == 0 {
            return Ok(Some(Box::new(io::empty())));
        }
        let download = Download::new(Arc::clone(&self.client.session), &self.repository, what)?;
        let incoming = self.client.wait(download.part(offset, len).start_part())?;
        let client = self.client.clone();
        Ok(incoming.map(|incoming| Box::new(Kept { incoming, _client: client }) as Box<dyn Read + Send>))
    }
}

impl Blobs for RepositoryBlobs {
    fn blob(&self, what: &Descriptor) -> io::Result<Box<dyn Read + Send + '_>> {
        match self.open(what) {
            Ok(stream) => Ok(stream),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn part(
        &self,
        what: &Descriptor,
        offset: u64,
        len: u64,
    ) -> io::Result<Option<Box<dyn Read + Send + '_>>> {
        match self.open_part(what, offset, len) {
            Ok(part) => Ok(part.map(|part| part as Box<dyn Read + Send + '_>)),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

struct Kept {
    incoming: crate::download::Incoming,
    _client: RegistryClient,
}

impl Read for Kept {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.incoming.read(into)
    }
}

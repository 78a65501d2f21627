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
}

impl Blobs for RepositoryBlobs {
    fn blob(&self, what: &Descriptor) -> io::Result<Box<dyn Read + Send + '_>> {
        match self.open(what) {
            Ok(stream) => Ok(stream),
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

//! Blobs on their way to a registry: mounted, in one request, or in chunks.

use std::io::{self, Read};

use bytes::Bytes;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use supercargo_content::Descriptor;

use crate::RegistryError;
use crate::host::{Endpoint, Repository, authority};
use crate::retry::{Attempts, is_temporary};
use crate::session::{Patience, Session};
use crate::transport::{Answer, Request, is_passing};

/// The largest chunk that a registry may insist on, since it is held in memory.
const CHUNK_BYTES_MAX: u64 = 256 << 20;

/// Opens the bytes of a blob from their beginning; called again when an upload starts anew.
pub type OpenBlob<'a> = dyn Fn() -> io::Result<Box<dyn Read + Send + 'a>> + 'a;

/// How a blob came to be in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobPush {
    /// It was there.
    Present,
    /// It was mounted from another repository of the registry.
    Mounted,
    /// It was sent.
    Uploaded,
}

impl Session {
    /// Whether the registry itself has a blob.
    pub(crate) async fn has_blob(&self, place: &Endpoint, blob: &Descriptor) -> Result<bool, RegistryError> {
        let what = format!("blob {} of {}", blob.digest, place.display());
        let request = place.request(Method::HEAD, &format!("blobs/{}", blob.digest), &what)?;
        let answer = self.send(place, "pull", request, Patience::Full).await?;
        Ok(answer.expect(&[200, 404], &what).await?.status() == 200)
    }

    /// Brings a blob into a repository. An upload that fails for a passing reason starts anew.
    pub(crate) async fn push_blob(
        &self,
        place: &Endpoint,
        blob: &Descriptor,
        mount_from: Option<&Repository>,
        open: &OpenBlob<'_>,
    ) -> Result<BlobPush, RegistryError> {
        if self.has_blob(place, blob).await? {
            return Ok(BlobPush::Present);
        }
        let upload = Upload {
            session: self,
            place,
            blob,
            what: format!("blob {} of {}", blob.digest, place.display()),
        };
        let mut attempts = Attempts::new(&self.options.retry);
        let mut chunked = blob.size > self.options.upload.monolithic_bytes_max;
        loop {
            attempts.begin();
            let error = match upload.run(mount_from, open, chunked).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if !chunked && wants_chunks(&error) {
                chunked = true;
                continue;
            }
            let wait = passing(&error).and_then(|asked| attempts.wait(asked));
            let Some(wait) = wait else { return Err(error) };
            tokio::time::sleep(wait).await;
        }
    }
}

struct Upload<'a> {
    session: &'a Session,
    place: &'a Endpoint,
    blob: &'a Descriptor,
    what: String,
}

/// An upload that the registry has opened.
struct Opened {
    location: Url,
    chunk_min: u64,
}

impl Upload<'_> {
    async fn run(
        &self,
        mount_from: Option<&Repository>,
        open: &OpenBlob<'_>,
        chunked: bool,
    ) -> Result<BlobPush, RegistryError> {
        let Some(opened) = self.begin(mount_from).await? else { return Ok(BlobPush::Mounted) };
        let input = open().map_err(|error| self.input(error))?;
        if chunked {
            self.in_chunks(opened, input).await?;
        } else {
            let body = self.take(input, self.blob.size).await?;
            self.finish(&opened.location, body).await?;
        }
        Ok(BlobPush::Uploaded)
    }

    /// Opens an upload; `None` when the blob was mounted. 202 to a mount means that it is to be sent.
    async fn begin(&self, mount_from: Option<&Repository>) -> Result<Option<Opened>, RegistryError> {
        let mut request = self.place.request(Method::POST, "blobs/uploads/", &self.what)?;
        let mut scopes = vec![self.place.scope("pull,push")];
        if let Some(from) = mount_from {
            let digest = self.blob.digest.to_string();
            request.url.query_pairs_mut().append_pair("mount", &digest).append_pair("from", &from.name);
            scopes.push(format!("repository:{}:pull", from.name));
        }
        request.body = Some(Bytes::new());
        let (url, access) = (request.url.clone(), self.place.access(&scopes));
        let answer = self.session.send_with(self.place, &access, request, Patience::Full).await?;
        let answer = answer.expect(&[201, 202], &self.what).await?;
        if answer.status() == 201 && mount_from.is_some() {
            return Ok(None);
        }
        let chunk_min = answer.header("oci-chunk-min-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Some(Opened { location: self.location(&url, &answer)?, chunk_min }))
    }

    async fn in_chunks(
        &self,
        opened: Opened,
        mut input: Box<dyn Read + Send + '_>,
    ) -> Result<(), RegistryError> {
        let chunk_bytes = self.session.options.upload.chunk_bytes.max(opened.chunk_min).max(1);
        if chunk_bytes > CHUNK_BYTES_MAX {
            let reason = format!(
                "the registry wants chunks of {chunk_bytes} bytes; {CHUNK_BYTES_MAX} is the most we hold"
            );
            return Err(RegistryError::Malformed { what: self.what.clone(), reason });
        }
        let (mut location, mut offset) = (opened.location, 0);
        while offset < self.blob.size {
            let length = chunk_bytes.min(self.blob.size - offset);
            let chunk = self.take(&mut input, length).await?;
            location = self.chunk(location, offset, chunk).await?;
            offset += length;
        }
        self.finish(&location, Bytes::new()).await
    }

    /// Sends one chunk. When it fails half way, the registry is asked how much it has.
    async fn chunk(
        &self,
        mut location: Url,
        mut offset: u64,
        mut chunk: Bytes,
    ) -> Result<Url, RegistryError> {
        let mut attempts = Attempts::new(&self.session.options.retry);
        loop {
            attempts.begin();
            let error = match self.patch(&location, offset, chunk.clone()).await {
                Ok(next) => return Ok(next),
                Err(error) => error,
            };
            let Some(wait) = passing(&error).and_then(|asked| attempts.wait(asked)) else {
                return Err(error);
            };
            tokio::time::sleep(wait).await;
            let (next, has) = self.progress(&location).await?;
            location = next;
            let taken = has.checked_sub(offset).and_then(|taken| usize::try_from(taken).ok());
            match taken.filter(|taken| *taken <= chunk.len()) {
                Some(taken) if taken == chunk.len() => return Ok(location),
                Some(taken) => drop(chunk.split_to(taken)),
                None => return Err(error),
            }
            offset = has;
        }
    }

    async fn patch(&self, location: &Url, offset: u64, chunk: Bytes) -> Result<Url, RegistryError> {
        let last = offset.saturating_add(chunk.len() as u64).saturating_sub(1);
        let mut request = self.request(Method::PATCH, location.clone(), chunk);
        let range = HeaderValue::from_str(&format!("{offset}-{last}"));
        request.headers.insert(CONTENT_RANGE, range.unwrap_or(HeaderValue::from_static("0-0")));
        let answer = self.session.send(self.place, "pull,push", request, Patience::Once).await?;
        let answer = answer.expect(&[202], &self.what).await?;
        self.location(location, &answer)
    }

    /// Where to go on, and how many bytes are there.
    async fn progress(&self, location: &Url) -> Result<(Url, u64), RegistryError> {
        let request = Request::new(Method::GET, location.clone(), &self.what);
        let answer = self.session.send(self.place, "pull,push", request, Patience::Full).await?;
        let answer = answer.expect(&[204], &self.what).await?;
        let has = answer.header("range").and_then(bytes_there).unwrap_or(0);
        Ok((self.location(location, &answer)?, has))
    }

    async fn finish(&self, location: &Url, body: Bytes) -> Result<(), RegistryError> {
        let mut url = location.clone();
        url.query_pairs_mut().append_pair("digest", &self.blob.digest.to_string());
        let request = self.request(Method::PUT, url, body);
        let answer = self.session.send(self.place, "pull,push", request, Patience::Once).await?;
        answer.expect(&[200, 201, 204], &self.what).await.map(drop)
    }

    fn request(&self, method: Method, url: Url, body: Bytes) -> Request {
        let mut request = Request::new(method, url, &self.what);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.body = Some(body);
        request
    }

    /// The next address. Registries behind a proxy that ends TLS often name themselves with `http`.
    fn location(&self, from: &Url, answer: &Answer) -> Result<Url, RegistryError> {
        let malformed =
            |reason: String| RegistryError::Malformed { what: format!("answer for {}", self.what), reason };
        let Some(text) = answer.header("location") else {
            // A chunk or a question about progress may be answered without: the address stays.
            return if from.path().ends_with("/blobs/uploads/") {
                Err(malformed("it has no `Location`".to_owned()))
            } else {
                Ok(from.clone())
            };
        };
        let mut next = from.join(text).map_err(|error| malformed(format!("bad `Location`: {error}")))?;
        if from.scheme() == "https" && next.scheme() == "http" && next.host_str() == from.host_str() {
            let _ = next.set_scheme("https");
            let _ = next.set_port(from.port());
        }
        self.session.check_step(from, &next, &self.what)?;
        let known = authority(&next).is_some() && next.username().is_empty() && next.password().is_none();
        if known { Ok(next) } else { Err(malformed("its `Location` has a user name".to_owned())) }
    }

    /// Exactly `length` bytes of the input.
    async fn take(&self, input: impl Read, length: u64) -> Result<Bytes, RegistryError> {
        let mut bytes = Vec::with_capacity(usize::try_from(length.min(CHUNK_BYTES_MAX)).unwrap_or(0));
        let count = input.take(length).read_to_end(&mut bytes).map_err(|error| self.input(error))?;
        if count as u64 == length {
            return Ok(Bytes::from(bytes));
        }
        Err(self
            .input(io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than its descriptor says")))
    }

    fn input(&self, source: io::Error) -> RegistryError {
        RegistryError::Input { what: self.what.clone(), source }
    }
}

/// `0-1023` or `bytes=0-1023` → 1024. Docker's registry says `0-0` of an empty upload; one byte is never a chunk.
fn bytes_there(range: &str) -> Option<u64> {
    let last: u64 = range.rsplit_once('-')?.1.trim().parse().ok()?;
    Some(if last == 0 { 0 } else { last.saturating_add(1) })
}

/// A refusal of the one-request form that chunks may get around.
fn wants_chunks(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Status { method, status: 400 | 405 | 411 | 413 | 416 | 501, .. } if *method == Method::PUT)
}

/// `Some` when the same may succeed later, with the wait that was asked for.
fn passing(error: &RegistryError) -> Option<Option<std::time::Duration>> {
    match error {
        RegistryError::Status { status, refusal, .. } if is_temporary(*status) => Some(refusal.retry_after),
        error if is_passing(error) => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_is_there() {
        assert_eq!(bytes_there("0-1023"), Some(1024));
        assert_eq!(bytes_there("bytes=0-1023"), Some(1024));
        assert_eq!(bytes_there("0-0"), Some(0));
        assert_eq!(bytes_there("0-18446744073709551615"), Some(u64::MAX));
        assert_eq!(bytes_there("many"), None);
    }
}

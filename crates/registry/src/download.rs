//! Blobs as a stream: resumed where it broke off, and handed over to a blocking reader.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderValue, RANGE};
use supercargo_content::Descriptor;
use tokio::sync::mpsc;

use crate::RegistryError;
use crate::host::{Endpoint, Repository};
use crate::manifest::{ACCEPTED, is_kept_as_manifest};
use crate::retry::Attempts;
use crate::session::Session;
use crate::transport::{Answer, is_passing};

/// Pieces between the network and the reader; each is what one read of a connection gives, at most some 400 KiB.
const PIECES_MAX: usize = 4;

/// A blob or manifest on its way.
pub(crate) struct Download {
    session: Arc<Session>,
    places: Vec<Endpoint>,
    path: String,
    what: String,
    /// The size of the descriptor, and where in it the reader is and ends.
    size: u64,
    offset: u64,
    end: u64,
    is_part: bool,
}

impl Download {
    pub(crate) fn new(
        session: Arc<Session>,
        repository: &Repository,
        what: &Descriptor,
    ) -> Result<Self, RegistryError> {
        let kind = if is_kept_as_manifest(&what.media_type) { "manifest" } else { "blob" };
        let places = Endpoint::for_reading(repository, &session.options)?;
        let path = format!("{kind}s/{}", what.digest);
        let what_text = format!("{kind} {} of {}", what.digest, repository.display());
        Ok(Self {
            session,
            places,
            path,
            what: what_text,
            size: what.size,
            offset: 0,
            end: what.size,
            is_part: false,
        })
    }

    /// The same for a part of it.
    pub(crate) fn part(self, offset: u64, len: u64) -> Self {
        Self { offset, end: offset.saturating_add(len).min(self.size), is_part: true, ..self }
    }

    /// Opens the stream of a part; `None` when no place serves parts, or serves other ones.
    pub(crate) async fn start_part(self) -> Result<Option<Incoming>, RegistryError> {
        match self.open().await {
            Ok(answer) if answer.status() == 206 => Ok(Some(self.feed(answer))),
            Ok(_) | Err(RegistryError::Malformed { .. } | RegistryError::Status { status: 416, .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the stream; the rest of it is read in the background, a little ahead of the reader.
    pub(crate) async fn start(self) -> Result<Incoming, RegistryError> {
        let answer = self.open().await?;
        Ok(self.feed(answer))
    }

    fn feed(mut self, answer: Answer) -> Incoming {
        let (sender, receiver) = mpsc::channel(PIECES_MAX);
        let (what, remaining) = (self.what.clone(), self.end.saturating_sub(self.offset));
        tokio::spawn(async move {
            if let Err(error) = self.pump(answer, &sender).await {
                // A reader that has gone away needs no error.
                let _ = sender.send(Err(error)).await;
            }
        });
        Incoming { receiver, piece: Bytes::new(), what, remaining }
    }

    async fn pump(&mut self, first: Answer, sender: &mpsc::Sender<Piece>) -> Result<(), RegistryError> {
        let session = Arc::clone(&self.session);
        let mut attempts = Attempts::new(&session.options.retry);
        let mut answer = first;
        loop {
            attempts.begin();
            let before = self.offset;
            let error = match self.forward(answer, sender).await {
                Ok(End::Reached) => return Ok(()),
                Ok(End::Early) => self.malformed("it ends early"),
                Err(error) if is_passing(&error) => error,
                Err(error) => return Err(error),
            };
            if self.offset > before {
                attempts.progress();
                attempts.begin();
            }
            let Some(wait) = attempts.wait(None) else { return Err(error) };
            tokio::time::sleep(wait).await;
            answer = self.open().await?;
        }
    }

    /// Hands over what one answer gives. A reader that has gone away is an end too.
    async fn forward(
        &mut self,
        mut answer: Answer,
        sender: &mpsc::Sender<Piece>,
    ) -> Result<End, RegistryError> {
        let mut skip = if answer.status() == 206 { 0 } else { self.offset };
        while let Some(mut piece) = answer.chunk(&self.what).await? {
            let skipped = skip.min(piece.len() as u64);
            skip -= skipped;
            drop(piece.split_to(usize::try_from(skipped).unwrap_or(usize::MAX).min(piece.len())));
            self.offset = self.offset.saturating_add(piece.len() as u64);
            if self.offset > self.end {
                return Err(RegistryError::TooLarge { what: self.what.clone(), limit_bytes: self.end });
            }
            if !piece.is_empty() && sender.send(Ok(piece)).await.is_err() {
                return Ok(End::Reached);
            }
        }
        Ok(if self.offset == self.end { End::Reached } else { End::Early })
    }

    /// Asks one place after the other for the bytes from the offset on.
    async fn open(&self) -> Result<Answer, RegistryError> {
        let mut last = self.malformed("there is no place to get it from");
        for place in &self.places {
            match self.open_at(place).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn open_at(&self, place: &Endpoint) -> Result<Answer, RegistryError> {
        let mut request = place.request(Method::GET, &self.path, &self.what)?;
        // Registries answer 404 to who does not accept the kind of a manifest, even when asked by digest.
        request.headers.insert(ACCEPT, ACCEPTED);
        if self.offset > 0 || self.is_part {
            let last = if self.end < self.size { (self.end - 1).to_string() } else { String::new() };
            let range = HeaderValue::from_str(&format!("bytes={}-{last}", self.offset));
            request.headers.insert(RANGE, range.map_err(|_| self.malformed("bad range"))?);
        }
        let answer = self.session.send(place, "pull", request, place.patience()).await?;
        let answer = answer.expect(&[200, 206], &self.what).await?;
        let (starts, expected) =
            if answer.status() == 206 { (self.offset, self.end - self.offset) } else { (0, self.size) };
        let range_fits =
            answer.status() == 200 || range_start(answer.header("content-range")) == Some(starts);
        if !range_fits || answer.content_length().is_some_and(|length| length != expected) {
            return Err(
                self.malformed(&format!("its length is not the {} bytes of its descriptor", self.size))
            );
        }
        Ok(answer)
    }

    fn malformed(&self, reason: &str) -> RegistryError {
        RegistryError::Malformed { what: self.what.clone(), reason: reason.to_owned() }
    }
}

/// How an answer ended.
enum End {
    Reached,
    Early,
}

/// `bytes 5-9/10` → 5.
fn range_start(header: Option<&str>) -> Option<u64> {
    header?.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

type Piece = Result<Bytes, RegistryError>;

/// The reading end. Not for use on a thread of an asynchronous runtime.
pub(crate) struct Incoming {
    receiver: mpsc::Receiver<Piece>,
    piece: Bytes,
    what: String,
    remaining: u64,
}

impl Read for Incoming {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None if self.remaining == 0 => return Ok(0),
                None => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        format!("{} ends early", self.what),
                    ));
                }
            }
        }
        let count = into.len().min(self.piece.len());
        let piece = self.piece.split_to(count);
        into.get_mut(..count).unwrap_or_default().copy_from_slice(&piece);
        self.remaining = self.remaining.saturating_sub(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_starts() {
        assert_eq!(range_start(Some("bytes 5-9/10")), Some(5));
        for bad in [None, Some(""), Some("bytes */10"), Some("5-9/10"), Some("bytes -5")] {
            assert_eq!(range_start(bad), None);
        }
    }
}

//! A digest on a thread of its own.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use supercargo_content::{Algorithm, Digest, Hasher};

/// Buffers that go round between the two threads, each as large as one read of the stream (256 KiB as a rule).
const BUFFERS_MAX: usize = 8;
/// Bytes of one buffer.
const BUFFER_BYTES: usize = 256 << 10;

/// What of a layer is done on a second thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overlap {
    /// Nothing.
    #[default]
    None,
    /// The digest of the unpacked bytes: worth it for a layer that is nearly the whole image. It costs a copy of the
    /// bytes, and 2 MiB.
    Digest,
}

/// The hasher of the unpacked bytes.
pub(crate) enum StreamHasher {
    Here(Hasher),
    Apart(Apart),
}

/// A hasher on its own thread, and the buffers that go there and come back.
pub(crate) struct Apart {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    made: usize,
    thread: JoinHandle<Hasher>,
}

impl StreamHasher {
    pub(crate) fn finish(self) -> io::Result<Digest> {
        match self {
            Self::Here(hasher) => Ok(hasher.finish()),
            Self::Apart(apart) => {
                drop(apart.full);
                let hasher = apart.thread.join();
                hasher.map(Hasher::finish).map_err(|_| io::Error::other("the thread that hashes has failed"))
            }
        }
    }
}

impl Apart {
    pub(crate) fn start(algorithm: Algorithm) -> Self {
        let (full, to_hash) = sync_channel(BUFFERS_MAX);
        let (hashed, empty) = channel();
        let thread = thread::spawn(move || hash_all(Hasher::new(algorithm), &to_hash, &hashed));
        Self { full, empty, made: 0, thread }
    }

    /// Adds bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        bytes.chunks(BUFFER_BYTES).for_each(|chunk| self.send(chunk));
    }

    /// Copies into a buffer that came back, or into one of the first few. If the other thread has failed, `finish` says
    /// so.
    fn send(&mut self, bytes: &[u8]) {
        let mut buffer = match self.empty.try_recv() {
            Ok(buffer) => buffer,
            Err(_) if self.made < BUFFERS_MAX => {
                self.made += 1;
                Vec::with_capacity(BUFFER_BYTES)
            }
            Err(_) => self.empty.recv().unwrap_or_default(),
        };
        buffer.clear();
        buffer.extend_from_slice(bytes);
        let _ = self.full.send(buffer);
    }
}

fn hash_all(mut hasher: Hasher, full: &Receiver<Vec<u8>>, empty: &Sender<Vec<u8>>) -> Hasher {
    for buffer in full {
        hasher.update(&buffer);
        // Nobody takes it back once the stream has ended.
        let _ = empty.send(buffer);
    }
    hasher
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_say_the_same() {
        for length in [0, 1, BUFFER_BYTES, 40 * BUFFER_BYTES + 3] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let (mut apart, mut here) = (Apart::start(Algorithm::Sha256), Hasher::new(Algorithm::Sha256));
            for chunk in bytes.chunks(100_000) {
                apart.update(chunk);
                here.update(chunk);
            }
            let expected = Digest::sha256_of(&bytes);
            assert_eq!(StreamHasher::Apart(apart).finish().unwrap(), expected);
            assert_eq!(StreamHasher::Here(here).finish().unwrap(), expected);
        }
    }
}

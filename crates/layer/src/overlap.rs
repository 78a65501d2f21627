//! A digest on a thread of its own.

use std::io;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use supercargo_content::{Algorithm, Digest, Hasher};

use crate::window::WINDOW_BYTES;

/// Buffers that go round between the two threads.
const BUFFERS_MAX: usize = 8;

/// What of a layer is done on a second thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overlap {
    /// Nothing.
    #[default]
    None,
    /// The digest of the unpacked bytes: worth it for a layer that is nearly the whole image. It costs 2 MiB.
    Digest,
}

/// The hasher of the unpacked bytes.
pub(crate) enum StreamHasher {
    Here(Hasher),
    Apart(Apart),
}

/// A buffer, and what of it is to be hashed.
type Full = (Box<[u8]>, Range<usize>);

/// A hasher on its own thread, and the buffers that go there and come back. Nothing is copied for it: a buffer goes there
/// when all of it has been looked at here.
pub(crate) struct Apart {
    full: SyncSender<Full>,
    empty: Receiver<Box<[u8]>>,
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

    /// A buffer of [`WINDOW_BYTES`] that came back, or one of the first few.
    pub(crate) fn buffer(&mut self) -> Box<[u8]> {
        let make = || vec![0; WINDOW_BYTES].into();
        match self.empty.try_recv() {
            Ok(buffer) => buffer,
            Err(_) if self.made < BUFFERS_MAX => {
                self.made += 1;
                make()
            }
            // When the other thread has failed, `finish` says so.
            Err(_) => self.empty.recv().unwrap_or_else(|_| make()),
        }
    }

    /// Adds the bytes of a buffer, and gives it away.
    pub(crate) fn send(&mut self, buffer: Box<[u8]>, range: Range<usize>) {
        let _ = self.full.send((buffer, range));
    }
}

fn hash_all(mut hasher: Hasher, full: &Receiver<Full>, empty: &Sender<Box<[u8]>>) -> Hasher {
    for (buffer, range) in full {
        hasher.update(buffer.get(range).unwrap_or_default());
        // Nobody takes it back once the stream has ended.
        let _ = empty.send(buffer);
    }
    hasher
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::window::Window;

    #[test]
    fn all_that_is_read_is_hashed_once_however_it_is_taken() {
        for length in [0, 1, WINDOW_BYTES, 40 * WINDOW_BYTES + 3] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            for wanted in [1, 512, 100_000, WINDOW_BYTES] {
                let mut window = Window::new(bytes.as_slice());
                window.hash_apart(Apart::start(Algorithm::Sha256));
                let mut taken = 0;
                loop {
                    let held = window.fill(wanted).unwrap();
                    assert_eq!(held, &bytes[taken..taken + held.len()]);
                    let some = held.len().min(wanted.max(700));
                    window.consume(some);
                    taken += some;
                    if some == 0 {
                        break;
                    }
                }
                let apart = window.end_apart().unwrap();
                assert_eq!(
                    StreamHasher::Apart(apart).finish().unwrap(),
                    Digest::sha256_of(&bytes),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn large_reads_are_hashed_too_and_another_digest_beside() {
        let bytes: Vec<u8> = (0..5 * WINDOW_BYTES).map(|at| (at % 253) as u8).collect();
        let mut window = Window::new(bytes.as_slice());
        window.hash_apart(Apart::start(Algorithm::Sha256));
        let mut first = vec![0; 2 * WINDOW_BYTES];
        window.read_exact(&mut first).unwrap();
        window.begin_beside(Hasher::new(Algorithm::Sha256));
        assert_eq!(window.skip(WINDOW_BYTES as u64 + 9).unwrap(), 0);
        let beside = window.end_beside().unwrap().finish();
        assert_eq!(beside, Digest::sha256_of(&bytes[2 * WINDOW_BYTES..3 * WINDOW_BYTES + 9]));
        assert!(window.skip(u64::MAX).unwrap() > 0);
        let apart = window.end_apart().unwrap();
        assert_eq!(StreamHasher::Apart(apart).finish().unwrap(), Digest::sha256_of(&bytes));
    }
}

//! Looking for the next record in bytes that come in pieces.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::record::DESCRIPTOR_BYTES_MAX;

/// Bytes before a signature that are shown with it.
const BEFORE: usize = DESCRIPTOR_BYTES_MAX;
/// Bytes kept of the pieces before: what may belong to a signature that is not complete, and what stands before it.
const KEPT: usize = BEFORE + 3;

/// Made once: archives have members by the ten thousand.
static PK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"PK"));

/// A place that begins like a record.
pub(super) struct Hit<'a> {
    /// Up to 24 bytes before the signature.
    pub(super) before: &'a [u8],
    pub(super) signature: [u8; 4],
    /// Bytes from where the search began to the signature.
    pub(super) distance: u64,
}

/// A search for `PK` and two more bytes.
#[derive(Debug, Default)]
pub(super) struct Search {
    history: Vec<u8>,
    passed: u64,
}

impl Search {
    /// The signature of the first hit that is accepted, and the bytes of `piece` up to its end. `None` takes the
    /// whole piece.
    pub(super) fn find(
        &mut self,
        piece: &[u8],
        accept: &mut dyn FnMut(&Hit<'_>) -> bool,
    ) -> Option<([u8; 4], usize)> {
        let found = self.at_the_edge(piece, accept).or_else(|| self.inside(piece, accept));
        if found.is_none() {
            self.remember(piece);
        }
        found
    }

    /// Signatures that begin in earlier pieces, or so early that what stands before them does.
    fn at_the_edge(
        &self,
        piece: &[u8],
        accept: &mut dyn FnMut(&Hit<'_>) -> bool,
    ) -> Option<([u8; 4], usize)> {
        let old = self.history.len();
        let mut edge = [0; 2 * KEPT];
        let fresh = piece.len().min(KEPT);
        let length = old + fresh;
        edge.get_mut(..old)?.copy_from_slice(&self.history);
        edge.get_mut(old..length)?.copy_from_slice(piece.get(..fresh)?);
        let edge = edge.get(..length)?;
        let starts = PK.find_iter(edge).filter(|at| at + 4 > old && *at < old + BEFORE);
        for at in starts {
            let Some(signature) = edge.get(at..).and_then(|rest| rest.first_chunk::<4>()) else { break };
            let before = edge.get(at.saturating_sub(BEFORE)..at).unwrap_or_default();
            let distance = (self.passed + at as u64).saturating_sub(old as u64);
            if accept(&Hit { before, signature: *signature, distance }) {
                return Some((*signature, at + 4 - old));
            }
        }
        None
    }

    fn inside(&self, piece: &[u8], accept: &mut dyn FnMut(&Hit<'_>) -> bool) -> Option<([u8; 4], usize)> {
        let rest = piece.get(BEFORE..)?;
        for at in PK.find_iter(rest).map(|at| at + BEFORE) {
            let signature = piece.get(at..).and_then(|rest| rest.first_chunk::<4>())?;
            let before = piece.get(at - BEFORE..at).unwrap_or_default();
            if accept(&Hit { before, signature: *signature, distance: self.passed + at as u64 }) {
                return Some((*signature, at + 4));
            }
        }
        None
    }

    fn remember(&mut self, piece: &[u8]) {
        self.passed += piece.len() as u64;
        if piece.len() >= KEPT {
            self.history.clear();
        }
        self.history.extend_from_slice(piece.get(piece.len().saturating_sub(KEPT)..).unwrap_or_default());
        let surplus = self.history.len().saturating_sub(KEPT);
        self.history.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hit_is_seen_once_whatever_the_pieces() {
        let mut bytes: Vec<u8> = (0..200).map(|at| at as u8 | 0x80).collect();
        for at in [0, 3, 30, 57, 61, 120, 196] {
            bytes[at..at + 4].copy_from_slice(b"PK\x03\x04");
        }
        for size in 1..=bytes.len() {
            let (mut search, mut seen) = (Search::default(), Vec::new());
            for piece in bytes.chunks(size) {
                let found = search.find(piece, &mut |hit| {
                    let at = hit.distance as usize;
                    assert_eq!(hit.before, &bytes[at.saturating_sub(BEFORE)..at], "size {size}");
                    seen.push(at);
                    false
                });
                assert!(found.is_none());
            }
            // The second overwrites the end of the first.
            assert_eq!(seen, [0, 3, 30, 57, 61, 120, 196].map(|at| at), "size {size}");
        }
    }
}

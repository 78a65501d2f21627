//! Digests computed piece by piece, alone or several at a time.

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha512};

use crate::lanes::{self, BLOCK_BYTES, Stream};
use crate::{Algorithm, Digest};

/// The state before the first block (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// Where the length stands in the last block.
const LENGTH_AT: usize = 56;

/// Computes a [`Digest`] piece by piece.
#[derive(Clone)]
pub struct Hasher(State);

/// A digest and bytes to be added to it.
pub type Share<'a> = (&'a mut Hasher, &'a [u8]);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// A hasher that has seen nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Box::default()),
        })
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Adds to each digest its bytes, side by side: two SHA-256 take a quarter more time than one, and no more than one
    /// where both are of the same bytes.
    pub fn update_all<'a>(shares: impl IntoIterator<Item = Share<'a>>) {
        lanes::compress(shares.into_iter().filter_map(|(hasher, bytes)| hasher.begin(bytes)).collect());
    }

    /// Takes bytes; the whole blocks among them are still to be compressed.
    fn begin<'a>(&'a mut self, bytes: &'a [u8]) -> Option<Stream<'a>> {
        match &mut self.0 {
            State::Sha256(state) => {
                let blocks = state.take(bytes);
                Some(Stream { state: &mut state.state, blocks })
            }
            State::Sha512(state) => {
                state.update(bytes);
                None
            }
        }
    }

    /// The digest of all bytes added.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(state) => Digest::of_raw(Algorithm::Sha256, &state.finish()),
            State::Sha512(state) => Digest::of_raw(Algorithm::Sha512, &state.finalize()),
        }
    }
}

/// SHA-256 over blocks (FIPS 180-4, section 6.2); the block function is that of `sha2`.
#[derive(Clone)]
struct Sha256 {
    state: [u32; 8],
    /// The block that is not complete.
    begun: [u8; BLOCK_BYTES],
    held: usize,
    bytes: u64,
}

impl Sha256 {
    fn new() -> Self {
        Self { state: INITIAL, begun: [0; BLOCK_BYTES], held: 0, bytes: 0 }
    }

    fn update(&mut self, bytes: &[u8]) {
        let blocks = self.take(bytes);
        compress256(&mut self.state, blocks);
    }

    /// Completes the block that was begun and keeps what makes no whole block; the blocks between are to be compressed.
    fn take<'b>(&mut self, bytes: &'b [u8]) -> &'b [[u8; BLOCK_BYTES]] {
        self.bytes = self.bytes.wrapping_add(bytes.len() as u64);
        let mut bytes = bytes;
        if self.held > 0 {
            let (head, rest) = bytes.split_at((BLOCK_BYTES - self.held).min(bytes.len()));
            self.begun[self.held..self.held + head.len()].copy_from_slice(head);
            self.held += head.len();
            if self.held < BLOCK_BYTES {
                return &[];
            }
            compress256(&mut self.state, std::slice::from_ref(&self.begun));
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
        self.begun[..rest.len()].copy_from_slice(rest);
        self.held = rest.len();
        blocks
    }

    fn finish(mut self) -> [u8; 32] {
        let bits = self.bytes.wrapping_mul(8);
        let zeros = (BLOCK_BYTES + LENGTH_AT - 1 - self.held) % BLOCK_BYTES;
        let mut padding = [0; BLOCK_BYTES];
        padding[0] = 0x80;
        self.update(&padding[..=zeros]);
        self.update(&bits.to_be_bytes());
        let mut digest = [0; 32];
        digest
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .zip(self.state)
            .for_each(|(to, word)| *to = word.to_be_bytes());
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 % 251) as u8).collect()
    }

    fn expected(bytes: &[u8]) -> Digest {
        Digest::from_bytes(Algorithm::Sha256, &sha2::Sha256::digest(bytes)).unwrap()
    }

    #[test]
    fn every_length_and_every_cut_is_the_digest_of_the_crate() {
        let all = bytes(300);
        for length in 0..all.len() {
            for cut in [0, 1, 55, 63, 64, 65, 128].map(|cut| cut.min(length)) {
                let mut hasher = Hasher::new(Algorithm::Sha256);
                hasher.update(&all[..cut]);
                hasher.update(&all[cut..length]);
                assert_eq!(hasher.finish(), expected(&all[..length]), "{length}, cut at {cut}");
            }
        }
    }

    #[test]
    fn several_at_a_time_are_the_same_as_one_after_the_other() {
        let all = bytes(5000);
        for lengths in
            [[0, 0, 0], [1, 4000, 64], [640, 640, 640], [129, 64, 4999], [4999, 65, 0], [0, 300, 2000]]
        {
            let mut hashers = [(); 3].map(|()| Hasher::new(Algorithm::Sha256));
            let step = (lengths.iter().max().unwrap() / 3).max(1);
            for (from, to) in (0..4).map(|at| (at * step, (at + 1) * step)) {
                let part = |length: usize| all.get(from.min(length)..to.min(length)).unwrap();
                let [one, two, three] = &mut hashers;
                let [first, second, third] = lengths.map(part);
                Hasher::update_all([(one, first), (two, second), (three, third)]);
            }
            let found = hashers.map(Hasher::finish);
            assert_eq!(found, lengths.map(|length| expected(&all[..length])), "{lengths:?}");
        }
    }

    #[test]
    fn different_algorithms_go_together_too() {
        let all = bytes(1000);
        let (mut short, mut long) = (Hasher::new(Algorithm::Sha256), Hasher::new(Algorithm::Sha512));
        Hasher::update_all([(&mut long, &all[..]), (&mut short, &all[..70])]);
        assert_eq!(short.finish(), expected(&all[..70]));
        let sha512 = Digest::from_bytes(Algorithm::Sha512, &Sha512::digest(&all)).unwrap();
        assert_eq!(long.finish(), sha512);
    }
}

//! The block function of SHA-256 (FIPS 180-4, section 6.2) over several streams at once.
//!
//! Each round waits for the one before it, and the SHA instructions of x86-64 take four cycles: two streams whose
//! instructions alternate take little more time than one. Two streams of the same bytes share the message schedule
//! as well, and the second costs nothing. Elsewhere streams take turns.

use sha2::block_api::compress256;

pub(crate) const BLOCK_BYTES: usize = 64;
pub(crate) type State = [u32; 8];
pub(crate) type Block = [u8; BLOCK_BYTES];

/// A state and blocks on their way into it.
pub(crate) struct Stream<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) blocks: &'a [Block],
}

impl Stream<'_> {
    /// The first `count` blocks, which are then gone.
    fn head(&mut self, count: usize) -> Stream<'_> {
        let (head, rest) = self.blocks.split_at(count.min(self.blocks.len()));
        self.blocks = rest;
        Stream { state: self.state, blocks: head }
    }

    fn has_bytes_of(&self, other: &Stream<'_>) -> bool {
        std::ptr::eq(self.blocks, other.blocks)
    }
}

/// Compresses all blocks of all streams.
pub(crate) fn compress(mut streams: Vec<Stream<'_>>) {
    streams.retain(|stream| !stream.blocks.is_empty());
    while let Some(count) = streams.iter().map(|stream| stream.blocks.len()).min() {
        let mut heads: Vec<_> = streams.iter_mut().map(|stream| stream.head(count)).collect();
        if heads.len() == 1 || !together(&mut heads) {
            in_turns(heads);
        }
        streams.retain(|stream| !stream.blocks.is_empty());
    }
}

/// One block of each stream after the other: a processor that looks ahead fills its gaps with the next one.
fn in_turns(mut streams: Vec<Stream<'_>>) {
    let turn = if streams.len() == 1 { usize::MAX } else { 1 };
    while streams.iter().any(|stream| !stream.blocks.is_empty()) {
        for stream in &mut streams {
            let head = stream.head(turn);
            compress256(head.state, head.blocks);
        }
    }
}

#[cfg(target_arch = "x86_64")]
use x86::together;

/// Compresses streams of the same number of blocks, where the processor can do it; `false` where nothing was done.
#[cfg(not(target_arch = "x86_64"))]
fn together(_: &mut [Stream<'_>]) -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::is_x86_feature_detected;
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
        _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
        _mm_shuffle_epi8, _mm_shuffle_epi32,
    };

    use super::{Block, State, Stream};

    /// FIPS 180-4, section 4.2.2.
    #[rustfmt::skip]
    const K: [[u32; 4]; 16] = [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5], [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3], [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc], [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7], [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13], [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3], [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5], [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208], [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ];

    /// Both halves of a state in the order that the instructions want: A B E F and C D G H.
    type Halves = (__m128i, __m128i);

    pub(super) fn together(streams: &mut [Stream<'_>]) -> bool {
        if !(is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1"))
        {
            return false;
        }
        streams.sort_by_key(|stream| stream.blocks.as_ptr());
        #[expect(unsafe_code, reason = "the processor has the instructions: asked for just above")]
        // SAFETY: the three features of `grouped` were found, and it has no other condition.
        unsafe {
            grouped(streams);
        }
        true
    }

    /// Up to two streams of the same bytes beside up to one of others.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn grouped(streams: &mut [Stream<'_>]) {
        match streams {
            [] => {}
            [one] => run([one.state], one.blocks, [], one.blocks),
            [one, two, rest @ ..] if one.has_bytes_of(two) => match rest {
                [] => run([one.state, two.state], one.blocks, [], one.blocks),
                [other, rest @ ..] => {
                    run([one.state, two.state], one.blocks, [other.state], other.blocks);
                    grouped(rest);
                }
            },
            [other, one, two, rest @ ..] if one.has_bytes_of(two) => {
                run([one.state, two.state], one.blocks, [other.state], other.blocks);
                grouped(rest);
            }
            [one, other, rest @ ..] => {
                run([one.state], one.blocks, [other.state], other.blocks);
                grouped(rest);
            }
        }
    }

    /// `N` states over the same blocks, and `M` over others, as many.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn run<const N: usize, const M: usize>(
        first: [&mut State; N],
        blocks: &[Block],
        second: [&mut State; M],
        others: &[Block],
    ) {
        let (mut one, mut two) = (load_all(&first), load_all(&second));
        for (block, other) in blocks.iter().zip(others) {
            let (before_one, before_two) = (one, two);
            let (mut words, mut other_words) = (load(block), load(other));
            // Written out, because the compiler must keep the words in registers.
            macro_rules! rounds {
                ($($at:literal)*) => { $(
                    four_rounds(&mut one, next(&mut words, $at), K[$at]);
                    if M > 0 {
                        four_rounds(&mut two, next(&mut other_words, $at), K[$at]);
                    }
                )* };
            }
            rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
            add(&mut one, &before_one);
            add(&mut two, &before_two);
        }
        store_all(first, one);
        store_all(second, two);
    }

    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn four_rounds<const N: usize>(states: &mut [Halves; N], words: __m128i, k: [u32; 4]) {
        let [k0, k1, k2, k3] = k.map(u32::cast_signed);
        let low = _mm_add_epi32(words, _mm_set_epi32(k3, k2, k1, k0));
        let high = _mm_shuffle_epi32::<0x0e>(low);
        for state in &mut *states {
            state.1 = _mm_sha256rnds2_epu32(state.1, state.0, low);
        }
        for state in states {
            state.0 = _mm_sha256rnds2_epu32(state.0, state.1, high);
        }
    }

    /// Four words of the message schedule; the last sixteen are kept.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn next(words: &mut [__m128i; 4], at: usize) -> __m128i {
        if at < 4 {
            return words[at];
        }
        let [w0, w1, w2, w3] = *words;
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8::<4>(w3, w2));
        let new = _mm_sha256msg2_epu32(sum, w3);
        *words = [w1, w2, w3, new];
        new
    }

    /// The sixteen words of a block, which are big-endian.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn load(block: &Block) -> [__m128i; 4] {
        let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        let parts = block.as_chunks::<8>().0;
        let mut words = [_mm_setzero_si128(); 4];
        for (words, parts) in words.iter_mut().zip(parts.as_chunks::<2>().0) {
            let [low, high] = parts.map(i64::from_le_bytes);
            *words = _mm_shuffle_epi8(_mm_set_epi64x(high, low), swap);
        }
        words
    }

    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn load_all<const N: usize>(states: &[&mut State; N]) -> [Halves; N] {
        let mut all = [(_mm_setzero_si128(), _mm_setzero_si128()); N];
        for (halves, state) in all.iter_mut().zip(states) {
            let [a, b, c, d, e, f, g, h] = state.map(u32::cast_signed);
            *halves = (_mm_set_epi32(a, b, e, f), _mm_set_epi32(c, d, g, h));
        }
        all
    }

    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn store_all<const N: usize>(states: [&mut State; N], all: [Halves; N]) {
        for (state, (left, right)) in states.into_iter().zip(all) {
            let [f, e, b, a] = words_of(left);
            let [h, g, d, c] = words_of(right);
            *state = [a, b, c, d, e, f, g, h];
        }
    }

    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn words_of(half: __m128i) -> [u32; 4] {
        let words = [
            _mm_extract_epi32::<0>(half),
            _mm_extract_epi32::<1>(half),
            _mm_extract_epi32::<2>(half),
            _mm_extract_epi32::<3>(half),
        ];
        words.map(i32::cast_unsigned)
    }

    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn add<const N: usize>(states: &mut [Halves; N], before: &[Halves; N]) {
        for (state, before) in states.iter_mut().zip(before) {
            *state = (_mm_add_epi32(state.0, before.0), _mm_add_epi32(state.1, before.1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: State = [1, 2, 3, 4, 5, 6, 7, 8];

    fn blocks(seed: usize) -> Vec<Block> {
        (0..9).map(|at| std::array::from_fn(|byte| ((at * 64 + byte) * 7 + seed * 31) as u8)).collect()
    }

    fn alone(blocks: &[Block]) -> State {
        let mut state = INITIAL;
        compress256(&mut state, blocks);
        state
    }

    /// Which bytes each stream has, and how many blocks of them.
    const SHAPES: &[&[(usize, usize)]] = &[
        &[],
        &[(0, 9)],
        &[(0, 9), (1, 9)],
        &[(0, 9), (0, 9)],
        &[(0, 9), (0, 8)],
        &[(1, 3), (0, 9), (0, 9)],
        &[(0, 9), (1, 3), (0, 9)],
        &[(0, 9), (0, 9), (1, 3)],
        &[(0, 9), (1, 0), (2, 4)],
        &[(0, 5), (1, 5), (2, 5)],
        &[(0, 5), (0, 5), (0, 5)],
        &[(0, 5), (1, 5), (0, 5), (1, 5), (2, 9)],
    ];

    fn check(how: impl Fn(Vec<Stream<'_>>)) {
        let bytes = [blocks(0), blocks(1), blocks(2)];
        for shape in SHAPES {
            let mut states = vec![INITIAL; shape.len()];
            let streams = states
                .iter_mut()
                .zip(*shape)
                .map(|(state, &(of, count))| Stream { state, blocks: &bytes[of][..count] })
                .collect();
            how(streams);
            let expected: Vec<State> = shape.iter().map(|&(of, count)| alone(&bytes[of][..count])).collect();
            assert_eq!(states, expected, "{shape:?}");
        }
    }

    #[test]
    fn streams_side_by_side_end_as_each_alone() {
        check(compress);
    }

    #[test]
    fn streams_in_turns_end_as_each_alone() {
        check(in_turns);
    }
}

//! Numbers and words that look random and never change.

/// The xorshift64 generator of Marsaglia: small, fast, the same everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator with a seed; 0 counts as 1.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below a bound above 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// Bytes that do not compress.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len.div_ceil(8)).flat_map(|_| self.number().to_le_bytes()).take(len).collect()
    }

    /// So many hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits).filter_map(|_| char::from_digit(u32::try_from(self.below(16)).ok()?, 16)).collect()
    }

    /// A made-up word of a small vocabulary, so that texts of it compress as texts do.
    pub fn word(&mut self) -> String {
        const SYLLABLES: &[&str] =
            &["ka", "ro", "min", "tel", "su", "bar", "lo", "nix", "der", "pa", "vi", "gon"];
        let mut rest = self.below(1 << 10);
        let mut word = String::new();
        for _ in 0..3 {
            word += SYLLABLES.get(usize::try_from(rest % 12).unwrap_or_default()).unwrap_or(&"x");
            rest /= 12;
        }
        word
    }

    /// Lines of words, at least so many bytes.
    pub fn text(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 80);
        while text.len() < bytes {
            let words: Vec<String> = (0..8).map(|_| self.word()).collect();
            text += &words.join(" ");
            text.push('\n');
        }
        text
    }
}

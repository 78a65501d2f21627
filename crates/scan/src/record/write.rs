//! Values → bytes. The same values give the same bytes on every machine.

use supercargo_content::{Algorithm, Digest};
use supercargo_inventory::{ImagePath, LayerRef};

use super::Inexpressible;
use super::code::Coded;

/// Writes numbers as LEB128, texts with their length, and paths as what differs from the path before.
pub(super) struct Writer<'a> {
    bytes: Vec<u8>,
    path_before: String,
    layers: &'a [LayerRef],
    inexpressible: Option<Inexpressible>,
}

impl<'a> Writer<'a> {
    /// Appends to `head`. References to layers are written as positions in `layers`.
    pub(super) fn new(head: Vec<u8>, layers: &'a [LayerRef]) -> Self {
        Self { bytes: head, path_before: String::new(), layers, inexpressible: None }
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, Inexpressible> {
        self.inexpressible.map_or(Ok(self.bytes), Err)
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.bytes.push(u8::from(flag));
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.raw(text.as_bytes());
    }

    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn optional_text(&mut self, text: Option<&str>) {
        self.optional(text, Self::text);
    }

    pub(super) fn list<'t, T: 't>(
        &mut self,
        items: impl ExactSizeIterator<Item = &'t T>,
        mut write: impl FnMut(&mut Self, &'t T),
    ) {
        self.number(items.len() as u64);
        items.for_each(|item| write(self, item));
    }

    /// A path of this record, which is likely to begin like the one before.
    pub(super) fn path(&mut self, path: &ImagePath) {
        let text = path.as_str();
        let shared = shared_prefix(&self.path_before, text);
        self.number(shared as u64);
        self.text(text.get(shared..).unwrap_or_default());
        self.path_before.truncate(shared);
        self.path_before.push_str(text.get(shared..).unwrap_or_default());
    }

    pub(super) fn digest(&mut self, digest: &Digest) {
        self.number(match digest.algorithm() {
            Algorithm::Sha256 => 0,
            Algorithm::Sha512 => 1,
        });
        self.raw(&digest.to_bytes());
    }

    /// Hexadecimal digits as bytes, any other text as it is.
    pub(super) fn hex(&mut self, text: &str) {
        let packed = packed(text);
        self.flag(packed.is_some());
        match packed {
            Some(bytes) => self.raw(&bytes),
            None => self.text(text),
        }
    }

    /// A layer by its position from 1; 0 is the place that nobody has filled in yet.
    pub(super) fn layer(&mut self, layer: &LayerRef) {
        let is_blank = layer.index == 0 && layer.diff_id.is_none() && layer.blob.is_none();
        let found = self.layers.iter().position(|known| known == layer);
        match found {
            Some(position) => self.number(position as u64 + 1),
            None if is_blank => self.number(0),
            None => self.refuse("layer"),
        }
    }

    /// A value of an enumeration.
    pub(super) fn coded(&mut self, value: impl Coded) {
        self.number(value.code());
    }

    pub(super) fn refuse(&mut self, what: &'static str) {
        self.inexpressible = Some(Inexpressible(what));
    }
}

/// Bytes that two texts have in common at their beginning, at a boundary of characters.
fn shared_prefix(a: &str, b: &str) -> usize {
    let mut shared = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !b.is_char_boundary(shared) {
        shared -= 1;
    }
    shared
}

/// The bytes of an even number of lowercase hexadecimal digits.
fn packed(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if text.len() % 2 == 1 {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

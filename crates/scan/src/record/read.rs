//! Bytes → values. Nothing is believed: every length is compared with what is there and what is allowed.

use supercargo_content::{Algorithm, Digest};
use supercargo_ecosystems::Ecosystem;
use supercargo_inventory::{EcosystemId, ImagePath, LayerRef};

use super::code::Coded;
use super::{RecordError, RecordLimits};

/// Items of a list that room is made for before they are read.
const ITEMS_AT_ONCE: usize = 1024;

/// What reading gives.
pub(crate) type Read<T> = Result<T, RecordError>;

/// Reads what [`Writer`](super::write::Writer) wrote.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    path_before: String,
    layers: Vec<LayerRef>,
    table: &'a [&'a dyn Ecosystem],
    items_left: u64,
    text_bytes_max: u64,
}

impl<'a> Reader<'a> {
    /// References to ecosystems are looked up in `table`.
    pub(super) fn new(body: &'a [u8], table: &'a [&'a dyn Ecosystem], limits: &RecordLimits) -> Self {
        Self {
            rest: body,
            path_before: String::new(),
            layers: Vec::new(),
            table,
            items_left: limits.items_max,
            text_bytes_max: limits.text_bytes_max,
        }
    }

    /// The layers that references to layers mean from here on.
    pub(super) fn set_layers(&mut self, layers: Vec<LayerRef>) {
        self.layers = layers;
    }

    pub(super) fn finish(self) -> Read<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(RecordError::Rest(self.rest.len())) }
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(RecordError::End)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let &[byte] = self.take(1)? else { return Err(RecordError::End) };
            let part = u64::from(byte & 0x7f);
            if (shift == 63 && part > 1) || (shift > 0 && byte == 0) {
                return Err(RecordError::Number);
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(RecordError::Number)
    }

    pub(super) fn small(&mut self) -> Read<u32> {
        u32::try_from(self.number()?).map_err(|_| RecordError::Number)
    }

    pub(super) fn flag(&mut self) -> Read<bool> {
        match self.take(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            other => {
                Err(RecordError::Code { what: "flag", found: other.first().copied().map_or(0, u64::from) })
            }
        }
    }

    pub(super) fn raw(&mut self) -> Read<&'a [u8]> {
        let length = self.number()?;
        if length > self.text_bytes_max {
            return Err(RecordError::TextLength { found: length, limit: self.text_bytes_max });
        }
        self.take(usize::try_from(length).map_err(|_| RecordError::End)?)
    }

    fn text_slice(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.raw()?).map_err(|_| RecordError::Text)
    }

    pub(super) fn text(&mut self) -> Read<String> {
        self.text_slice().map(str::to_owned)
    }

    pub(super) fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(super) fn optional_text(&mut self) -> Read<Option<String>> {
        self.optional(Self::text)
    }

    pub(super) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.count()?;
        // No more than that in advance: a claim is cheaper than the room for it.
        let mut items = Vec::with_capacity(usize::try_from(count).unwrap_or(usize::MAX).min(ITEMS_AT_ONCE));
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// The length of a list. Every item takes a byte at least, so it cannot claim more of them than bytes are left.
    pub(super) fn count(&mut self) -> Read<u64> {
        let count = self.number()?;
        let left = self.items_left.min(self.rest.len() as u64);
        if count > left {
            return Err(RecordError::Items { found: count, left });
        }
        self.items_left -= count;
        Ok(count)
    }

    pub(super) fn path(&mut self) -> Read<ImagePath> {
        let shared = usize::try_from(self.number()?).map_err(|_| RecordError::Path)?;
        let rest = self.text_slice()?;
        if !self.path_before.is_char_boundary(shared) || shared > self.path_before.len() {
            return Err(RecordError::Path);
        }
        self.path_before.truncate(shared);
        self.path_before.push_str(rest);
        let path = ImagePath::new(&self.path_before);
        if path.as_str() == self.path_before { Ok(path) } else { Err(RecordError::Path) }
    }

    /// A path that has nothing in common with the one before, and is not counted as one.
    pub(super) fn plain_path(&mut self) -> Read<ImagePath> {
        let text = self.text_slice()?;
        let path = ImagePath::new(text);
        if path.as_str() == text { Ok(path) } else { Err(RecordError::Path) }
    }

    pub(super) fn digest(&mut self) -> Read<Digest> {
        let algorithm = match self.number()? {
            0 => Algorithm::Sha256,
            1 => Algorithm::Sha512,
            found => return Err(RecordError::Code { what: "digest algorithm", found }),
        };
        let bytes = self.raw()?;
        Digest::from_bytes(algorithm, bytes)
            .ok_or(RecordError::Code { what: "digest length", found: bytes.len() as u64 })
    }

    pub(super) fn hex(&mut self) -> Read<String> {
        if !self.flag()? {
            return self.text();
        }
        let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
        Ok(self.raw()?.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
    }

    pub(super) fn layer(&mut self) -> Read<LayerRef> {
        let found = self.number()?;
        let Some(position) = found.checked_sub(1) else {
            return Ok(LayerRef { index: 0, diff_id: None, blob: None });
        };
        let layer = usize::try_from(position).ok().and_then(|position| self.layers.get(position));
        layer.cloned().ok_or(RecordError::Reference { what: "layer", found })
    }

    pub(super) fn ecosystem(&mut self) -> Read<EcosystemId> {
        let name = self.text_slice()?;
        let known = self.table.iter().map(|ecosystem| ecosystem.id()).find(|id| id.0 == name);
        known.ok_or_else(|| RecordError::Ecosystem(name.chars().take(40).collect()))
    }

    /// A value of an enumeration.
    pub(super) fn coded<T: Coded>(&mut self) -> Read<T> {
        let found = self.number()?;
        let value = T::ALL.iter().copied().find(|value| value.code() == found);
        value.ok_or(RecordError::Code { what: T::WHAT, found })
    }
}

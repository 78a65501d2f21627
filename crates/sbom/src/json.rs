//! JSON that is stable, easy to compare, and harmless on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::ser::Formatter;

use crate::text::is_treacherous;

/// Writes `value` with two spaces of indentation. No newline follows: the bytes are exactly the JSON value, so what
/// is attested and fetched again is what was written.
pub(crate) fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Careful::default());
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    out.flush()
}

/// An array whose elements are made while it is written.
pub(crate) struct Lazy<F>(pub(crate) F);

impl<F, I> Serialize for Lazy<F>
where
    F: Fn() -> I,
    I: IntoIterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Two spaces for each level, and escapes for characters that steer terminals or hide text. The value stays the same; only
/// its spelling in the file is safe to show.
#[derive(Default)]
struct Careful {
    depth: usize,
    /// Whether the array or object that is written has something in it.
    has_value: bool,
}

/// A new line and its indentation, as far as it is written at once.
const NEW_LINE: &[u8] = b"\n                                ";

impl Careful {
    fn new_line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        let spaces = 2 * self.depth;
        out.write_all(NEW_LINE.get(..=spaces).unwrap_or(NEW_LINE))?;
        for _ in NEW_LINE.len()..=spaces {
            out.write_all(b" ")?;
        }
        Ok(())
    }

    fn begin<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        out.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.has_value {
            self.new_line(out)?;
        }
        out.write_all(bracket)
    }

    fn item<W: ?Sized + Write>(&self, out: &mut W, is_first: bool) -> io::Result<()> {
        if !is_first {
            out.write_all(b",")?;
        }
        self.new_line(out)
    }
}

impl Formatter for Careful {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly all text is plain, which is told for many bytes at once.
        if fragment.bytes().fold(true, |is_plain, byte| is_plain & (byte < 0x7f)) {
            return out.write_all(fragment.as_bytes());
        }
        let mut plain = 0;
        for (at, c) in fragment.char_indices().filter(|&(_, c)| is_treacherous(c)) {
            out.write_all(fragment.get(plain..at).unwrap_or_default().as_bytes())?;
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        out.write_all(fragment.get(plain..).unwrap_or_default().as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        self.item(out, is_first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _out: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        self.item(out, is_first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _out: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn treacherous_characters_are_escaped_and_keep_their_value() {
        let text = "a\u{1b}[31m\u{9b}b\u{202e}c\u{feff}\u{10fffe}\u{e0041}ü";
        let mut bytes = Vec::new();
        write(&[text], &mut bytes).unwrap();
        let json = String::from_utf8(bytes).unwrap();
        assert_eq!(json, "[\n  \"a\\u001b[31m\\u009bb\\u202ec\\ufeff\\udbff\\udffe\\udb40\\udc41ü\"\n]");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
    }

    #[test]
    fn the_layout_is_that_of_serde_json() {
        let mut deep = serde_json::json!({ "leaf": [] });
        for at in 0..40 {
            deep = serde_json::json!({ "a": [1, null, "x"], "empty": {}, "down": [deep], "n": at });
        }
        let mut bytes = Vec::new();
        write(&deep, &mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), serde_json::to_string_pretty(&deep).unwrap());
    }
}

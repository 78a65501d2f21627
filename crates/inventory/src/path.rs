//! A path inside an image.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

/// A normalised absolute path inside an image, written without its leading slash.
///
/// No component is empty, `.` or `..`. The root is the empty path. A byte that is not UTF-8 is kept as the
/// private-use character U+10FF00 + byte, so that two different names stay different.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ImagePath(Arc<str>);

impl ImagePath {
    /// Normalises a path as it stands in a tar header or a link target relative to the root. `..` at the
    /// root stays at the root, as in a kernel.
    pub fn new(path: &str) -> Self {
        // Nearly every path of an archive is normal but for its ends, and needs one allocation then.
        let plain = path.strip_prefix("./").unwrap_or(path).trim_matches('/');
        if is_normal(plain.as_bytes()) {
            return Self(plain.into());
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        Self(parts.join("/").into())
    }

    /// The same for bytes of any encoding.
    pub fn from_bytes(path: &[u8]) -> Self {
        Self::new(&Self::decode(path))
    }

    /// Text for a name or link target of any encoding, by the rule above and without being normalised.
    pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
        decode(bytes)
    }

    /// The path without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The last component; empty for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The folder that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map_or("", |(parent, _)| parent).into()))
    }

    /// `self` with `relative` below it, normalised again.
    pub fn join(&self, relative: &str) -> Self {
        Self::new(&format!("{}/{relative}", self.0))
    }

    /// The components from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// Whether `self` is `ancestor` or stands below it.
    pub fn starts_with(&self, ancestor: &Self) -> bool {
        ancestor.is_root()
            || self.0.strip_prefix(&*ancestor.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Whether no component is empty, `.` or `..`.
fn is_normal(path: &[u8]) -> bool {
    let (mut length, mut dots) = (0, 0);
    for &byte in path {
        if byte != b'/' {
            length += 1;
            dots += usize::from(byte == b'.');
        } else if is_special(length, dots) {
            return false;
        } else {
            (length, dots) = (0, 0);
        }
    }
    !is_special(length, dots)
}

/// Whether a component of so many bytes, so many of which are dots, is empty, `.` or `..`.
fn is_special(length: usize, dots: usize) -> bool {
    length <= 2 && dots == length
}

/// Text for any bytes; see [`ImagePath`].
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|&byte| char::from_u32(0x10_FF00 + u32::from(byte))));
    }
    Cow::Owned(text)
}

/// Equality, order and hash are those of the text, so maps keyed by paths can be asked by text.
impl Borrow<str> for ImagePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ImagePath {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_spellings_become_one() {
        for spelling in ["etc/passwd", "/etc/passwd", "./etc//passwd", "../../etc/passwd", "etc/x/../passwd/"]
        {
            assert_eq!(ImagePath::new(spelling).as_str(), "etc/passwd", "{spelling}");
        }
    }

    #[test]
    fn names_of_dots_are_names() {
        for name in ["...", "a/...", ".a", "a/.b/c.", "..a/b..", ".../x"] {
            assert_eq!(ImagePath::new(name).as_str(), name);
        }
        for (spelling, path) in [("a/.", "a"), ("a/./b", "a/b"), ("./..", ""), ("a//b", "a/b"), ("", "")] {
            assert_eq!(ImagePath::new(spelling).as_str(), path, "{spelling}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_stay_apart() {
        assert_ne!(ImagePath::from_bytes(b"a\xfe"), ImagePath::from_bytes(b"a\xff"));
    }

    #[test]
    fn family_relations() {
        let path = ImagePath::new("usr/lib/os-release");
        assert_eq!(path.parent(), Some(ImagePath::new("usr/lib")));
        assert!(path.starts_with(&ImagePath::new("usr")) && !path.starts_with(&ImagePath::new("us")));
        assert_eq!(ImagePath::new("usr").parent(), Some(ImagePath::default()));
        assert_eq!(ImagePath::default().parent(), None);
    }
}

//! One header of a tar archive: ustar, GNU and pax (POSIX.1-2017, `pax`, "ustar Interchange Format").

use crate::ArchiveError;

/// Bytes of a header, and the unit in which members are laid out.
pub(crate) const BLOCK: u64 = 512;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) link: String,
    pub(crate) kind: Kind,
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    HardLink,
    Symlink,
    /// A folder, device or pipe: no data, whatever its size says.
    Bare,
    /// Something unknown with data.
    Other,
    Sparse,
    Extended(ExtendedKind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtendedKind {
    Pax,
    PaxGlobal,
    GnuName,
    GnuLink,
}

impl Header {
    pub(crate) fn parse(block: &[u8; BLOCK as usize], offset: u64) -> Result<Self, ArchiveError> {
        if !checksum_fits(block) {
            return Err(ArchiveError::Header { offset });
        }
        let field = |at: usize, len: usize| block.get(at..at + len).unwrap_or_default();
        let name = text(field(0, 100));
        let prefix = if field(257, 6) == b"ustar\0" { text(field(345, 155)) } else { String::new() };
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = match block.get(156).copied().unwrap_or_default() {
            0 | b'0' | b'7' if name.ends_with('/') => Kind::Bare,
            0 | b'0' | b'7' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3'..=b'6' => Kind::Bare,
            b'x' => Kind::Extended(ExtendedKind::Pax),
            b'g' => Kind::Extended(ExtendedKind::PaxGlobal),
            b'L' => Kind::Extended(ExtendedKind::GnuName),
            b'K' => Kind::Extended(ExtendedKind::GnuLink),
            b'S' => Kind::Sparse,
            _ => Kind::Other,
        };
        let size = number(field(124, 12)).ok_or(ArchiveError::Number { offset })?;
        Ok(Self { name, link: text(field(157, 100)), kind, size })
    }

    /// Bytes of data after the header.
    pub(crate) fn data_len(&self, extended: &Extended) -> u64 {
        match self.kind {
            Kind::Bare | Kind::Symlink | Kind::HardLink => 0,
            Kind::Extended(_) => self.size,
            _ => extended.size.unwrap_or(self.size),
        }
    }
}

/// What extended headers say of the member that follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extended {
    pub(crate) path: Option<String>,
    pub(crate) link: Option<String>,
    size: Option<u64>,
}

impl Extended {
    pub(crate) fn take(&mut self, kind: ExtendedKind, bytes: &[u8], offset: u64) -> Result<(), ArchiveError> {
        match kind {
            ExtendedKind::GnuName => self.path = Some(text(bytes)),
            ExtendedKind::GnuLink => self.link = Some(text(bytes)),
            // Global headers hold comments and times; a path for all members makes no sense.
            ExtendedKind::PaxGlobal => {}
            ExtendedKind::Pax => self.pax(bytes, offset)?,
        }
        Ok(())
    }

    fn pax(&mut self, mut bytes: &[u8], offset: u64) -> Result<(), ArchiveError> {
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes).ok_or(ArchiveError::Extended { offset })?;
            match key {
                "path" => self.path = Some(value.to_owned()),
                "linkpath" => self.link = Some(value.to_owned()),
                "size" => self.size = Some(value.parse().map_err(|_| ArchiveError::Number { offset })?),
                key if key.starts_with("GNU.sparse.") => return Err(ArchiveError::Sparse { offset }),
                _ => {}
            }
            bytes = rest;
        }
        Ok(())
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts the whole record. Values of keys that are not ours may be no text.
fn record(bytes: &[u8]) -> Option<(&str, &str, &[u8])> {
    let space = bytes.iter().take(20).position(|&byte| byte == b' ')?;
    let len: usize = std::str::from_utf8(bytes.get(..space)?).ok()?.parse().ok()?;
    let body = bytes.get(space.checked_add(1)?..len)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&byte| byte == b'=')?;
    let key = std::str::from_utf8(body.get(..equals)?).ok()?;
    let value = std::str::from_utf8(body.get(equals.checked_add(1)?..)?);
    let is_ours = matches!(key, "path" | "linkpath" | "size");
    let value = if is_ours { value.ok()? } else { value.unwrap_or_default() };
    Some((key, value, bytes.get(len..)?))
}

fn checksum_fits(block: &[u8; BLOCK as usize]) -> bool {
    let byte = |(at, &byte): (usize, &u8)| u64::from(if (148..156).contains(&at) { b' ' } else { byte });
    let sum: u64 = block.iter().enumerate().map(byte).sum();
    block.get(148..156).and_then(number) == Some(sum)
}

/// Octal digits, or base 256 when the first bit is set (GNU).
fn number(field: &[u8]) -> Option<u64> {
    let (&first, rest) = field.split_first()?;
    if first == 0x80 {
        return rest.iter().try_fold(0_u64, |sum, &byte| sum.checked_mul(256)?.checked_add(byte.into()));
    }
    let digits = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if digits.is_empty() {
        return Some(0);
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    u64::from_str_radix(digits, 8).ok()
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

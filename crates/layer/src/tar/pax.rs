//! Extended headers of pax (POSIX.1-2001, "pax Extended Header").

use super::TarDamage;
use super::sparse::{SEGMENTS_MAX, Segment};

/// What an extended header says about the next member, as far as it changes which bytes it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) sparse: PaxSparse,
    offset: Option<u64>,
}

/// The records `GNU.sparse.*` of formats 0.0, 0.1 and 1.0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PaxSparse {
    pub(super) major: Option<u64>,
    pub(super) minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    pub(super) real_size: Option<u64>,
    pub(super) map: Option<Vec<Segment>>,
}

impl Pax {
    /// Parses all records.
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Self, TarDamage> {
        let mut pax = Self::default();
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes).ok_or(TarDamage::PaxRecord)?;
            pax.set(key, value)?;
            bytes = rest;
        }
        Ok(pax)
    }

    /// Whether it says anything that changes the member.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarDamage> {
        match key {
            b"path" => self.path = text(value)?,
            b"linkpath" => self.link_path = text(value)?,
            b"size" => self.size = if value.is_empty() { None } else { Some(decimal(value)?) },
            b"GNU.sparse.major" => self.sparse.major = Some(decimal(value)?),
            b"GNU.sparse.minor" => self.sparse.minor = Some(decimal(value)?),
            b"GNU.sparse.name" => self.sparse.name = text(value)?,
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse.real_size = Some(decimal(value)?),
            b"GNU.sparse.offset" => self.offset = Some(decimal(value)?),
            b"GNU.sparse.numbytes" => self.segment(decimal(value)?)?,
            b"GNU.sparse.map" => self.sparse.map = Some(map(value)?),
            _ => {}
        }
        Ok(())
    }

    /// Format 0.0: offsets and lengths take turns as records of their own.
    fn segment(&mut self, len: u64) -> Result<(), TarDamage> {
        let offset = self.offset.take().ok_or(TarDamage::SparseMap)?;
        let map = self.sparse.map.get_or_insert_default();
        map.push(Segment { offset, len });
        if map.len() > SEGMENTS_MAX { Err(TarDamage::SparseMap) } else { Ok(()) }
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts the whole record.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(bytes.get(..space)?).ok()?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&byte| byte == b'=')?;
    (equals > 0).then_some(())?;
    Some((body.get(..equals)?, body.get(equals + 1..)?, rest))
}

/// A name; an empty one unsets what came before, one with NUL would be cut by every kernel.
fn text(value: &[u8]) -> Result<Option<Vec<u8>>, TarDamage> {
    if value.contains(&0) {
        return Err(TarDamage::PaxRecord);
    }
    Ok((!value.is_empty()).then(|| value.to_vec()))
}

/// A decimal number below 2^63.
pub(super) fn decimal(text: &[u8]) -> Result<u64, TarDamage> {
    let text = std::str::from_utf8(text).map_err(|_| TarDamage::PaxRecord)?;
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let value = text.parse::<i64>().ok().filter(|_| plain);
    value.and_then(|value| u64::try_from(value).ok()).ok_or(TarDamage::PaxRecord)
}

/// Format 0.1: all numbers in one record, with commas.
fn map(value: &[u8]) -> Result<Vec<Segment>, TarDamage> {
    let mut numbers = value.split(|&byte| byte == b',').filter(|number| !number.is_empty());
    let mut segments = Vec::new();
    while let Some(offset) = numbers.next() {
        let len = numbers.next().ok_or(TarDamage::SparseMap)?;
        segments.push(Segment { offset: decimal(offset)?, len: decimal(len)? });
    }
    if segments.len() > SEGMENTS_MAX { Err(TarDamage::SparseMap) } else { Ok(segments) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_in_bytes() {
        let pax = Pax::parse("13 path=a\u{e9}b\n9 size=7\n".as_bytes()).unwrap();
        assert_eq!(pax.path.unwrap(), "a\u{e9}b".as_bytes());
        assert_eq!(pax.size, Some(7));
    }

    #[test]
    fn damaged_records_are_refused() {
        let cases: [&[u8]; 9] = [
            b"path=a\n",
            b"9 path=a\n\0",
            b"99 path=a\n",
            b"0 path=a\n",
            b"8 =aaaa\n",
            b"-9 path=a\n",
            b"9 path=a",
            b"11 path=a\0b\n",
            b"99999999999999999999999 path=a\n",
        ];
        for case in cases {
            assert_eq!(Pax::parse(case), Err(TarDamage::PaxRecord), "{:?}", String::from_utf8_lossy(case));
        }
    }

    #[test]
    fn a_truncated_header_never_parses() {
        let whole = b"24 GNU.sparse.major=100\n";
        for end in 1..whole.len() {
            assert!(Pax::parse(&whole[..end]).is_err(), "{end}");
        }
        assert_eq!(Pax::parse(whole).unwrap().sparse.major, Some(100));
    }
}

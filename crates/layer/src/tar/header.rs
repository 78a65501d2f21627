//! The 512 bytes before each member.

use super::TarDamage;

/// The unit in which tar counts.
pub(super) const BLOCK_BYTES: usize = 512;

/// One header block, fields read on demand.
pub(super) struct Header(pub(super) [u8; BLOCK_BYTES]);

impl Header {
    pub(super) fn is_zero(&self) -> bool {
        self.0 == [0; BLOCK_BYTES]
    }

    /// Compares the checksum, which old programs summed over signed bytes.
    pub(super) fn check(&self) -> Result<(), TarDamage> {
        let stored = number(self.field(148, 8)).ok_or(TarDamage::Number("checksum"))?;
        let spaces = 8 * u64::from(b' ');
        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let unsigned = sum(self.field(0, 148)) + sum(self.field(156, 356)) + spaces;
        if stored == unsigned {
            return Ok(());
        }
        let high = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte >= 0x80).count() as u64;
        let negative = 256 * (high(self.field(0, 148)) + high(self.field(156, 356)));
        if unsigned.checked_sub(negative) == Some(stored) { Ok(()) } else { Err(TarDamage::Checksum) }
    }

    pub(super) fn typeflag(&self) -> u8 {
        self.0[156]
    }

    /// Bytes stored after the header.
    pub(super) fn size(&self) -> Result<u64, TarDamage> {
        number(self.field(124, 12)).ok_or(TarDamage::Number("size"))
    }

    /// Permission bits; a damaged field counts as none.
    pub(super) fn mode(&self) -> u32 {
        (number(self.field(100, 8)).unwrap_or_default() & 0o7777) as u32
    }

    /// The name with the prefix of ustar in front.
    pub(super) fn name(&self) -> Vec<u8> {
        let name = text(self.field(0, 100));
        match self.prefix() {
            [] => name.to_vec(),
            prefix => [prefix, b"/", name].concat(),
        }
    }

    pub(super) fn link_name(&self) -> Vec<u8> {
        text(self.field(157, 100)).to_vec()
    }

    pub(super) fn is_gnu(&self) -> bool {
        self.field(257, 8) == b"ustar  \0"
    }

    /// Bytes of a field; the offsets are those of the format and always inside.
    pub(super) fn field(&self, at: usize, len: usize) -> &[u8] {
        self.0.get(at..at + len).unwrap_or_default()
    }

    /// The prefix field. GNU headers have times there, but the tar writer of Go before 1.8 put a prefix into
    /// them all the same; that is how Go's reader tells: a time that is no number is a prefix.
    fn prefix(&self) -> &[u8] {
        if self.is_gnu() {
            let times = [self.field(345, 12), self.field(357, 12)];
            let prefix = text(self.field(345, 155));
            let is_time = times.iter().all(|time| time[0] == 0 || number(time).is_some());
            return if is_time || !prefix.is_ascii() { &[] } else { prefix };
        }
        let is_star = self.field(508, 4) == b"tar\0";
        match self.field(257, 6) {
            b"ustar\0" => text(self.field(345, if is_star { 131 } else { 155 })),
            _ => &[],
        }
    }
}

/// The bytes before the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number in octal or, with the high bit set, in base 256; `None` for damage, negative numbers and 2^63 up.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    let value = match field {
        [first, rest @ ..] if first & 0x80 != 0 => base_256(first & 0x7f, rest)?,
        _ => octal(field)?,
    };
    i64::try_from(value).is_ok().then_some(value)
}

fn base_256(first: u8, rest: &[u8]) -> Option<u64> {
    if first & 0x40 != 0 {
        return None;
    }
    rest.iter().try_fold(u64::from(first), |value, &byte| Some(value.checked_mul(256)? | u64::from(byte)))
}

fn octal(field: &[u8]) -> Option<u64> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_blank(byte)).unwrap_or(field.len());
    let digits = field.get(start..)?;
    let end = digits.iter().position(is_blank).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    if rest.first() == Some(&b' ') && !rest.iter().all(is_blank) {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &byte| match byte {
        b'0'..=b'7' => Some(value.checked_mul(8)? | u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_writers() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"00000000000 "), Some(0));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(2 << 32));
    }

    #[test]
    fn numbers_that_lie_are_refused() {
        let too_large = [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        for field in [&b"9"[..], b"12x", b"-1", b"1 2", &[0xff; 12], &too_large, b"7777777777777777777777777"]
        {
            assert_eq!(number(field), None, "{field:?}");
        }
    }
}

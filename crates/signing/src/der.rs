//! The few pieces of DER that are written or looked into here (X.690).

/// One element: its tag, its content, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) rest: &'a [u8],
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The first element of `der`, or `None` when its length is damaged or has more than four bytes.
pub(crate) fn read(der: &[u8]) -> Option<Element<'_>> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0_usize, |length, &b| length << 8 | usize::from(b)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some(Element { tag, content, rest })
}

/// The content of the first element, if it has this tag.
pub(crate) fn read_tagged(der: &[u8], tag: u8) -> Option<Element<'_>> {
    read(der).filter(|element| element.tag == tag)
}

/// An element with this tag around the concatenated `parts`.
pub(crate) fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => der.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant: Vec<u8> = bytes.into_iter().skip_while(|&b| b == 0).collect();
            der.push(0x80 | u8::try_from(significant.len()).unwrap_or(u8::MAX));
            der.extend(significant);
        }
    }
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

/// A number without sign, big-endian, as INTEGER.
pub(crate) fn unsigned(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|&&b| b == 0).count().min(number.len().saturating_sub(1));
    let number = number.get(zeros..).unwrap_or_default();
    let sign: &[u8] = if number.first().is_none_or(|&b| b >= 0x80) { &[0] } else { &[] };
    write(INTEGER, &[sign, number])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let der = write(OCTET_STRING, &[&content]);
            let element = read_tagged(&der, OCTET_STRING).unwrap();
            assert_eq!((element.content, element.rest), (&content[..], &[][..]));
            assert!(read(&der[..der.len() - 1]).is_none(), "{length}");
        }
    }

    #[test]
    fn hostile_lengths_are_refused() {
        for der in
            [&[][..], &[0x30], &[0x30, 0x80], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x84, 255, 255, 255, 255]]
        {
            assert_eq!(read(der), None, "{der:?}");
        }
    }
}

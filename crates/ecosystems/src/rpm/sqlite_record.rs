//! Records of an SQLite table ("Database File Format", section 2.1).

use super::bytes::part;

/// Columns that are looked at; neither table has more than five.
const COLUMNS_MAX: usize = 8;

/// A row: the kind of each column, and their values.
pub(super) struct Record<'a> {
    columns: Vec<(u64, &'a [u8])>,
}

impl<'a> Record<'a> {
    /// Reads a payload; `None` when its columns do not fit into it.
    pub(super) fn parse(payload: &'a [u8]) -> Option<Self> {
        let (length, mut at) = varint(payload, 0)?;
        let length = usize::try_from(length).ok()?;
        let (kinds, mut values) = (payload.get(..length)?, payload.get(length..)?);
        let mut columns = Vec::new();
        while at < kinds.len() && columns.len() < COLUMNS_MAX {
            let (kind, next) = varint(kinds, at)?;
            let value = part(values, 0, value_bytes(kind)?)?;
            values = values.get(value.len()..)?;
            columns.push((kind, value));
            at = next;
        }
        Some(Self { columns })
    }

    /// The text of a column.
    pub(super) fn text(&self, column: usize) -> Option<&'a [u8]> {
        self.columns.get(column).filter(|(kind, _)| *kind >= 13 && kind % 2 == 1).map(|(_, value)| *value)
    }

    /// The bytes of a column.
    pub(super) fn blob(&self, column: usize) -> Option<&'a [u8]> {
        self.columns.get(column).filter(|(kind, _)| *kind >= 12 && kind % 2 == 0).map(|(_, value)| *value)
    }

    /// The integer of a column, where it is not negative.
    pub(super) fn integer(&self, column: usize) -> Option<u64> {
        match self.columns.get(column)? {
            (8, _) => Some(0),
            (9, _) => Some(1),
            (1..=6, value) if value.first().is_some_and(|first| first & 0x80 == 0) => {
                Some(value.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
            }
            _ => None,
        }
    }
}

fn value_bytes(kind: u64) -> Option<usize> {
    Some(match kind {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(kind).ok()?,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        kind => usize::try_from((kind - 12) / 2).ok()?,
    })
}

/// A number of one to nine bytes and the place behind it.
pub(super) fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for step in 0..9 {
        let place = at.checked_add(step)?;
        let byte = u64::from(*bytes.get(place)?);
        if step == 8 {
            return Some((number << 8 | byte, place + 1));
        }
        number = number << 7 | (byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, place + 1));
        }
    }
    None
}

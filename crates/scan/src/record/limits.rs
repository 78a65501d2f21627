//! Bounds on records that are read.

/// How much of a record is believed before it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordLimits {
    /// Bytes of one record.
    pub record_bytes_max: u64,
    /// Items of all lists of one record together.
    pub items_max: u64,
    /// Bytes of one text.
    pub text_bytes_max: u64,
}

impl RecordLimits {
    /// None, for what this process has written and kept to itself.
    pub(crate) const NONE: Self =
        Self { record_bytes_max: u64::MAX, items_max: u64::MAX, text_bytes_max: u64::MAX };
}

impl Default for RecordLimits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self { record_bytes_max: 256 * MIB, items_max: 16_000_000, text_bytes_max: 16 * MIB }
    }
}

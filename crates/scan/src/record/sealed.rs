//! Head and checksum around a record.
//!
//! ```text
//! "supercargo record\n"   18 bytes
//! format                   1 byte, RECORD_FORMAT
//! kind                     1 byte, 1 for a layer, 2 for an image
//! key                     32 bytes
//! body                     numbers as LEB128, texts with their length, paths as what differs from the one before
//! SHA-256                 32 bytes, of all that stands before
//! ```

use supercargo_content::Digest;

use super::{RecordError, RecordKey, RecordLimits};

/// The version of everything in a record. Raised with every change of the bytes.
pub const RECORD_FORMAT: u8 = 1;

const MAGIC: &[u8] = b"supercargo record\n";
const KEY_BYTES: usize = 32;
const HEAD_BYTES: usize = MAGIC.len() + 2 + KEY_BYTES;
const CHECKSUM_BYTES: usize = 32;

/// The bytes of a record: whole, of this format, and of the key that they were asked for by.
///
/// The checksum finds damage, not malice: who can write a record can write its checksum. Whether bytes may be
/// believed is for the store to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRecord(Vec<u8>);

impl SealedRecord {
    /// Takes bytes that claim to be the record of a key.
    ///
    /// # Errors
    /// When they are too many, of something else, or changed.
    pub fn open(bytes: Vec<u8>, key: &RecordKey, limits: &RecordLimits) -> Result<Self, RecordError> {
        let (found, limit) = (bytes.len() as u64, limits.record_bytes_max);
        if found > limit {
            return Err(RecordError::TooLong { found, limit });
        }
        let expected = HEAD_BYTES + CHECKSUM_BYTES;
        let short = RecordError::TooShort { expected, found: bytes.len() };
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(short.clone())?;
        check_head(head, key)?;
        let body_bytes = rest.len().checked_sub(CHECKSUM_BYTES).ok_or(short)?;
        let (content, checksum) = bytes.split_at(HEAD_BYTES + body_bytes);
        let found = Digest::sha256_of(content);
        if found.to_bytes() != checksum {
            return Err(RecordError::Checksum { expected: hex(checksum), found: found.hex().to_owned() });
        }
        Ok(Self(bytes))
    }

    /// The bytes, to be kept or sent.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What stands between head and checksum.
    pub(super) fn body(&self) -> &[u8] {
        let end = self.0.len().saturating_sub(CHECKSUM_BYTES);
        self.0.get(HEAD_BYTES..end).unwrap_or_default()
    }

    /// The head of a new record.
    pub(super) fn head(key: &RecordKey) -> Vec<u8> {
        let mut head = Vec::with_capacity(1 << 16);
        head.extend_from_slice(MAGIC);
        head.extend([RECORD_FORMAT, key.kind().code()]);
        head.extend(key.digest().to_bytes());
        head
    }

    /// A new record with this body.
    pub(super) fn of_body(key: &RecordKey, body: &[u8]) -> Self {
        let mut bytes = Self::head(key);
        bytes.extend_from_slice(body);
        Self::close(bytes)
    }

    /// Adds the checksum.
    pub(super) fn close(mut bytes: Vec<u8>) -> Self {
        let checksum = Digest::sha256_of(&bytes).to_bytes();
        bytes.extend(checksum);
        Self(bytes)
    }
}

fn check_head(head: &[u8], key: &RecordKey) -> Result<(), RecordError> {
    let rest = head.strip_prefix(MAGIC).ok_or(RecordError::Magic)?;
    let (&[format, kind], found) = rest.split_first_chunk().ok_or(RecordError::Magic)?;
    if format != RECORD_FORMAT {
        return Err(RecordError::Format { expected: RECORD_FORMAT, found: format });
    }
    if kind != key.kind().code() {
        return Err(RecordError::Kind { expected: key.kind().code(), found: kind });
    }
    if key.digest().to_bytes() != found {
        return Err(RecordError::Key { expected: key.hex().to_owned(), found: hex(found) });
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

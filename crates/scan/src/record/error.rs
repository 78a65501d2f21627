//! Why bytes are not the record that was asked for.

/// The check that failed. A record that fails any is treated as absent: the layer is read again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// More bytes than allowed.
    #[error("a record of {found} bytes is over the limit of {limit}")]
    TooLong {
        /// The bytes there are.
        found: u64,
        /// `record_bytes_max`.
        limit: u64,
    },
    /// Not even room for head and checksum.
    #[error("expected at least {expected} bytes, found {found}")]
    TooShort {
        /// Bytes of head and checksum.
        expected: usize,
        /// The bytes there are.
        found: usize,
    },
    /// The first bytes are not those of a record.
    #[error("expected a record of supercargo, found something else")]
    Magic,
    /// A record of another format.
    #[error("expected format {expected}, found {found}")]
    Format {
        /// The format of this program.
        expected: u8,
        /// The format of the record.
        found: u8,
    },
    /// A record of another kind.
    #[error("expected kind {expected}, found {found}")]
    Kind {
        /// The kind that was asked for.
        expected: u8,
        /// The kind of the record.
        found: u8,
    },
    /// A record of another layer, image, set of readers or limits.
    #[error("expected the record of key {expected}, found that of {found}")]
    Key {
        /// The key that was asked for, in hexadecimal digits.
        expected: String,
        /// The key in the record.
        found: String,
    },
    /// The bytes changed since they were written, or the end is missing.
    #[error("expected checksum {expected}, found {found}")]
    Checksum {
        /// What stands at the end.
        expected: String,
        /// What the bytes have.
        found: String,
    },
    /// The body ends inside a value.
    #[error("the body ends early")]
    End,
    /// The body goes on after the last value.
    #[error("{0} bytes follow the last value")]
    Rest(usize),
    /// A number that is written in more bytes than it needs, or does not fit.
    #[error("a number is not written in its shortest form, or is out of range")]
    Number,
    /// A text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A text that is longer than allowed.
    #[error("a text of {found} bytes is over the limit of {limit}")]
    TextLength {
        /// The length it claims.
        found: u64,
        /// `text_bytes_max`.
        limit: u64,
    },
    /// More items in all lists together than allowed, or more than the rest of the body can hold.
    #[error("a list of {found} items is more than the {left} that are left")]
    Items {
        /// The items that the list claims.
        found: u64,
        /// The items that may still come.
        left: u64,
    },
    /// A path that is not normalised.
    #[error("a path is not in its normal form")]
    Path,
    /// A code that has no meaning.
    #[error("{found} is no {what}")]
    Code {
        /// What it should be.
        what: &'static str,
        /// The code.
        found: u64,
    },
    /// A reader that this program does not have.
    #[error("`{0}` is no ecosystem of this program")]
    Ecosystem(String),
    /// Something that refers to a layer or package that the record does not have.
    #[error("{what} {found} is not in the record")]
    Reference {
        /// What is referred to.
        what: &'static str,
        /// Its position.
        found: u64,
    },
}

/// Something in memory that a record cannot express; it is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {0} is named that is not part of it, so it cannot be kept")]
pub struct Inexpressible(pub(crate) &'static str);

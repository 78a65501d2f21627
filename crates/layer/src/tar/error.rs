//! What can be wrong with a tar archive.

use std::io;

/// Why reading a tar archive stopped.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The archive breaks its format; nothing after this place can be trusted.
    #[error("damaged tar archive at byte {offset}: {damage}")]
    Damaged {
        /// Where the block or field begins in the uncompressed stream.
        offset: u64,
        /// What is wrong there.
        damage: TarDamage,
    },
    /// The stream below failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is wrong at a place of a tar archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TarDamage {
    /// A header's checksum is not that of its bytes.
    #[error("wrong header checksum")]
    Checksum,
    /// A number is neither octal nor base-256, negative, or too large.
    #[error("the field `{0}` is not a number")]
    Number(&'static str),
    /// The stream ends inside a header, an extension or a body.
    #[error("it ends inside a {0}")]
    Truncated(&'static str),
    /// One block of zeros stands where two end an archive.
    #[error("a single block of zeros before further headers")]
    LoneZeroBlock,
    /// A long name or pax header describes a member that does not follow.
    #[error("the member that an extension header describes is missing")]
    DanglingExtension,
    /// An extension header is larger than 1 MiB.
    #[error("an extension header of {0} bytes is over the limit of 1048576 bytes")]
    ExtensionTooLarge(u64),
    /// A pax record is not `LENGTH KEY=VALUE\n`.
    #[error("damaged pax record")]
    PaxRecord,
    /// The map of a sparse file overlaps, leaves the file, or disagrees with the bytes stored.
    #[error("damaged sparse map")]
    SparseMap,
}

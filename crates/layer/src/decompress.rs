//! From the bytes of a blob to the bytes of its tar.

use std::fmt;
use std::io::{self, Read};

use supercargo_content::{Hasher, Limits, MediaType, Share};

use crate::Budget;
use crate::gzip::GzipReader;
use crate::window::Window;
use crate::zstandard::ZstdReader;

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952), one member or many.
    Gzip,
    /// Zstandard (RFC 8878), one frame or many.
    Zstd,
}

impl Compression {
    /// What a layer's media type says; `None` for a type that is not one of a tar layer.
    pub fn of_media_type(media_type: &MediaType) -> Option<Self> {
        const OCI_NONDISTRIBUTABLE: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
        let known = |list: &[MediaType]| list.contains(media_type);
        let suffix = media_type.as_str().strip_prefix(OCI_NONDISTRIBUTABLE);
        if known(&[MediaType::OCI_LAYER, MediaType::DOCKER_LAYER]) || suffix == Some("") {
            return Some(Self::None);
        }
        let gzip = [MediaType::OCI_LAYER_GZIP, MediaType::DOCKER_LAYER_GZIP, MediaType::DOCKER_LAYER_FOREIGN];
        if known(&gzip) || suffix == Some("+gzip") {
            return Some(Self::Gzip);
        }
        let zstd = known(&[MediaType::OCI_LAYER_ZSTD, MediaType::DOCKER_LAYER_ZSTD]);
        (zstd || suffix == Some("+zstd")).then_some(Self::Zstd)
    }

    /// What the first bytes say. A zstd stream may begin with a skippable frame.
    pub fn of_magic(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// Why a blob cannot be unpacked. Carried inside an [`io::Error`] of kind `InvalidData`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    /// The stream ends inside a gzip member or a zstd frame.
    #[error("the {0} stream ends too early")]
    Truncated(Compression),
    /// A gzip header breaks RFC 1952.
    #[error("damaged gzip header at byte {offset}: {reason}")]
    Header {
        /// Where the member begins in the blob.
        offset: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The compressed data breaks its format.
    #[error("damaged {compression} data near byte {offset}")]
    Data {
        /// The format.
        compression: Compression,
        /// How far the blob was read.
        offset: u64,
    },
    /// The length at the end of a gzip member is not that of its content.
    #[error("gzip member of {found} bytes (modulo 2^32) says that it has {expected}")]
    Length {
        /// The length that the member's trailer says.
        expected: u32,
        /// The length that was found.
        found: u32,
    },
    /// There are bytes after the end that are neither a further member nor zeros.
    #[error("trailing garbage after the {compression} stream at byte {offset}")]
    TrailingGarbage {
        /// The format.
        compression: Compression,
        /// Where the garbage begins in the blob.
        offset: u64,
    },
    /// A zstd frame needs a larger window than may be held.
    #[error(
        "a zstd frame needs a window of {window_bytes} bytes, over the limit of {max_bytes}; raise \
         `--buffered-bytes-max`"
    )]
    Window {
        /// The window that the frame's header asks for.
        window_bytes: u64,
        /// `Limits::buffered_bytes_max`.
        max_bytes: u64,
    },
    /// The blob unpacks to more than the limits allow.
    #[error(
        "{compressed_bytes} bytes expand to more than {uncompressed_bytes}, over the limit of {ratio_max} times"
    )]
    Expansion {
        /// Bytes of the blob consumed.
        compressed_bytes: u64,
        /// Bytes put out so far.
        uncompressed_bytes: u64,
        /// `Limits::expansion_ratio_max`.
        ratio_max: u64,
    },
}

impl DecompressError {
    /// The error inside an I/O error, if it is one.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<DecompressError> for io::Error {
    fn from(error: DecompressError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Reads a blob unpacked, by its magic bytes.
///
/// gzip may have many members and end in zeros; zstd may have many frames and skippable ones. The CRC of gzip is
/// not computed, because the caller compares a SHA-256 of the same bytes; the length of each member is checked.
/// Errors of the format are [`DecompressError`]s; other I/O errors are those of the stream.
pub struct Decompressed<R> {
    codec: Codec<R>,
    produced: u64,
    ratio_max: u64,
    free_bytes: u64,
}

enum Codec<R> {
    Plain(Box<Window<R>>),
    Gzip(Box<GzipReader<R>>),
    Zstd(Box<ZstdReader<R>>),
}

impl<R: Read> Decompressed<R> {
    /// Looks at the first bytes of `blob` and chooses.
    pub fn new(blob: R, limits: &Limits) -> io::Result<Self> {
        Self::charged(Window::new(blob), limits, None)
    }

    /// The same; what a decoder holds for its window is charged to the budget, and may not be more than all of it. All
    /// bytes of the blob go through `hasher`.
    pub(crate) fn hashing(blob: R, limits: &Limits, budget: &Budget, hasher: Hasher) -> io::Result<Self> {
        Self::charged(Window::hashing(blob, Some(hasher)), limits, Some(budget.clone()))
    }

    fn charged(mut window: Window<R>, limits: &Limits, budget: Option<Budget>) -> io::Result<Self> {
        let codec = match Compression::of_magic(window.fill(4)?) {
            Compression::None => Codec::Plain(Box::new(window)),
            Compression::Gzip => Codec::Gzip(Box::new(GzipReader::new(window))),
            Compression::Zstd => Codec::Zstd(Box::new(ZstdReader::new(window, budget)?)),
        };
        let (ratio_max, free_bytes) = (limits.expansion_ratio_max, limits.expansion_free_bytes);
        Ok(Self { codec, produced: 0, ratio_max, free_bytes })
    }

    /// How the blob is compressed.
    pub fn compression(&self) -> Compression {
        match self.codec {
            Codec::Plain(_) => Compression::None,
            Codec::Gzip(_) => Compression::Gzip,
            Codec::Zstd(_) => Compression::Zstd,
        }
    }

    /// Bytes of the blob consumed so far.
    pub fn compressed_bytes(&self) -> u64 {
        match &self.codec {
            Codec::Plain(window) => window.position(),
            Codec::Gzip(gzip) => gzip.position(),
            Codec::Zstd(zstd) => zstd.position(),
        }
    }

    /// The blob, without what is buffered.
    pub fn into_inner(self) -> R {
        self.into_parts().0
    }

    /// The same, and the hasher of what was consumed of it.
    pub(crate) fn into_parts(self) -> (R, Option<Hasher>) {
        let input = match self.codec {
            Codec::Plain(window) => *window,
            Codec::Gzip(gzip) => gzip.into_input(),
            Codec::Zstd(zstd) => zstd.into_input(),
        };
        input.into_parts()
    }

    /// The hasher of the blob before anything has been read: whoever takes it hashes the same bytes later.
    pub(crate) fn take_hasher(&mut self) -> Option<Hasher> {
        self.input().end_hashing()
    }

    /// Adds unpacked bytes to one digest or two, and to its own what was consumed for them: all at a time.
    pub(crate) fn hash_with(&mut self, unpacked: Share<'_>, beside: Option<Share<'_>>) {
        self.input().settle_with(unpacked, beside);
    }

    /// Reads the rest of the blob without unpacking it.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
        self.input().skip(u64::MAX).map(drop)
    }

    fn input(&mut self) -> &mut Window<R> {
        match &mut self.codec {
            Codec::Plain(window) => window,
            Codec::Gzip(gzip) => gzip.input(),
            Codec::Zstd(zstd) => zstd.input(),
        }
    }

    fn check_expansion(&self) -> Result<(), DecompressError> {
        let compressed_bytes = self.compressed_bytes();
        let allowed = compressed_bytes.saturating_mul(self.ratio_max).max(self.free_bytes);
        if self.produced <= allowed || matches!(self.codec, Codec::Plain(_)) {
            return Ok(());
        }
        let (uncompressed_bytes, ratio_max) = (self.produced, self.ratio_max);
        Err(DecompressError::Expansion { compressed_bytes, uncompressed_bytes, ratio_max })
    }
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.codec {
            Codec::Plain(window) => window.read(out)?,
            Codec::Gzip(gzip) => gzip.read(out)?,
            Codec::Zstd(zstd) => zstd.read(out)?,
        };
        self.produced += read as u64;
        self.check_expansion()?;
        Ok(read)
    }
}

//! Archives that pass by once: standard input, and files that are compressed as a whole.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use supercargo_content::{ContentMismatch, Digest, LimitExceeded, Limits, MediaType};

use crate::docker_archive::open_docker_archive;
use crate::files::{Files, OldLayer, OldLayerError, OldLayers, OpenFile};
use crate::layout::open_layout;
use crate::names::{Member, Names};
use crate::tar_index::{Archive, Span};
use crate::{DocumentError, PlatformChoice, Reference, ResolveError, Resolved, Selector};

/// What was kept of an archive that has passed: its documents, and the digests of everything else.
///
/// Layers may stand before the manifest that names them, so whoever reads the stream reads every member that can be
/// a layer. The images that [`StreamedArchive::open`] resolves have no bytes behind their layers any more.
#[derive(Debug, Default)]
pub struct StreamedArchive {
    names: Names<Streamed>,
}

/// What is left of a file that has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Streamed {
    /// A manifest, index, configuration or list, whole.
    Document(Vec<u8>),
    /// A member that was read as a layer.
    Layer {
        /// The digest of its bytes.
        digest: Digest,
        /// How many they are.
        size: u64,
        /// The type of such a layer in a Docker archive.
        media_type: MediaType,
    },
    /// Nothing: it can be neither.
    Passed {
        /// Its size.
        size: u64,
    },
    /// Nothing: a document over a limit.
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit_bytes: u64,
    },
}

impl StreamedArchive {
    /// Notes a file. Of several with one name the last counts.
    pub fn file(&mut self, name: &str, file: Streamed) {
        self.names.insert(name, Member::File(file));
    }

    /// Notes a symbolic link, whose target is seen from its own folder.
    pub fn symlink(&mut self, name: &str, target: &str) {
        self.names.insert(name, Member::Symlink(target.to_owned()));
    }

    /// Notes a hard link.
    pub fn hard_link(&mut self, name: &str, target: &str) {
        self.names.insert(name, Member::HardLink(target.to_owned()));
    }

    /// Resolves a reference to the images that are wanted. [`Reference::Stdin`] becomes a Docker archive when there is
    /// a `manifest.json`, else an OCI archive.
    ///
    /// # Errors
    /// Those of the two kinds of archives.
    pub fn open(
        self: Arc<Self>,
        at: &Reference,
        platform: &PlatformChoice,
        limits: &Limits,
    ) -> Result<Resolved, ResolveError> {
        let at = self.recognised(at);
        match &at {
            Reference::DockerArchive { file, selector } => {
                open_docker_archive(self, &at, file, selector, platform, limits)
            }
            Reference::OciArchive { selector, .. } => open_layout(self, &at, selector, platform, limits),
            other => Err(ResolveError::wrong_scheme("an archive", other)),
        }
    }

    fn recognised(&self, at: &Reference) -> Reference {
        let (file, selector) = ("-".into(), Selector::Only);
        match at {
            Reference::Stdin if self.has("manifest.json") => Reference::DockerArchive { file, selector },
            Reference::Stdin => Reference::OciArchive { file, selector },
            other => other.clone(),
        }
    }
}

impl Files for StreamedArchive {
    fn open(&self, name: &str) -> io::Result<Option<OpenFile<'_>>> {
        let invalid = |reason: DocumentError| io::Error::new(io::ErrorKind::InvalidData, reason);
        Ok(self.names.find_one(name).map_err(invalid)?.map(|file| match file {
            Streamed::Document(bytes) => {
                OpenFile { reader: Box::new(Cursor::new(bytes)), len: bytes.len() as u64 }
            }
            Streamed::Layer { digest, size, .. } => {
                OpenFile { reader: Box::new(Gone::layer(name, digest)), len: *size }
            }
            Streamed::Passed { size } => OpenFile { reader: Box::new(Gone::Unkept), len: *size },
            Streamed::TooLarge { size, limit_bytes } => {
                OpenFile { reader: Box::new(Gone::TooLarge(*limit_bytes)), len: *size }
            }
        }))
    }

    fn part(&self, _: &str, _: u64, _: u64) -> io::Result<Option<Box<dyn Read + Send + '_>>> {
        Ok(None)
    }

    fn has(&self, name: &str) -> bool {
        self.names.find(name).is_ok_and(|file| file.is_some())
    }
}

impl OldLayers for StreamedArchive {
    fn old_layer(&self, path: &str) -> Result<Option<OldLayer>, OldLayerError> {
        Ok(self.names.find(path)?.map(|file| match file {
            Streamed::Layer { digest, size, media_type } => {
                // A name of this form says the digest; that is the one to compare with.
                let digest = Some(digest.clone()).filter(|_| !path.starts_with("blobs/"));
                OldLayer { media_type: media_type.clone(), digest, size: *size }
            }
            Streamed::Document(bytes) => unreadable(bytes.len() as u64),
            Streamed::Passed { size } | Streamed::TooLarge { size, .. } => unreadable(*size),
        }))
    }
}

/// No layer that passed is known by the diff ID of this one, so reading it will fail.
fn unreadable(size: u64) -> OldLayer {
    OldLayer { media_type: MediaType::DOCKER_LAYER, digest: None, size }
}

/// Bytes that have passed. Reading them says why they are not there.
enum Gone {
    Unkept,
    Mismatch { expected: Digest, found: Digest },
    TooLarge(u64),
}

impl Gone {
    fn layer(name: &str, found: &Digest) -> Self {
        let named = name.strip_prefix("blobs/").map(|rest| rest.replacen('/', ":", 1));
        match named.and_then(|text| text.parse::<Digest>().ok()).filter(|expected| expected != found) {
            Some(expected) => Self::Mismatch { expected, found: found.clone() },
            None => Self::Unkept,
        }
    }
}

impl Read for Gone {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        let invalid = io::ErrorKind::InvalidData;
        Err(match self {
            Self::Unkept => io::Error::new(
                io::ErrorKind::Unsupported,
                "it went by before its manifest and is no layer: give the archive as a file",
            ),
            Self::Mismatch { expected, found } => {
                let (expected, found) = (expected.clone(), found.clone());
                io::Error::new(invalid, ContentMismatch::Digest { expected, found })
            }
            Self::TooLarge(limit_bytes) => {
                io::Error::new(invalid, LimitExceeded { limit_bytes: *limit_bytes })
            }
        })
    }
}

/// The file of an archive that is compressed with gzip or zstd as a whole; `None` for every other reference. Such a
/// file is read as a stream.
///
/// # Errors
/// Those of opening the file; a file that is not there is `None`, for the source of the scheme to report.
pub fn compressed_archive(at: &Reference) -> io::Result<Option<File>> {
    let (Reference::OciArchive { file, .. } | Reference::DockerArchive { file, .. }) = at else {
        return Ok(None);
    };
    let is_compressed = |path: &Path| -> io::Result<bool> {
        let archive = Archive::unread(path)?;
        Ok(matches!(archive.compression(Span { offset: 0, len: 6 })?, Some("gzip" | "zstd")))
    };
    let is_there = std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file());
    if is_there && is_compressed(file)? { File::open(file).map(Some) } else { Ok(None) }
}

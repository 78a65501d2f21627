//! Why we believe that a package is there.

use supercargo_content::Digest;

use crate::ImagePath;

/// One layer of an image. A `rootfs:` folder counts as one layer without digests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerRef {
    /// Position from the base up, starting at 0.
    pub index: u32,
    /// Digest of the uncompressed layer.
    pub diff_id: Option<Digest>,
    /// Digest of the blob as it lies in the registry.
    pub blob: Option<Digest>,
}

/// How a package was identified; the names are those of CycloneDX `evidence.identity.methods.technique`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Technique {
    /// A package database or manifest says so.
    ManifestAnalysis,
    /// Data that the builder embedded into a program.
    BinaryAnalysis,
    /// The name of a file.
    Filename,
}

impl Technique {
    /// The name in CycloneDX.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ManifestAnalysis => "manifest-analysis",
            Self::BinaryAnalysis => "binary-analysis",
            Self::Filename => "filename",
        }
    }

    /// How far it can be trusted, in hundredths.
    pub const fn confidence_percent(self) -> u8 {
        match self {
            Self::ManifestAnalysis => 100,
            Self::BinaryAnalysis => 100,
            Self::Filename => 50,
        }
    }
}

/// One place where a package was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evidence {
    /// The file that was read.
    pub path: ImagePath,
    /// The place inside that file, for archives in archives (`BOOT-INF/lib/a.jar`); empty for the file itself.
    pub inner: String,
    /// The layer that holds the visible version of the file.
    pub layer: LayerRef,
    /// How the package was identified.
    pub technique: Technique,
}

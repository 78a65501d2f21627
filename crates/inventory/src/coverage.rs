//! What was read, and what could not be.

use std::fmt;

use crate::{EcosystemId, ImagePath, LayerRef};

/// What kind of thing went wrong with a part of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// The bytes do not follow their format.
    Malformed,
    /// A limit was hit; the message names it.
    LimitHit,
    /// Two parts of one file disagree.
    Inconsistent,
    /// A form of the format that is not supported.
    Unsupported,
    /// A name that tries to leave the image or its folder.
    HostilePath,
    /// A layer whose content need not be in the registry, and was not read.
    ForeignLayer,
    /// A file that is named but not there.
    Missing,
}

impl ProblemKind {
    /// The stable name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::LimitHit => "limit-hit",
            Self::Inconsistent => "inconsistent",
            Self::Unsupported => "unsupported",
            Self::HostilePath => "hostile-path",
            Self::ForeignLayer => "foreign-layer",
            Self::Missing => "missing",
        }
    }
}

/// Something that could not be read. What was read stays in the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The layer, where there is one.
    pub layer: Option<LayerRef>,
    /// The file, where there is one.
    pub path: Option<ImagePath>,
    /// The reader that met it; `None` for the layer reader itself.
    pub ecosystem: Option<EcosystemId>,
    /// What kind of thing it is.
    pub kind: ProblemKind,
    /// The reason in words: lowercase, no full stop.
    pub message: String,
}

impl Problem {
    /// A problem without a place; whoever knows the place adds it.
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { layer: None, path: None, ecosystem: None, kind, message: message.into() }
    }

    /// Shorthand for [`ProblemKind::Malformed`].
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Malformed, message)
    }

    /// The same problem at a path.
    #[must_use]
    pub fn at(mut self, path: &ImagePath) -> Self {
        self.path.get_or_insert_with(|| path.clone());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)?;
        if let Some(path) = &self.path {
            write!(f, " in `{path}`")?;
        }
        if let Some(layer) = &self.layer {
            write!(f, " of layer {}", layer.index)?;
        }
        Ok(())
    }
}

/// How much was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Layers of the image.
    pub layers: u64,
    /// Layers that were read.
    pub layers_read: u64,
    /// Entries of all layers.
    pub entries: u64,
    /// Files that a reader looked into.
    pub files_read: u64,
    /// Bytes of the layers as stored.
    pub compressed_bytes: u64,
    /// Bytes of the layers unpacked.
    pub uncompressed_bytes: u64,
    /// Layers that were read through their table of contents. Their bytes were checked against the table, the table
    /// against the manifest; whether the table says what is in the layer was not checked.
    pub layers_by_toc: u64,
    /// Bytes of the layers that were fetched: fewer than stored when there are tables of contents.
    pub fetched_bytes: u64,
}

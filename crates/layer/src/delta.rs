//! What one layer does to the tree below it.

use supercargo_inventory::ImagePath;

/// One member of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The normalised path.
    pub path: ImagePath,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits.
    pub mode: u32,
    /// Bytes of a regular file, sparse holes included; 0 for all else.
    pub size: u64,
}

/// The kinds of members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link and its target as written.
    Symlink(String),
    /// Another name of the file with this path, in the same layer as a rule. [`FileTree`](crate::FileTree) makes
    /// it what its target is.
    HardLink(ImagePath),
    /// A device node or named pipe.
    Special,
}

/// An [`Entry`] as it is kept after the pass.
pub type DeltaEntry = Entry;

/// Everything a layer adds, replaces and removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerDelta {
    /// Members in archive order; a later one replaces an earlier one of the same path.
    pub entries: Vec<DeltaEntry>,
    /// Paths of lower layers that are removed (`.wh.NAME`).
    pub whiteouts: Vec<ImagePath>,
    /// Folders whose lower content is hidden (`.wh..wh..opq`).
    pub opaques: Vec<ImagePath>,
}

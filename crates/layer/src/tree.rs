//! The merged tree of an image.

use std::collections::btree_map::Range;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use supercargo_inventory::ImagePath;

use crate::place::{LINK_HOPS_MAX, below};
use crate::{DeltaEntry, EntryKind, LayerDelta};

/// A visible path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNode {
    /// What it is. A hard link has become what its target is; it stays one only if the target is not there.
    pub kind: EntryKind,
    /// Permission bits.
    pub mode: u32,
    /// Bytes of a regular file.
    pub size: u64,
    /// The layer that put it there, from the base up.
    pub layer: u32,
}

/// The files that a container would see, by the rules of overlayfs.
///
/// - The whiteouts of a layer hide what lower layers have, never its own entries, wherever they stand in the
///   archive. A whiteout or opaque marker whose path leads through a lower layer's symlink means that literal
///   path; the target of the link stays as it is.
/// - A folder over a folder merges, and its permissions win; anything over anything else replaces it, with all
///   that was below.
/// - An entry makes its parents: where a lower layer has a file or symlink in their place, a folder hides it.
/// - Of two entries of one path in one layer, the later wins.
/// - A hard link is what its target was when the link was made, in the same layer or, visibly, below.
#[derive(Debug, Clone, Default)]
pub struct FileTree {
    nodes: BTreeMap<ImagePath, TreeNode>,
}

impl FileTree {
    /// Stacks layers from the base up, with overlay semantics.
    pub fn stack<'a>(deltas: impl IntoIterator<Item = &'a LayerDelta>) -> Self {
        let mut tree = Self::default();
        for (layer, delta) in deltas.into_iter().enumerate() {
            tree.lay(u32::try_from(layer).unwrap_or(u32::MAX), delta);
        }
        tree
    }

    /// The node at a path whose links are not followed. The root has none.
    pub fn get(&self, path: &ImagePath) -> Option<&TreeNode> {
        self.nodes.get(path)
    }

    /// Whether the version of `path` that is visible is the one of `layer`.
    pub fn is_from(&self, path: &ImagePath, layer: u32) -> bool {
        self.get(path).is_some_and(|node| node.layer == layer)
    }

    /// The path with all links followed inside the image; `None` when it leads nowhere, through a file, or over
    /// more than 40 links. `..` at the root stays at the root.
    pub fn resolve(&self, path: &ImagePath) -> Option<ImagePath> {
        let mut pending: VecDeque<&str> = path.components().collect();
        let (mut at, mut hops) = (String::new(), 0);
        while let Some(part) = pending.pop_front() {
            if part == ".." {
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }
            let parent = at.len();
            if parent > 0 {
                at.push('/');
            }
            at.push_str(part);
            match &self.nodes.get(at.as_str())?.kind {
                EntryKind::Directory => {}
                EntryKind::Symlink(target) => {
                    hops += 1;
                    (hops <= LINK_HOPS_MAX).then_some(())?;
                    at.truncate(if target.starts_with('/') { 0 } else { parent });
                    let parts = target.split('/').rev().filter(|part| !matches!(*part, "" | "."));
                    parts.for_each(|part| pending.push_front(part));
                }
                _ if pending.is_empty() => {}
                _ => return None,
            }
        }
        Some(ImagePath::new(&at))
    }

    /// Whether a path leads to something, links followed.
    pub fn exists(&self, path: &ImagePath) -> bool {
        self.resolve(path).is_some()
    }

    /// All visible paths in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &TreeNode)> {
        self.nodes.iter()
    }

    /// The number of visible paths.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing is visible.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The paths directly below a folder, in order.
    pub fn children<'a>(
        &'a self,
        folder: &'a ImagePath,
    ) -> impl Iterator<Item = (&'a ImagePath, &'a TreeNode)> {
        let prefix = if folder.is_root() { 0 } else { folder.as_str().len() + 1 };
        let mut rest = below(&self.nodes, folder);
        let end = if folder.is_root() { None } else { Some(format!("{}0", folder.as_str())) };
        std::iter::from_fn(move || {
            loop {
                let (path, node) = rest.next()?;
                let name = path.as_str().get(prefix..)?;
                let Some((child, _)) = name.split_once('/') else {
                    return Some((path, node));
                };
                // A grandchild: jump over all that is below the same child.
                let after = format!("{}{child}0", path.as_str().get(..prefix)?);
                rest = self.between(&after, end.as_deref());
            }
        })
    }

    fn between<'a>(&'a self, from: &str, to: Option<&str>) -> Range<'a, ImagePath, TreeNode> {
        let to = to.map_or(Bound::Unbounded, |to| Bound::Excluded(to.max(from)));
        self.nodes.range::<str, _>((Bound::Included(from), to))
    }

    /// Lays one more layer on top. `layer` is what [`TreeNode::layer`] says of what it puts there.
    pub fn lay(&mut self, layer: u32, delta: &LayerDelta) {
        for folder in &delta.opaques {
            self.remove_below(folder);
        }
        for path in &delta.whiteouts {
            self.nodes.remove(path);
            self.remove_below(path);
        }
        let mut made: Option<ImagePath> = None;
        for entry in &delta.entries {
            let parent = entry.path.parent();
            if parent != made {
                parent.iter().for_each(|parent| self.make_folders(parent, layer));
                made = parent;
            }
            self.put(layer, entry);
            if entry.kind != EntryKind::Directory {
                made = made.filter(|made| !made.starts_with(&entry.path));
            }
        }
    }

    fn put(&mut self, layer: u32, entry: &DeltaEntry) {
        let DeltaEntry { path, kind, mode, size } = entry;
        let mut node = TreeNode { kind: kind.clone(), mode: *mode, size: *size, layer };
        if let EntryKind::HardLink(target) = kind
            && let Some(target) = self.nodes.get(target).filter(|node| node.kind != EntryKind::Directory)
        {
            (node.kind, node.mode, node.size) = (target.kind.clone(), target.mode, target.size);
        }
        let replaces_folder = node.kind != EntryKind::Directory;
        let old = self.nodes.insert(path.clone(), node);
        if replaces_folder && old.is_some_and(|old| old.kind == EntryKind::Directory) {
            self.remove_below(path);
        }
    }

    /// Makes a folder and its parents where there are none; whatever stands in their place goes.
    fn make_folders(&mut self, folder: &ImagePath, layer: u32) {
        let mut at = Some(folder.clone()).filter(|at| !at.is_root());
        while let Some(path) = at {
            if self.nodes.get(&path).is_some_and(|node| node.kind == EntryKind::Directory) {
                return;
            }
            let node = TreeNode { kind: EntryKind::Directory, mode: 0o755, size: 0, layer };
            self.nodes.insert(path.clone(), node);
            at = path.parent().filter(|at| !at.is_root());
        }
    }

    fn remove_below(&mut self, folder: &ImagePath) {
        let paths: Vec<ImagePath> = below(&self.nodes, folder).map(|(path, _)| path.clone()).collect();
        paths.iter().for_each(|path| drop(self.nodes.remove(path)));
    }
}

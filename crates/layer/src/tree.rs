//! The merged tree of an image.

use std::collections::BTreeMap;

use supercargo_inventory::ImagePath;

use crate::{EntryKind, LayerDelta};

/// Links followed before a path counts as unresolvable, as in the Linux kernel.
const LINK_HOPS_MAX: usize = 40;

/// A visible path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNode {
    /// What it is. A hard link stays one; its body is that of its target in the same layer.
    pub kind: EntryKind,
    /// Permission bits.
    pub mode: u32,
    /// Bytes of a regular file.
    pub size: u64,
    /// The layer that put it there, from the base up.
    pub layer: u32,
}

/// The files that a container would see.
#[derive(Debug, Clone, Default)]
pub struct FileTree {
    nodes: BTreeMap<ImagePath, TreeNode>,
}

impl FileTree {
    /// Stacks layers from the base up, with overlay semantics.
    pub fn stack<'a>(deltas: impl IntoIterator<Item = &'a LayerDelta>) -> Self {
        let mut tree = Self::default();
        for (layer, delta) in deltas.into_iter().enumerate() {
            for opaque in &delta.opaques {
                tree.nodes.retain(|path, _| path == opaque || !path.starts_with(opaque));
            }
            for whiteout in &delta.whiteouts {
                tree.nodes.retain(|path, _| !path.starts_with(whiteout));
            }
            for entry in &delta.entries {
                let (kind, mode, size) = (entry.kind.clone(), entry.mode, entry.size);
                let layer = u32::try_from(layer).unwrap_or(u32::MAX);
                tree.nodes.insert(entry.path.clone(), TreeNode { kind, mode, size, layer });
            }
        }
        tree
    }

    /// The node at a path whose links are not followed.
    pub fn get(&self, path: &ImagePath) -> Option<&TreeNode> {
        self.nodes.get(path)
    }

    /// The path with all links followed inside the image; `None` when it leads nowhere or in circles.
    pub fn resolve(&self, path: &ImagePath) -> Option<ImagePath> {
        let mut path = path.clone();
        for _ in 0..=LINK_HOPS_MAX {
            let Some((link, target)) = self.first_link(&path) else {
                return (path.is_root() || self.nodes.contains_key(&path)).then_some(path);
            };
            let rest = path.as_str()[link.as_str().len()..].to_owned();
            let base = if target.starts_with('/') { ImagePath::default() } else { link.parent()? };
            path = base.join(&target).join(&rest);
        }
        None
    }

    /// Whether a path leads to something, links followed.
    pub fn exists(&self, path: &ImagePath) -> bool {
        self.resolve(path).is_some()
    }

    /// All visible paths in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ImagePath, &TreeNode)> {
        self.nodes.iter()
    }

    /// The paths directly below a folder, in order.
    pub fn children<'a>(
        &'a self,
        folder: &'a ImagePath,
    ) -> impl Iterator<Item = (&'a ImagePath, &'a TreeNode)> {
        self.nodes
            .range(folder.clone()..)
            .take_while(move |(path, _)| path.starts_with(folder))
            .filter(move |(path, _)| path.parent().as_ref() == Some(folder))
    }

    fn first_link(&self, path: &ImagePath) -> Option<(ImagePath, String)> {
        let mut at = ImagePath::default();
        for part in path.components() {
            at = at.join(part);
            if let Some(TreeNode { kind: EntryKind::Symlink(target), .. }) = self.nodes.get(&at) {
                return Some((at, target.clone()));
            }
        }
        None
    }
}

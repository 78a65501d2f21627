//! Where a member ends up when a runtime unpacks it.

use std::collections::btree_map::Range;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use supercargo_content::Limits;
use supercargo_inventory::{ImagePath, Problem, ProblemKind};

use crate::{Entry, EntryKind, Member, MemberKind};

const MARKER: &str = ".wh.";
const OPAQUE_MARKER: &str = ".wh..wh..opq";

/// Links followed before a path counts as unresolvable, as in the Linux kernel.
pub(crate) const LINK_HOPS_MAX: usize = 40;

/// What a member does to the image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Entry(Entry),
    Whiteout(ImagePath),
    Opaque(ImagePath),
}

/// Places the members of one layer.
///
/// A layer is unpacked into a folder of its own, which overlayfs then lays over the ones below. So a parent that
/// is a symlink *of the same layer* is followed, as the unpacking kernel would; one of a lower layer is not there
/// yet, and the parent becomes a real folder that hides the link.
pub(crate) struct Placer<'a> {
    limits: &'a Limits,
    links: BTreeMap<ImagePath, String>,
    /// The last parent, known to lead through no link of this layer.
    plain_parent: Option<ImagePath>,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Placer<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, links: BTreeMap::new(), plain_parent: None, problems: Vec::new() }
    }

    /// `None` for a member that does nothing; why is in the problems, save for the root folder itself.
    pub(crate) fn place(&mut self, member: Member) -> Option<Placed> {
        if !self.name_is_sound(&member.name) {
            return None;
        }
        let path = ImagePath::from_bytes(&member.name);
        if climbs(&member.name) {
            self.problem(ProblemKind::HostilePath, "the name of a member contains `..`", &path);
        }
        if path.is_root() {
            if member.kind != MemberKind::Directory {
                self.problem(ProblemKind::HostilePath, "a member that is no folder names the root", &path);
            }
            return None;
        }
        let path = self.settle_parent(path)?;
        if let Some(rest) = path.file_name().strip_prefix(MARKER) {
            return self.marker(&path, rest);
        }
        let entry = self.entry(path, member)?;
        self.remember(&entry);
        Some(Placed::Entry(entry))
    }

    fn name_is_sound(&mut self, name: &[u8]) -> bool {
        let start = || String::from_utf8_lossy(name.get(..name.len().min(80)).unwrap_or_default());
        let (max, len) = (self.limits.path_bytes_max, name.len());
        let problem = if len > max {
            let message =
                format!("a path of {len} bytes is over the limit of {max}, it begins `{}`", start());
            Problem::new(ProblemKind::LimitHit, message)
        } else if name.contains(&0) {
            Problem::new(ProblemKind::HostilePath, format!("a path has a NUL byte, it begins `{}`", start()))
        } else if name.is_empty() {
            Problem::malformed("a member has no name")
        } else {
            return true;
        };
        self.problems.push(problem);
        false
    }

    fn marker(&mut self, path: &ImagePath, rest: &str) -> Option<Placed> {
        let parent = path.parent().unwrap_or_default();
        let reason = match rest {
            _ if path.file_name() == OPAQUE_MARKER => return Some(Placed::Opaque(parent)),
            "" => "a whiteout names nothing",
            "." | ".." => "a whiteout names a folder that is not its own",
            reserved if reserved.starts_with(MARKER) => "a whiteout has a reserved name",
            name => return Some(Placed::Whiteout(parent.join(name))),
        };
        self.problem(ProblemKind::HostilePath, &format!("{reason} and is ignored"), path);
        None
    }

    fn entry(&mut self, path: ImagePath, member: Member) -> Option<Entry> {
        let kind = match member.kind {
            MemberKind::File => EntryKind::File,
            MemberKind::Directory => EntryKind::Directory,
            MemberKind::Special => EntryKind::Special,
            MemberKind::Symlink(target) => EntryKind::Symlink(
                self.target(&target, &path).map(|_| ImagePath::decode(&target).into_owned())?,
            ),
            MemberKind::HardLink(target) => EntryKind::HardLink(self.hard_link_target(&target, &path)?),
            MemberKind::Unknown(flag) => {
                let message = format!("a member has the unknown type flag {flag}, and is ignored");
                self.problem(ProblemKind::Unsupported, &message, &path);
                return None;
            }
        };
        Some(Entry { path, kind, mode: member.mode, size: member.size })
    }

    fn hard_link_target(&mut self, target: &[u8], path: &ImagePath) -> Option<ImagePath> {
        self.target(target, path)?;
        if climbs(target) {
            self.problem(ProblemKind::HostilePath, "the target of a hard link contains `..`", path);
        }
        let target = self.settle_parent(ImagePath::from_bytes(target))?;
        if target == *path || target.is_root() {
            self.problem(ProblemKind::HostilePath, "a hard link leads to itself or to the root", path);
            return None;
        }
        Some(target)
    }

    /// Whether a link target is one at all.
    fn target(&mut self, target: &[u8], path: &ImagePath) -> Option<()> {
        let max = self.limits.path_bytes_max;
        if target.is_empty() {
            self.problem(ProblemKind::Malformed, "a link has no target", path);
        } else if target.len() > max {
            let message = format!("a link target of {} bytes is over the limit of {max}", target.len());
            self.problem(ProblemKind::LimitHit, &message, path);
        } else if target.contains(&0) {
            self.problem(ProblemKind::HostilePath, "a link target has a NUL byte", path);
        } else {
            return Some(());
        }
        None
    }

    /// The path with links of this layer in its parent followed.
    fn settle_parent(&mut self, path: ImagePath) -> Option<ImagePath> {
        if self.links.is_empty() {
            return Some(path);
        }
        let parent = path.parent()?;
        if parent.is_root() || self.plain_parent.as_ref() == Some(&parent) {
            return Some(path);
        }
        let Some(settled) = self.follow(&parent) else {
            self.problem(ProblemKind::HostilePath, "symlinks of this layer lead in circles", &path);
            return None;
        };
        if settled == parent {
            self.plain_parent = Some(parent);
            return Some(path);
        }
        Some(settled.join(path.file_name()))
    }

    /// Follows links of this layer; what is not in it counts as a folder to be made.
    fn follow(&self, path: &ImagePath) -> Option<ImagePath> {
        let mut pending: VecDeque<String> = path.components().map(str::to_owned).collect();
        let (mut at, mut hops) = (ImagePath::default(), 0);
        while let Some(part) = pending.pop_front() {
            if part == ".." {
                at = at.parent().unwrap_or_default();
                continue;
            }
            let next = at.join(&part);
            let Some(target) = self.links.get(&next) else {
                at = next;
                continue;
            };
            hops += 1;
            if hops > LINK_HOPS_MAX {
                return None;
            }
            if target.starts_with('/') {
                at = ImagePath::default();
            }
            for part in target.split('/').rev().filter(|part| !matches!(*part, "" | ".")) {
                pending.push_front(part.to_owned());
            }
        }
        Some(at)
    }

    /// Keeps the links of this layer up to date.
    fn remember(&mut self, entry: &Entry) {
        if let EntryKind::Symlink(target) = &entry.kind {
            self.plain_parent = None;
            self.links.insert(entry.path.clone(), target.clone());
        } else if !self.links.is_empty() {
            self.links.remove(&entry.path);
        }
        if entry.kind != EntryKind::Directory && !self.links.is_empty() {
            let below: Vec<ImagePath> =
                below(&self.links, &entry.path).map(|(path, _)| path.clone()).collect();
            below.iter().for_each(|path| drop(self.links.remove(path)));
        }
    }

    fn problem(&mut self, kind: ProblemKind, message: &str, path: &ImagePath) {
        self.problems.push(Problem::new(kind, message).at(path));
    }
}

/// What a sorted map holds strictly below a path: the keys from `path/` to before `path0`, the next character.
pub(crate) fn below<'m, V>(map: &'m BTreeMap<ImagePath, V>, path: &ImagePath) -> Range<'m, ImagePath, V> {
    let (from, to) = (format!("{}/", path.as_str()), format!("{}0", path.as_str()));
    let bounds = if path.is_root() {
        (Bound::Excluded(""), Bound::Unbounded)
    } else {
        (Bound::Included(from.as_str()), Bound::Excluded(to.as_str()))
    };
    map.range::<str, _>(bounds)
}

fn climbs(name: &[u8]) -> bool {
    name.split(|&byte| byte == b'/').any(|part| part == b"..")
}

//! Names in an archive, and the links between them.

use std::collections::{BTreeMap, BTreeSet};

use crate::DocumentError;
use crate::document::excerpt;

/// Links followed inside an archive, as in the Linux kernel.
const LINK_HOPS_MAX: usize = 40;

/// The members of an archive by their normal name, with what is known of each file.
#[derive(Debug)]
pub(crate) struct Names<T> {
    members: BTreeMap<String, Member<T>>,
    twice: BTreeSet<String>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member<T> {
    File(T),
    Symlink(String),
    HardLink(String),
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { members: BTreeMap::new(), twice: BTreeSet::new() }
    }
}

impl<T> Names<T> {
    /// Notes a member; of several with one name the last counts. A name that leaves the archive can never be asked
    /// for; it stays out.
    pub(crate) fn insert(&mut self, name: &str, member: Member<T>) {
        let Ok(name) = inside("", name.trim_start_matches('/')) else { return };
        if self.members.insert(name.clone(), member).is_some() {
            self.twice.insert(name);
        }
    }

    /// What stands behind a name, links followed inside the archive; `None` when the name is not there.
    pub(crate) fn find(&self, name: &str) -> Result<Option<&T>, DocumentError> {
        let mut at = name.to_owned();
        for _ in 0..=LINK_HOPS_MAX {
            at = match self.members.get(&at) {
                None if at == name => return Ok(None),
                None => break,
                Some(Member::File(file)) => return Ok(Some(file)),
                Some(Member::HardLink(target)) => inside("", target)?,
                Some(Member::Symlink(target)) => {
                    let folder = at.rsplit_once('/').map_or("", |(folder, _)| folder);
                    inside(folder, target)?
                }
            };
        }
        Err(DocumentError::Link { path: excerpt(name) })
    }

    /// The same for files that say what the image is: blobs are proved by their digest, but of two lists two readers
    /// would take different ones.
    pub(crate) fn find_one(&self, name: &str) -> Result<Option<&T>, DocumentError> {
        if self.twice.contains(name) && !name.contains('/') {
            return Err(DocumentError::Twice { path: excerpt(name) });
        }
        self.find(name)
    }
}

/// The path of `target` seen from `folder`, without `.` and `..`.
pub(crate) fn inside(folder: &str, target: &str) -> Result<String, DocumentError> {
    let escape = || DocumentError::Escape { path: excerpt(target) };
    if target.starts_with('/') {
        return Err(escape());
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop().ok_or_else(escape)?),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

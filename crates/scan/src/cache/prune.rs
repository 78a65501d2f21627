//! What is in a cache folder, and what goes when it is too much.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::{FolderError, FolderStore};
use crate::RecordKind;

/// A file that is still called temporary after this long is one of a process that was killed.
const TEMPORARY_FOR: Duration = Duration::from_secs(60 * 60);

/// Folders below the tree that hold records, seen from the tree: `layer`, `signer/X/layer` and the shards in them.
const DEPTH_MAX: usize = 4;

/// How much may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneRule {
    /// Bytes of all records.
    pub bytes_max: u64,
    /// How long a record stays that nobody uses.
    pub unused_max: Duration,
}

impl PruneRule {
    /// Nothing stays.
    pub const NOTHING: Self = Self { bytes_max: 0, unused_max: Duration::ZERO };
}

impl Default for PruneRule {
    /// 2 GiB, 30 days.
    fn default() -> Self {
        Self { bytes_max: 2 << 30, unused_max: Duration::from_secs(30 * 24 * 60 * 60) }
    }
}

/// What is in a cache folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderInfo {
    /// The folder with the tree of this version.
    pub folder: PathBuf,
    /// Records of layers.
    pub layers: KindInfo,
    /// Records of whole images.
    pub images: KindInfo,
    /// Files that are being written, or were when their process was killed.
    pub temporary: KindInfo,
}

/// Files of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindInfo {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl KindInfo {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What pruning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// What went.
    pub removed: KindInfo,
    /// What stayed.
    pub kept: KindInfo,
}

/// A file of ours in the tree.
struct Found {
    path: PathBuf,
    what: What,
    bytes: u64,
    used: SystemTime,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Record(RecordKind),
    Temporary,
}

impl FolderStore {
    /// Counts what is there.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn info(&self) -> Result<FolderInfo, FolderError> {
        let mut info = FolderInfo { folder: self.tree.clone(), ..FolderInfo::default() };
        for file in self.files()? {
            match file.what {
                What::Record(RecordKind::Layer) => info.layers.add(file.bytes),
                What::Record(RecordKind::Image) => info.images.add(file.bytes),
                What::Temporary => info.temporary.add(file.bytes),
            }
        }
        Ok(info)
    }

    /// Removes records that nobody has used for long, then those that were used longest ago until the rest fits, and
    /// what killed processes left. Files that are not ours stay.
    ///
    /// # Errors
    /// When the folder cannot be listed. A file that cannot be removed is a note.
    pub fn prune(&self, rule: &PruneRule) -> Result<Pruned, FolderError> {
        let mut files = self.files()?;
        files.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
        let mut pruned = Pruned::default();
        for file in files {
            let age = self.now.duration_since(file.used).unwrap_or_default();
            let stays = match file.what {
                _ if *rule == PruneRule::NOTHING => false,
                What::Temporary => age <= TEMPORARY_FOR,
                What::Record(_) => {
                    age <= rule.unused_max && pruned.kept.bytes.saturating_add(file.bytes) <= rule.bytes_max
                }
            };
            if stays || !self.remove(&file.path) {
                pruned.kept.add(file.bytes);
            } else {
                pruned.removed.add(file.bytes);
            }
        }
        Ok(pruned)
    }

    /// Whether the file is gone; another process may have been faster.
    fn remove(&self, path: &Path) -> bool {
        match fs::remove_file(path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => {
                self.note(format!("the cached record `{}` cannot be removed: {error}", path.display()));
                false
            }
        }
    }

    fn files(&self) -> Result<Vec<Found>, FolderError> {
        let mut found = Vec::new();
        list(&self.tree, None, DEPTH_MAX, &mut found)
            .map_err(|source| FolderError::io("list", &self.tree, source))?;
        Ok(found)
    }
}

/// Files of ours at and below a folder. Links are not followed, and what another process removes is not there.
fn list(folder: &Path, kind: Option<RecordKind>, depth: usize, found: &mut Vec<Found>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() && depth > 0 {
            let named = RecordKind::ALL.into_iter().find(|kind| entry.file_name() == kind.name());
            list(&entry.path(), kind.or(named), depth - 1, found)?;
        } else if about.is_file() {
            found.extend(ours(&entry, &about, kind));
        }
    }
    Ok(())
}

fn ours(entry: &DirEntry, about: &Metadata, kind: Option<RecordKind>) -> Option<Found> {
    let name = entry.file_name().into_string().ok()?;
    let hex = name.strip_prefix('.').unwrap_or(&name).get(..64)?;
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let what = match name.len() {
        64 => What::Record(kind?),
        _ if name.starts_with('.') && name.ends_with(".tmp") => What::Temporary,
        _ => return None,
    };
    let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Some(Found { path: entry.path(), what, bytes: about.len(), used })
}

//! Records in a folder that many processes use at once.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::RecordStore;
use super::guard::{self, Distrust};
use super::prune::PruneRule;
use crate::{RecordKey, RecordLimits, SealedRecord};

/// The version of the tree; that of the records is in each record and in its key.
const TREE: &str = "v1";

/// A record that was used tells so at most this often.
const TOUCH_AFTER: Duration = Duration::from_secs(60 * 60);

/// Names that are tried for a temporary file.
const NAMES_MAX: u64 = 64;

/// Records in a folder.
///
/// ```text
/// DIR                                0700; belongs to this user (or root), and nobody else can write in it
/// └── v1                             another version of the tree is another folder beside it
///     ├── pruned                     empty; its time is that of the last pruning
///     ├── layer/ab/abcd…             0600; one record, named by its key, below the first two digits of it
///     ├── image/ab/abcd…
///     │   └── .abcd….PID.N.tmp       being written, or left by a process that was killed
///     └── signer/0123456789abcdef    records that count only for who names the same signers, in the same form
///         ├── layer/ab/abcd…
///         └── image/ab/abcd…
/// ```
///
/// There is no lock. A record is written beside its place and renamed, so a reader sees a whole one or none, and of
/// several writers the last one wins with the same bytes. What is damaged, of another format or key, a link, or can be
/// written by somebody else is passed over, and replaced when the layer has been read. Nothing that fails here fails
/// a scan; [`FolderStore::take_notes`] tells of it.
#[derive(Debug)]
pub struct FolderStore {
    /// `DIR/v1`.
    pub(super) tree: PathBuf,
    /// `tree`, or the folder of some signers in it.
    realm: PathBuf,
    pub(super) now: SystemTime,
    limits: RecordLimits,
    is_broken: AtomicBool,
    pub(super) temporary: AtomicU64,
    notes: Mutex<BTreeSet<String>>,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Others could put records there.
    #[error("the cache folder `{folder}` is not used, since its records could be somebody else's")]
    Distrusted {
        /// The folder.
        folder: String,
        /// What was found.
        #[source]
        source: Distrust,
    },
    /// It cannot be made or read.
    #[error("failed to {action} the cache folder `{folder}`")]
    Io {
        /// `make`, `list` …
        action: &'static str,
        /// The folder.
        folder: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl FolderError {
    pub(super) fn io(action: &'static str, folder: &Path, source: io::Error) -> Self {
        Self::Io { action, folder: folder.display().to_string(), source }
    }
}

impl FolderStore {
    /// Uses a folder, and makes it where it is not there. `now` is the time of this run.
    ///
    /// # Errors
    /// When it cannot be made, or others own it or could write in it.
    pub fn open(dir: &Path, limits: RecordLimits, now: SystemTime) -> Result<Self, FolderError> {
        let tree = dir.join(TREE);
        // Nothing is made in a folder of somebody else.
        if dir.exists() {
            check(dir, dir, fs::metadata(dir))?;
        }
        // A folder that is there may be on a file system that only can be read.
        if !tree.is_dir() {
            guard::create_folder(&tree).map_err(|source| FolderError::io("make", dir, source))?;
        }
        check(dir, dir, fs::metadata(dir))?;
        check(dir, &tree, fs::symlink_metadata(&tree))?;
        Ok(Self {
            realm: tree.clone(),
            tree,
            now,
            limits,
            is_broken: AtomicBool::new(false),
            temporary: AtomicU64::new(0),
            notes: Mutex::default(),
        })
    }

    /// The records in the same folder that count only for one set of signers; `name` is its fingerprint, of which the
    /// hexadecimal digits are used.
    #[must_use]
    pub fn of_signers(&self, name: &str) -> Self {
        let name: String = name.chars().filter(char::is_ascii_hexdigit).take(64).collect();
        Self {
            tree: self.tree.clone(),
            realm: self.tree.join("signer").join(name),
            now: self.now,
            limits: self.limits,
            is_broken: AtomicBool::new(false),
            temporary: AtomicU64::new(0),
            notes: Mutex::default(),
        }
    }

    /// What went wrong so far, each thing once.
    pub fn take_notes(&self) -> Vec<String> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *notes).into_iter().collect()
    }

    /// Prunes by `rule`, unless any process did so in the last hour.
    pub fn tidy(&self, rule: &PruneRule) {
        let stamp = self.tree.join("pruned");
        if fs::symlink_metadata(&stamp).is_ok_and(|stamp| !self.is_older(&stamp, TOUCH_AFTER)) {
            return;
        }
        let stamped = guard::create(&stamp).or_else(|_| guard::open(&stamp));
        if stamped.and_then(|stamp| stamp.set_modified(self.now)).is_ok() {
            // What cannot be listed now is listed the next time.
            let _notes_are_taken = self.prune(rule).map_err(|error| self.note(error.to_string()));
        }
    }

    fn path(&self, key: &RecordKey) -> PathBuf {
        let shard = key.hex().get(..2).unwrap_or_default();
        self.realm.join(key.kind().name()).join(shard).join(key.hex())
    }

    fn read(&self, key: &RecordKey) -> Result<Option<SealedRecord>, Box<dyn std::error::Error>> {
        let file = match guard::open(&self.path(key)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let about = file.metadata()?;
        guard::check_file(&about)?;
        // One byte more than allowed is enough to see that it is too long.
        let mut bytes = Vec::with_capacity(usize::try_from(about.len().min(1 << 30)).unwrap_or(0));
        (&file).take(self.limits.record_bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
        let record = SealedRecord::open(bytes, key, &self.limits)?;
        if self.is_older(&about, TOUCH_AFTER) {
            // On a file system that only can be read the time stays as it is.
            let _stays = file.set_modified(self.now);
        }
        Ok(Some(record))
    }

    fn write(&self, key: &RecordKey, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.tree);
        guard::create_folder(folder)?;
        let (temporary, mut file) = self.temporary(folder, key)?;
        let written = file.write_all(bytes).and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            // A full disk is no reason to leave half a file on it.
            let _left_for_pruning = fs::remove_file(&temporary);
        }
        written
    }

    /// A new file in the folder. A process of another container may have the same number.
    fn temporary(&self, folder: &Path, key: &RecordKey) -> io::Result<(PathBuf, fs::File)> {
        let process = std::process::id();
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..NAMES_MAX {
            let count = self.temporary.fetch_add(1, Ordering::Relaxed);
            let name = folder.join(format!(".{}.{process}.{count}.tmp", key.hex()));
            match guard::create(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                other => return other.map(|file| (name, file)),
            }
        }
        Err(last)
    }

    pub(super) fn is_older(&self, file: &fs::Metadata, than: Duration) -> bool {
        let age = file.modified().ok().and_then(|time| self.now.duration_since(time).ok());
        age.is_some_and(|age| age > than)
    }

    pub(super) fn note(&self, note: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(note);
    }
}

/// Whether a folder at or in `dir` is one in which nobody else can write.
fn check(dir: &Path, folder: &Path, about: io::Result<fs::Metadata>) -> Result<(), FolderError> {
    let about = about.map_err(|source| FolderError::io("look at", folder, source))?;
    let distrusted = |source| FolderError::Distrusted { folder: dir.display().to_string(), source };
    guard::check_folder(&about).map_err(distrusted)
}

impl RecordStore for FolderStore {
    fn load(&self, key: &RecordKey) -> Option<SealedRecord> {
        self.read(key).unwrap_or_else(|error| {
            let path = self.path(key);
            self.note(format!("the cached record `{}` is not used: {error}", path.display()));
            None
        })
    }

    fn store(&self, key: &RecordKey, record: &SealedRecord) {
        if self.is_broken.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.write(key, record.bytes()) {
            self.is_broken.store(true, Ordering::Relaxed);
            self.note(format!("nothing is kept in the cache folder `{}`: {error}", self.tree.display()));
        }
    }

    fn used(&self, key: &RecordKey) {
        let path = self.path(key);
        let is_old = |file: &fs::Metadata| file.is_file() && self.is_older(file, TOUCH_AFTER);
        if fs::symlink_metadata(&path).as_ref().is_ok_and(is_old) {
            let _stays = guard::open(&path).and_then(|file| file.set_modified(self.now));
        }
    }
}

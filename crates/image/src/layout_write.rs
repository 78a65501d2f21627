//! Writing into an image layout so that neither a crash nor another writer leaves it damaged.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use supercargo_content::{Descriptor, Digest, read_bounded};

use crate::LayoutStoreError;
use crate::artifact::entry_json;
use crate::files::blob_name;
use crate::layout::REF_NAME;

/// How often the lock is tried before giving up: 30 s in all.
const LOCK_TRIES: u32 = 1500;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Makes the names of unfinished files differ within one process.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

pub(crate) struct LayoutWriter<'a> {
    dir: &'a Path,
}

impl<'a> LayoutWriter<'a> {
    pub(crate) fn new(dir: &'a Path) -> Self {
        Self { dir }
    }

    /// Writes a blob, unless the same bytes are there.
    pub(crate) fn blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), LayoutStoreError> {
        let path = self.dir.join(blob_name(digest));
        let in_path = |source| LayoutStoreError::Io { path: path.clone(), source };
        if self.holds(&path, bytes) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(in_path)?;
        }
        self.replace(&path, bytes).map_err(in_path)
    }

    /// Adds an entry to `index.json`, unless it is there. Everything else in the file stays as it is.
    pub(crate) fn list(&self, entry: &Descriptor, bytes_max: u64) -> Result<(), LayoutStoreError> {
        let _lock = self.lock()?;
        let digest = entry.digest.to_string();
        self.change(bytes_max, |manifests| {
            let is = |listed: &Value| listed.get("digest").and_then(Value::as_str) == Some(&digest);
            let is_new = !manifests.iter().any(is);
            if is_new {
                manifests.push(entry_json(entry));
            }
            is_new
        })
    }

    /// Makes an entry the one with this name. The caller holds the lock.
    pub(crate) fn name(
        &self,
        entry: &Descriptor,
        name: &str,
        bytes_max: u64,
    ) -> Result<(), LayoutStoreError> {
        self.change(bytes_max, |manifests| {
            let has_name = |listed: &Value| {
                listed.get("annotations").and_then(|all| all.get(REF_NAME)).and_then(Value::as_str)
                    == Some(name)
            };
            manifests.retain(|listed| !has_name(listed));
            manifests.push(entry_json(entry));
            true
        })
    }

    /// Changes the list in `index.json` under the caller's lock; writes the file when `change` says so.
    fn change(
        &self,
        bytes_max: u64,
        change: impl FnOnce(&mut Vec<Value>) -> bool,
    ) -> Result<(), LayoutStoreError> {
        let path = self.dir.join("index.json");
        let in_path = |source| LayoutStoreError::Io { path: path.clone(), source };
        let bytes = File::open(&path).and_then(|file| read_bounded(file, bytes_max)).map_err(in_path)?;
        let not_an_index = || LayoutStoreError::NotAnIndex { path: path.clone() };
        let mut index: Value = serde_json::from_slice(&bytes).map_err(|_| not_an_index())?;
        let manifests = index.as_object_mut().ok_or_else(not_an_index)?.entry("manifests");
        let manifests = manifests.or_insert_with(|| Value::Array(Vec::new()));
        if manifests.is_null() {
            *manifests = Value::Array(Vec::new());
        }
        if !change(manifests.as_array_mut().ok_or_else(not_an_index)?) {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&index).map_err(|_| not_an_index())?;
        self.replace(&path, &bytes).map_err(in_path)
    }

    /// `oci-layout` is never replaced, so all writers lock the same file; the system frees a dead writer's lock.
    pub(crate) fn lock(&self) -> Result<File, LayoutStoreError> {
        let path = self.dir.join("oci-layout");
        let in_path = |source| LayoutStoreError::Io { path: path.clone(), source };
        let file = File::open(&path).map_err(in_path)?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(source)) => return Err(in_path(source)),
            }
        }
        Err(LayoutStoreError::Locked { path })
    }

    fn holds(&self, path: &Path, bytes: &[u8]) -> bool {
        let there = File::open(path).and_then(|file| read_bounded(file, bytes.len() as u64));
        there.is_ok_and(|there| there == bytes)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.unfinished();
        let written = write_new(&unfinished, bytes).and_then(|()| std::fs::rename(&unfinished, path));
        if written.is_err() {
            // The error that counts is the first one; an unfinished file may stay behind.
            let _ = std::fs::remove_file(&unfinished);
        }
        written?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    /// In the layout's own folder: renaming stays on one file system, and no reader looks for blobs there.
    fn unfinished(&self) -> PathBuf {
        let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
        self.dir.join(format!(".supercargo-{}-{number}", std::process::id()))
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

//! The folder: whom it believes, what it survives, and what goes from it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_image::ImageLayer;
use supercargo_inventory::Problem;
use tempfile::TempDir;

use super::*;
use crate::{KeyMaker, LayerRecord, RecordKey, RecordLimits, SealedRecord};

const HOUR: Duration = Duration::from_secs(3600);

/// Long after the records of a test were written.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)
}

fn open(dir: &Path) -> Result<FolderStore, FolderError> {
    FolderStore::open(dir, RecordLimits::default(), now())
}

fn store() -> (TempDir, FolderStore) {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(&dir.path().join("records")).expect("store");
    (dir, store)
}

fn key(text: &str) -> RecordKey {
    let blob = Descriptor::of(MediaType::OCI_LAYER, text.as_bytes());
    let diff_id = Digest::sha256_of(text.as_bytes());
    KeyMaker::new(&[], &Limits::default()).layer(&ImageLayer { blob, diff_id })
}

fn sealed(key: &RecordKey) -> SealedRecord {
    let layer = supercargo_inventory::LayerRef { index: 0, diff_id: None, blob: None };
    LayerRecord::unread(layer, Problem::malformed("x")).seal(key).expect("record")
}

fn put(store: &FolderStore, text: &str) -> PathBuf {
    let key = key(text);
    store.store(&key, &sealed(&key));
    assert!(store.load(&key).is_some(), "{:?}", store.take_notes());
    store.tree.join("layer").join(&key.hex()[..2]).join(key.hex())
}

fn age(path: &Path, hours: u32) {
    fs::File::open(path).expect("file").set_modified(now() - HOUR * hours).expect("time");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("file").permissions().mode() & 0o777
}

#[test]
fn a_record_is_kept_for_the_next_run_and_for_nobody_else() {
    let (dir, store) = store();
    let path = put(&store, "a");
    assert_eq!(open(&dir.path().join("records")).unwrap().load(&key("a")), Some(sealed(&key("a"))));
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!((mode(&store.tree), mode(&dir.path().join("records"))), (0o700, 0o700));
    assert!(store.load(&key("b")).is_none() && store.take_notes().is_empty());
}

#[test]
fn a_damaged_or_foreign_record_is_passed_over_and_replaced() {
    let (_dir, store) = store();
    let path = put(&store, "a");
    let whole = fs::read(&path).unwrap();
    let damages: [fn(&mut Vec<u8>); 4] =
        [|bytes| bytes.truncate(20), Vec::clear, |bytes| bytes[60] ^= 1, |bytes| bytes[18] = 9];
    for damage in damages {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        assert!(store.load(&key("a")).is_none());
        let notes = store.take_notes();
        assert!(notes.len() == 1 && notes[0].contains("is not used"), "{notes:?}");
        put(&store, "a");
    }
    fs::write(&path, sealed(&key("b")).bytes()).unwrap();
    assert!(store.load(&key("a")).is_none(), "the record of another layer was believed");
}

#[test]
fn a_folder_that_others_can_write_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    for (mode, is_used) in [(0o777, false), (0o770, false), (0o755, true), (0o500, true)] {
        let records = dir.path().join(format!("records{mode:o}"));
        fs::create_dir_all(records.join("v1")).unwrap();
        fs::set_permissions(&records, fs::Permissions::from_mode(mode)).unwrap();
        let opened = open(&records);
        assert_eq!(opened.is_ok(), is_used, "{mode:o}");
        let reason = opened.err().map(|error| std::error::Error::source(&error).unwrap().to_string());
        assert!(reason.is_none_or(|reason| reason.contains(&format!("{mode:o}"))));
    }
    fs::create_dir(dir.path().join("linked")).unwrap();
    symlink(dir.path().join("records755/v1"), dir.path().join("linked/v1")).unwrap();
    assert!(open(&dir.path().join("linked")).is_err(), "the tree is a link");
}

#[test]
fn a_record_that_others_can_write_or_that_is_a_link_or_pipe_is_not_used() {
    let (dir, store) = store();
    let path = put(&store, "a");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(store.load(&key("a")).is_none());
    let outside = dir.path().join("outside");
    fs::rename(&path, &outside).unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&outside, &path).unwrap();
    assert!(store.load(&key("a")).is_none(), "a link was followed");
    store.store(&key("a"), &sealed(&key("a")));
    assert!(store.load(&key("a")).is_some() && !path.is_symlink(), "the link is replaced, not followed");
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(store.load(&key("a")).is_none(), "a pipe was waited for");
}

#[test]
fn somebody_elses_record_is_not_used() {
    let (_dir, store) = store();
    let path = put(&store, "a");
    // Only root can give a file away; anybody else cannot make the case.
    if std::os::unix::fs::chown(&path, Some(12345), None).is_ok() {
        assert!(store.load(&key("a")).is_none());
        assert!(store.take_notes()[0].contains("12345"));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_a_note_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(open(&dir.path().join("file/records")), Err(FolderError::Io { action: "make", .. })));
    let (_dir, store) = store();
    fs::write(store.tree.join("layer"), "a file where a folder should be").unwrap();
    store.store(&key("a"), &sealed(&key("a")));
    store.store(&key("b"), &sealed(&key("b")));
    let notes = store.take_notes();
    assert!(notes.len() == 1 && notes[0].contains("nothing is kept"), "{notes:?}");
}

#[test]
fn a_used_record_says_so_but_not_too_often() {
    let (_dir, store) = store();
    let path = put(&store, "a");
    let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    age(&path, 2);
    store.load(&key("a"));
    assert_eq!(time(&path), now());
    age(&path, 2);
    store.used(&key("a"));
    assert_eq!(time(&path), now());
    fs::File::open(&path).unwrap().set_modified(now() - HOUR / 2).unwrap();
    store.load(&key("a"));
    assert_eq!(time(&path), now() - HOUR / 2);
}

#[test]
fn what_nobody_used_for_longest_goes_first() {
    let (_dir, store) = store();
    let paths = ["a", "b", "c"].map(|text| put(&store, text));
    for (path, hours) in paths.iter().zip([3, 30, 300]) {
        age(path, hours);
    }
    let bytes = fs::metadata(&paths[0]).unwrap().len();
    let rule = PruneRule { bytes_max: 2 * bytes, unused_max: HOUR * 1000 };
    assert_eq!(store.prune(&rule).unwrap().removed, KindInfo { files: 1, bytes });
    assert!(paths[0].exists() && paths[1].exists() && !paths[2].exists());
    let rule = PruneRule { bytes_max: u64::MAX, unused_max: HOUR * 10 };
    assert_eq!(store.prune(&rule).unwrap().kept, KindInfo { files: 1, bytes });
    assert!(paths[0].exists() && !paths[1].exists());
    store.prune(&PruneRule::NOTHING).unwrap();
    assert_eq!(store.info().unwrap().layers, KindInfo::default());
}

#[test]
fn temporary_files_of_killed_processes_go_and_files_that_are_not_ours_stay() {
    let (_dir, store) = store();
    let folder = put(&store, "a").parent().unwrap().to_owned();
    let name = |number: u32| folder.join(format!(".{}.{number}.0.tmp", key("a").hex()));
    fs::write(name(1), "half").unwrap();
    fs::write(name(2), "half").unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    age(&name(1), 2);
    age(&name(2), 0);
    assert_eq!(store.info().unwrap().temporary.files, 2);
    store.prune(&PruneRule::default()).unwrap();
    assert!(!name(1).exists() && name(2).exists());
    store.prune(&PruneRule::NOTHING).unwrap();
    assert!(!name(2).exists() && folder.join("notes.txt").exists());
}

#[test]
fn tidying_is_done_once_in_an_hour_by_whoever_comes_first() {
    let (_dir, store) = store();
    let rule = PruneRule::NOTHING;
    let (first, stamp) = (put(&store, "a"), store.tree.join("pruned"));
    store.tidy(&rule);
    assert!(!first.exists() && stamp.exists());
    let second = put(&store, "b");
    store.tidy(&rule);
    assert!(second.exists());
    age(&stamp, 2);
    store.tidy(&rule);
    assert!(!second.exists());
}

#[test]
fn records_of_some_signers_count_for_them_only() {
    let (_dir, store) = store();
    let theirs = store.of_signers("ab/../cd");
    theirs.store(&key("a"), &sealed(&key("a")));
    assert!(theirs.load(&key("a")).is_some() && store.load(&key("a")).is_none());
    assert!(store.of_signers("ef").load(&key("a")).is_none());
    assert_eq!(store.info().unwrap().layers.files, 1);
    assert!(store.tree.join("signer/abcd").is_dir());
}

#[test]
fn two_containers_with_the_same_process_number_do_not_meet() {
    let (_dir, store) = store();
    let folder = put(&store, "a").parent().unwrap().to_owned();
    let next = store.temporary.load(std::sync::atomic::Ordering::Relaxed);
    let taken = folder.join(format!(".{}.{}.{next}.tmp", key("a").hex(), std::process::id()));
    fs::write(&taken, "somebody writes here").unwrap();
    put(&store, "a");
    assert_eq!(fs::read_to_string(taken).unwrap(), "somebody writes here");
}

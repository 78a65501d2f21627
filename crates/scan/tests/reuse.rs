//! A scan with a store: what is not read again, and that nothing shows it.

#![expect(clippy::unwrap_used, reason = "clippy exempts functions with `#[test]` only, not what they share")]

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use supercargo_content::{Descriptor, Digest, Limits, Platform};
use supercargo_image::{Blobs, Content, Image, PlatformChoice, open_local};
use supercargo_inventory::Inventory;
use supercargo_scan::{
    FolderStore, NoRecords, RecordKey, RecordKind, RecordLimits, RecordStore, ScanError, ScanOptions,
    Scanned, SealedRecord, Silent, scan_with_records,
};
use supercargo_testkit::TextImage;

const BASE: &str = "\
-- layer 0 gzip --
-- file etc/os-release --
ID=alpine
VERSION_ID=3.20.3
-- file lib/apk/db/installed --
P:musl
V:1.2.5-r0
A:x86_64
-- file app/node_modules/gone/package.json --
{\"name\": \"gone\", \"version\": \"1.0.0\"}
-- file opt/x-1.dist-info/METADATA --
Name: x
";
const TOP: &str = "-- layer 1 zstd --\n-- whiteout app/node_modules/gone --\n-- file app/node_modules/left-pad/package.json --\n{\"name\": \"left-pad\", \"version\": \"1.3.0\"}\n";
const OTHER_TOP: &str = "-- layer 1 zstd --\n-- file app/node_modules/new/package.json --\n{\"name\": \"new\", \"version\": \"2.0.0\"}\n";

/// Records in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<RecordKey, SealedRecord>>);

impl RecordStore for Memory {
    fn load(&self, key: &RecordKey) -> Option<SealedRecord> {
        self.0.lock().unwrap().get(key).cloned()
    }
    fn store(&self, key: &RecordKey, record: &SealedRecord) {
        self.0.lock().unwrap().insert(key.clone(), record.clone());
    }
}

impl Memory {
    fn forget(&self, kind: RecordKind) {
        self.0.lock().unwrap().retain(|key, _| key.kind() != kind);
    }

    fn count(&self, kind: RecordKind) -> usize {
        self.0.lock().unwrap().keys().filter(|key| key.kind() == kind).count()
    }
}

/// Gives the blobs of an image but for those that a test forbids, and says what was opened.
struct Watched {
    inner: Arc<dyn Blobs>,
    forbidden: Vec<Digest>,
    opened: Mutex<Vec<Digest>>,
}

impl Blobs for Watched {
    fn blob(&self, what: &Descriptor) -> io::Result<Box<dyn Read + Send + '_>> {
        assert!(!self.forbidden.contains(&what.digest), "layer {} was opened", what.digest);
        self.opened.lock().unwrap().push(what.digest.clone());
        self.inner.blob(what)
    }
}

fn image(text: &str, dir: &Path) -> Image {
    TextImage::parse(text).unwrap().write_oci_layout(dir).unwrap();
    let choice = PlatformChoice::Host(Platform::new("linux", "amd64"));
    let at = format!("oci:{}", dir.display()).parse().unwrap();
    open_local(&at, &choice, &Limits::default()).unwrap().images.remove(0)
}

fn digests(image: &Image) -> Vec<Digest> {
    let Content::Layers { layers, .. } = &image.content else { panic!("an image of layers") };
    layers.iter().map(|layer| layer.blob.digest.clone()).collect()
}

/// The image with its blobs watched.
fn watched(image: &Image, forbidden: Vec<Digest>) -> (Image, Arc<Watched>) {
    let Content::Layers { layers, blobs } = &image.content else { panic!("an image of layers") };
    let watch = Arc::new(Watched { inner: Arc::clone(blobs), forbidden, opened: Mutex::default() });
    let content = Content::Layers { layers: layers.clone(), blobs: Arc::clone(&watch) as Arc<dyn Blobs> };
    (Image { content, ..image.clone() }, watch)
}

fn scan(image: &Image, store: &dyn RecordStore) -> Scanned {
    scan_within(image, store, Limits::default()).unwrap()
}

fn scan_within(image: &Image, store: &dyn RecordStore, limits: Limits) -> Result<Scanned, ScanError> {
    scan_with_records(image, &ScanOptions { threads: 2, limits, full: false }, store, &Silent)
}

fn same(a: &Inventory, b: &Inventory) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

#[test]
fn a_known_image_opens_no_layer_and_gives_the_same() {
    let (dir, store) = (tempfile::tempdir().unwrap(), Memory::default());
    let image = image(&format!("{BASE}{TOP}"), dir.path());
    let cold = scan(&image, &store);
    assert!(same(&cold.inventory, &scan(&image, &NoRecords).inventory));
    assert_eq!((cold.reuse.layers, cold.reuse.image), (0, false));
    assert!(cold.inventory.packages.len() == 2 && cold.inventory.problems.len() == 1);

    let (forbidden, _) = watched(&image, digests(&image));
    let warm = scan(&forbidden, &store);
    assert!(same(&cold.inventory, &warm.inventory) && warm.reuse.notes.is_empty());
    assert_eq!((warm.reuse.layers, warm.reuse.image), (2, true));

    store.forget(RecordKind::Image);
    let joined = scan(&forbidden, &store);
    assert!(same(&cold.inventory, &joined.inventory));
    assert_eq!((joined.reuse.layers, joined.reuse.image), (2, false));
}

#[test]
fn a_changed_top_layer_costs_that_layer() {
    let (dir, other, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Memory::default());
    scan(&image(&format!("{BASE}{TOP}"), dir.path()), &store);
    let changed = image(&format!("{BASE}{OTHER_TOP}"), other.path());
    let layers = digests(&changed);
    let (only_top, watch) = watched(&changed, layers[..1].to_vec());
    let scanned = scan(&only_top, &store);
    assert_eq!(*watch.opened.lock().unwrap(), layers[1..].to_vec());
    assert_eq!((scanned.reuse.layers, scanned.reuse.image), (1, false));
    assert!(same(&scanned.inventory, &scan(&changed, &NoRecords).inventory));
    assert!(scanned.inventory.packages.iter().any(|package| package.name == "gone"));
}

#[test]
fn a_layer_is_known_at_another_place_too() {
    let (dir, other, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Memory::default());
    scan(&image(&format!("{BASE}{TOP}"), dir.path()), &store);
    let below = "-- layer 0 --\n-- file etc/motd --\nhello\n";
    let moved = BASE.replace("layer 0", "layer 1") + &TOP.replace("layer 1", "layer 2");
    let higher = image(&format!("{below}{moved}"), other.path());
    let scanned = scan(&higher, &store);
    assert_eq!(scanned.reuse.layers, 2);
    assert!(same(&scanned.inventory, &scan(&higher, &NoRecords).inventory));
    let layer = scanned.inventory.packages.iter().find(|package| package.name == "musl").unwrap();
    assert_eq!(layer.evidence[0].layer.index, 1);
}

#[test]
fn other_limits_have_other_records() {
    let (dir, store) = (tempfile::tempdir().unwrap(), Memory::default());
    let image = image(&format!("{BASE}{TOP}"), dir.path());
    scan(&image, &store);
    let limits = Limits { entries_max: 1, ..Limits::default() };
    let limited = scan_within(&image, &store, limits.clone()).unwrap();
    assert_eq!(limited.reuse.layers, 0);
    assert!(same(&limited.inventory, &scan_within(&image, &NoRecords, limits).unwrap().inventory));
    let too_many = scan_within(&image, &store, Limits { layers_max: 1, ..Limits::default() });
    assert!(
        matches!(too_many, Err(ScanError::TooManyLayers { .. })),
        "a known image is not above the limits"
    );
}

#[test]
fn what_was_not_compared_is_not_kept() {
    let (dir, store) = (tempfile::tempdir().unwrap(), Memory::default());
    let zeros = format!("-- layer 0 gzip --\n-- file a --\n{}", "0".repeat(300_000));
    let image = image(&zeros, dir.path());
    let limits = Limits { expansion_ratio_max: 2, expansion_free_bytes: 1000, ..Limits::default() };
    let scanned = scan_within(&image, &store, limits).unwrap();
    assert!(!scanned.inventory.problems.is_empty());
    assert_eq!(store.0.lock().unwrap().len(), 0, "an unfinished pass was kept");
}

#[test]
fn a_wrong_layer_is_kept_by_nobody() {
    let (dir, store) = (tempfile::tempdir().unwrap(), Memory::default());
    let image = image(&format!("{BASE}{TOP}"), dir.path());
    let top = dir.path().join("blobs/sha256").join(digests(&image)[1].hex());
    let mut bytes = std::fs::read(&top).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&top, bytes).unwrap();
    assert!(scan_within(&image, &store, Limits::default()).is_err());
    assert_eq!((store.count(RecordKind::Layer), store.count(RecordKind::Image)), (1, 0));
}

#[test]
fn a_folder_that_is_not_unpacked_from_layers_is_read_every_time() {
    let (dir, store) = (tempfile::tempdir().unwrap(), Memory::default());
    std::fs::create_dir_all(dir.path().join("etc")).unwrap();
    std::fs::write(dir.path().join("etc/os-release"), "ID=a\n").unwrap();
    let at = format!("rootfs:{}", dir.path().display()).parse().unwrap();
    let choice = PlatformChoice::Host(Platform::new("linux", "amd64"));
    let root = open_local(&at, &choice, &Limits::default()).unwrap().images.remove(0);
    assert_eq!(scan(&root, &store).reuse.layers, 0);
    assert_eq!(store.0.lock().unwrap().len(), 0);
}

#[test]
fn sixteen_scans_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let image = image(&format!("{BASE}{TOP}"), &dir.path().join("image"));
    let expected = scan(&image, &NoRecords).inventory;
    let records = dir.path().join("records");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let store =
                    FolderStore::open(&records, RecordLimits::default(), SystemTime::UNIX_EPOCH).unwrap();
                assert!(same(&scan(&image, &store).inventory, &expected));
                assert_eq!(store.take_notes(), Vec::<String>::new());
            });
        }
    });
    let store = FolderStore::open(&records, RecordLimits::default(), SystemTime::UNIX_EPOCH).unwrap();
    let info = store.info().unwrap();
    assert_eq!((info.layers.files, info.images.files, info.temporary.files), (2, 1, 0));
}

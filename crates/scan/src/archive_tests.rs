use std::fs;
use std::io::Write as _;

use supercargo_content::Digest;
use supercargo_image::{Reference, Selector, open_local};
use supercargo_inventory::Inventory;
use supercargo_testkit::{TextImage, tar};
use tempfile::TempDir;

use super::*;
use crate::{ScanError, Silent, scan, scan_passed};

const IMAGE: &str = "\
-- layer 0 gzip --
-- file etc/os-release --
ID=alpine
-- file lib/apk/db/installed --
P:musl
V:1.2.5-r0
-- layer 1 zstd --
-- file app/node_modules/left-pad/package.json --
{\"name\": \"left-pad\", \"version\": \"1.3.0\"}
-- file app/node_modules/gone/package.json --
{\"name\": \"gone\", \"version\": \"1.0.0\"}
-- file srv/broken.jar --
no archive
-- layer 2 none --
-- whiteout app/node_modules/gone --
-- hardlink opt/node_modules/left-pad/package.json -> opt/elsewhere --
";

/// A file of an archive: its name and its bytes.
type Packed = (String, Vec<u8>);

fn options() -> ScanOptions {
    ScanOptions { threads: 1, limits: Limits::default(), full: false }
}

fn image() -> TextImage {
    TextImage::parse(&IMAGE.replace("-- hardlink opt", "-- hardlink etc/x")).unwrap()
}

/// The files of a layout: name and bytes, documents first.
fn layout_files(image: &TextImage) -> Vec<Packed> {
    let dir = TempDir::new().unwrap();
    image.write_oci_layout(dir.path()).unwrap();
    let mut names = vec!["oci-layout".to_owned(), "index.json".to_owned()];
    let blobs = fs::read_dir(dir.path().join("blobs/sha256")).unwrap();
    let mut blobs: Vec<_> = blobs.map(|blob| blob.unwrap().file_name().into_string().unwrap()).collect();
    blobs.sort();
    names.extend(blobs.iter().map(|name| format!("blobs/sha256/{name}")));
    names.into_iter().map(|name| (name.clone(), fs::read(dir.path().join(name)).unwrap())).collect()
}

fn archive(files: &[Packed]) -> Vec<u8> {
    let mut archive = Vec::new();
    files.iter().for_each(|(name, bytes)| tar::file(&mut archive, name, 0o644, bytes));
    tar::finish(&mut archive);
    archive
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn pass_as(at: &str, bytes: &[u8], options: &ScanOptions) -> Result<Inventory, String> {
    let at: Reference = at.parse().unwrap();
    let read = read_archive(bytes, &at, &PlatformChoice::All, options, &Silent);
    let passed = read.map_err(|error| chain(&error))?;
    scan_passed(&passed.resolved.images[0], &passed.layers, options, &Silent).map_err(|error| chain(&error))
}

fn pass(bytes: &[u8]) -> Result<Inventory, String> {
    pass_as("-", bytes, &options())
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn scan_local(at: Reference) -> Result<Inventory, ScanError> {
    let resolved = open_local(&at, &PlatformChoice::All, &Limits::default()).unwrap();
    scan(&resolved.images[0], &options(), &Silent)
}

fn text(inventory: &Inventory) -> String {
    format!("{inventory:#?}")
}

#[test]
fn a_layout_gives_the_same_in_every_order_and_packing() {
    let dir = TempDir::new().unwrap();
    image().write_oci_layout(dir.path()).unwrap();
    let expected =
        text(&scan_local(Reference::OciLayout { dir: dir.path().into(), selector: Selector::Only }).unwrap());
    assert!(expected.contains("left-pad") && expected.contains("musl") && expected.contains("broken.jar"));
    assert!(!expected.contains("gone@"));
    let mut files = layout_files(&image());
    for _ in 0..files.len() {
        files.rotate_left(1);
        assert_eq!(text(&pass(&archive(&files)).unwrap()), expected);
    }
    files.reverse();
    let plain = archive(&files);
    for bytes in [&plain, &gzip(&plain), &zstd::encode_all(plain.as_slice(), 1).unwrap()] {
        assert_eq!(text(&pass_as("oci-archive:-:latest", bytes, &options()).unwrap()), expected);
    }
}

#[test]
fn a_docker_archive_gives_the_same_as_its_file() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("a.tar");
    image().write_docker_archive(&file).unwrap();
    let at = Reference::DockerArchive { file: file.clone(), selector: Selector::Only };
    let expected = text(&scan_local(at).unwrap());
    let bytes = fs::read(&file).unwrap();
    assert_eq!(text(&pass(&bytes).unwrap()), expected);
    assert_eq!(
        text(&pass_as("docker-archive:-:fixture:latest", &gzip(&bytes), &options()).unwrap()),
        expected
    );
    assert!(pass_as("docker-archive:-:other", &bytes, &options()).unwrap_err().contains("no image `other`"));
    assert!(pass_as("oci-archive:-", &bytes, &options()).unwrap_err().contains("oci-layout"));
}

#[test]
fn links_in_the_archive_are_followed() {
    let layer = image().layers().unwrap().remove(0);
    let config = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#, layer.diff_id);
    let list = r#"[{"Config":"c.json","RepoTags":null,"Layers":["b/layer.tar"]}]"#;
    let mut bytes = Vec::new();
    tar::file(&mut bytes, "a/layer.tar", 0o644, &layer.tar);
    tar::symlink(&mut bytes, "b/layer.tar", "../a/layer.tar");
    tar::file(&mut bytes, "c.json", 0o644, config.as_bytes());
    tar::file(&mut bytes, "manifest.json", 0o644, list.as_bytes());
    tar::finish(&mut bytes);
    assert_eq!(pass(&bytes).unwrap().packages.len(), 1);
}

#[test]
fn wanted_hard_links_are_read_from_what_was_kept() {
    let linked = |target: &str| {
        format!(
            "-- layer 0 gzip --\n-- file a/node_modules/x/package.json --\n{{\"name\": \"x\", \"version\": \"1.0.0\"}}\n\
             -- file a/unwanted --\n{{\"name\": \"y\", \"version\": \"1.0.0\"}}\n\
             -- hardlink b/node_modules/x/package.json -> {target} --\n"
        )
    };
    let scan_both = |text_image: &str| {
        let image = TextImage::parse(text_image).unwrap();
        let dir = TempDir::new().unwrap();
        image.write_oci_layout(dir.path()).unwrap();
        let at = Reference::OciLayout { dir: dir.path().into(), selector: Selector::Only };
        (scan_local(at).unwrap(), pass(&archive(&layout_files(&image))).unwrap())
    };
    let (file, stream) = scan_both(&linked("a/node_modules/x/package.json"));
    assert_eq!(text(&file), text(&stream));
    assert!(text(&stream).contains("b/node_modules/x/package.json"));
    let (file, stream) = scan_both(&linked("a/unwanted"));
    assert_eq!((file.packages.len(), file.problems.len()), (2, 0));
    assert_eq!((stream.packages.len(), stream.problems.len()), (1, 1));
    assert!(stream.problems[0].message.contains("`/a/unwanted`"), "{:?}", stream.problems);
}

/// The blob of the layer at a position, in the files of a layout.
fn layer_file<'a>(files: &'a mut [Packed], image: &TextImage, at: usize) -> &'a mut Packed {
    let name = format!("blobs/sha256/{}", image.layers().unwrap()[at].blob.digest.hex());
    files.iter_mut().find(|(file, _)| *file == name).unwrap()
}

#[test]
fn lies_about_layers_stop_the_scan() {
    let image = image();
    let files = layout_files(&image);
    let changed = |at: usize, change: &dyn Fn(&mut Packed)| {
        let mut files = files.clone();
        change(layer_file(&mut files, &image, at));
        pass(&archive(&files)).unwrap_err()
    };
    let other = |file: &mut Packed| file.1 = image.layers().unwrap()[1].bytes.clone();
    let found = changed(0, &other);
    assert!(found.contains("digest mismatch"), "{found}");
    let found = changed(0, &|file| file.1.truncate(40));
    assert!(found.contains("digest mismatch"), "{found}");
    let found = changed(2, &|file| file.1[0] ^= 1);
    assert!(found.contains("went by") || found.contains("digest mismatch"), "{found}");
    let found = changed(1, &|file| *file = ("elsewhere".to_owned(), Vec::new()));
    assert!(found.contains("is not in the image layout"), "{found}");
}

#[test]
fn a_wrong_diff_id_stops_the_scan() {
    let layer = image().layers().unwrap().remove(0);
    let config = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#, Digest::sha256_of(b"x"));
    let list = r#"[{"Config":"c.json","RepoTags":null,"Layers":["a.tar"]}]"#.to_owned();
    for (bytes, words) in [(&layer.tar, "diff ID mismatch"), (&layer.bytes, "diff ID mismatch")] {
        let files = [
            ("a.tar".to_owned(), bytes.clone()),
            ("c.json".to_owned(), config.clone().into_bytes()),
            ("manifest.json".to_owned(), list.clone().into_bytes()),
        ];
        let found = pass(&archive(&files)).unwrap_err();
        assert!(found.contains(words), "{found}");
    }
}

#[test]
fn a_damaged_layer_that_nobody_picks_does_no_harm() {
    let mut files = layout_files(&image());
    let expected = text(&pass(&archive(&files)).unwrap());
    let mut broken = gzip(&[7; 5000]);
    broken.truncate(20);
    files.insert(0, ("blobs/sha256/ab".to_owned(), broken));
    files.insert(1, ("blobs/sha256/cd".to_owned(), b"\x28\xb5\x2f\xfd garbage".to_vec()));
    assert_eq!(text(&pass(&archive(&files)).unwrap()), expected);
}

#[test]
fn what_is_no_archive_is_said() {
    for bytes in [&b""[..], &[0; 1024], b"hello", &[b'x'; 4096], b"\xfd7zXZ\0 and so on", &gzip(b"")] {
        let found = pass(bytes).unwrap_err();
        assert!(found.contains("not an archive") || found.contains("it ends inside"), "{found}");
    }
    assert!(pass(b"\x1f\x8b\x08\0").unwrap_err().contains("gzip"));
}

#[test]
fn truncation_anywhere_is_an_error_or_the_same() {
    let whole = archive(&layout_files(&image()));
    let expected = text(&pass(&whole).unwrap());
    for end in (0..whole.len()).step_by(97) {
        if let Ok(found) = pass(&whole[..end]) {
            assert_eq!(text(&found), expected, "{end}");
            assert!(end + 1024 >= whole.len(), "{end}");
        }
    }
}

#[test]
fn limits_name_their_flag() {
    let bytes = archive(&layout_files(&image()));
    let with =
        |limits: Limits| pass_as("-", &bytes, &ScanOptions { threads: 1, limits, full: false }).unwrap_err();
    let found = with(Limits { layers_max: 2, ..Limits::default() });
    assert!(found.contains("--layers-max"), "{found}");
    let found = with(Limits { entries_max: 3, ..Limits::default() });
    assert!(found.contains("--entries-max"), "{found}");
    let found = with(Limits { path_bytes_max: 9, ..Limits::default() });
    assert!(found.contains("--path-bytes-max"), "{found}");
    let found = with(Limits { manifest_bytes_max: 100, ..Limits::default() });
    assert!(found.contains("--manifest-bytes-max"), "{found}");
    let bomb = gzip(&vec![0; 80 << 20]);
    let limits = Limits { expansion_ratio_max: 10, expansion_free_bytes: 1 << 20, ..Limits::default() };
    let found = pass_as("-", &bomb, &ScanOptions { threads: 1, limits, full: false }).unwrap_err();
    assert!(found.contains("expand") || found.contains("not an archive"), "{found}");
}

#[test]
fn the_kind_of_a_member_is_told_by_its_start() {
    let mut layer = Vec::new();
    tar::file(&mut layer, "{", 0o644, b"");
    assert!(can_be_layer(&layer[..512]) && can_be_layer(&[0; 512]) && can_be_layer(b"\x1f\x8b"));
    assert!(!can_be_layer(&[0; 100]) && !can_be_layer(&[b' '; 512]) && !can_be_layer(b"{}"));
    assert!(can_be_document(b" \n{}") && can_be_document(b"[]") && !can_be_document(b"1.0"));
    assert_eq!(algorithm("./blobs/sha512/ab"), Algorithm::Sha512);
    assert_eq!(algorithm("blobs/sha256/ab"), Algorithm::Sha256);
}

use std::fs;

use supercargo_content::Limits;
use supercargo_image::{Content, Image, PlatformChoice, Reference, Selector, open_local};
use supercargo_inventory::{ImagePath, Inventory};
use supercargo_layer::EntryKind;
use supercargo_testkit::TextImage;
use tempfile::TempDir;

use super::*;
use crate::{ScanError, ScanOptions, Silent, scan};

const IMAGE: &str = "\
-- layer 0 FORMAT --
-- file etc/os-release --
ID=alpine
VERSION_ID=3.20.3
-- file lib/apk/db/installed --
P:musl
V:1.2.5-r0
A:x86_64

P:busybox
V:1.36.1-r29
A:x86_64
-- file app/node_modules/left-pad/package.json --
{\"name\": \"left-pad\", \"version\": \"1.3.0\", \"license\": \"WTFPL\"}
-- file app/elsewhere.json --
{\"name\": \"linked\", \"version\": \"2.0.0\"}
-- hardlink app/node_modules/linked/package.json -> app/elsewhere.json --
-- file srv/broken.jar --
no archive
-- layer 1 FORMAT --
-- whiteout app/node_modules/left-pad --
-- file usr/bin/tool mode=755 --
#!/bin/sh and so on, for at least sixty-four bytes, so that it could begin with some magic number
";

fn image(format: &str) -> (TempDir, Image) {
    let dir = TempDir::new().unwrap();
    TextImage::parse(&IMAGE.replace("FORMAT", format)).unwrap().write_oci_layout(dir.path()).unwrap();
    let at = Reference::OciLayout { dir: dir.path().into(), selector: Selector::Only };
    let image = open_local(&at, &PlatformChoice::All, &Limits::default()).unwrap().images.remove(0);
    (dir, image)
}

fn scan_as(image: &Image, full: bool) -> Result<Inventory, ScanError> {
    scan(image, &ScanOptions { threads: 1, limits: Limits::default(), full }, &Silent)
}

/// The file of a layer's blob.
fn blob_file(dir: &TempDir, image: &Image, at: usize) -> std::path::PathBuf {
    let Content::Layers { layers, .. } = &image.content else { panic!("no layers") };
    dir.path().join("blobs/sha256").join(layers[at].blob.digest.hex())
}

#[test]
fn a_table_leads_to_the_same_packages() {
    for format in ["estargz", "zstd:chunked"] {
        let (_dir, image) = image(format);
        let (lazily, fully) = (scan_as(&image, false).unwrap(), scan_as(&image, true).unwrap());
        assert_eq!(format!("{:#?}", lazily.packages), format!("{:#?}", fully.packages));
        assert_eq!(lazily.problems, fully.problems);
        assert_eq!(lazily.packages.len(), 3, "{format}");
        assert_eq!((lazily.coverage.layers_by_toc, fully.coverage.layers_by_toc), (2, 0));
        assert_eq!(lazily.coverage.layers_read, 2);
        assert_eq!(fully.coverage.fetched_bytes, fully.coverage.compressed_bytes);
    }
}

#[test]
fn a_lie_leads_to_the_whole_layer() {
    for format in ["estargz", "zstd:chunked"] {
        let (_dir, mut image) = image(format);
        let Content::Layers { layers, .. } = &mut image.content else { panic!("no layers") };
        let wrong = supercargo_content::Digest::sha256_of(b"another").to_string();
        let annotations = layers[0].blob.annotations.iter_mut();
        annotations
            .filter(|(key, _)| !key.ends_with("position"))
            .for_each(|(_, value)| *value = wrong.clone());
        let found = scan_as(&image, false).unwrap();
        assert_eq!((found.coverage.layers_by_toc, found.packages.len()), (1, 3));
        let said: Vec<_> = found.problems.iter().filter(|p| p.message.contains("was read whole")).collect();
        assert_eq!(said.len(), 1, "{:?}", found.problems);
        assert!(said[0].message.contains("table of contents") && said[0].layer.as_ref().unwrap().index == 0);
    }
}

#[test]
fn damaged_chunks_lead_to_the_digest_of_the_whole() {
    for format in ["estargz", "zstd:chunked"] {
        let (dir, image) = image(format);
        let file = blob_file(&dir, &image, 0);
        let whole = fs::read(&file).unwrap();
        let unchanged = format!("{:?}", scan_as(&image, false).unwrap().packages);
        let mut refused = 0;
        for at in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            fs::write(&file, bytes).unwrap();
            match scan_as(&image, false) {
                // A byte that nobody needs, such as one of a header.
                Ok(found) => assert_eq!(format!("{:?}", found.packages), unchanged, "{format} {at}"),
                Err(ScanError::Layer { index: 0, .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused > whole.len() / 7 / 3, "{format}: {refused}");
    }
}

#[test]
fn a_soci_index_that_is_not_there_leads_to_the_whole_layer() {
    let (_dir, mut image) = image("gzip");
    let plain = scan_as(&image, false).unwrap();
    let digest = supercargo_content::Digest::sha256_of(b"index").to_string();
    image.annotations.insert("com.amazon.soci.index-digest".to_owned(), digest);
    let (found, full) = (scan_as(&image, false).unwrap(), scan_as(&image, true).unwrap());
    assert_eq!(format!("{:?}", found.packages), format!("{:?}", plain.packages));
    assert_eq!((found.coverage.layers_by_toc, found.packages.len()), (0, 3));
    let said = |problem: &&Problem| problem.message.contains("SOCI index");
    assert_eq!(found.problems.iter().filter(said).count(), 2, "{:?}", found.problems);
    assert_eq!(full.problems, plain.problems);
}

#[test]
fn a_soci_index_that_hangs_on_the_image_counts_when_it_is_brought() {
    let (_dir, image) = image("gzip");
    let options = ScanOptions { threads: 1, limits: Limits::default(), full: false };
    let index = image.manifest.clone().unwrap();
    let known = crate::Known { soci_index: Some(&index), ..crate::Known::default() };
    let found = crate::scan_known(&image, &known, &options, &Silent).unwrap().inventory;
    // What stands in for the index is a manifest whose layers do not say what they are about.
    let said = |problem: &&Problem| problem.message.contains("a zTOC does not say its layer");
    assert_eq!(found.problems.iter().filter(said).count(), 2, "{:?}", found.problems);
    assert_eq!(found.packages.len(), scan_as(&image, false).unwrap().packages.len());
}

#[test]
fn programs_are_told_by_mode_or_name() {
    let entry = |path: &str, mode| Entry { path: ImagePath::new(path), kind: EntryKind::File, mode, size: 9 };
    for path in ["a/libx.so", "libx.so.1.2", "x.node", "x.abi3.so", "x.exe", "x.dll", "x.dylib", "x.pyd"] {
        assert!(can_be_program(&entry(path, 0o644)), "{path}");
    }
    assert!(can_be_program(&entry("bin/x", 0o755)) && can_be_program(&entry("bin/x", 0o100)));
    assert!(!can_be_program(&entry("x.sock", 0o644)) && !can_be_program(&entry("lib.so/x", 0o644)));
}

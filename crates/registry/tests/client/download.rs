use std::io::Read;

use supercargo_content::{ContentMismatch, Descriptor, MediaType};
use supercargo_image::Attachments;
use supercargo_registry::RegistryError;
use supercargo_testkit::registry::{Fault, Guard, TestRegistry};

use crate::{REPOSITORY, at, cause, client, client_with, noise, read, registry};

fn blob(registry: &TestRegistry) -> (Descriptor, Vec<u8>) {
    let bytes = noise(300_000);
    (registry.put_blob(REPOSITORY, &MediaType::OCI_LAYER_GZIP, &bytes), bytes)
}

#[test]
fn a_manifest_is_read_by_tag_and_by_digest() {
    let (registry, image) = registry();
    let mut at = at(&registry);
    assert_eq!(client().manifest(&at).unwrap().descriptor, image);
    at.digest = Some(image.digest.clone());
    assert_eq!(client().manifest(&at).unwrap().bytes, crate::image_bytes().as_bytes());
}

#[test]
fn a_blob_is_streamed() {
    let (registry, _) = registry();
    let (blob, bytes) = blob(&registry);
    assert_eq!(read(&client(), &at(&registry), &blob).unwrap(), bytes);
}

#[test]
fn an_interrupted_download_goes_on_where_it_broke() {
    let (registry, _) = registry();
    let (blob, bytes) = blob(&registry);
    registry.change(|quirks| quirks.break_blobs_after = [100_000, 0, 50_000].into());
    assert_eq!(read(&client(), &at(&registry), &blob).unwrap(), bytes);
    let seen = registry.seen();
    let ranges: Vec<_> = seen.iter().filter_map(|seen| seen.headers.get("range")).collect();
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    assert!(ranges.iter().all(|range| range.starts_with("bytes=")));
}

#[test]
fn a_registry_that_ignores_ranges_is_read_from_the_start() {
    let (registry, _) = registry();
    let (blob, bytes) = blob(&registry);
    registry.change(|quirks| {
        quirks.no_ranges = true;
        quirks.break_blobs_after = [100_000, 200_000].into();
    });
    assert_eq!(read(&client(), &at(&registry), &blob).unwrap(), bytes);
    assert_eq!(registry.count("GET", "/blobs/"), 3);
}

#[test]
fn a_download_that_never_gets_on_is_an_error() {
    let (registry, _) = registry();
    let (blob, _) = blob(&registry);
    registry.change(|quirks| quirks.break_blobs_after = vec![0; 99].into());
    let error = read(&client(), &at(&registry), &blob).unwrap_err();
    assert!(matches!(cause(&error), RegistryError::Transport { .. }), "{error:?}");
}

#[test]
fn wrong_bytes_are_noticed() {
    let (registry, _) = registry();
    let (blob, _) = blob(&registry);
    registry.change(|quirks| quirks.corrupt_blobs = true);
    let error = read(&client(), &at(&registry), &blob).unwrap_err();
    assert!(matches!(ContentMismatch::of(&error), Some(ContentMismatch::Digest { .. })), "{error:?}");
    assert!(client().attachments(&at(&registry)).unwrap().fetch(&blob).is_err());
}

#[test]
fn a_size_that_lies_is_noticed() {
    let (registry, _) = registry();
    let (mut blob, _) = blob(&registry);
    for size in [0, 1, 299_999, 300_001, u64::MAX] {
        blob.size = size;
        assert!(read(&client(), &at(&registry), &blob).is_err(), "{size}");
    }
}

#[test]
fn a_manifest_with_other_bytes_than_its_digest_is_refused() {
    let (registry, image) = registry();
    registry.put_manifest(REPOSITORY, &image.digest.to_string(), &MediaType::OCI_MANIFEST, b"{}");
    let mut at = at(&registry);
    at.digest = Some(image.digest.clone());
    let error = client().manifest(&at).unwrap_err();
    assert!(matches!(&error, RegistryError::Digest { expected, .. } if *expected == image.digest), "{error}");
}

#[test]
fn an_oversize_manifest_is_refused() {
    let (registry, _) = registry();
    let small = client_with(|options| options.limits.manifest_bytes_max = 16);
    let error = small.manifest(&at(&registry)).unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { limit_bytes: 16, .. }), "{error}");
}

#[test]
fn a_manifest_that_is_not_there_is_said_so() {
    let (registry, _) = registry();
    let missing = supercargo_image::RegistryReference { tag: Some("none".to_owned()), ..at(&registry) };
    let error = client().manifest(&missing).unwrap_err();
    assert!(error.to_string().contains("manifest `none` of 127.0.0.1:"), "{error}");
    assert!(error.to_string().contains("404 (MANIFEST_UNKNOWN: MANIFEST_UNKNOWN it is)"), "{error}");
    assert!(error.hint().unwrap().contains("check the name"));
    assert_eq!(client().attachments(&at(&registry)).unwrap().tagged("none").unwrap(), None);
    assert!(client().attachments(&at(&registry)).unwrap().tagged("1").unwrap().is_some());
}

#[test]
fn a_reader_that_stops_stops_the_download() {
    let (registry, image) = registry();
    let (blob, bytes) = blob(&registry);
    let client = client_with(|options| options.concurrency.requests_max = 1);
    let mut first = [0; 10];
    client.blobs(&at(&registry)).unwrap().open(&blob).unwrap().read_exact(&mut first).unwrap();
    assert_eq!(first, bytes[..10]);
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image, "the place is free again");
}

#[test]
fn a_proof_does_not_follow_to_another_host() {
    let (registry, _) = registry();
    let (blob, bytes) = blob(&registry);
    let store = TestRegistry::start().unwrap();
    store.put_blob(REPOSITORY, &MediaType::OCI_LAYER_GZIP, &bytes);
    registry.change(|quirks| {
        quirks.guard = Guard::Basic("dTpw".to_owned());
        quirks.blobs_elsewhere = Some(format!("http://user:pass@{}", store.host()));
    });
    let client = client_with(|options| options.auth.texts.push(crate::auth::login(&registry.host(), "dTpw")));
    assert_eq!(read(&client, &at(&registry), &blob).unwrap(), bytes);
    let asked: Vec<_> = store.seen();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].headers.get("authorization"), None);
    assert!(registry.seen().iter().any(|seen| seen.headers.contains_key("authorization")));
}

#[test]
fn a_redirect_to_a_host_without_tls_is_refused() {
    let (registry, _) = registry();
    let (blob, _) = blob(&registry);
    registry.change(|quirks| quirks.blobs_elsewhere = Some("http://store.example".to_owned()));
    let error = read(&client(), &at(&registry), &blob).unwrap_err();
    assert!(matches!(cause(&error), RegistryError::Insecure { .. }), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(!text.contains("signature=secret"), "{text}");
}

#[test]
fn redirects_in_a_circle_end() {
    let (registry, _) = registry();
    let (blob, _) = blob(&registry);
    registry.change(|quirks| quirks.blobs_elsewhere = Some(format!("http://{}", registry.host())));
    let error = read(&client(), &at(&registry), &blob).unwrap_err();
    assert!(cause(&error).to_string().contains("more than 5 redirects"), "{error:?}");
}

fn part(registry: &TestRegistry, blob: &Descriptor, offset: u64, len: u64) -> Option<Vec<u8>> {
    let part = client().blobs(&at(registry)).unwrap().open_part(blob, offset, len).unwrap()?;
    let mut bytes = Vec::new();
    part.take(1 << 20).read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

#[test]
fn a_part_of_a_blob_is_what_was_asked_for() {
    let (registry, _) = registry();
    let (blob, bytes) = blob(&registry);
    for (offset, len) in [(0, 1), (0, 300_000), (7, 100_000), (299_999, 1), (5, 0)] {
        let expected = &bytes[offset as usize..(offset + len) as usize];
        assert_eq!(part(&registry, &blob, offset, len).unwrap(), expected, "{offset} {len}");
    }
    let seen = registry.seen();
    let ranges: Vec<_> = seen.iter().filter_map(|seen| seen.headers.get("range")).collect();
    assert_eq!(ranges, ["bytes=0-0", "bytes=0-", "bytes=7-100006", "bytes=299999-"]);
}

#[test]
fn a_part_goes_on_where_it_broke() {
    let (registry, _) = registry();
    let (blob, bytes) = blob(&registry);
    registry.change(|quirks| quirks.break_blobs_after = [10_000, 0].into());
    assert_eq!(part(&registry, &blob, 100, 50_000).unwrap(), &bytes[100..50_100]);
}

#[test]
fn a_registry_that_serves_no_parts_says_so() {
    let (registry, _) = registry();
    let (blob, _) = blob(&registry);
    registry.change(|quirks| quirks.no_ranges = true);
    assert_eq!(part(&registry, &blob, 100, 50), None);
    registry.change(|quirks| (quirks.no_ranges, quirks.ranges_off_by) = (false, 1));
    assert_eq!(part(&registry, &blob, 100, 50), None);
    registry.change(|quirks| quirks.faults = vec![Fault::new("GET", "/blobs/", 416)]);
    assert_eq!(part(&registry, &blob, 100, 50), None);
    registry.change(|quirks| quirks.faults = vec![Fault::new("GET", "/blobs/", 403)]);
    assert!(client().blobs(&at(&registry)).unwrap().open_part(&blob, 100, 50).is_err());
}

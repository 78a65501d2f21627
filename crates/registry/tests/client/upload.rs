use std::io::Cursor;

use supercargo_content::{Descriptor, MediaType};
use supercargo_image::RegistryReference;
use supercargo_registry::{BlobPush, RegistryClient, RegistryError};
use supercargo_testkit::registry::{Fault, Guard, TestRegistry};

use crate::{REPOSITORY, at, client, client_with, fault, noise, read, registry};

/// A client with chunks of 10,000 bytes for blobs over `monolithic_bytes_max`.
fn chunking(monolithic_bytes_max: u64) -> RegistryClient {
    client_with(|options| {
        options.upload.monolithic_bytes_max = monolithic_bytes_max;
        options.upload.chunk_bytes = 10_000;
    })
}

fn push(
    client: &RegistryClient,
    at: &RegistryReference,
    bytes: &[u8],
    mount: Option<&str>,
) -> Result<BlobPush, RegistryError> {
    let blob = Descriptor::of(MediaType::OCI_LAYER, bytes);
    client.push_blob(at, &blob, mount, &|| Ok(Box::new(Cursor::new(bytes))))
}

fn assert_there(registry: &TestRegistry, bytes: &[u8]) {
    let blob = Descriptor::of(MediaType::OCI_LAYER, bytes);
    assert_eq!(read(&client(), &at(registry), &blob).unwrap(), bytes);
}

#[test]
fn a_small_blob_goes_in_one_request_and_only_once() {
    let (registry, _) = registry();
    let bytes = noise(35_000);
    assert_eq!(push(&client(), &at(&registry), &bytes, None).unwrap(), BlobPush::Uploaded);
    assert_eq!((registry.count("PUT", "/uploads/"), registry.count("PATCH", "")), (1, 0));
    assert_there(&registry, &bytes);
    assert_eq!(push(&client(), &at(&registry), &bytes, None).unwrap(), BlobPush::Present);
}

#[test]
fn a_large_blob_goes_in_chunks() {
    let (registry, _) = registry();
    let bytes = noise(35_000);
    push(&chunking(1), &at(&registry), &bytes, None).unwrap();
    assert_eq!((registry.count("PUT", "/uploads/"), registry.count("PATCH", "")), (1, 4));
    assert_there(&registry, &bytes);
}

#[test]
fn the_smallest_chunk_is_the_registrys_word() {
    let (registry, _) = registry();
    registry.change(|quirks| quirks.chunk_min = Some(20_000));
    let bytes = noise(35_000);
    push(&chunking(1), &at(&registry), &bytes, None).unwrap();
    assert_eq!(registry.count("PATCH", ""), 2);
    assert_there(&registry, &bytes);
    registry.change(|quirks| quirks.chunk_min = Some(1 << 40));
    assert!(push(&chunking(1), &at(&registry), &noise(30_000), None).is_err(), "more than we hold in memory");
}

#[test]
fn a_registry_that_refuses_one_request_gets_chunks() {
    for status in [400, 413, 416] {
        let (registry, _) = registry();
        registry.change(|quirks| quirks.no_monolithic = Some(status));
        let bytes = noise(35_000);
        push(&chunking(1 << 20), &at(&registry), &bytes, None).unwrap();
        assert_eq!(registry.count("PATCH", ""), 4);
        assert_there(&registry, &bytes);
    }
}

#[test]
fn a_chunk_that_breaks_goes_on_from_what_is_there() {
    let (registry, _) = registry();
    registry.change(|quirks| quirks.break_chunks_after = [4_000, 0, 10_000].into());
    let bytes = noise(35_000);
    push(&chunking(1), &at(&registry), &bytes, None).unwrap();
    assert_there(&registry, &bytes);
    assert_eq!(registry.count("POST", "/uploads/"), 1, "nothing starts anew");
}

#[test]
fn an_upload_that_fails_in_passing_starts_anew() {
    let (registry, _) = registry();
    fault(&registry, Fault::new("POST", "/uploads/", 503));
    fault(&registry, Fault::new("PUT", "/uploads/", 0));
    fault(&registry, Fault::new("PUT", "/uploads/", 429));
    let bytes = noise(35_000);
    push(&client(), &at(&registry), &bytes, None).unwrap();
    assert_there(&registry, &bytes);
}

#[test]
fn a_blob_is_mounted_from_another_repository() {
    let (registry, _) = registry();
    let bytes = noise(35_000);
    registry.put_blob("team/base", &MediaType::OCI_LAYER, &bytes);
    assert_eq!(push(&client(), &at(&registry), &bytes, Some("team/base")).unwrap(), BlobPush::Mounted);
    assert_eq!(registry.count("PUT", ""), 0);
    assert_there(&registry, &bytes);
}

#[test]
fn a_mount_that_is_not_done_becomes_an_upload() {
    let (registry, _) = registry();
    let bytes = noise(35_000);
    registry.put_blob("team/base", &MediaType::OCI_LAYER, &bytes);
    registry.change(|quirks| quirks.no_mount = true);
    assert_eq!(push(&client(), &at(&registry), &bytes, Some("team/base")).unwrap(), BlobPush::Uploaded);
    assert_eq!(registry.count("POST", ""), 1, "202 has opened the upload");
    assert_there(&registry, &bytes);
}

#[test]
fn a_mount_asks_for_both_repositories() {
    let (registry, _) = registry();
    let guard = Guard::Bearer { realm: None, basic: None, identity: None, post_only: false, seconds: None };
    registry.change(|quirks| quirks.guard = guard);
    let bytes = noise(35_000);
    registry.put_blob("team/base", &MediaType::OCI_LAYER, &bytes);
    push(&client(), &at(&registry), &bytes, Some("team/base")).unwrap();
    let scopes = "scope=repository%3Ateam%2Fapp%3Apull%2Cpush&scope=repository%3Ateam%2Fbase%3Apull";
    assert_eq!(registry.count("GET", scopes), 1);
}

#[test]
fn bytes_that_are_not_those_of_the_digest_are_refused() {
    let (registry, _) = registry();
    let blob = Descriptor::of(MediaType::OCI_LAYER, b"cargo");
    let error = client()
        .push_blob(&at(&registry), &blob, None, &|| Ok(Box::new(Cursor::new(b"cargo"[..4].to_vec()))));
    assert!(matches!(error, Err(RegistryError::Input { .. })));
    let error = client().push_blob(&at(&registry), &blob, None, &|| Ok(Box::new(Cursor::new(b"Cargo"))));
    assert_eq!(error.unwrap_err().status(), Some(400));
}

#[test]
fn a_manifest_goes_by_tag_or_by_digest() {
    let (registry, _) = registry();
    let mut place = RegistryReference { tag: Some("2".to_owned()), ..at(&registry) };
    client().push_manifest(&place, &MediaType::OCI_MANIFEST, b"{}".to_vec()).unwrap();
    assert_eq!(registry.manifest(REPOSITORY, "2").unwrap(), b"{}");
    place.tag = None;
    client().push_manifest(&place, &MediaType::OCI_MANIFEST, b"{ }".to_vec()).unwrap();
    let digest = Descriptor::of(MediaType::OCI_MANIFEST, b"{ }").digest.to_string();
    assert_eq!(registry.manifest(REPOSITORY, &digest).unwrap(), b"{ }");
}

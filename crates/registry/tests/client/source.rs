use std::io::Read;

use serde_json::json;
use supercargo_content::{Descriptor, Limits, MediaType, Platform};
use supercargo_image::{Content, Image, PlatformChoice, Reference, ResolveError, Source};
use supercargo_testkit::registry::{Fault, TestRegistry};

use crate::{REPOSITORY, at, cause, client, client_with, fault};

fn descriptor(what: &Descriptor) -> serde_json::Value {
    json!({"mediaType": what.media_type.as_str(), "digest": what.digest.to_string(), "size": what.size})
}

/// An image of one layer at `team/app:TAG`.
fn put(registry: &TestRegistry, tag: &str, architecture: &str) -> Descriptor {
    let layer = registry.put_blob(REPOSITORY, &MediaType::OCI_LAYER, architecture.as_bytes());
    let diff_id = layer.digest.to_string();
    let config = json!({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": [diff_id]}});
    let config = registry.put_blob(REPOSITORY, &MediaType::OCI_CONFIG, config.to_string().as_bytes());
    let manifest = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST.as_str(),
        "config": descriptor(&config), "layers": [descriptor(&layer)]});
    registry.put_manifest(REPOSITORY, tag, &MediaType::OCI_MANIFEST, manifest.to_string().as_bytes())
}

fn put_index(registry: &TestRegistry) -> Descriptor {
    let entries: Vec<_> = ["amd64", "arm64"]
        .map(|architecture| {
            let mut entry = descriptor(&put(registry, architecture, architecture));
            entry["platform"] = json!({"os": "linux", "architecture": architecture});
            entry
        })
        .into();
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": entries});
    registry.put_manifest(REPOSITORY, "1", &MediaType::OCI_INDEX, index.to_string().as_bytes())
}

fn only(platform: &str) -> PlatformChoice {
    PlatformChoice::Only(platform.parse::<Platform>().unwrap())
}

fn layer_text(image: &Image) -> String {
    let Content::Layers { layers, blobs } = &image.content else { panic!("no layers") };
    let mut text = String::new();
    blobs.blob(&layers[0].blob).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn an_image_of_an_index_is_opened_and_pinned() {
    let registry = TestRegistry::start().unwrap();
    let index = put_index(&registry);
    let resolved = client()
        .source()
        .open(&Reference::Registry(at(&registry)), &only("linux/arm64"), &Limits::default())
        .unwrap();
    assert_eq!(resolved.index.unwrap().digest, index.digest);
    assert_eq!(resolved.images.len(), 1);
    assert_eq!(layer_text(&resolved.images[0]), "arm64");
    assert_eq!(registry.count("GET", "/manifests/1"), 1, "the tag is resolved once");
    assert_eq!(registry.count("GET", "/manifests/"), 2);
}

#[test]
fn a_missing_platform_lists_what_there_is() {
    let registry = TestRegistry::start().unwrap();
    put_index(&registry);
    let error = client()
        .source()
        .open(&Reference::Registry(at(&registry)), &only("linux/s390x"), &Limits::default())
        .unwrap_err();
    assert!(
        error.to_string().contains("linux/amd64") && error.to_string().contains("linux/arm64"),
        "{error}"
    );
}

#[test]
fn refusals_keep_their_status() {
    let registry = TestRegistry::start().unwrap();
    put(&registry, "1", "amd64");
    let source = client_with(|options| options.retry.attempts_max = 1).source();
    for path in ["/manifests/", "/blobs/"] {
        fault(&registry, Fault::new("GET", path, 429));
        let error = source
            .open(&Reference::Registry(at(&registry)), &PlatformChoice::All, &Limits::default())
            .unwrap_err();
        assert!(matches!(error, ResolveError::Registry { .. }), "{error:?}");
        assert_eq!(cause(&error).status(), Some(429), "{path}");
    }
}

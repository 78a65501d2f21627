//! The client against a registry on loopback: each test is one clause of what it promises.

#![expect(clippy::unwrap_used, reason = "clippy exempts functions with `#[test]` only, not what they share")]

mod auth;
mod download;
mod mirrors;
mod parts;
mod proxy;
mod referrers;
mod retry;
mod second_client;
mod source;
mod tagged;
mod tls;
mod upload;

use std::error::Error;
use std::io::Read;
use std::time::Duration;

use serde_json::json;
use supercargo_content::{Descriptor, MediaType, VerifyingReader};
use supercargo_image::{Artifact, RegistryReference};
use supercargo_registry::{RegistryClient, RegistryError, RegistryOptions};
use supercargo_testkit::registry::{Fault, TestRegistry};

const REPOSITORY: &str = "team/app";

/// Options whose waits are short.
fn options() -> RegistryOptions {
    let mut options = RegistryOptions::default();
    options.retry.wait_base = Duration::from_millis(2);
    options.referrers.settle = Duration::from_millis(20);
    options
}

fn client() -> RegistryClient {
    RegistryClient::new(options()).unwrap()
}

fn client_with(change: impl FnOnce(&mut RegistryOptions)) -> RegistryClient {
    let mut options = options();
    change(&mut options);
    RegistryClient::new(options).unwrap()
}

fn at(registry: &TestRegistry) -> RegistryReference {
    at_host(&registry.host())
}

fn at_host(host: &str) -> RegistryReference {
    let tag = Some("1".to_owned());
    RegistryReference { host: host.to_owned(), repository: REPOSITORY.to_owned(), tag, digest: None }
}

/// A registry with an image at `team/app:1`.
fn registry() -> (TestRegistry, Descriptor) {
    let registry = TestRegistry::start().unwrap();
    let image = put_image(&registry);
    (registry, image)
}

fn put_image(registry: &TestRegistry) -> Descriptor {
    registry.put_manifest(REPOSITORY, "1", &MediaType::OCI_MANIFEST, image_bytes().as_bytes())
}

fn image_bytes() -> String {
    json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST.as_str(), "layers": []}).to_string()
}

fn note(subject: &Descriptor, text: &str) -> Artifact {
    Artifact {
        artifact_type: MediaType::SIGSTORE_BUNDLE_V03,
        layer_type: MediaType::SIGSTORE_BUNDLE_V03,
        content: text.as_bytes().to_vec(),
        annotations: [("example.note".to_owned(), text.to_owned())].into(),
        subject: subject.clone(),
    }
}

/// Reads a blob to its end, checked by digest and size.
fn read(client: &RegistryClient, at: &RegistryReference, blob: &Descriptor) -> std::io::Result<Vec<u8>> {
    let stream = client.blobs(at).unwrap().open(blob).map_err(std::io::Error::other)?;
    let mut bytes = Vec::new();
    VerifyingReader::new(stream, blob.digest.clone(), blob.size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The registry's error below an error of a trait.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> &'a RegistryError {
    RegistryError::find_in(error).expect("an error of the registry client")
}

fn fault(registry: &TestRegistry, fault: Fault) {
    registry.change(|quirks| quirks.faults.push(fault));
}

/// Bytes that do not repeat within a window.
fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

use std::path::Path;

use supercargo_content::Platform;
use tempfile::TempDir;

use super::*;
use crate::artifact::entry_json;
use crate::files::Folder;

struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        let fixture = Self(TempDir::new().unwrap());
        std::fs::create_dir_all(fixture.path().join("blobs/sha256")).unwrap();
        fixture.write("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        fixture
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn blob(&self, media_type: MediaType, text: &str) -> Descriptor {
        let descriptor = Descriptor::of(media_type, text.as_bytes());
        self.write(&blob_name(&descriptor.digest), text);
        descriptor
    }

    /// An image without layers whose configuration has a label.
    fn image(&self, architecture: &str, name: &str) -> Descriptor {
        let config = format!(
            r#"{{"os":"linux","architecture":"{architecture}","config":{{"Labels":{{"name":"{name}"}}}}}}"#
        );
        let config = self.blob(MediaType::OCI_CONFIG, &config);
        let manifest = format!(r#"{{"schemaVersion":2,"config":{},"layers":[]}}"#, entry_json(&config));
        self.blob(MediaType::OCI_MANIFEST, &manifest)
    }

    fn list(&self, entries: &[&Descriptor]) {
        let entries: Vec<String> = entries.iter().map(|entry| with_platform(entry)).collect();
        self.write("index.json", &format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(",")));
    }

    fn open(&self, selector: Selector) -> Result<Resolved, ResolveError> {
        self.open_for(selector, &PlatformChoice::Host(Platform::new("linux", "amd64")))
    }

    fn open_for(&self, selector: Selector, choice: &PlatformChoice) -> Result<Resolved, ResolveError> {
        let at = Reference::OciLayout { dir: self.path().into(), selector: selector.clone() };
        open_layout(Arc::new(Folder(self.path().into())), &at, &selector, choice, &Limits::default())
    }
}

fn with_platform(entry: &Descriptor) -> String {
    let mut json = entry_json(entry);
    if let Some(platform) = &entry.platform {
        json["platform"] = serde_json::json!({"os": platform.os, "architecture": platform.architecture});
    }
    json.to_string()
}

fn named(mut entry: Descriptor, key: &str, name: &str) -> Descriptor {
    entry.annotations.insert(key.into(), name.into());
    entry
}

fn tag(tag: &str) -> Selector {
    Selector::Tag(tag.into())
}

fn digest_of(found: Result<Resolved, ResolveError>) -> Digest {
    let resolved = found.unwrap();
    assert_eq!(resolved.images.len(), 1);
    resolved.images[0].manifest.as_ref().unwrap().digest.clone()
}

#[test]
fn tags_are_exact_names_first_and_then_tags_of_whole_names() {
    let fixture = Fixture::new();
    let plain = named(fixture.image("amd64", "plain"), REF_NAME, "1");
    let whole = named(fixture.image("amd64", "whole"), CONTAINERD_NAME, "docker.io/library/app:1");
    let other = named(fixture.image("amd64", "other"), REF_NAME, "ghcr.io/a/b:2");
    fixture.list(&[&whole, &plain, &other]);
    assert_eq!(digest_of(fixture.open(tag("1"))), plain.digest);
    assert_eq!(digest_of(fixture.open(tag("2"))), other.digest);
    fixture.list(&[&whole, &other]);
    assert_eq!(digest_of(fixture.open(tag("1"))), whole.digest);
    let missing = fixture.open(tag("3"));
    assert!(
        matches!(missing, Err(ResolveError::NotFound { there, .. }) if there.contains("`ghcr.io/a/b:2`"))
    );
}

#[test]
fn several_images_are_listed_not_guessed() {
    let fixture = Fixture::new();
    let one = named(fixture.image("amd64", "one"), REF_NAME, "1");
    let two = named(fixture.image("amd64", "two"), REF_NAME, "2");
    fixture.list(&[&one, &two]);
    let found = fixture.open(Selector::Only);
    assert!(matches!(found, Err(ResolveError::Ambiguous { there, .. })
        if there.contains("`1`") && there.contains("`2`") && there.contains(one.digest.hex())));
    fixture.list(&[]);
    assert!(
        matches!(fixture.open(Selector::Only), Err(ResolveError::NotFound { there, .. }) if there == "no image")
    );
}

#[test]
fn any_manifest_of_the_folder_may_be_named_by_digest() {
    let fixture = Fixture::new();
    let (listed, hidden) = (fixture.image("amd64", "listed"), fixture.image("amd64", "hidden"));
    fixture.list(&[&listed]);
    for image in [listed, hidden] {
        assert_eq!(digest_of(fixture.open(Selector::Digest(image.digest.clone()))), image.digest);
    }
    let stranger = Digest::sha256_of(b"stranger");
    assert!(matches!(fixture.open(Selector::Digest(stranger)), Err(ResolveError::NotFound { .. })));
}

#[test]
fn images_that_differ_in_platform_are_chosen_from_like_an_index() {
    let fixture = Fixture::new();
    let entry = |architecture: &str| {
        let image = fixture.image(architecture, "x");
        named(Descriptor { platform: Some(Platform::new("linux", architecture)), ..image }, REF_NAME, "1")
    };
    let (amd, arm) = (entry("amd64"), entry("arm64"));
    fixture.list(&[&amd, &arm]);
    assert_eq!(digest_of(fixture.open(tag("1"))), amd.digest);
    let only_arm = PlatformChoice::Only(Platform::new("linux", "arm64"));
    assert_eq!(digest_of(fixture.open_for(Selector::Only, &only_arm)), arm.digest);
    assert_eq!(fixture.open_for(tag("1"), &PlatformChoice::All).unwrap().images.len(), 2);
}

#[test]
fn what_hangs_on_an_image_does_not_make_it_ambiguous() {
    let fixture = Fixture::new();
    let image = fixture.image("amd64", "x");
    let empty = fixture.blob(MediaType::OCI_EMPTY, "{}");
    let bare = format!(r#"{{"schemaVersion":2,"config":{},"layers":[]}}"#, entry_json(&empty));
    let unmarked = fixture.blob(MediaType::OCI_MANIFEST, &bare);
    let saved = named(fixture.image("amd64", "signatures"), COSIGN_KIND, "dev.cosignproject.cosign/sigs");
    fixture.list(&[&saved, &unmarked, &image]);
    assert_eq!(digest_of(fixture.open(Selector::Only)), image.digest);
}

#[test]
fn one_image_of_another_platform_is_taken_unless_a_platform_was_named() {
    let fixture = Fixture::new();
    let image = fixture.image("arm64", "x");
    fixture.list(&[&image]);
    assert_eq!(digest_of(fixture.open(Selector::Only)), image.digest);
    let only = PlatformChoice::Only(Platform::new("linux", "amd64"));
    let found = fixture.open_for(Selector::Only, &only);
    assert!(matches!(found, Err(ResolveError::Platform { there, .. }) if there.contains("linux/arm64")));
}

#[test]
fn damaged_layouts_are_named() {
    let fixture = Fixture::new();
    let missing = fixture.open(Selector::Only);
    assert!(matches!(missing, Err(ResolveError::WrongKind { reason, .. }) if reason.contains("index.json")));
    let image = fixture.image("amd64", "x");
    fixture.list(&[&image]);
    fixture.write(&blob_name(&image.digest), &"x".repeat(usize::try_from(image.size).unwrap()));
    let found = fixture.open(Selector::Only);
    assert!(
        matches!(found, Err(ResolveError::Damaged { reason, .. }) if matches!(*reason, DocumentError::Content(_)))
    );
    std::fs::remove_file(fixture.path().join(blob_name(&image.digest))).unwrap();
    assert!(matches!(fixture.open(Selector::Only), Err(ResolveError::Io { .. })));
    let huge = Descriptor { size: 1 << 40, ..image };
    fixture.list(&[&huge]);
    assert!(matches!(fixture.open(Selector::Only), Err(ResolveError::Limit { found: 0x100_0000_0000, .. })));
    fixture.write("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#);
    let found = fixture.open(Selector::Only);
    assert!(matches!(found, Err(ResolveError::Damaged { reason, .. })
        if *reason == DocumentError::LayoutVersion { found: "2.0.0".into() }));
}

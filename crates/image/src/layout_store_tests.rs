use super::*;

use tempfile::TempDir;

/// A layout with one empty image.
fn layout() -> (TempDir, Descriptor) {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir_all(dir.path().join("blobs/sha256")).unwrap();
    std::fs::write(dir.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let config = put(&dir, MediaType::OCI_CONFIG, r#"{"os":"linux","architecture":"amd64"}"#);
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"{}","digest":"{}","size":{}}},"layers":[]}}"#,
        config.media_type, config.digest, config.size
    );
    let image = put(&dir, MediaType::OCI_MANIFEST, &manifest);
    let index =
        format!(r#"{{"schemaVersion":2,"x":1,"manifests":[{}]}}"#, crate::artifact::entry_json(&image));
    std::fs::write(dir.path().join("index.json"), index).unwrap();
    (dir, image)
}

fn put(dir: &TempDir, media_type: MediaType, text: &str) -> Descriptor {
    let descriptor = Descriptor::of(media_type, text.as_bytes());
    std::fs::write(dir.path().join(blob_name(&descriptor.digest)), text).unwrap();
    descriptor
}

fn store(dir: &TempDir) -> OciLayoutStore {
    OciLayoutStore::open(dir.path(), &Limits::default()).unwrap()
}

fn artifact(subject: &Descriptor, content: &str) -> Artifact {
    Artifact {
        artifact_type: MediaType::SIGSTORE_BUNDLE_V03,
        layer_type: MediaType::SIGSTORE_BUNDLE_V03,
        content: content.as_bytes().to_vec(),
        annotations: BTreeMap::from([("dev.sigstore.bundle.content".into(), "dsse-envelope".into())]),
        subject: subject.clone(),
    }
}

fn index_text(dir: &TempDir) -> String {
    std::fs::read_to_string(dir.path().join("index.json")).unwrap()
}

fn cause(error: &AttachmentError) -> &LayoutStoreError {
    error.source.downcast_ref().unwrap()
}

#[test]
fn what_is_attached_is_found_and_fetched() {
    let (dir, image) = layout();
    let store = store(&dir);
    let attached = store.attach(&artifact(&image, "one")).unwrap();
    assert_eq!(store.referrers(&image.digest).unwrap(), std::slice::from_ref(&attached));
    assert_eq!(store.referrers(&attached.digest).unwrap(), []);
    let manifest = crate::parse_manifest(&store.fetch(&attached).unwrap(), &Limits::default()).unwrap();
    assert_eq!(store.fetch(&manifest.layers[0]).unwrap(), b"one");
    assert!(index_text(&dir).contains(r#""x":1"#));
    let at = crate::Reference::OciLayout { dir: dir.path().into(), selector: crate::Selector::Only };
    let opened = crate::Source::open(&crate::OciLayout, &at, &crate::PlatformChoice::All, &Limits::default());
    assert_eq!(opened.unwrap().images.len(), 1);
}

#[test]
fn attaching_twice_changes_nothing() {
    let (dir, image) = layout();
    let store = store(&dir);
    store.attach(&artifact(&image, "one")).unwrap();
    let before = index_text(&dir);
    store.attach(&artifact(&image, "one")).unwrap();
    assert_eq!(index_text(&dir), before);
}

#[test]
fn writers_side_by_side_lose_nothing() {
    let (dir, image) = layout();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (dir, image) = (&dir, &image);
            scope.spawn(move || {
                let store = store(dir);
                for number in 0..4 {
                    store.attach(&artifact(image, &format!("{writer}-{number}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(store(&dir).referrers(&image.digest).unwrap().len(), 32);
    let left = std::fs::read_dir(dir.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".supercargo"));
    assert_eq!(left.count(), 0);
}

#[test]
fn unlisted_manifests_are_found_as_cosign_saves_them() {
    let (dir, image) = layout();
    let manifest = artifact(&image, "saved").to_manifest();
    std::fs::write(dir.path().join(blob_name(&manifest.descriptor.digest)), &manifest.bytes).unwrap();
    assert_eq!(store(&dir).referrers(&image.digest).unwrap(), [manifest.descriptor]);
}

#[test]
fn a_manifest_under_a_false_name_is_no_referrer_but_damage() {
    let (dir, image) = layout();
    let manifest = artifact(&image, "forged").to_manifest();
    std::fs::write(dir.path().join(blob_name(&Digest::sha256_of(b"other"))), &manifest.bytes).unwrap();
    let error = store(&dir).referrers(&image.digest).unwrap_err();
    assert!(matches!(cause(&error), LayoutStoreError::Io { source, .. }
        if supercargo_content::ContentMismatch::of(source).is_some()));
}

#[test]
fn nothing_hangs_on_what_is_not_there() {
    let (dir, _) = layout();
    let stranger = Descriptor::of(MediaType::OCI_MANIFEST, b"stranger");
    let error = store(&dir).attach(&artifact(&stranger, "one")).unwrap_err();
    assert!(matches!(cause(&error), LayoutStoreError::NoSubject { .. }));
    assert_eq!(store(&dir).referrers(&stranger.digest).unwrap(), []);
}

#[test]
fn more_referrers_than_the_limit_are_an_error_not_a_part() {
    let (dir, image) = layout();
    let limits = Limits { attachments_max: 2, ..Limits::default() };
    let store = OciLayoutStore::open(dir.path(), &limits).unwrap();
    for number in 0..3 {
        store.attach(&artifact(&image, &number.to_string())).unwrap();
    }
    let error = store.referrers(&image.digest).unwrap_err();
    assert!(matches!(cause(&error), LayoutStoreError::TooManyReferrers { limit: 2 }));
}

#[test]
fn long_attachments_and_lying_sizes_are_refused() {
    let (dir, image) = layout();
    let limits = Limits { attachment_bytes_max: 3, ..Limits::default() };
    let store = OciLayoutStore::open(dir.path(), &limits).unwrap();
    assert!(matches!(
        cause(&store.fetch(&image).unwrap_err()),
        LayoutStoreError::TooLong { limit_bytes: 3, .. }
    ));
    let lie = Descriptor { size: 2, ..image };
    assert!(matches!(cause(&store.fetch(&lie).unwrap_err()), LayoutStoreError::Io { .. }));
}

#[test]
fn tags_are_names_in_the_index() {
    let (dir, image) = layout();
    let mut tagged = image.clone();
    let tag = crate::cosign_tag(&image.digest, crate::CosignKind::Attestations);
    tagged.annotations.insert("org.opencontainers.image.ref.name".into(), tag.clone());
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, crate::artifact::entry_json(&tagged));
    std::fs::write(dir.path().join("index.json"), index).unwrap();
    assert_eq!(store(&dir).tagged(&tag).unwrap().unwrap().digest, image.digest);
    assert_eq!(store(&dir).tagged("sha256-00.att").unwrap(), None);
}

/// Real layouts that `cosign save` wrote; absent on most machines.
#[test]
fn layouts_saved_by_cosign_have_their_attestations() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/layouts");
    let Ok(cases) = std::fs::read(suite.join("cases.json")) else {
        println!("skipped: there is no {}", suite.display());
        return;
    };
    let cases: serde_json::Value = serde_json::from_slice(&cases).unwrap();
    for case in cases.as_array().unwrap() {
        let dir = suite.join(case["layout"].as_str().unwrap());
        let store = OciLayoutStore::open(&dir, &Limits::default()).unwrap();
        let image: Digest = case["image_digest"].as_str().unwrap().parse().unwrap();
        let tag = crate::cosign_tag(&image, crate::CosignKind::Attestations);
        let found = store.tagged(&tag).unwrap().unwrap();
        assert_eq!(found.digest.to_string(), case["signed_attestations"][0]["manifest"].as_str().unwrap());
        let manifest = crate::parse_manifest(&store.fetch(&found).unwrap(), &Limits::default()).unwrap();
        assert_eq!(
            manifest.layers[0].digest.to_string(),
            case["signed_attestations"][0]["layer"].as_str().unwrap()
        );
        assert_eq!(store.referrers(&image).unwrap(), []);
    }
}

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const OTHER: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn parse(json: &str) -> Result<Document, DocumentError> {
    parse_document(json.as_bytes(), None, &Limits::default())
}

fn declared(json: &str, media_type: MediaType) -> Result<Document, DocumentError> {
    parse_document(json.as_bytes(), Some(&media_type), &Limits::default())
}

/// A manifest with `more` beside its configuration.
fn manifest_with(more: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{DIGEST}","size":0}}{more}}}"#
    )
}

fn manifest_with_layer(layer: &str) -> String {
    manifest_with(&format!(r#","layers":[{layer}]"#))
}

#[test]
fn kinds_follow_the_declared_type_the_own_type_and_the_shape() {
    let manifest = manifest_with(r#","layers":[]"#);
    assert!(matches!(parse(&manifest), Ok(Document::Manifest(m)) if m.media_type == MediaType::OCI_MANIFEST));
    let docker = declared(&manifest, MediaType::DOCKER_MANIFEST).unwrap();
    assert_eq!(*docker.media_type(), MediaType::DOCKER_MANIFEST);
    let odd = declared(&manifest, MediaType::new("application/json")).unwrap();
    assert_eq!(*odd.media_type(), MediaType::OCI_MANIFEST);
    let index =
        r#"{"schemaVersion":2,"manifests":null,"mediaType":"application/vnd.oci.image.index.v1+json"}"#;
    assert!(matches!(parse(index), Ok(Document::Index(index)) if index.manifests.is_empty()));
}

#[test]
fn one_digest_never_means_two_things() {
    use DocumentError as E;
    let both = manifest_with(r#","layers":[],"manifests":[]"#);
    assert_eq!(parse(&both), Err(E::BothKinds));
    assert_eq!(parse(&manifest_with(r#","manifests":[]"#)), Err(E::BothKinds));
    assert_eq!(declared(&both, MediaType::OCI_INDEX), Err(E::BothKinds));
    let manifest = manifest_with(r#","layers":[]"#);
    assert!(matches!(declared(&manifest, MediaType::OCI_INDEX), Err(E::KindsDisagree { .. })));
    let lying = manifest_with(r#","layers":[],"mediaType":"application/vnd.oci.image.index.v1+json""#);
    assert!(matches!(parse(&lying), Err(E::KindsDisagree { .. })));
    let foreign = manifest_with(r#","layers":[],"mediaType":"text/html""#);
    assert_eq!(parse(&foreign), Err(E::MediaType { found: "text/html".into() }));
    assert_eq!(parse(r#"{"schemaVersion":2}"#), Err(E::NeitherKind));
    assert!(matches!(parse_index(manifest.as_bytes(), &Limits::default()), Err(E::OtherKind { .. })));
}

#[test]
fn keys_that_readers_may_confuse_are_refused() {
    use DocumentError as E;
    assert!(matches!(parse(&manifest_with(r#","layers":[],"layers":[]"#)), Err(E::Json(_))));
    let twin = E::AmbiguousKey { key: "Layers".into(), known: "layers" };
    assert_eq!(parse(&manifest_with(r#","layers":[],"Layers":[]"#)), Err(twin));
    let long_s = E::AmbiguousKey { key: "manife\u{17f}ts".into(), known: "manifests" };
    assert_eq!(parse(&manifest_with(",\"manife\u{17f}ts\":[]")), Err(long_s));
    let layer = format!(r#"{{"digest":"{DIGEST}","Digest":"{OTHER}","size":0}}"#);
    assert!(matches!(parse(&manifest_with_layer(&layer)), Err(E::AmbiguousKey { known: "digest", .. })));
}

#[test]
fn old_and_future_versions_are_refused() {
    use DocumentError as E;
    assert_eq!(parse(r#"{"schemaVersion":1,"fsLayers":[],"history":[]}"#), Err(E::SchemaOne));
    assert_eq!(parse(r#"{"schemaVersion":1}"#), Err(E::SchemaOne));
    assert_eq!(parse(&manifest_with(r#","fsLayers":[]"#)), Err(E::SchemaOne));
    for version in ["3", "2.5", "-2", "99999999999999999999"] {
        let json = format!(r#"{{"schemaVersion":{version},"manifests":[]}}"#);
        assert!(matches!(parse(&json), Err(E::SchemaVersion { .. })), "{version}");
    }
    assert!(matches!(parse(r#"{"manifests":[]}"#), Err(E::SchemaVersion { .. })));
    assert!(matches!(parse(r#"{"schemaVersion":"2","manifests":[]}"#), Err(E::Json(_))));
}

#[test]
fn sizes_and_digests_are_checked() {
    use DocumentError as E;
    for size in ["-1", "1.5", "1e3", "9223372036854775808", "18446744073709551616"] {
        let layer = format!(r#"{{"digest":"{DIGEST}","size":{size}}}"#);
        let found = parse(&manifest_with_layer(&layer));
        assert!(matches!(found, Err(E::Size { place: "layers", .. })), "{size}: {found:?}");
    }
    for digest in ["", "sha256:", "md5:00", "sha256:../../../../etc/passwd", &DIGEST.to_uppercase()] {
        let layer = format!(r#"{{"digest":"{digest}","size":0}}"#);
        assert!(matches!(parse(&manifest_with_layer(&layer)), Err(E::Digest { place: "layers", .. })));
    }
    assert!(matches!(parse(&manifest_with_layer(&format!(r#"{{"digest":"{DIGEST}"}}"#))), Err(E::Json(_))));
}

#[test]
fn embedded_bytes_must_be_those_of_the_digest() {
    let with_data = |data: &str, size: u64| {
        parse(&manifest_with_layer(&format!(r#"{{"digest":"{OTHER}","size":{size},"data":"{data}"}}"#)))
    };
    assert!(with_data("YWJj", 3).is_ok());
    for (data, size) in [("YWJj", 4), ("YWJk", 3), ("", 3), ("%%%", 3)] {
        assert!(matches!(with_data(data, size), Err(DocumentError::Data { place: "layers", .. })), "{data}");
    }
}

#[test]
fn counts_are_bounded() {
    let limits = Limits { layers_max: 2, manifests_max: 2, ..Limits::default() };
    let descriptor = format!(r#"{{"digest":"{DIGEST}","size":0}}"#);
    let three = [descriptor.as_str(); 3].join(",");
    let manifest = manifest_with_layer(&three);
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{three}]}}"#);
    let config = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":["{DIGEST}","{DIGEST}","{DIGEST}"]}}}}"#);
    let over = |what| DocumentError::TooMany { what, found: 3, limit: 2 };
    assert_eq!(parse_manifest(manifest.as_bytes(), &limits), Err(over("layers")));
    assert_eq!(parse_index(index.as_bytes(), &limits), Err(over("manifests")));
    assert_eq!(parse_config(config.as_bytes(), &limits), Err(over("diff IDs")));
}

#[test]
fn truncated_and_deep_documents_are_errors() {
    let whole = manifest_with(r#","layers":[],"annotations":{"a":"b"}"#);
    for end in 0..whole.len() {
        assert!(matches!(parse(&whole[..end]), Err(DocumentError::Json(_))), "{end}");
    }
    let deep = format!(r#"{{"schemaVersion":2,"manifests":[],"x":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    assert!(matches!(parse(&deep), Err(DocumentError::Json(_))));
    assert!(matches!(parse("[]"), Err(DocumentError::Json(_))));
    assert!(matches!(parse("null"), Err(DocumentError::Json(_))));
}

#[test]
fn configurations_give_platform_layers_and_history() {
    let json = format!(
        r#"{{"architecture":"arm","os":"linux","variant":"v7","created":"2024-01-02T03:04:05Z",
            "config":{{"Labels":{{"a":"b"}},"Env":null}},"rootfs":{{"type":"layers","diff_ids":["{DIGEST}"]}},
            "history":[{{"created_by":"COPY x"}},{{"created_by":"ENV","empty_layer":true}},{{}}]}}"#
    );
    let config = parse_config(json.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(config.platform.unwrap().to_string(), "linux/arm/v7");
    assert_eq!(config.created.as_deref(), Some("2024-01-02T03:04:05Z"));
    assert_eq!(config.created_by, ["COPY x", ""]);
    assert_eq!((config.diff_ids.len(), config.labels.len()), (1, 1));
}

#[test]
fn odd_configurations() {
    let parse = |json: &str| parse_config(json.as_bytes(), &Limits::default());
    let empty = r#"{"config":null,"rootfs":null,"history":null,"architecture":"","os":""}"#;
    assert_eq!(parse(empty), Ok(ImageConfig::default()));
    assert_eq!(parse(r#"{"rootfs":{"type":"zip"}}"#), Err(DocumentError::RootfsType { found: "zip".into() }));
    assert!(matches!(parse(r#"{"rootfs":{"diff_ids":["x"]}}"#), Err(DocumentError::Digest { .. })));
    assert!(matches!(parse(r#"{"os":"a","os":"b"}"#), Err(DocumentError::Json(_))));
    assert!(matches!(parse(r#"{"Rootfs":{}}"#), Err(DocumentError::AmbiguousKey { known: "rootfs", .. })));
}

#[test]
fn an_artifact_is_known_by_type_configuration_or_layers() {
    let manifest = |json: String| parse_manifest(json.as_bytes(), &Limits::default()).unwrap();
    let layer = |kind: &str| format!(r#"{{"mediaType":"{kind}","digest":"{DIGEST}","size":0}}"#);
    let image = manifest(manifest_with_layer(&layer("application/vnd.oci.image.layer.v1.tar+gzip")));
    assert!(image.is_image() && image.artifact_type.is_none());
    assert!(!manifest(manifest_with_layer(&layer("application/vnd.dsse.envelope.v1+json"))).is_image());
    let empty = layer("application/vnd.oci.empty.v1+json");
    let artifact = manifest(format!(r#"{{"schemaVersion":2,"config":{empty},"layers":[]}}"#));
    assert_eq!(artifact.artifact_type, Some(MediaType::OCI_EMPTY));
    assert!(!artifact.is_image());
}

use std::path::PathBuf;

use super::*;
use crate::tar_index::tests::{archive, file, member, on_disk};

const LAYER: &[u8] = b"a layer";

fn config(diff_ids: &[Digest]) -> Vec<u8> {
    let ids: Vec<_> = diff_ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        ids.join(",")
    )
    .into_bytes()
}

fn list(config: &str, tags: &str, layers: &str) -> String {
    format!(r#"{{"Config":"{config}","RepoTags":{tags},"Layers":{layers}}}"#)
}

fn open_with(
    members: &[Vec<u8>],
    selector: Selector,
    platform: &PlatformChoice,
) -> Result<Image, ResolveError> {
    let tar = on_disk(&archive(members));
    let at = Reference::DockerArchive { file: PathBuf::from(tar.path()), selector };
    DockerArchive.open(&at, platform, &Limits::default()).map(|mut resolved| resolved.images.remove(0))
}

fn open(members: &[Vec<u8>], selector: Selector) -> Result<Image, ResolveError> {
    open_with(members, selector, &PlatformChoice::All)
}

fn layer_bytes(image: &Image, at: usize) -> Vec<u8> {
    let Content::Layers { layers, blobs } = &image.content else { panic!("no layers") };
    crate::open::read_checked(blobs.as_ref(), &layers[at].blob).unwrap()
}

/// An old archive with one image of one layer under `x/layer.tar`.
fn one(tags: &str, layers: &str) -> Vec<Vec<u8>> {
    let config = config(&[Digest::sha256_of(LAYER)]);
    let name = format!("{}.json", Digest::sha256_of(&config).hex());
    vec![
        file(&name, &config),
        file("x/layer.tar", LAYER),
        member(b'2', "y/layer.tar", "../x/layer.tar", b""),
        file(LIST, format!("[{}]", list(&name, tags, layers)).as_bytes()),
    ]
}

fn reason(found: Result<Image, ResolveError>) -> DocumentError {
    match found {
        Err(ResolveError::Damaged { reason, .. }) => *reason,
        other => panic!("not damaged: {other:?}"),
    }
}

#[test]
fn old_archives_have_an_image_id_and_no_manifest() {
    for layers in [r#"["x/layer.tar"]"#, r#"["y/layer.tar"]"#] {
        let image = open(&one(r#"["app:1"]"#, layers), Selector::Only).unwrap();
        assert!(image.manifest.is_none());
        assert_eq!(image.image_id, Some(Digest::sha256_of(&config(&[Digest::sha256_of(LAYER)]))));
        assert_eq!(layer_bytes(&image, 0), LAYER);
    }
}

#[test]
fn images_are_chosen_by_name_tag_or_id() {
    let members = one(r#"["docker.io/library/app:1","other/app:2"]"#, r#"["x/layer.tar"]"#);
    let id = Digest::sha256_of(&config(&[Digest::sha256_of(LAYER)]));
    for tag in ["1", "2", "app:1", "library/app:1", "docker.io/library/app:1", "other/app:2"] {
        assert!(open(&members, Selector::Tag(tag.into())).is_ok(), "{tag}");
    }
    assert!(open(&members, Selector::Digest(id)).is_ok());
    let missing = open(&members, Selector::Tag("3".into()));
    assert!(
        matches!(missing, Err(ResolveError::NotFound { there, .. }) if there.contains("docker.io/library/app:1"))
    );
}

#[test]
fn several_images_are_ambiguous() {
    let (first, second) = (config(&[]), b"{}".to_vec());
    let members = [
        file("a.json", &first),
        file("b.json", &second),
        file(
            LIST,
            format!(
                "[{},{}]",
                list("a.json", r#"["app:1"]"#, "[]"),
                list("b.json", r#"["other:1"]"#, "null")
            )
            .as_bytes(),
        ),
    ];
    assert!(matches!(open(&members, Selector::Only), Err(ResolveError::Ambiguous { there, .. })
        if there.contains("`app:1`") && there.contains("`other:1`")));
    assert!(matches!(open(&members, Selector::Tag("1".into())), Err(ResolveError::Ambiguous { .. })));
    let chosen = open(&members, Selector::Tag("other:1".into())).unwrap();
    assert_eq!(chosen.image_id, Some(Digest::sha256_of(&second)));
}

#[test]
fn compressed_layers_get_the_digest_of_their_bytes() {
    let packed = b"\x1f\x8b\x08 not really, but nobody unpacks here";
    let config = config(&[Digest::sha256_of(b"unpacked")]);
    let members = [
        file("config.json", &config),
        file("layer.tar.gz", packed),
        file(LIST, format!("[{}]", list("config.json", "null", r#"["layer.tar.gz"]"#)).as_bytes()),
    ];
    let image = open(&members, Selector::Only).unwrap();
    let Content::Layers { layers, .. } = &image.content else { panic!("no layers") };
    assert_eq!(layers[0].blob, Descriptor::of(MediaType::DOCKER_LAYER_GZIP, packed));
    assert_eq!(layer_bytes(&image, 0), packed);
}

#[test]
fn newer_archives_have_a_manifest() {
    let blob = |bytes: &[u8]| file(&blob_name(&Digest::sha256_of(bytes)), bytes);
    let config = config(&[Digest::sha256_of(LAYER)]);
    let entry =
        |bytes: &[u8], kind: MediaType| crate::artifact::entry_json(&Descriptor::of(kind, bytes)).to_string();
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#,
        entry(&config, MediaType::OCI_CONFIG),
        entry(LAYER, MediaType::OCI_LAYER)
    );
    let absent = entry(b"other platform", MediaType::OCI_MANIFEST);
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{absent},{}]}}"#,
        entry(manifest.as_bytes(), MediaType::OCI_MANIFEST)
    );
    let layer_name = blob_name(&Digest::sha256_of(LAYER));
    let members = [
        blob(&config),
        blob(LAYER),
        blob(manifest.as_bytes()),
        file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
        file("index.json", index.as_bytes()),
        file(
            LIST,
            format!(
                "[{}]",
                list(
                    &blob_name(&Digest::sha256_of(&config)),
                    r#"["app:1"]"#,
                    &format!(r#"["{layer_name}"]"#)
                )
            )
            .as_bytes(),
        ),
    ];
    let image = open(&members, Selector::Tag("app:1".into())).unwrap();
    assert_eq!(image.manifest.as_ref().unwrap().digest, Digest::sha256_of(manifest.as_bytes()));
    assert_eq!(layer_bytes(&image, 0), LAYER);
    let without_index: Vec<_> = [&members[..3], &members[5..]].concat();
    let image = open(&without_index, Selector::Only).unwrap();
    assert!(image.manifest.is_none());
    assert_eq!(layer_bytes(&image, 0), LAYER);
}

#[test]
fn paths_that_leave_the_archive_are_refused() {
    for path in ["../x/layer.tar", "/x/layer.tar", "x/../../layer.tar"] {
        let found = reason(open(&one("null", &format!(r#"["{path}"]"#)), Selector::Only));
        assert_eq!(found, DocumentError::Escape { path: path.into() });
    }
    let members = [file(LIST, format!("[{}]", list("../../etc/passwd", "null", "[]")).as_bytes())];
    assert!(matches!(reason(open(&members, Selector::Only)), DocumentError::Escape { .. }));
}

#[test]
fn lists_that_lie_are_refused() {
    use DocumentError as E;
    let layers = |layers: &str| reason(open(&one("null", layers), Selector::Only));
    assert_eq!(layers(r#"["z/layer.tar"]"#), E::Missing { path: "z/layer.tar".into() });
    assert_eq!(layers("[]"), E::LayerCount { layers: 0, diff_ids: 1 });
    assert_eq!(layers(r#"["x/layer.tar","x/layer.tar"]"#), E::LayerCount { layers: 2, diff_ids: 1 });
    assert!(matches!(layers("7"), E::Json(_)));
    let name = format!("{}.json", Digest::sha256_of(b"other").hex());
    let members = [file(&name, b"{}"), file(LIST, format!("[{}]", list(&name, "null", "[]")).as_bytes())];
    assert!(matches!(reason(open(&members, Selector::Only)), E::Content(ContentMismatch::Digest { .. })));
    let members = [file(LIST, format!("[{}]", list("gone.json", "null", "[]")).as_bytes())];
    assert_eq!(reason(open(&members, Selector::Only)), E::Missing { path: "gone.json".into() });
}

#[test]
fn a_layer_with_other_bytes_is_found_when_read() {
    let config = config(&[Digest::sha256_of(b"other")]);
    let members = [
        file("c.json", &config),
        file("l.tar", LAYER),
        file(LIST, format!("[{}]", list("c.json", "null", r#"["l.tar"]"#)).as_bytes()),
    ];
    let image = open(&members, Selector::Only).unwrap();
    let Content::Layers { layers, blobs } = &image.content else { panic!("no layers") };
    let error = crate::open::read_checked(blobs.as_ref(), &layers[0].blob).unwrap_err();
    assert!(matches!(ContentMismatch::of(&error), Some(ContentMismatch::Digest { .. })));
}

#[test]
fn other_things_than_docker_archives_say_what_to_do() {
    let no_list = open(&[file("x", b"")], Selector::Only).unwrap_err().to_string();
    assert!(no_list.contains("oci-archive:"), "{no_list}");
    let tar = on_disk(b"\x1f\x8b\x08 packed");
    let at = Reference::DockerArchive { file: PathBuf::from(tar.path()), selector: Selector::Only };
    let packed = DockerArchive.open(&at, &PlatformChoice::All, &Limits::default()).unwrap_err().to_string();
    assert!(packed.contains("gunzip --keep"), "{packed}");
    let twice = [one("null", "[]"), one("null", "[]")].concat();
    assert!(matches!(open(&twice, Selector::Only), Err(ResolveError::Io { .. })));
}

#[test]
fn another_platform_than_the_wanted_one_is_an_error() {
    let members = one("null", r#"["x/layer.tar"]"#);
    let arm = "linux/arm64".parse::<supercargo_content::Platform>().unwrap();
    let found = open_with(&members, Selector::Only, &PlatformChoice::Only(arm.clone()));
    assert!(matches!(found, Err(ResolveError::Platform { there, .. }) if there == "linux/amd64"));
    assert!(open_with(&members, Selector::Only, &PlatformChoice::Host(arm)).is_ok());
}

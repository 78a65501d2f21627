use std::collections::BTreeSet;

use serde_json::{Value, json};
use supercargo_content::{Descriptor, MediaType};
use supercargo_image::Attachments;
use supercargo_registry::{RegistryAttachments, RegistryError};
use supercargo_testkit::registry::{Fault, Quirks, TestRegistry};

use crate::{REPOSITORY, at, cause, client, client_with, fault, note, registry};

/// A registry with these quirks, its image and its attachments.
fn with(change: impl FnOnce(&mut Quirks)) -> (TestRegistry, Descriptor, RegistryAttachments) {
    let (registry, image) = registry();
    registry.change(change);
    let attachments = client().attachments(&at(&registry)).unwrap();
    (registry, image, attachments)
}

fn attach(attachments: &RegistryAttachments, image: &Descriptor, count: usize) -> BTreeSet<String> {
    let texts = (0..count).map(|number| format!("note {number}"));
    texts.map(|text| attachments.attach(&note(image, &text)).unwrap().digest.to_string()).collect()
}

fn listed(attachments: &RegistryAttachments, image: &Descriptor) -> BTreeSet<String> {
    attachments.referrers(&image.digest).unwrap().iter().map(|entry| entry.digest.to_string()).collect()
}

fn fallback_tag(image: &Descriptor) -> String {
    format!("sha256-{}", image.digest.hex())
}

#[test]
fn what_is_attached_is_listed_and_fetched() {
    for no_referrers_api in [false, true] {
        let (_registry, image, attachments) = with(|quirks| quirks.no_referrers_api = no_referrers_api);
        assert!(attachments.referrers(&image.digest).unwrap().is_empty());
        let manifest = attachments.attach(&note(&image, "cargo")).unwrap();
        let found = attachments.referrers(&image.digest).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].digest, manifest.digest);
        assert_eq!(found[0].artifact_type, Some(MediaType::SIGSTORE_BUNDLE_V03));
        assert_eq!(found[0].annotations["example.note"], "cargo");
        let manifest: Value = serde_json::from_slice(&attachments.fetch(&found[0]).unwrap()).unwrap();
        assert_eq!(manifest["subject"]["digest"], image.digest.to_string());
        let layer = Descriptor::of(MediaType::SIGSTORE_BUNDLE_V03, b"cargo");
        assert_eq!(attachments.fetch(&layer).unwrap(), b"cargo");
    }
}

#[test]
fn all_pages_are_read() {
    let (_registry, image, attachments) = with(|quirks| quirks.page_entries = 2);
    let attached = attach(&attachments, &image, 7);
    assert_eq!(listed(&attachments, &image), attached);
}

#[test]
fn pages_in_a_circle_or_elsewhere_are_errors() {
    let (registry, image, attachments) = with(|quirks| quirks.page_entries = 1);
    attach(&attachments, &image, 3);
    registry.change(|quirks| quirks.pages_in_a_circle = true);
    let error = attachments.referrers(&image.digest).unwrap_err();
    assert!(cause(&error).to_string().contains("circle"), "{error:?}");
    registry.change(|quirks| quirks.pages_elsewhere = Some("http://127.0.0.1:1".to_owned()));
    let error = attachments.referrers(&image.digest).unwrap_err();
    assert!(cause(&error).to_string().contains("another host"), "{error:?}");
}

#[test]
fn too_many_pages_or_entries_are_errors() {
    let (registry, image, attachments) = with(|quirks| quirks.page_entries = 1);
    attach(&attachments, &image, 5);
    let few_pages = client_with(|options| options.referrers.pages_max = 3);
    assert!(few_pages.referrers(&at(&registry), &image.digest, None).is_err());
    let few_entries = client_with(|options| options.limits.attachments_max = 4);
    let error = few_entries.referrers(&at(&registry), &image.digest, None).unwrap_err();
    assert!(error.to_string().contains("more than 4 entries"), "{error}");
}

#[test]
fn a_page_that_fails_is_an_error() {
    let (registry, image, attachments) = with(|quirks| quirks.page_entries = 1);
    attach(&attachments, &image, 2);
    fault(&registry, Fault::new("GET", "page=1", 404));
    assert!(attachments.referrers(&image.digest).is_err());
}

#[test]
fn null_means_none() {
    let (_registry, image, attachments) = with(|quirks| quirks.null_manifests = true);
    assert_eq!(attachments.referrers(&image.digest).unwrap(), []);
}

#[test]
fn the_fallback_is_for_404_only() {
    for status in [401, 403, 405, 429, 500, 502, 503] {
        let (registry, image, _) = with(|quirks| quirks.no_referrers_api = true);
        let client = client_with(|options| options.retry.attempts_max = 2);
        fault(&registry, Fault::new("GET", "/referrers/", status).times(9));
        let error = client.referrers(&at(&registry), &image.digest, None).unwrap_err();
        assert_eq!(error.status(), Some(status));
        assert_eq!(registry.count("GET", "/manifests/sha256-"), 0, "{status}");
    }
    let (registry, image, attachments) = with(|quirks| quirks.no_referrers_api = true);
    fault(&registry, Fault::new("GET", "/referrers/", 406));
    assert_eq!(attachments.referrers(&image.digest).unwrap(), []);
    assert_eq!(registry.count("GET", "/manifests/sha256-"), 1, "406 stands for 404 in GitHub's registry");
}

#[test]
fn a_fallback_tag_that_is_refused_is_not_none() {
    for status in [401, 403, 405, 429, 500, 503] {
        let (registry, image, _) = with(|quirks| quirks.no_referrers_api = true);
        let client = client_with(|options| options.retry.attempts_max = 2);
        fault(&registry, Fault::new("GET", "/manifests/sha256-", status).times(9).body(r#"{"errors":[]}"#));
        assert_eq!(client.referrers(&at(&registry), &image.digest, None).unwrap_err().status(), Some(status));
    }
}

#[test]
fn a_list_that_cannot_be_read_is_not_none() {
    for body in ["", "{", "<html>", r#"{"manifests":7}"#] {
        let (registry, image, attachments) = with(|_| ());
        fault(&registry, Fault::new("GET", "/referrers/", 200).body(body));
        assert!(attachments.referrers(&image.digest).is_err(), "{body}");
    }
    let (registry, image, attachments) = with(|quirks| quirks.no_referrers_api = true);
    registry.put_manifest(REPOSITORY, &fallback_tag(&image), &MediaType::OCI_MANIFEST, br#"{"layers":[]}"#);
    let error = attachments.referrers(&image.digest).unwrap_err();
    assert!(cause(&error).to_string().contains("not an index"), "{error:?}");
}

#[test]
fn the_list_is_filtered_again() {
    let (registry, image, attachments) = with(|_| ());
    attach(&attachments, &image, 2);
    let other =
        supercargo_image::Artifact { artifact_type: MediaType::new("a/other"), ..note(&image, "other") };
    attachments.attach(&other).unwrap();
    let of_type = |kind| client().referrers(&at(&registry), &image.digest, Some(&kind)).unwrap().len();
    assert_eq!(of_type(MediaType::SIGSTORE_BUNDLE_V03), 2);
    assert_eq!(of_type(MediaType::new("a/other")), 1);
    assert_eq!(of_type(MediaType::new("a/none")), 0);
}

#[test]
fn entries_that_say_too_little_are_looked_up() {
    let (registry, image, attachments) = with(|_| ());
    attach(&attachments, &image, 12);
    registry.change(|quirks| quirks.bare_referrers = true);
    let found = attachments.referrers(&image.digest).unwrap();
    assert_eq!(found.len(), 12);
    for entry in found {
        assert_eq!(entry.artifact_type, Some(MediaType::SIGSTORE_BUNDLE_V03));
        assert!(entry.annotations["example.note"].starts_with("note "));
    }
}

#[test]
fn children_of_an_index_are_no_referrers() {
    let (registry, image, attachments) = with(|quirks| quirks.no_referrers_api = true);
    let child = json!({"mediaType": MediaType::OCI_MANIFEST.as_str(), "digest": image.digest.to_string(), "size": image.size});
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": [child]})
        .to_string();
    let subject = registry.put_manifest(REPOSITORY, "index", &MediaType::OCI_INDEX, index.as_bytes());
    // This registry takes the fallback tag for the digest.
    registry.put_manifest(REPOSITORY, &fallback_tag(&subject), &MediaType::OCI_INDEX, index.as_bytes());
    assert_eq!(attachments.referrers(&subject.digest).unwrap(), []);
    // This one lists something that does not refer to the subject.
    registry.put_manifest(REPOSITORY, &fallback_tag(&image), &MediaType::OCI_INDEX, index.as_bytes());
    assert_eq!(attachments.referrers(&image.digest).unwrap(), []);
}

#[test]
fn a_manifest_goes_by_digest_with_and_without_location() {
    for no_location in [false, true] {
        let (registry, image, attachments) = with(|quirks| quirks.no_location = no_location);
        let manifest = attachments.attach(&note(&image, "a")).unwrap();
        assert!(registry.manifest(REPOSITORY, &manifest.digest.to_string()).is_some());
    }
}

#[test]
fn a_registry_that_notices_the_subject_without_an_api_gets_the_fallback_too() {
    let (registry, image, attachments) = with(|quirks| {
        quirks.no_referrers_api = true;
        quirks.false_subject_header = true;
    });
    let attached = attach(&attachments, &image, 1);
    assert!(registry.manifest(REPOSITORY, &fallback_tag(&image)).is_some());
    assert_eq!(listed(&attachments, &image), attached);
}

#[test]
fn with_the_api_there_is_no_fallback_tag() {
    let (registry, image, attachments) = with(|_| ());
    attach(&attachments, &image, 1);
    assert!(registry.manifest(REPOSITORY, &fallback_tag(&image)).is_none());
}

#[test]
fn the_fallback_keeps_what_others_wrote() {
    let (registry, image, attachments) = with(|quirks| quirks.no_referrers_api = true);
    let foreign = json!({
        "mediaType": MediaType::OCI_MANIFEST.as_str(), "size": 9, "digest": Descriptor::of(MediaType::OCI_EMPTY, b"x").digest.to_string(),
        "artifactType": "a/foreign", "annotations": {"k": "v"}, "platform": {"os": "linux", "architecture": "amd64"}, "data": "eA==",
    });
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": [foreign], "annotations": {"mine": "1"}});
    registry.put_manifest(
        REPOSITORY,
        &fallback_tag(&image),
        &MediaType::OCI_INDEX,
        index.to_string().as_bytes(),
    );
    let manifest = attachments.attach(&note(&image, "a")).unwrap();
    attachments.attach(&note(&image, "a")).unwrap();
    let written: Value =
        serde_json::from_slice(&registry.manifest(REPOSITORY, &fallback_tag(&image)).unwrap()).unwrap();
    assert_eq!(written["annotations"]["mine"], "1");
    assert_eq!(written["manifests"][0], foreign);
    assert_eq!(written["manifests"][1]["digest"], manifest.digest.to_string());
    assert_eq!(written["manifests"][1]["artifactType"], MediaType::SIGSTORE_BUNDLE_V03.as_str());
    assert_eq!(written["manifests"][1]["annotations"]["example.note"], "a");
    assert_eq!(written["manifests"].as_array().unwrap().len(), 2, "no duplicate");
}

#[test]
fn an_entry_that_a_concurrent_writer_dropped_is_put_back() {
    let (registry, image, attachments) = with(|quirks| quirks.no_referrers_api = true);
    let first = attach(&attachments, &image, 1);
    let foreign = attachments.attach(&note(&image, "foreign")).unwrap();
    let theirs = json!({"mediaType": MediaType::OCI_MANIFEST.as_str(), "size": foreign.size, "digest": foreign.digest.to_string(),
        "artifactType": MediaType::SIGSTORE_BUNDLE_V03.as_str(), "annotations": {"example.note": "foreign"}});
    let theirs =
        json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": [theirs]})
            .to_string();
    // A stale writer replaces our index three times: it knows neither our new entry nor the old one.
    registry.change(|quirks| quirks.overwritten_by = vec![theirs.into_bytes(); 3].into());
    let second = attachments.attach(&note(&image, "mine")).unwrap();
    let listed = listed(&attachments, &image);
    assert_eq!(listed.len(), 3);
    assert!(listed.is_superset(&first) && listed.contains(&second.digest.to_string()));
}

#[test]
fn writers_that_never_stop_are_an_error_that_names_what_is_lost() {
    let (registry, image, _) = with(|quirks| quirks.no_referrers_api = true);
    let empty =
        json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": []}).to_string();
    registry.change(|quirks| quirks.overwritten_by = vec![empty.into_bytes(); 99].into());
    let client = client_with(|options| options.referrers.write_rounds_max = 3);
    let error = client.attachments(&at(&registry)).unwrap().attach(&note(&image, "mine")).unwrap_err();
    assert!(matches!(cause(&error), RegistryError::Contended { rounds: 3, .. }), "{error:?}");
}

#[test]
fn an_etag_is_used_where_there_is_one() {
    let (registry, image, attachments) = with(|quirks| {
        quirks.no_referrers_api = true;
        quirks.etags = true;
    });
    let attached = attach(&attachments, &image, 2);
    let conditions = registry.seen().iter().filter(|seen| seen.headers.contains_key("if-match")).count();
    assert_eq!(conditions, 1);
    fault(&registry, Fault::new("PUT", "/manifests/sha256-", 412).times(2));
    let third = attachments.attach(&note(&image, "third")).unwrap();
    let listed = listed(&attachments, &image);
    assert!(listed.is_superset(&attached) && listed.contains(&third.digest.to_string()));
}

#[test]
fn twenty_writers_lose_nothing() {
    let (registry, image, _) = with(|quirks| quirks.no_referrers_api = true);
    let attached: BTreeSet<String> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..20)
            .map(|number| {
                let (at, image) = (at(&registry), image.clone());
                scope.spawn(move || {
                    let attachments = client().attachments(&at).unwrap();
                    attachments.attach(&note(&image, &format!("note {number}"))).unwrap().digest.to_string()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(attached.len(), 20);
    assert_eq!(listed(&client().attachments(&at(&registry)).unwrap(), &image), attached);
}

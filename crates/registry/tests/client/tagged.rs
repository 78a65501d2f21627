//! Layers behind a tag, as cosign's older layout has them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use supercargo_content::MediaType;
use supercargo_image::{Attachments, TaggedLayer};
use supercargo_registry::RegistryError;
use supercargo_testkit::registry::{Fault, TestRegistry};

use crate::{REPOSITORY, at, cause, client, client_with, fault, registry};

const TAG: &str = "sha256-00.sig";

fn layer(signature: &str) -> TaggedLayer {
    TaggedLayer {
        media_type: MediaType::new("application/vnd.dev.cosign.simplesigning.v1+json"),
        content: b"payload".to_vec(),
        annotations: BTreeMap::from([("signature".to_owned(), signature.to_owned())]),
    }
}

fn signatures(registry: &TestRegistry) -> BTreeSet<String> {
    let manifest: Value = serde_json::from_slice(&registry.manifest(REPOSITORY, TAG).unwrap()).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    let found: Vec<String> =
        layers.map(|layer| layer["annotations"]["signature"].as_str().unwrap().to_owned()).collect();
    let distinct: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(found.len(), distinct.len(), "no duplicate");
    distinct
}

#[test]
fn a_layer_is_added_once() {
    let (registry, _) = registry();
    let attachments = client().attachments(&at(&registry)).unwrap();
    let first = attachments.append_tagged(TAG, &layer("one")).unwrap();
    assert_eq!(attachments.append_tagged(TAG, &layer("one")).unwrap(), first);
    let second = attachments.append_tagged(TAG, &layer("two")).unwrap();
    assert_eq!(attachments.tagged(TAG).unwrap().unwrap().digest, second.digest);
    assert_eq!(signatures(&registry).len(), 2);
}

#[test]
fn layers_that_a_concurrent_writer_dropped_are_put_back() {
    let (registry, _) = registry();
    let attachments = client().attachments(&at(&registry)).unwrap();
    attachments.append_tagged(TAG, &layer("old")).unwrap();
    let stale = layer("theirs").appended_to(None, 9).unwrap().unwrap().bytes;
    // A slower writer replaces ours three times: it knows neither our layer nor the old one.
    registry.change(|quirks| quirks.overwritten_by = vec![stale; 3].into());
    attachments.append_tagged(TAG, &layer("mine")).unwrap();
    assert_eq!(signatures(&registry), ["mine", "old", "theirs"].map(str::to_owned).into());
}

#[test]
fn writers_that_never_stop_are_an_error() {
    let (registry, _) = registry();
    let stale = layer("theirs").appended_to(None, 9).unwrap().unwrap().bytes;
    registry.change(|quirks| quirks.overwritten_by = vec![stale; 99].into());
    let client = client_with(|options| options.referrers.write_rounds_max = 3);
    let error = client.attachments(&at(&registry)).unwrap().append_tagged(TAG, &layer("mine")).unwrap_err();
    assert!(matches!(cause(&error), RegistryError::Contended { rounds: 3, .. }), "{error:?}");
}

#[test]
fn a_write_that_was_overtaken_is_made_again() {
    let (registry, _) = registry();
    registry.change(|quirks| quirks.etags = true);
    fault(&registry, Fault::new("PUT", "/manifests/sha256-00.sig", 412).times(2));
    client().attachments(&at(&registry)).unwrap().append_tagged(TAG, &layer("mine")).unwrap();
    assert_eq!(signatures(&registry), ["mine".to_owned()].into());
}

#[test]
fn a_good_manifest_is_offered_again_and_a_bad_one_refused() {
    for (times, passes) in [(3, true), (4, false)] {
        let (registry, _) = registry();
        fault(&registry, Fault::new("PUT", "/manifests/sha256-00.sig", 400).times(times));
        let added = client().attachments(&at(&registry)).unwrap().append_tagged(TAG, &layer("mine"));
        assert_eq!(added.is_ok(), passes, "{added:?}");
    }
}

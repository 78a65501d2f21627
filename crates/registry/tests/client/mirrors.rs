use supercargo_content::MediaType;
use supercargo_image::Attachments;
use supercargo_registry::{Mirror, RegistryClient};
use supercargo_testkit::registry::{Fault, TestRegistry};

use crate::{REPOSITORY, at, client_with, fault, image_bytes, note, put_image, read, registry};

fn mirrored(registry: &TestRegistry, mirrors: &[&TestRegistry]) -> RegistryClient {
    let mirrors =
        mirrors.iter().map(|mirror| Mirror { host: mirror.host(), prefix: "hub".to_owned() }).collect();
    client_with(|options| drop(options.mirrors.insert(registry.host(), mirrors)))
}

#[test]
fn mirrors_are_read_in_order_before_the_host() {
    let (registry, image) = registry();
    let (empty, full) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    full.put_manifest("hub/team/app", "1", &MediaType::OCI_MANIFEST, image_bytes().as_bytes());
    let client = mirrored(&registry, &[&empty, &full]);
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image);
    assert_eq!((empty.seen().len(), full.seen().len(), registry.seen().len()), (1, 1, 0));
}

#[test]
fn a_mirror_that_fails_or_lies_is_passed_over() {
    let (registry, image) = registry();
    for status in [401, 403, 404, 429, 500, 0] {
        let mirror = TestRegistry::start().unwrap();
        fault(&mirror, Fault::new("GET", "/manifests/", status).times(9));
        assert_eq!(
            mirrored(&registry, &[&mirror]).manifest(&at(&registry)).unwrap().descriptor,
            image,
            "{status}"
        );
    }
    let liar = TestRegistry::start().unwrap();
    liar.put_manifest("hub/team/app", &image.digest.to_string(), &MediaType::OCI_MANIFEST, b"{}");
    let mut by_digest = at(&registry);
    by_digest.digest = Some(image.digest.clone());
    assert_eq!(mirrored(&registry, &[&liar]).manifest(&by_digest).unwrap().descriptor, image);
}

#[test]
fn blobs_come_from_mirrors_and_go_on_from_the_host() {
    let (registry, _) = registry();
    let mirror = TestRegistry::start().unwrap();
    let bytes = crate::noise(200_000);
    let blob = registry.put_blob(REPOSITORY, &MediaType::OCI_LAYER, &bytes);
    mirror.put_blob("hub/team/app", &MediaType::OCI_LAYER, &bytes);
    mirror.change(|quirks| quirks.break_blobs_after = [60_000].into());
    fault(&mirror, Fault::new("GET", "/blobs/", 500).times(0));
    let client = mirrored(&registry, &[&mirror]);
    assert_eq!(read(&client, &at(&registry), &blob).unwrap(), bytes);
    assert!(mirror.count("GET", "/blobs/") >= 1);
}

#[test]
fn a_mirror_is_never_asked_for_referrers_nor_written_to() {
    let (registry, image) = registry();
    let mirror = TestRegistry::start().unwrap();
    put_image(&mirror);
    let attachments = mirrored(&registry, &[&mirror]).attachments(&at(&registry)).unwrap();
    attachments.attach(&note(&image, "a")).unwrap();
    assert_eq!(attachments.referrers(&image.digest).unwrap().len(), 1);
    assert_eq!(mirror.seen().len(), 0);
}

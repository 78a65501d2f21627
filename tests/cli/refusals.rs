//! What a registry refuses is told with the next step, wherever in a run it refuses.

use supercargo::content::{Descriptor, MediaType};
use supercargo_testkit::registry::{Fault, Guard, TestRegistry};

use super::stage::Stage;

#[test]
fn who_is_not_logged_in_is_told_to() {
    let registry = TestRegistry::start().expect("registry");
    registry.change(|quirks| quirks.guard = Guard::Basic("dXNlcjpwYXNz".into()));
    Stage::new()
        .run(&format!("scan {}/team/app:1", registry.host()))
        .fails(7, "401")
        .hints("log in first (`docker login` or `podman login`)");
}

#[test]
fn a_layer_that_is_refused_in_mid_scan_is_a_refusal_of_the_registry() {
    let registry = TestRegistry::start().expect("registry");
    let layer = push_image(&registry);
    let refused = || Fault::new("GET", layer.digest.to_string(), 403).times(9);
    registry.change(|quirks| quirks.faults.push(refused()));
    Stage::new()
        .run(&format!("scan {}/team/app:1", registry.host()))
        .fails(7, &layer.digest.to_string())
        .hints("the account has no right to do this in this repository");
}

#[test]
fn who_may_not_write_is_told_so() {
    let registry = TestRegistry::start().expect("registry");
    push_image(&registry);
    registry.change(|quirks| quirks.faults.push(Fault::new("POST", "/blobs/uploads/", 403).times(9)));
    Stage::new()
        .run(&format!("attest {}/team/app:1 --key demo.key", registry.host()))
        .fails(7, "403")
        .hints("the account has no right to do this in this repository");
}

/// An image of one empty layer as `team/app:1`. Gives the descriptor of the layer.
fn push_image(registry: &TestRegistry) -> Descriptor {
    let layer = registry.put_blob("team/app", &MediaType::OCI_LAYER, &[0; 1024]);
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer.digest.to_string()]},
    });
    let config = registry.put_blob("team/app", &MediaType::OCI_CONFIG, config.to_string().as_bytes());
    let written = |blob: &Descriptor| {
        serde_json::json!({
            "mediaType": blob.media_type.as_str(), "digest": blob.digest.to_string(), "size": blob.size,
        })
    };
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST.as_str(),
        "config": written(&config), "layers": [written(&layer)],
    });
    registry.put_manifest("team/app", "1", &MediaType::OCI_MANIFEST, manifest.to_string().as_bytes());
    layer
}

//! A second judge that shares no code with ours in chains and certificate logs: `sigstore-verify`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sigstore_verify::{VerificationPolicy, Verifier};

use super::{artifact, by_identity, check, identity_policy, root};

/// Whether the second judge accepts; it is not asked about identities.
fn accepts(bundle: &Value, root: &Value) -> bool {
    let Ok(root) = sigstore_trust_root::TrustedRoot::from_json(&root.to_string()) else { return false };
    let Ok(verifier) = Verifier::new(&root) else { return false };
    let Ok(bundle) = sigstore_types::Bundle::from_json(&bundle.to_string()) else { return false };
    let digest = sigstore_types::Sha256Hash::from_hex(artifact().hex()).unwrap();
    verifier.verify(digest, &bundle, &VerificationPolicy::any_identity()).is_ok()
}

#[test]
fn both_judges_agree_on_every_changed_byte_of_the_certificate() {
    let certificate = "/verificationMaterial/certificate/rawBytes";
    let whole = by_identity();
    assert!(accepts(&whole, &root()) && check(&whole, &identity_policy(), &root()).is_ok());
    let der = STANDARD.decode(whole.pointer(certificate).unwrap().as_str().unwrap()).unwrap();
    for at in (0..der.len()).step_by(13) {
        let mut changed = der.clone();
        changed[at] ^= 1;
        let mut bundle = whole.clone();
        *bundle.pointer_mut(certificate).unwrap() = json!(STANDARD.encode(changed));
        assert!(!accepts(&bundle, &root()), "{at}");
        assert!(check(&bundle, &identity_policy(), &root()).is_err(), "{at}");
    }
}

#[test]
fn both_judges_agree_on_every_part_of_the_root() {
    let early = json!({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"});
    for place in [
        "/certificateAuthorities/0/validFor",
        "/ctlogs/0/publicKey/validFor",
        "/timestampAuthorities/0/validFor",
    ] {
        let mut root = root();
        let parent = place.rsplit_once('/').unwrap().0;
        root.pointer_mut(parent).unwrap()["validFor"] = early.clone();
        assert!(!accepts(&by_identity(), &root), "{place}");
        assert!(check(&by_identity(), &identity_policy(), &root).is_err(), "{place}");
    }
    for part in ["certificateAuthorities", "ctlogs", "timestampAuthorities"] {
        let mut root = root();
        root[part] = json!([]);
        assert!(!accepts(&by_identity(), &root), "{part}");
        assert!(check(&by_identity(), &identity_policy(), &root).is_err(), "{part}");
    }
}

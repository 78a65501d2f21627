//! Sigstore bundles and trusted roots: no bytes make parsing or verifying panic, and nothing random passes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_attest::{
    Bundle, Expression, PROFILES, Policy, PolicyFile, PublicKey, Statement, TrustedKey, TrustedRoot,
    VerificationSummary, sbom_packages, verify,
};
use supercargo_content::{Digest, Limits};

fuzz_target!(|bytes: &[u8]| {
    let _root = TrustedRoot::from_json(bytes);
    let _key = PublicKey::from_pem(bytes);
    if let Ok(statement) = Statement::read_without_verifying(bytes) {
        let _summary = VerificationSummary::read(&statement);
    }
    for profile in PROFILES {
        let _gaps = profile.gaps(bytes);
    }
    let _packages = sbom_packages(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _policy = PolicyFile::read(text);
        let _expression = Expression::compile("fuzz", text, None);
        let _keys = TrustedKey::read_set(text);
        let annotation = ("dev.sigstore.cosign/bundle".to_owned(), text.to_owned());
        refused(Bundle::from_cosign_attestation(bytes, &[annotation].into(), &Limits::default()), bytes);
    }
    refused(Bundle::parse(bytes, &Limits::default()), bytes);
});

/// Nobody is trusted, so nothing passes.
fn refused<E>(bundle: Result<Bundle, E>, bytes: &[u8]) {
    let Ok(bundle) = bundle else { return };
    let policy = Policy::keys(Vec::new(), jiff::Timestamp::UNIX_EPOCH);
    assert!(verify(&bundle, &Digest::sha256_of(bytes), &policy, None).is_err());
}

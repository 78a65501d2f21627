//! Sigstore bundles and trusted roots: no bytes make parsing or verifying panic, and nothing random passes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_attest::{Bundle, Policy, PublicKey, Statement, TrustedRoot, verify};
use supercargo_content::{Digest, Limits};

fuzz_target!(|bytes: &[u8]| {
    let _root = TrustedRoot::from_json(bytes);
    let _key = PublicKey::from_pem(bytes);
    let _statement = Statement::read_without_verifying(bytes);
    if let Ok(bundle) = Bundle::parse(bytes, &Limits::default()) {
        let policy = Policy::keys(Vec::new(), jiff::Timestamp::UNIX_EPOCH);
        assert!(verify(&bundle, &Digest::sha256_of(bytes), &policy, None).is_err());
    }
});

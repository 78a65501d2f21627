//! Flaws that other verifiers had, and forgeries that must be refused by the right check.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bundles;
mod cosign;
mod judge;
mod log;
mod rotation;

use serde_json::Value;
use supercargo_attest::{Bundle, BundleError, CheckName, Policy, TrustedRoot, VerifyError, verify};
use supercargo_content::{Digest, Limits};

const IDENTITY: &str = "dev@example.test";
const ISSUER: &str = "http://127.0.0.1:57997";

fn now() -> jiff::Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn artifact() -> Digest {
    Digest::sha256_of(b"artifact\n")
}

fn by_identity() -> Value {
    serde_json::from_str(include_str!("../fixtures/identity.json")).unwrap()
}

fn by_key() -> Value {
    serde_json::from_str(include_str!("../fixtures/key.json")).unwrap()
}

fn root() -> Value {
    serde_json::from_str(include_str!("../fixtures/trusted_root.json")).unwrap()
}

fn parse(bundle: &Value) -> Result<Bundle, BundleError> {
    Bundle::parse(bundle.to_string().as_bytes(), &Limits::default())
}

fn identity_policy() -> Policy {
    Policy::identity(IDENTITY, ISSUER, now())
}

fn check(bundle: &Value, policy: &Policy, root: &Value) -> Result<(), VerifyError> {
    let root = TrustedRoot::from_json(root.to_string().as_bytes()).unwrap();
    verify(&parse(bundle)?, &artifact(), policy, Some(&root)).map(drop)
}

/// The check that refuses.
fn refusal(bundle: &Value, policy: &Policy, root: &Value) -> CheckName {
    check(bundle, policy, root).unwrap_err().check()
}

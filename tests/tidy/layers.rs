//! Who may depend on whom, and who may touch the world.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::support::root;

/// The level of every crate. An edge goes downwards, never sideways or up.
const LEVELS: &[(&str, u8)] = &[
    ("supercargo-content", 0),
    ("supercargo-inventory", 1),
    ("supercargo-image", 2),
    ("supercargo-layer", 2),
    ("supercargo-sbom", 2),
    ("supercargo-attest", 2),
    ("supercargo-registry", 3),
    ("supercargo-ecosystems", 3),
    ("supercargo-signing", 3),
    ("supercargo-scan", 4),
    ("supercargo", 6),
];

/// Crates for development only; nothing that ships may depend on them.
const DEV_ONLY: &[&str] = &["supercargo-bench", "supercargo-testkit", "supercargo-xtask"];

/// The only crates that may open a socket.
const NETWORK: &[&str] = &["supercargo-registry", "supercargo-signing", "supercargo"];

/// Crates of others that open sockets or bring a runtime for them.
const SOCKETS: &[&str] =
    &["reqwest", "hyper", "tokio", "quinn", "sigstore-sign", "sigstore-rekor", "sigstore-fulcio"];

#[test]
fn edges_go_downwards() {
    let levels: BTreeMap<_, _> = LEVELS.iter().copied().collect();
    for (from, to) in edges() {
        let Some(&level) = levels.get(from.as_str()) else {
            assert!(DEV_ONLY.contains(&from.as_str()), "crate `{from}` has no level");
            continue;
        };
        assert!(!DEV_ONLY.contains(&to.as_str()), "`{from}` ships and depends on `{to}`");
        if let Some(&below) = levels.get(to.as_str()) {
            assert!(below < level, "`{from}` (level {level}) depends on `{to}` (level {below})");
        }
    }
}

#[test]
fn only_the_listed_crates_have_a_network() {
    for (from, to) in edges() {
        if SOCKETS.contains(&to.as_str()) && !DEV_ONLY.contains(&from.as_str()) {
            assert!(NETWORK.contains(&from.as_str()), "`{from}` depends on `{to}`");
        }
    }
}

#[test]
fn one_tls_and_crypto_backend() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none", "--workspace"])
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("aws-lc-rs v"), "cargo tree printed: {}", String::from_utf8_lossy(&output.stderr));
    for banned in ["ring v", "openssl v", "openssl-sys v", "native-tls v"] {
        assert!(!text.lines().any(|line| line.starts_with(banned)), "`{banned}` is in the graph");
    }
}

/// Normal dependencies of every member of the workspace.
fn edges() -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints json");
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let from = package["name"].as_str().expect("name");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            if dependency["kind"].is_null() {
                edges.push((from.to_owned(), dependency["name"].as_str().expect("name").to_owned()));
            }
        }
    }
    assert!(edges.len() > LEVELS.len(), "cargo metadata listed {} edges", edges.len());
    edges
}

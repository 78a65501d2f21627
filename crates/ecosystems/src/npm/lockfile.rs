//! `node_modules/.package-lock.json`: what npm says it put there.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use supercargo_inventory::{PackageHash, Problem, ProblemKind};

use crate::{Candidate, Fact, Findings, text};

#[derive(Deserialize)]
struct RawLock {
    #[serde(default)]
    packages: BTreeMap<String, RawEntry>,
}

#[derive(Deserialize)]
struct RawEntry {
    version: Option<Value>,
    resolved: Option<Value>,
    integrity: Option<Value>,
    dev: Option<Value>,
    optional: Option<Value>,
    #[serde(rename = "inBundle")]
    in_bundle: Option<Value>,
}

/// Notes, per place below the folder of `node_modules`, what npm recorded of it.
pub(super) fn read(file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
    let lock: RawLock = serde_json::from_slice(file.bytes)
        .map_err(|error| Problem::malformed(format!("not a lock file of npm: {error}")))?;
    let max = usize::try_from(file.limits.entries_max).unwrap_or(usize::MAX);
    if lock.packages.len() > max {
        let message = format!("more than {max} packages (`entries_max`); the rest is ignored");
        out.problem(Problem::new(ProblemKind::LimitHit, message));
    }
    for (place, entry) in lock.packages.into_iter().take(max) {
        if !place.is_empty() && place.len() <= file.limits.path_bytes_max {
            note(&place, &entry, out);
        }
    }
    Ok(())
}

/// The hashes of a Subresource Integrity text: `sha512-BASE64 sha1-BASE64`.
pub(super) fn integrity_hashes(integrity: &str) -> Vec<PackageHash> {
    let one = |part: &str| {
        let (algorithm, digest) = part.split_once('-')?;
        let digest = digest.split('?').next()?;
        text::byte_hash(algorithm, &STANDARD.decode(digest).ok()?)
    };
    integrity.split_whitespace().take(16).filter_map(one).collect()
}

fn note(place: &str, entry: &RawEntry, out: &mut Findings) {
    let words = [("version", &entry.version), ("resolved", &entry.resolved), ("integrity", &entry.integrity)];
    let flags = [("dev", &entry.dev), ("optional", &entry.optional), ("bundled", &entry.in_bundle)];
    let words = words.into_iter().filter_map(|(key, value)| {
        let value = value.as_ref()?.as_str().and_then(text::word)?;
        Some((key, text::without_credentials(value)))
    });
    let flags = flags
        .into_iter()
        .filter(|(_, value)| matches!(value, Some(Value::Bool(true))))
        .map(|(key, _)| (key, "true".to_owned()));
    for (key, value) in words.chain(flags) {
        out.facts.push(Fact::Note { owner: place.to_owned(), key: key.to_owned(), value });
    }
}

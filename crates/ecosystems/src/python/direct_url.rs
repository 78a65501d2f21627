//! `direct_url.json` (PEP 610): where a package came from when no index was asked.

use serde::Deserialize;
use supercargo_inventory::Problem;

use super::note;
use crate::{Candidate, Findings, text};

#[derive(Deserialize)]
struct RawDirectUrl {
    url: String,
    vcs_info: Option<RawVcs>,
    archive_info: Option<RawArchive>,
    dir_info: Option<RawDir>,
    subdirectory: Option<String>,
}

#[derive(Deserialize)]
struct RawVcs {
    vcs: Option<String>,
    commit_id: Option<String>,
    requested_revision: Option<String>,
}

#[derive(Deserialize)]
struct RawArchive {
    hash: Option<String>,
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RawDir {
    #[serde(default)]
    editable: bool,
}

/// Notes the address (without credentials) under `vcs-url` or `url`, the commit, and the archive's hashes.
pub(super) fn read(file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
    let raw: RawDirectUrl = serde_json::from_slice(file.bytes)
        .map_err(|error| Problem::malformed(format!("not a direct url record: {error}")))?;
    let key = if raw.vcs_info.is_some() { "vcs-url" } else { "url" };
    let mut add = |key: &str, value: Option<String>| {
        let value = value.as_deref().and_then(text::word).map(str::to_owned);
        out.facts.extend(value.map(|value| note(key, value)));
    };
    add(key, Some(text::without_credentials(&raw.url)));
    add("subdirectory", raw.subdirectory);
    if let Some(vcs) = raw.vcs_info {
        add("vcs", vcs.vcs);
        add("commit", vcs.commit_id);
        add("revision", vcs.requested_revision);
    }
    for (algorithm, hex) in raw.archive_info.into_iter().flat_map(hashes) {
        add("hash", Some(format!("{algorithm}={hex}")));
    }
    add("editable", raw.dir_info.filter(|dir| dir.editable).map(|_| "true".to_owned()));
    Ok(())
}

fn hashes(archive: RawArchive) -> std::collections::BTreeMap<String, String> {
    let mut hashes = archive.hashes;
    if let Some((algorithm, hex)) = archive.hash.as_deref().and_then(|hash| hash.split_once('=')) {
        hashes.entry(algorithm.to_owned()).or_insert_with(|| hex.to_owned());
    }
    hashes
}

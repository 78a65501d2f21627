//! What hangs on a manifest (OCI distribution specification v1.1, "Listing Referrers").

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde::Deserialize;
use supercargo_content::{Descriptor, Digest, MediaType};
use tokio::task::JoinSet;

use crate::error::clean;
use crate::host::{Endpoint, Repository};
use crate::link::next_page;
use crate::manifest::{Manifest, Name, is_kept_as_manifest};
use crate::session::{Patience, Session};
use crate::{RegistryError, fallback};

/// Manifests that are looked into at once.
const LOOKS_MAX: usize = 8;

/// The referrers of a subject, of one artifact type or all.
///
/// Any failure is an error: "none" is only said when the registry says so. The list of the registry is filtered
/// again here, because registries may ignore the filter, and some give every artifact the wrong type: where type
/// or annotations are missing or implausible they are read from the manifest itself.
pub(crate) async fn list(
    session: &Arc<Session>,
    repository: &Repository,
    subject: &Digest,
    artifact_type: Option<&MediaType>,
) -> Result<Vec<Descriptor>, RegistryError> {
    let place = session.origin(repository)?;
    let listed = match list_by_api(session, &place, subject).await? {
        Some(listed) => listed,
        None => fallback::list(session, &place, subject).await?,
    };
    let mut filled = fill(session, &place, subject, distinct(listed)).await?;
    filled.retain(|entry| artifact_type.is_none_or(|wanted| entry.artifact_type.as_ref() == Some(wanted)));
    Ok(filled)
}

/// The list of the API; `None` when the registry does not have the API.
///
/// That is 404 and nothing else, but for 406, which GitHub's registry sends in its place. 401, 403, 429 and 5xx
/// are errors: a registry that hides or delays a list has not said that there is none.
pub(crate) async fn list_by_api(
    session: &Session,
    place: &Endpoint,
    subject: &Digest,
) -> Result<Option<Vec<Descriptor>>, RegistryError> {
    let what = format!("list of what hangs on {subject} in {}", place.display());
    let mut request = place.request(Method::GET, &format!("referrers/{subject}"), &what)?;
    let (mut seen, mut listed) = (BTreeSet::new(), Vec::new());
    let limits = &session.options.limits;
    while seen.insert(request.url.to_string()) && seen.len() <= session.options.referrers.pages_max {
        let fetched = match session.get(place, &request, limits.manifest_bytes_max, Patience::Full).await {
            Ok(fetched) => fetched,
            Err(error) if seen.len() == 1 && matches!(error.status(), Some(404 | 406)) => return Ok(None),
            Err(error) => return Err(error),
        };
        listed.extend(parse_list(&fetched.body, &what, limits.attachments_max)?);
        check_count(listed.len(), &what, limits.attachments_max)?;
        let next = match next_page(&fetched.url, fetched.links.iter().map(String::as_str)) {
            None => return Ok(Some(listed)),
            Some(next) => next.map_err(|reason| malformed(&what, reason))?,
        };
        if next.origin() != fetched.url.origin() {
            return Err(malformed(&what, "its next page is on another host".to_owned()));
        }
        request.url = next;
    }
    Err(malformed(
        &what,
        format!("its pages go round in a circle, or are more than {}", session.options.referrers.pages_max),
    ))
}

/// Reads an index whose `manifests` may be `null`, as olareg writes it.
pub(crate) fn parse_list(
    body: &[u8],
    what: &str,
    entries_max: usize,
) -> Result<Vec<Descriptor>, RegistryError> {
    let raw: RawIndex =
        serde_json::from_slice(body).map_err(|error| malformed(what, format!("not an index: {error}")))?;
    if raw.media_type.as_deref().is_some_and(|text| !MediaType::new(text).is_index()) {
        return Err(malformed(what, "its media type is not that of an index".to_owned()));
    }
    let entries = raw.manifests.unwrap_or_default();
    check_count(entries.len(), what, entries_max)?;
    entries.into_iter().map(|entry| entry.check(what)).collect()
}

#[derive(Deserialize)]
struct RawIndex {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    manifests: Option<Vec<RawDescriptor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    media_type: String,
    digest: String,
    size: u64,
    artifact_type: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
}

impl RawDescriptor {
    fn check(self, what: &str) -> Result<Descriptor, RegistryError> {
        let digest = self.digest.parse().map_err(|error| malformed(what, format!("{error}")))?;
        let mut descriptor = Descriptor::new(MediaType::new(self.media_type), digest, self.size);
        descriptor.artifact_type = self.artifact_type.filter(|text| !text.is_empty()).map(MediaType::new);
        descriptor.annotations = self.annotations.unwrap_or_default();
        Ok(descriptor)
    }
}

fn distinct(listed: Vec<Descriptor>) -> Vec<Descriptor> {
    let mut seen = BTreeSet::new();
    listed.into_iter().filter(|entry| seen.insert(entry.digest.clone())).collect()
}

/// Looks into the manifests of entries that say too little. Entries whose manifest refers to something else are
/// left out; some registries take the fallback tag for the digest and list the children of an index.
async fn fill(
    session: &Arc<Session>,
    place: &Endpoint,
    subject: &Digest,
    listed: Vec<Descriptor>,
) -> Result<Vec<Descriptor>, RegistryError> {
    let mut looks: JoinSet<(usize, Result<Option<Descriptor>, RegistryError>)> = JoinSet::new();
    let mut filled: BTreeMap<usize, Descriptor> = BTreeMap::new();
    for (position, entry) in listed.into_iter().enumerate() {
        if says_enough(&entry) {
            filled.insert(position, entry);
            continue;
        }
        if looks.len() >= LOOKS_MAX {
            collect(looks.join_next().await, &mut filled)?;
        }
        let (session, place, subject) = (Arc::clone(session), place.clone(), subject.clone());
        looks.spawn(async move { (position, look(&session, &place, &subject, entry).await) });
    }
    while let Some(done) = looks.join_next().await {
        collect(Some(done), &mut filled)?;
    }
    Ok(filled.into_values().collect())
}

type Look = Result<(usize, Result<Option<Descriptor>, RegistryError>), tokio::task::JoinError>;

fn collect(done: Option<Look>, filled: &mut BTreeMap<usize, Descriptor>) -> Result<(), RegistryError> {
    let stopped = |_| malformed("list of referrers", "looking into a manifest was stopped".to_owned());
    let Some((position, looked)) = done.transpose().map_err(stopped)? else { return Ok(()) };
    looked?.map(|entry| filled.insert(position, entry));
    Ok(())
}

fn says_enough(entry: &Descriptor) -> bool {
    let plausible = entry.artifact_type.as_ref().is_some_and(|kind| *kind != MediaType::OCI_EMPTY);
    !is_kept_as_manifest(&entry.media_type) || (plausible && !entry.annotations.is_empty())
}

/// `None` when the manifest refers to something else. One that is listed but gone stays as it is listed: whoever
/// wants its content is told.
async fn look(
    session: &Session,
    place: &Endpoint,
    subject: &Digest,
    entry: Descriptor,
) -> Result<Option<Descriptor>, RegistryError> {
    let manifest = match session.manifest_at(place, Name::Digest(&entry.digest)).await {
        Ok(manifest) => manifest,
        Err(error) if error.is_not_found() => return Ok(Some(entry)),
        Err(error) => return Err(error),
    };
    let what = format!("manifest `{}` of {}", entry.digest, place.display());
    let raw: RawArtifact = serde_json::from_slice(&manifest.body)
        .map_err(|error| malformed(&what, format!("not a manifest: {error}")))?;
    if raw.subject.as_ref().is_none_or(|named| named.digest != subject.to_string()) {
        return Ok(None);
    }
    Ok(Some(raw.complete(entry, &manifest)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawArtifact {
    artifact_type: Option<String>,
    config: Option<RawConfig>,
    subject: Option<RawSubject>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct RawConfig {
    #[serde(rename = "mediaType")]
    media_type: String,
}

#[derive(Deserialize)]
struct RawSubject {
    digest: String,
}

impl RawArtifact {
    /// What the manifest says counts; its digest vouches for it.
    fn complete(self, entry: Descriptor, manifest: &Manifest) -> Descriptor {
        let named = self.artifact_type.filter(|text| !text.is_empty());
        let kind = named.or(self.config.map(|config| config.media_type)).map(MediaType::new);
        Descriptor {
            artifact_type: kind.or(entry.artifact_type),
            annotations: self.annotations.unwrap_or(entry.annotations),
            size: manifest.descriptor.size,
            ..entry
        }
    }
}

fn check_count(count: usize, what: &str, most: usize) -> Result<(), RegistryError> {
    if count <= most { Ok(()) } else { Err(malformed(what, format!("it has more than {most} entries"))) }
}

pub(crate) fn malformed(what: &str, reason: String) -> RegistryError {
    RegistryError::Malformed { what: what.to_owned(), reason: clean(&reason, 300) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7,"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#;

    fn parse(text: &str) -> Result<Vec<Descriptor>, RegistryError> {
        parse_list(text.as_bytes(), "list", 3)
    }

    #[test]
    fn null_is_none() {
        assert_eq!(parse(r#"{"schemaVersion":2,"manifests":null}"#).unwrap(), []);
        assert_eq!(parse(r#"{"manifests":[]}"#).unwrap(), []);
    }

    #[test]
    fn damaged_lists_are_errors_not_none() {
        let whole = format!(r#"{{"manifests":[{ENTRY}]}}"#);
        assert_eq!(parse(&whole).unwrap().len(), 1);
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "{end}");
        }
        let bad = [
            r#"{"manifests":[{"mediaType":"a","size":-1,"digest":"sha256:0"}]}"#,
            r#"{"manifests":[{"mediaType":"a","size":1,"digest":"sha256:0"}]}"#,
            r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
            "<html></html>",
            "[]",
        ];
        assert!(bad.into_iter().all(|text| parse(text).is_err()));
    }

    #[test]
    fn huge_lists_are_refused() {
        let list = format!(r#"{{"manifests":[{}]}}"#, [ENTRY; 4].join(","));
        assert!(parse(&list).unwrap_err().to_string().contains("more than 3 entries"));
    }
}

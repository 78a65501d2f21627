//! The referrers tag: an index at `sha256-<hex>` for registries without the referrers API
//! (OCI distribution specification v1.1, "Referrers Tag Schema").
//!
//! Writers that meet there are the matter of `contended`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use supercargo_content::{Descriptor, Digest, MediaType};
use supercargo_image::fallback_tag;

use crate::RegistryError;
use crate::contended::{TagWriter, write_until_calm};
use crate::host::Endpoint;
use crate::manifest::{Manifest, Name};
use crate::referrers::{malformed, parse_list};
use crate::session::Session;

/// The entries of the index; none when there is no such tag. Any other refusal is an error.
pub(crate) async fn list(
    session: &Session,
    place: &Endpoint,
    subject: &Digest,
) -> Result<Vec<Descriptor>, RegistryError> {
    let tag = fallback_tag(subject);
    let what = format!("manifest `{tag}` of {}", place.display());
    match read(session, place, subject, &tag).await? {
        Some(index) => parse_list(&index.body, &what, session.options.limits.attachments_max),
        None => Ok(Vec::new()),
    }
}

/// Adds an entry to the index and makes sure that it stays.
pub(crate) async fn add(
    session: &Session,
    place: &Endpoint,
    subject: &Digest,
    entry: &Descriptor,
) -> Result<(), RegistryError> {
    let known = BTreeMap::from([own_entry(entry)]);
    let mut writer = Writer { session, place, subject, tag: fallback_tag(subject), known };
    let options = &session.options.referrers;
    if write_until_calm(options, &mut writer).await?.is_some() {
        return Ok(());
    }
    let (place, rounds) = (place.display(), options.write_rounds_max);
    Err(RegistryError::Contended { manifest: entry.digest.clone(), tag: writer.tag, place, rounds })
}

async fn read(
    session: &Session,
    place: &Endpoint,
    subject: &Digest,
    tag: &str,
) -> Result<Option<Manifest>, RegistryError> {
    match session.manifest_at(place, Name::Tag(tag)).await {
        // Some registries take the tag for the digest and answer with the subject itself.
        Ok(manifest) if manifest.descriptor.digest == *subject => Ok(None),
        Ok(manifest) if manifest.descriptor.media_type.is_index() => Ok(Some(manifest)),
        Ok(_) => Err(malformed(
            &format!("manifest `{tag}` of {}", place.display()),
            "it is not an index".to_owned(),
        )),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

struct Writer<'a> {
    session: &'a Session,
    place: &'a Endpoint,
    subject: &'a Digest,
    tag: String,
    /// By digest, every entry that has to be there, as it was written.
    known: BTreeMap<String, Value>,
}

impl TagWriter for Writer<'_> {
    type Next = Map<String, Value>;

    async fn read(&self) -> Result<Option<Manifest>, RegistryError> {
        read(self.session, self.place, self.subject, &self.tag).await
    }

    fn restored(&mut self, current: Option<&Manifest>) -> Result<Option<Self::Next>, RegistryError> {
        let mut index = self.parse(current)?;
        Ok(self.restore(&mut index).then_some(index))
    }

    /// A write that another one has overtaken (412) is no error: the next round reads again.
    async fn write(&mut self, next: Self::Next, current: Option<&Manifest>) -> Result<(), RegistryError> {
        let failed = |error: serde_json::Error| malformed("index of referrers", error.to_string());
        let body = serde_json::to_vec(&next).map_err(failed)?;
        let etag = current.and_then(|current| current.etag.as_deref());
        let name = Name::Tag(&self.tag);
        match self.session.put_manifest(self.place, name, &MediaType::OCI_INDEX, body.into(), etag).await {
            Err(error) if error.status() != Some(412) => Err(error),
            _ => Ok(()),
        }
    }
}

impl Writer<'_> {
    /// The index as it is, with everything that others wrote into it; an empty one where there is none.
    fn parse(&self, current: Option<&Manifest>) -> Result<Map<String, Value>, RegistryError> {
        let Some(current) = current else { return Ok(empty_index()) };
        let what = format!("manifest `{}` of {}", self.tag, self.place.display());
        // Checked as a list first, so that a damaged index is never written back.
        parse_list(&current.body, &what, self.session.options.limits.attachments_max)?;
        serde_json::from_slice(&current.body)
            .map_err(|error| malformed(&what, format!("not an index: {error}")))
    }

    /// Learns the entries that are new to us and puts back those that are missing. Returns whether any was.
    fn restore(&mut self, index: &mut Map<String, Value>) -> bool {
        let entries = index.entry("manifests").or_insert(Value::Null);
        let mut present = entries.as_array().cloned().unwrap_or_default();
        let digest = |entry: &Value| entry.get("digest").and_then(Value::as_str).map(str::to_owned);
        let there: BTreeMap<String, Value> =
            present.iter().filter_map(|entry| digest(entry).map(|digest| (digest, entry.clone()))).collect();
        let missing: Vec<Value> = self
            .known
            .iter()
            .filter(|(digest, _)| !there.contains_key(*digest))
            .map(|(_, entry)| entry.clone())
            .collect();
        self.known.extend(there);
        let is_missing = !missing.is_empty();
        present.extend(missing);
        *entries = Value::Array(present);
        is_missing
    }
}

fn empty_index() -> Map<String, Value> {
    let mut index = Map::new();
    index.insert("schemaVersion".to_owned(), json!(2));
    index.insert("mediaType".to_owned(), json!(MediaType::OCI_INDEX.as_str()));
    index.insert("manifests".to_owned(), json!([]));
    index
}

/// The descriptor with its artifact type and all annotations, as the specification asks.
fn own_entry(entry: &Descriptor) -> (String, Value) {
    let mut value = json!({
        "mediaType": entry.media_type.as_str(),
        "digest": entry.digest.to_string(),
        "size": entry.size,
    });
    if let Some(kind) = &entry.artifact_type {
        value["artifactType"] = json!(kind.as_str());
    }
    if !entry.annotations.is_empty() {
        value["annotations"] = json!(entry.annotations);
    }
    (entry.digest.to_string(), value)
}

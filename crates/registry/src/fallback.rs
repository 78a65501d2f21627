//! The referrers tag: an index at `sha256-<hex>` for registries without the referrers API
//! (OCI distribution specification v1.1, "Referrers Tag Schema").
//!
//! A tag has no compare-and-swap. Each writer therefore remembers every entry that it has seen, reads again after
//! it wrote, and puts back what is missing, its own entry and those of others, until the index has stood still for
//! a while. So an entry is lost only if its writer and all that saw it end before a slower writer's stale write.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use supercargo_content::{Descriptor, Digest, MediaType};
use supercargo_image::fallback_tag;

use crate::RegistryError;
use crate::host::Endpoint;
use crate::manifest::{Manifest, Name};
use crate::referrers::{malformed, parse_list};
use crate::retry::jitter;
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
    Writer { session, place, subject, tag: fallback_tag(subject), known: BTreeMap::from([own_entry(entry)]) }
        .run(entry)
        .await
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

impl Writer<'_> {
    async fn run(mut self, entry: &Descriptor) -> Result<(), RegistryError> {
        let rounds = self.session.options.referrers.write_rounds_max.max(1);
        let (mut written, mut slowest, mut calm) = (0, Duration::ZERO, Calm::default());
        while written <= rounds {
            let started = Instant::now();
            let current = read(self.session, self.place, self.subject, &self.tag).await?;
            let mut index = self.parse(current.as_ref())?;
            if self.restore(&mut index) {
                if written == rounds {
                    break;
                }
                calm = Calm::default();
                self.write(&index, current.as_ref()).await?;
                slowest = slowest.max(started.elapsed());
                written += 1;
                tokio::time::sleep(jitter(Duration::from_millis(20 << written.min(5)))).await;
            } else if written == 0 || calm.counts(current.map(|index| index.descriptor.digest)) {
                return Ok(());
            } else {
                tokio::time::sleep(self.settle(slowest)).await;
            }
        }
        let place = self.place.display();
        Err(RegistryError::Contended { manifest: entry.digest.clone(), tag: self.tag, place, rounds })
    }

    /// Long enough for a writer that has read the index before our write to have written it.
    fn settle(&self, slowest: Duration) -> Duration {
        let settle = self.session.options.referrers.settle.max(slowest.saturating_mul(3));
        settle + jitter(settle / 4)
    }

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

    /// A write that another one has overtaken (412) is no error: the next round reads again.
    async fn write(
        &self,
        index: &Map<String, Value>,
        current: Option<&Manifest>,
    ) -> Result<(), RegistryError> {
        let failed = |error: serde_json::Error| malformed("index of referrers", error.to_string());
        let body = serde_json::to_vec(index).map_err(failed)?;
        let etag = current.and_then(|current| current.etag.as_deref());
        let name = Name::Tag(&self.tag);
        match self.session.put_manifest(self.place, name, &MediaType::OCI_INDEX, body.into(), etag).await {
            Err(error) if error.status() != Some(412) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether the index has stood still: the same twice, or complete three times while others write.
#[derive(Default)]
struct Calm {
    seen: u32,
    last: Option<Digest>,
}

impl Calm {
    fn counts(&mut self, current: Option<Digest>) -> bool {
        let same = self.seen > 0 && self.last == current;
        self.seen += 1;
        self.last = current;
        same || self.seen >= 4
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

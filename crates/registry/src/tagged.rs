//! Layers behind a tag, as cosign before version 3 keeps signatures.
//!
//! A tag has no compare-and-swap, as with the referrers tag: what was written is read again, and written again when
//! another writer has replaced it.

use std::io::Cursor;
use std::time::Duration;

use supercargo_content::{Descriptor, Digest, MediaType};
use supercargo_image::{TaggedLayer, TaggedManifest};

use crate::RegistryError;
use crate::host::{Endpoint, Repository};
use crate::manifest::Name;
use crate::referrers::malformed;
use crate::retry::jitter;
use crate::session::Session;

/// How often the manifest is read before the writer gives up.
const ROUNDS: u32 = 8;

/// Adds the layer to the manifest behind the tag, and makes sure that it stays. The manifest's descriptor.
pub(crate) async fn append(
    session: &Session,
    repository: &Repository,
    tag: &str,
    layer: &TaggedLayer,
) -> Result<Descriptor, RegistryError> {
    let place = session.origin(repository)?;
    let mut written = None;
    for round in 0..ROUNDS {
        let current = match session.manifest_at(&place, Name::Tag(tag)).await {
            Ok(manifest) => Some(manifest),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let body = current.as_ref().map(|manifest| &manifest.body[..]);
        let next = layer.appended_to(body, session.options.limits.layers_max).map_err(|error| {
            malformed(&format!("manifest `{tag}` of {}", place.display()), error.to_string())
        })?;
        let etag = current.as_ref().and_then(|manifest| manifest.etag.as_deref());
        match (next, &current) {
            (Some(next), _) => {
                write(session, &place, tag, layer, &next, etag).await?;
                written = Some(next.descriptor.digest);
            }
            (None, Some(current)) => return Ok(current.descriptor.clone()),
            (None, None) => break,
        }
        if round > 0 {
            tokio::time::sleep(jitter(Duration::from_millis(20 << round.min(5)))).await;
        }
    }
    let manifest = written.unwrap_or_else(|| Digest::sha256_of(&layer.content));
    Err(RegistryError::Contended { manifest, tag: tag.to_owned(), place: place.display(), rounds: ROUNDS })
}

/// A write that another one has overtaken (412) is no error: the next round reads again.
async fn write(
    session: &Session,
    place: &Endpoint,
    tag: &str,
    layer: &TaggedLayer,
    next: &TaggedManifest,
    etag: Option<&str>,
) -> Result<(), RegistryError> {
    session.push_blob(place, &next.config, None, &|| Ok(Box::new(Cursor::new(&next.config_bytes)))).await?;
    session.push_blob(place, &next.layer, None, &|| Ok(Box::new(Cursor::new(&layer.content)))).await?;
    let body = next.bytes.clone().into();
    match session.put_manifest(place, Name::Tag(tag), &MediaType::OCI_MANIFEST, body, etag).await {
        Err(error) if error.status() != Some(412) => Err(error),
        _ => Ok(()),
    }
}

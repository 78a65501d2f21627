//! Layers behind a tag, as cosign before version 3 keeps signatures.
//!
//! Writers that meet there are the matter of `contended`.

use std::io::Cursor;

use supercargo_content::{Descriptor, Digest, MediaType};
use supercargo_image::{SeenLayers, TaggedLayer, TaggedManifest};

use crate::RegistryError;
use crate::contended::{TagWriter, write_until_calm};
use crate::host::{Endpoint, Repository};
use crate::manifest::{Manifest, Name};
use crate::referrers::malformed;
use crate::session::Session;

/// Adds the layer to the manifest behind the tag, and makes sure that it stays. The manifest's descriptor.
pub(crate) async fn append(
    session: &Session,
    repository: &Repository,
    tag: &str,
    layer: &TaggedLayer,
) -> Result<Descriptor, RegistryError> {
    let place = session.origin(repository)?;
    let seen = SeenLayers::default();
    let mut writer = Writer { session, place: &place, tag, layer, seen, has_pushed: false, refusals: 0 };
    let options = &session.options.referrers;
    write_until_calm(options, &mut writer).await?.ok_or_else(|| RegistryError::Contended {
        manifest: Digest::sha256_of(&layer.content),
        tag: tag.to_owned(),
        place: place.display(),
        rounds: options.write_rounds_max,
    })
}

struct Writer<'a> {
    session: &'a Session,
    place: &'a Endpoint,
    tag: &'a str,
    layer: &'a TaggedLayer,
    seen: SeenLayers,
    /// Whether the registry has the layer's blob.
    has_pushed: bool,
    /// How often the registry called the manifest bad.
    refusals: u32,
}

/// Docker's registry refuses a good manifest while another writer pushes the same blob, which all signatures of one
/// image have in common.
const REFUSALS_MAX: u32 = 3;

impl TagWriter for Writer<'_> {
    type Next = TaggedManifest;

    async fn read(&self) -> Result<Option<Manifest>, RegistryError> {
        match self.session.manifest_at(self.place, Name::Tag(self.tag)).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn restored(&mut self, current: Option<&Manifest>) -> Result<Option<TaggedManifest>, RegistryError> {
        let body = current.map(|manifest| &manifest.body[..]);
        let max = self.session.options.limits.layers_max;
        self.seen.restored_with(self.layer, body, max).map_err(|error| {
            malformed(&format!("manifest `{}` of {}", self.tag, self.place.display()), error.to_string())
        })
    }

    /// A write that another one has overtaken (412) is no error: the next round reads again.
    async fn write(&mut self, next: TaggedManifest, current: Option<&Manifest>) -> Result<(), RegistryError> {
        let (session, place) = (self.session, self.place);
        if !self.has_pushed {
            let content = &self.layer.content;
            session.push_blob(place, &next.layer, None, &|| Ok(Box::new(Cursor::new(content)))).await?;
            self.has_pushed = true;
        }
        session
            .push_blob(place, &next.config, None, &|| Ok(Box::new(Cursor::new(&next.config_bytes))))
            .await?;
        let etag = current.and_then(|manifest| manifest.etag.as_deref());
        let body = next.bytes.clone().into();
        match session.put_manifest(place, Name::Tag(self.tag), &MediaType::OCI_MANIFEST, body, etag).await {
            Err(error) if error.status() == Some(400) && self.refusals < REFUSALS_MAX => {
                self.refusals += 1;
                Ok(())
            }
            Err(error) if error.status() != Some(412) => Err(error),
            _ => Ok(()),
        }
    }
}

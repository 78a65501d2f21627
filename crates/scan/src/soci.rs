//! SOCI indexes: version 2, named by an annotation of the manifest, and version 1, a referrer of it.
//!
//! Whoever may push can add a referrer, and what a zTOC says of files is not checked against the layer: such an index is
//! used only when the caller brings it.

use std::collections::BTreeMap;
use std::io::Read;

use supercargo_content::{Descriptor, Digest, Limits, MediaType, VerifyingReader};
use supercargo_image::{Blobs, Content, Document, Image, ImageLayer, fetch_document, parse_document};
use supercargo_layer::Announced;

/// The artifact type of an index of version 1.
pub const SOCI_INDEX_1: &str = "application/vnd.amazon.soci.index.v1+json";
const INDEX_DIGEST: &str = "com.amazon.soci.index-digest";
const LAYER_DIGEST: &str = "com.amazon.soci.image-layer-digest";

/// What the manifest of an image leads to, or a referrer of it.
#[derive(Debug)]
pub(crate) enum Soci {
    /// No index.
    None,
    /// The documents (zTOC) by the digest of their layer.
    Index(BTreeMap<Digest, Descriptor>),
    /// An index that cannot be used, and why.
    Unusable(String),
}

impl Soci {
    /// Looks for the index that an image names, and takes `referrer` when it names none. An image without either costs
    /// nothing.
    pub(crate) fn of(image: &Image, referrer: Option<&Descriptor>, limits: &Limits) -> Self {
        let Content::Layers { blobs, .. } = &image.content else { return Self::None };
        let (blobs, named) = (blobs.as_ref(), image.annotations.get(INDEX_DIGEST));
        let found = match (named, referrer) {
            (Some(digest), _) => listed(image, digest, blobs, limits),
            (None, Some(referrer)) => Ok(referrer.clone()),
            (None, None) => return Self::None,
        };
        match found.and_then(|index| tables(image, &index, blobs, limits)) {
            Ok(tables) => Self::Index(tables),
            Err(reason) => {
                let digest = named.cloned().or(referrer.map(|referrer| referrer.digest.to_string()));
                let digest = digest.unwrap_or_default();
                Self::Unusable(format!("the SOCI index {digest} cannot be used: {reason}"))
            }
        }
    }

    /// Whether the answer for a layer depends on the index.
    pub(crate) fn is_about(&self, layer: &ImageLayer) -> bool {
        match self {
            Self::None => false,
            Self::Index(tables) => tables.contains_key(&layer.blob.digest),
            Self::Unusable(_) => is_gzip(&layer.blob.media_type),
        }
    }

    /// The document about a layer, where there is one.
    pub(crate) fn announced(
        &self,
        layer: &ImageLayer,
        blobs: &dyn Blobs,
        limits: &Limits,
    ) -> Result<Option<Announced>, String> {
        let table = match self {
            Self::Index(tables) => tables.get(&layer.blob.digest),
            Self::Unusable(reason) if is_gzip(&layer.blob.media_type) => return Err(reason.clone()),
            Self::None | Self::Unusable(_) => None,
        };
        let Some(table) = table else { return Ok(None) };
        let ztoc = read_table(table, blobs, limits)
            .map_err(|reason| format!("the zTOC {} cannot be used: {reason}", table.digest))?;
        Ok(Some(Announced::Soci { ztoc }))
    }
}

/// The index by its digest. Its size stands in the image index that lists both, which is where its writer puts it.
fn listed(image: &Image, digest: &str, blobs: &dyn Blobs, limits: &Limits) -> Result<Descriptor, String> {
    let digest: Digest = digest.parse().map_err(|_| "its digest cannot be read".to_owned())?;
    let place = image.reference.to_string();
    let Some(list) = &image.index else { return Err("the image was not chosen from an index".to_owned()) };
    let Document::Index(list) = document(blobs, list, &place, limits)? else {
        return Err("the image was not chosen from an index".to_owned());
    };
    let found = list.manifests.into_iter().find(|listed| listed.digest == digest);
    found.ok_or_else(|| "it is not in the index of the image".to_owned())
}

/// The documents that an index lists, by the digest of their layer.
fn tables(
    image: &Image,
    index: &Descriptor,
    blobs: &dyn Blobs,
    limits: &Limits,
) -> Result<BTreeMap<Digest, Descriptor>, String> {
    let Document::Manifest(index) = document(blobs, index, &image.reference.to_string(), limits)? else {
        return Err("it is no manifest".to_owned());
    };
    let mut tables = BTreeMap::new();
    for table in index.layers {
        let layer = table.annotations.get(LAYER_DIGEST).and_then(|digest| digest.parse().ok());
        let layer: Digest = layer.ok_or("a zTOC does not say its layer")?;
        if tables.insert(layer, table).is_some() {
            return Err("two zTOCs are about one layer".to_owned());
        }
    }
    Ok(tables)
}

fn document(blobs: &dyn Blobs, what: &Descriptor, place: &str, limits: &Limits) -> Result<Document, String> {
    let bytes = fetch_document(blobs, what, "manifest", place, limits).map_err(|error| error.to_string())?;
    parse_document(&bytes, Some(&what.media_type), limits).map_err(|error| error.to_string())
}

fn read_table(table: &Descriptor, blobs: &dyn Blobs, limits: &Limits) -> Result<Vec<u8>, String> {
    if table.size > limits.toc_bytes_max {
        return Err(format!("it is over the limit of {} bytes", limits.toc_bytes_max));
    }
    let mut bytes = Vec::new();
    let read = blobs.blob(table).and_then(|inner| {
        VerifyingReader::new(inner, table.digest.clone(), table.size).read_to_end(&mut bytes)
    });
    read.map(|_| bytes).map_err(|error| error.to_string())
}

fn is_gzip(media_type: &MediaType) -> bool {
    [MediaType::OCI_LAYER_GZIP, MediaType::DOCKER_LAYER_GZIP].contains(media_type)
}

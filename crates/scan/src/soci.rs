//! SOCI indexes that an image is bound to: version 2, named by an annotation of the manifest.
//!
//! Version 1 hangs on the image as a referrer, which whoever may push can add. What a zTOC says of files is not checked
//! against the layer, so such an index is not used.

use std::collections::BTreeMap;
use std::io::Read;

use supercargo_content::{Descriptor, Digest, Limits, MediaType, VerifyingReader};
use supercargo_image::{Blobs, Content, Document, Image, ImageLayer, fetch_document, parse_document};
use supercargo_layer::Announced;

const INDEX_DIGEST: &str = "com.amazon.soci.index-digest";
const LAYER_DIGEST: &str = "com.amazon.soci.image-layer-digest";

/// What the manifest of an image leads to.
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
    /// Looks for the index of an image. An image without the annotation costs nothing.
    pub(crate) fn of(image: &Image, limits: &Limits) -> Self {
        let Content::Layers { blobs, .. } = &image.content else { return Self::None };
        let Some(digest) = image.annotations.get(INDEX_DIGEST) else { return Self::None };
        match read_index(image, digest, blobs.as_ref(), limits) {
            Ok(tables) => Self::Index(tables),
            Err(reason) => Self::Unusable(format!("the SOCI index {digest} cannot be used: {reason}")),
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
fn read_index(
    image: &Image,
    digest: &str,
    blobs: &dyn Blobs,
    limits: &Limits,
) -> Result<BTreeMap<Digest, Descriptor>, String> {
    let digest: Digest = digest.parse().map_err(|_| "its digest cannot be read".to_owned())?;
    let place = image.reference.to_string();
    let Some(list) = &image.index else { return Err("the image was not chosen from an index".to_owned()) };
    let Document::Index(list) = document(blobs, list, &place, limits)? else {
        return Err("the image was not chosen from an index".to_owned());
    };
    let found = list.manifests.into_iter().find(|listed| listed.digest == digest);
    let found = found.ok_or("it is not in the index of the image")?;
    let Document::Manifest(index) = document(blobs, &found, &place, limits)? else {
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

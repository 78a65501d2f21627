//! Layers that passed by before anybody knew which image they belong to.

use std::collections::BTreeMap;

use supercargo_image::ImageLayer;
use supercargo_inventory::LayerRef;
use supercargo_layer::{BlobFacts, DecompressError, LayerError, media_type_problem};

use crate::record::PackedRecord;

/// What was read of layers from a stream, by the digests of their blobs.
///
/// A record is given out only for a layer whose digest, size and diff ID are those that were computed as it passed.
#[derive(Debug, Default)]
pub struct PassedLayers(BTreeMap<supercargo_content::Digest, PassedLayer>);

/// One blob that was read as a layer.
#[derive(Debug)]
pub(crate) struct PassedLayer {
    pub(crate) facts: BlobFacts,
    pub(crate) record: Result<PackedRecord, DecompressError>,
}

impl PassedLayers {
    /// Nothing.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds what passed in another stream.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many blobs were read.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn insert(&mut self, layer: PassedLayer) {
        self.0.insert(layer.facts.digest.clone(), layer);
    }

    /// The record of a layer, if its blob passed: at its place in the image, with all digests compared.
    pub(crate) fn find(
        &self,
        layer: &ImageLayer,
        place: &LayerRef,
    ) -> Option<Result<PackedRecord, LayerError>> {
        let passed = self.0.get(&layer.blob.digest)?;
        Some(passed.check(layer).and_then(|()| passed.record(layer, place)))
    }
}

impl PassedLayer {
    fn check(&self, wanted: &ImageLayer) -> Result<(), LayerError> {
        let layer = wanted.blob.digest.clone();
        if self.facts.size != wanted.blob.size {
            let (expected, found) = (wanted.blob.size, self.facts.size);
            return Err(LayerError::BlobSize { layer, expected, found, at_least: false });
        }
        match &self.facts.diff_id {
            Some(found) if *found != wanted.diff_id => {
                let (expected, found) = (wanted.diff_id.clone(), found.clone());
                Err(LayerError::DiffId { layer, expected, found })
            }
            // None: damage, which is the record's error, or the expansion limit, which is its problem.
            _ => Ok(()),
        }
    }

    fn record(&self, layer: &ImageLayer, place: &LayerRef) -> Result<PackedRecord, LayerError> {
        let damaged = |source: &DecompressError| LayerError::Decompress {
            layer: layer.blob.digest.clone(),
            source: source.clone(),
        };
        let record = self.record.as_ref().map_err(damaged)?;
        let mut problems = Vec::from_iter(media_type_problem(&layer.blob.media_type, self.facts.compression));
        problems.iter_mut().for_each(|problem| problem.layer = Some(place.clone()));
        Ok(record.at(place, problems))
    }
}

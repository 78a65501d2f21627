//! Layers behind a tag: how cosign before version 3 keeps what belongs to an image.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use supercargo_content::{Descriptor, MediaType};

use crate::artifact::entry_json;

/// One layer for the image manifest behind a tag such as `sha256-HEX.sig` (cosign, SIGNATURE_SPEC.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedLayer {
    /// The media type of the layer.
    pub media_type: MediaType,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Its annotations, in the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// A manifest with a [`TaggedLayer`] in it, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedManifest {
    /// The bytes of the manifest.
    pub bytes: Vec<u8>,
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// The bytes of its configuration.
    pub config_bytes: Vec<u8>,
    /// The descriptor of the configuration.
    pub config: Descriptor,
    /// The descriptor of the new layer.
    pub layer: Descriptor,
}

impl TaggedLayer {
    /// The manifest behind the tag with this layer at its end; a new manifest when there is none yet. `None` when the
    /// same layer with the same annotations is there already.
    ///
    /// The configuration is an image's that lists the layers, as cosign writes it; nothing else of it is used.
    pub fn appended_to(
        &self,
        manifest: Option<&[u8]>,
        layers_max: usize,
    ) -> Result<Option<TaggedManifest>, TaggedError> {
        SeenLayers::default().restored_with(self, manifest, layers_max)
    }
}

/// The layers that a writer has seen behind a tag, so that it can put back what a slower writer has overwritten.
#[derive(Debug, Clone, Default)]
pub struct SeenLayers(Vec<Value>);

impl SeenLayers {
    /// The manifest behind the tag with everything that was seen before, and `layer`; `None` when all of it is there.
    /// What is there counts as seen from now on.
    pub fn restored_with(
        &mut self,
        layer: &TaggedLayer,
        manifest: Option<&[u8]>,
        layers_max: usize,
    ) -> Result<Option<TaggedManifest>, TaggedError> {
        let mut layers = manifest.map_or(Ok(Vec::new()), layers_of)?;
        let mut own = Descriptor::of(layer.media_type.clone(), &layer.content);
        own.annotations = layer.annotations.clone();
        let there = layers.len();
        for entry in self.0.iter().chain([&entry_json(&own)]) {
            if !layers.contains(entry) {
                layers.push(entry.clone());
            }
        }
        let is_missing = layers.len() > there;
        if is_missing && layers.len() > layers_max {
            return Err(TaggedError::TooMany { max: layers_max });
        }
        let next = is_missing.then(|| written(&layers, own));
        self.0 = layers;
        Ok(next)
    }
}

fn written(layers: &[Value], layer: Descriptor) -> TaggedManifest {
    let digests: Vec<&Value> = layers.iter().filter_map(|layer| layer.get("digest")).collect();
    let config_bytes = json!({
        "architecture": "", "created": "0001-01-01T00:00:00Z", "os": "", "config": {},
        "history": vec![json!({ "created": "0001-01-01T00:00:00Z" }); layers.len()],
        "rootfs": { "type": "layers", "diff_ids": digests },
    });
    let config_bytes = config_bytes.to_string().into_bytes();
    let config = Descriptor::of(MediaType::OCI_CONFIG, &config_bytes);
    let bytes = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST.as_str(),
        "config": entry_json(&config), "layers": layers,
    });
    let bytes = bytes.to_string().into_bytes();
    let descriptor = Descriptor::of(MediaType::OCI_MANIFEST, &bytes);
    TaggedManifest { bytes, descriptor, config_bytes, config, layer }
}

/// The layers of a manifest, each as it is written.
fn layers_of(manifest: &[u8]) -> Result<Vec<Value>, TaggedError> {
    let manifest: Value =
        serde_json::from_slice(manifest).map_err(|error| TaggedError::Json(error.to_string()))?;
    match manifest.get("layers") {
        Some(Value::Array(layers)) => Ok(layers.clone()),
        _ => Err(TaggedError::NoLayers),
    }
}

/// Why nothing can be added to what is behind a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaggedError {
    /// It is no JSON.
    #[error("the manifest behind the tag is not readable: {0}")]
    Json(String),
    /// It is something else than an image manifest.
    #[error("what is behind the tag has no layers: it is not a manifest of signatures")]
    NoLayers,
    /// It is full.
    #[error("there are {max} layers behind the tag already; raise the limit with `--layers-max`")]
    TooMany {
        /// The limit.
        max: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_manifest;
    use supercargo_content::Limits;

    fn layer(content: &str, signature: &str) -> TaggedLayer {
        TaggedLayer {
            media_type: MediaType::new("application/vnd.dev.cosign.simplesigning.v1+json"),
            content: content.as_bytes().to_vec(),
            annotations: BTreeMap::from([("dev.cosignproject.cosign/signature".into(), signature.into())]),
        }
    }

    #[test]
    fn layers_are_added_and_never_twice() {
        let first = layer("a", "1").appended_to(None, 2).unwrap().unwrap();
        assert_eq!(layer("a", "1").appended_to(Some(&first.bytes), 2), Ok(None));
        let second = layer("a", "2").appended_to(Some(&first.bytes), 2).unwrap().unwrap();
        let read = parse_manifest(&second.bytes, &Limits::default()).unwrap();
        assert_eq!(read.layers.len(), 2);
        assert_eq!(read.layers[1], second.layer);
        assert_eq!(read.config, second.config);
        assert_eq!(second.config, Descriptor::of(MediaType::OCI_CONFIG, &second.config_bytes));
        let refused = layer("b", "3").appended_to(Some(&second.bytes), 2);
        assert_eq!(refused, Err(TaggedError::TooMany { max: 2 }));
    }

    #[test]
    fn what_was_seen_is_put_back() {
        let mut seen = SeenLayers::default();
        let theirs = layer("a", "theirs").appended_to(None, 9).unwrap().unwrap();
        let both = seen.restored_with(&layer("a", "mine"), Some(&theirs.bytes), 9).unwrap().unwrap();
        assert_eq!(seen.restored_with(&layer("a", "mine"), Some(&both.bytes), 9), Ok(None));
        let stale = layer("a", "slow").appended_to(None, 9).unwrap().unwrap();
        let all = seen.restored_with(&layer("a", "mine"), Some(&stale.bytes), 9).unwrap().unwrap();
        let read = parse_manifest(&all.bytes, &Limits::default()).unwrap();
        let signatures: Vec<&str> =
            read.layers.iter().flat_map(|layer| layer.annotations.values()).map(String::as_str).collect();
        assert_eq!(signatures, ["slow", "theirs", "mine"]);
    }

    #[test]
    fn what_is_no_manifest_is_left_alone() {
        for (bytes, is_json) in
            [(&b"{"[..], false), (b"{}", true), (b"{\"manifests\":[]}", true), (b"[]", true)]
        {
            let refused = layer("a", "1").appended_to(Some(bytes), 9).unwrap_err();
            assert_eq!(refused == TaggedError::NoLayers, is_json, "{refused}");
        }
    }
}

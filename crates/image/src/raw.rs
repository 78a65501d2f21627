//! The JSON of manifests, indexes and configurations, before any check.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Number;
use supercargo_content::Platform;

use crate::DocumentError;
use crate::document::excerpt;

/// Keys that are not ours, without their values.
pub(crate) type Rest = BTreeMap<String, IgnoredAny>;

/// An index or a manifest: which one is decided by what is there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawDocument {
    pub(crate) schema_version: Option<Number>,
    pub(crate) media_type: Option<String>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Option<RawDescriptor>,
    pub(crate) layers: Option<Vec<RawDescriptor>>,
    pub(crate) manifests: Option<Vec<RawDescriptor>>,
    pub(crate) subject: Option<RawDescriptor>,
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    pub(crate) fs_layers: Option<IgnoredAny>,
    #[serde(flatten)]
    pub(crate) rest: Rest,
}

impl RawDocument {
    pub(crate) const KEYS: &[&str] = &[
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "manifests",
        "subject",
        "annotations",
        "fsLayers",
    ];
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawDescriptor {
    pub(crate) media_type: Option<String>,
    pub(crate) digest: String,
    pub(crate) size: Number,
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    pub(crate) platform: Option<RawPlatform>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) urls: Option<Vec<String>>,
    pub(crate) data: Option<String>,
    #[serde(flatten)]
    pub(crate) rest: Rest,
}

impl RawDescriptor {
    pub(crate) const KEYS: &[&str] =
        &["mediaType", "digest", "size", "annotations", "platform", "artifactType", "urls", "data"];
}

#[derive(Deserialize)]
pub(crate) struct RawPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    #[serde(rename = "os.version")]
    os_version: Option<String>,
}

impl RawPlatform {
    /// The platform; `None` when operating system or architecture is missing or empty, as in artifacts.
    pub(crate) fn checked(self) -> Option<Platform> {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        Some(Platform {
            variant: some(self.variant),
            os_version: some(self.os_version),
            ..Platform::new(some(self.os)?, some(self.architecture)?)
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct RawConfig {
    pub(crate) created: Option<String>,
    pub(crate) config: Option<RawRun>,
    pub(crate) rootfs: Option<RawRootfs>,
    pub(crate) history: Option<Vec<RawHistory>>,
    #[serde(flatten)]
    pub(crate) platform: RawPlatform,
    #[serde(flatten)]
    pub(crate) rest: Rest,
}

impl RawConfig {
    pub(crate) const KEYS: &[&str] =
        &["created", "config", "rootfs", "history", "architecture", "os", "variant"];
}

#[derive(Deserialize)]
pub(crate) struct RawRun {
    #[serde(rename = "Labels")]
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
pub(crate) struct RawRootfs {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) diff_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(crate) struct RawHistory {
    pub(crate) created_by: Option<String>,
    pub(crate) empty_layer: Option<bool>,
}

/// JSON without its reader's error type; nesting is bounded by the reader (128 levels).
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DocumentError> {
    serde_json::from_slice(bytes).map_err(|error| DocumentError::Json(excerpt(&error.to_string())))
}

/// Refuses keys that differ from known ones only in case: Go's JSON reader takes them for the same, ours does not.
pub(crate) fn unambiguous(rest: &Rest, known: &[&'static str]) -> Result<(), DocumentError> {
    // Upper and then lower: folds the Kelvin sign and the long s as Go does.
    let fold = |text: &str| text.to_uppercase().to_lowercase();
    let twin = |key: &String| known.iter().find(|&&known| known != key && fold(known) == fold(key)).copied();
    match rest.keys().find_map(|key| twin(key).map(|known| (key, known))) {
        Some((key, known)) => Err(DocumentError::AmbiguousKey { key: excerpt(key), known }),
        None => Ok(()),
    }
}

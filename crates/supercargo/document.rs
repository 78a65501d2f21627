//! An inventory and the image that it was read from → a document → bytes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use supercargo_content::Limits;
use supercargo_image::{Content, Image, Reference, Selector};
use supercargo_inventory::Inventory;
use supercargo_sbom::{Document, DocumentOptions, FormatId, Subject, SubjectKind};

use crate::Error;

/// What shapes a document beside the image itself.
#[derive(Debug, Clone, Default)]
pub struct DocumentSettings {
    /// Seconds since 1970 that stand as the time of creation (SOURCE_DATE_EPOCH). Without it, the image's own time of
    /// creation; without that, 1970.
    pub created: Option<i64>,
    /// The bounds that the scan worked under: they can change what it found.
    pub limits: Limits,
}

/// Makes the document of a scan. A pure function of its arguments and the version of this program.
pub fn document(image: &Image, inventory: Inventory, settings: &DocumentSettings) -> Result<Document, Error> {
    let mut options = DocumentOptions::new("supercargo", env!("CARGO_PKG_VERSION"));
    options.created = created(image, settings)?;
    options.options = changing_limits(&settings.limits);
    Ok(Document::new(inventory, subject(image), options))
}

/// Writes a document in a format.
pub fn encode(document: &Document, format: FormatId) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let encoded = format.format().encode(document, &mut bytes);
    encoded.map_err(|error| Error::document("document", format.to_string(), error))?;
    Ok(bytes)
}

fn created(image: &Image, settings: &DocumentSettings) -> Result<Timestamp, Error> {
    if let Some(seconds) = settings.created {
        let out_of_range = |_| Error::usage(format!("SOURCE_DATE_EPOCH is {seconds}: out of range"));
        return Timestamp::from_second(seconds).map_err(out_of_range);
    }
    let of_image = image.config.created.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    let whole = of_image.and_then(|time| Timestamp::from_second(time.as_second()).ok());
    Ok(whole.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The limits that can change what a scan finds, so that two documents of different limits have different serial
/// numbers.
fn changing_limits(limits: &Limits) -> BTreeMap<String, String> {
    let rows = [
        ("file_bytes_max", limits.file_bytes_max.to_string()),
        ("streamed_bytes_min", limits.streamed_bytes_min.to_string()),
        ("entries_max", limits.entries_max.to_string()),
        ("path_bytes_max", limits.path_bytes_max.to_string()),
        ("nesting_depth_max", limits.nesting_depth_max.to_string()),
        ("expansion_ratio_max", limits.expansion_ratio_max.to_string()),
        ("buffered_bytes_max", limits.buffered_bytes_max.to_string()),
    ];
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn subject(image: &Image) -> Subject {
    let kind = match image.content {
        Content::Folder(_) => SubjectKind::RootFs,
        Content::Layers { .. } => SubjectKind::Container,
    };
    let (name, tag) = name_and_tag(image);
    Subject {
        kind,
        name,
        tag,
        manifest: image.manifest.clone(),
        image_id: image.image_id.clone(),
        platform: image.config.platform.clone(),
        labels: image.config.labels.clone(),
        annotations: image.annotations.clone(),
    }
}

/// The repository and tag in a registry. For a file or folder, the name by which the image was chosen in it, its
/// title, or its digest; never a path, so that a copy in another folder gives the same document.
fn name_and_tag(image: &Image) -> (String, Option<String>) {
    match &image.reference {
        Reference::Registry(reference) => (reference.name(), reference.tag.clone()),
        Reference::OciLayout { selector, .. }
        | Reference::OciArchive { selector, .. }
        | Reference::DockerArchive { selector, .. } => match selector {
            Selector::Tag(text) => split_tag(text),
            Selector::Only | Selector::Digest(_) => (title(image), None),
        },
        Reference::Stdin => (title(image), None),
        Reference::Rootfs { .. } => ("rootfs".to_owned(), None),
    }
}

/// `app:1` → `app` and `1`; the colon of a port is followed by a slash.
fn split_tag(text: &str) -> (String, Option<String>) {
    match text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((name, tag)) => (name.to_owned(), Some(tag.to_owned())),
        None => (text.to_owned(), None),
    }
}

fn title(image: &Image) -> String {
    let title = image.config.labels.get("org.opencontainers.image.title").filter(|title| !title.is_empty());
    let digest = image.manifest.as_ref().map(|manifest| &manifest.digest).or(image.image_id.as_ref());
    title.cloned().or_else(|| digest.map(ToString::to_string)).unwrap_or_else(|| "image".to_owned())
}

//! From a descriptor to images: what every source shares.

use std::io::{self, Read};
use std::sync::Arc;

use supercargo_content::{ContentMismatch, Descriptor, Limits, VerifyingReader};

use crate::choose::choose;
use crate::{
    Blobs, Content, Document, DocumentError, Image, ImageConfig, ImageLayer, Manifest, PlatformChoice,
    Reference, ResolveError, Resolved, parse_config, parse_document,
};

/// Resolves a manifest or index to the images that are wanted.
///
/// A single manifest whose configuration names another platform than [`PlatformChoice::Only`] asks for is an
/// error; for [`PlatformChoice::Host`] it is accepted as it is, since nobody asked for anything else.
///
/// # Errors
/// Those of [`choose`] and [`open_image`].
pub fn resolve(
    reference: &Reference,
    root: &Descriptor,
    choice: &PlatformChoice,
    blobs: &Arc<dyn Blobs>,
    limits: &Limits,
) -> Result<Resolved, ResolveError> {
    let place = reference.to_string();
    let bytes = fetch_document(blobs.as_ref(), root, "manifest", &place, limits)?;
    let document = parse_document(&bytes, Some(&root.media_type), limits)
        .map_err(|reason| ResolveError::damaged("manifest", &root.digest, &place, reason))?;
    let root = Descriptor { media_type: document.media_type().clone(), ..root.clone() };
    let index = match document {
        Document::Index(index) => index,
        Document::Manifest(manifest) => {
            let image = open_manifest(reference, &root, None, *manifest, blobs, limits)?;
            check_platform(&image, choice, &place)?;
            return Ok(Resolved { images: vec![image], index: None });
        }
    };
    let mut fetch = |what: &Descriptor| fetch_document(blobs.as_ref(), what, "manifest", &place, limits);
    let chosen = choose(&index, choice, &place, limits, &mut fetch)?;
    let images = open_all(reference, &chosen, Some(&root), choice, blobs, limits)?;
    Ok(Resolved { images, index: Some(root) })
}

/// Opens chosen manifests; where a descriptor names no platform, its configuration must fit the choice.
pub(crate) fn open_all(
    reference: &Reference,
    chosen: &[Descriptor],
    index: Option<&Descriptor>,
    choice: &PlatformChoice,
    blobs: &Arc<dyn Blobs>,
    limits: &Limits,
) -> Result<Vec<Image>, ResolveError> {
    let mut images = Vec::with_capacity(chosen.len());
    for descriptor in chosen {
        let image = open_image(reference, descriptor, index, blobs, limits)?;
        if descriptor.platform.is_none() {
            check_index_platform(&image, choice, &reference.to_string())?;
        }
        images.push(image);
    }
    Ok(images)
}

/// Opens one image: fetches its manifest and configuration, with digests and sizes checked.
///
/// `index` is the one that it was chosen from. The layers are not touched.
///
/// # Errors
/// [`Damaged`](ResolveError::Damaged) when a document is, when it is an artifact, or when manifest and
/// configuration disagree; [`Limit`](ResolveError::Limit) and [`Io`](ResolveError::Io).
pub fn open_image(
    reference: &Reference,
    descriptor: &Descriptor,
    index: Option<&Descriptor>,
    blobs: &Arc<dyn Blobs>,
    limits: &Limits,
) -> Result<Image, ResolveError> {
    let place = reference.to_string();
    let bytes = fetch_document(blobs.as_ref(), descriptor, "manifest", &place, limits)?;
    let damaged = |reason| ResolveError::damaged("manifest", &descriptor.digest, &place, reason);
    let document = parse_document(&bytes, Some(&descriptor.media_type), limits).map_err(damaged)?;
    let Document::Manifest(manifest) = document else {
        return Err(damaged(DocumentError::OtherKind { expected: "a manifest", found: "an index" }));
    };
    open_manifest(reference, descriptor, index, *manifest, blobs, limits)
}

/// Opens an image whose manifest is at hand already.
fn open_manifest(
    reference: &Reference,
    descriptor: &Descriptor,
    index: Option<&Descriptor>,
    manifest: Manifest,
    blobs: &Arc<dyn Blobs>,
    limits: &Limits,
) -> Result<Image, ResolveError> {
    let place = reference.to_string();
    let damaged = |reason| ResolveError::damaged("manifest", &descriptor.digest, &place, reason);
    if !manifest.is_image() {
        return Err(damaged(not_an_image(&manifest)));
    }
    let bytes = fetch_document(blobs.as_ref(), &manifest.config, "configuration", &place, limits)?;
    let config = parse_config(&bytes, limits)
        .map_err(|reason| ResolveError::damaged("configuration", &manifest.config.digest, &place, reason))?;
    let layers = layers(&manifest, &config).map_err(damaged)?;
    Ok(Image {
        reference: reference.clone(),
        manifest: Some(Descriptor { media_type: manifest.media_type, ..descriptor.clone() }),
        image_id: Some(manifest.config.digest),
        index: index.cloned(),
        annotations: manifest.annotations,
        config,
        content: Content::Layers { layers, blobs: Arc::clone(blobs) },
    })
}

/// The bytes of a manifest, index or configuration, checked against its descriptor.
///
/// # Errors
/// [`Limit`](ResolveError::Limit) before anything is read when the descriptor is over `manifest_bytes_max`;
/// [`Damaged`](ResolveError::Damaged) on wrong bytes; [`Io`](ResolveError::Io).
pub fn fetch_document(
    blobs: &dyn Blobs,
    what: &Descriptor,
    kind: &'static str,
    place: &str,
    limits: &Limits,
) -> Result<Vec<u8>, ResolveError> {
    if what.size > limits.manifest_bytes_max {
        return Err(ResolveError::document_limit(kind, place, what.size, limits));
    }
    read_checked(blobs, what).map_err(|source| match ContentMismatch::of(&source) {
        Some(mismatch) => ResolveError::damaged(kind, &what.digest, place, mismatch.clone().into()),
        None => ResolveError::Io { place: format!("{kind} {} of {place}", what.digest), source },
    })
}

/// All bytes behind a descriptor, checked. The caller has bounded its size.
pub(crate) fn read_checked(blobs: &dyn Blobs, what: &Descriptor) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    VerifyingReader::new(blobs.blob(what)?, what.digest.clone(), what.size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn layers(manifest: &Manifest, config: &ImageConfig) -> Result<Vec<ImageLayer>, DocumentError> {
    let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids.len());
    if layers != diff_ids {
        return Err(DocumentError::LayerCount { layers, diff_ids });
    }
    let pairs = manifest.layers.iter().zip(&config.diff_ids);
    Ok(pairs.map(|(blob, diff_id)| ImageLayer { blob: blob.clone(), diff_id: diff_id.clone() }).collect())
}

fn not_an_image(manifest: &Manifest) -> DocumentError {
    let kind =
        manifest.artifact_type.as_ref().or_else(|| manifest.layers.first().map(|layer| &layer.media_type));
    let artifact_type =
        kind.map_or_else(|| "unknown".to_owned(), |kind| crate::document::excerpt(kind.as_str()));
    DocumentError::NotAnImage { artifact_type }
}

/// Refuses an image that is not for the platform that was asked for by name.
pub(crate) fn check_platform(
    image: &Image,
    choice: &PlatformChoice,
    place: &str,
) -> Result<(), ResolveError> {
    let (PlatformChoice::Only(wanted), Some(has)) = (choice, &image.config.platform) else { return Ok(()) };
    if has.satisfies(wanted) {
        return Ok(());
    }
    let digest =
        image.manifest.as_ref().map(|manifest| format!(" ({})", manifest.digest)).unwrap_or_default();
    let (wanted, there) = (wanted.to_string(), format!("{has}{digest}"));
    Err(ResolveError::Platform { wanted, place: place.to_owned(), there })
}

/// In an index the host's platform is a wish as well.
fn check_index_platform(image: &Image, choice: &PlatformChoice, place: &str) -> Result<(), ResolveError> {
    match choice {
        PlatformChoice::Host(wanted) => check_platform(image, &PlatformChoice::Only(wanted.clone()), place),
        _ => check_platform(image, choice, place),
    }
}

//! Where signatures and attestations hang on a manifest, and what is in each place.

use std::borrow::Cow;

use supercargo_attest::{Bundle, BundleError, ENVELOPE_LAYER, SIMPLE_SIGNING_LAYER};
use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_image::{
    Attachments, CosignKind, DocumentError, Manifest, ResolveError, cosign_tag, parse_manifest,
};

use crate::Error;

/// The form in which something was attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// A Sigstore bundle that refers to its subject, or one from a file.
    Bundle,
    /// A signature in cosign's older form, behind the tag `sha256-HEX.sig`.
    CosignSignature,
    /// An envelope in cosign's older form, behind the tag `sha256-HEX.att`.
    CosignAttestation,
}

impl Layout {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::CosignSignature => "cosign .sig",
            Self::CosignAttestation => "cosign .att",
        }
    }
}

/// Something signed that was found.
pub(crate) struct Found {
    /// The manifest that carries it.
    pub(crate) carrier: Digest,
    pub(crate) layout: Layout,
    pub(crate) bundle: Result<Bundle, CarrierError>,
}

/// Which places are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// What refers to the subject.
    Referrers,
    /// Cosign's older tags.
    Tags,
}

/// Gives everything signed that hangs on `subject` to `visit`, one by one, in order of the carrier's digest.
///
/// What is damaged is given as such: whoever may attach things could otherwise stop every verification.
pub(crate) fn each(
    subject: &Descriptor,
    place: Place,
    store: &dyn Attachments,
    limits: &Limits,
    visit: &mut dyn FnMut(Found) -> Result<(), Error>,
) -> Result<(), Error> {
    let carriers = match place {
        Place::Referrers => carriers(subject, store, limits)?,
        Place::Tags => tags(subject, store)?,
    };
    for carrier in carriers {
        let bytes = store.fetch(&carrier)?;
        match parse_manifest(&bytes, limits) {
            Ok(manifest) => contents(&carrier, &manifest, store, limits, visit)?,
            // What never said that it carries something signed is no business of ours.
            Err(_) if place == Place::Referrers && !says_signed(&carrier) => {}
            Err(error) => visit(damaged(&carrier, CarrierError::Manifest(error)))?,
        }
    }
    Ok(())
}

/// The referrers of a subject that may carry something signed. More than the limit is an error, not a truncation:
/// the one that was cut off might be the one that counts.
fn carriers(
    subject: &Descriptor,
    store: &dyn Attachments,
    limits: &Limits,
) -> Result<Vec<Descriptor>, Error> {
    let mut carriers: Vec<_> = store.referrers(&subject.digest)?.into_iter().filter(may_carry).collect();
    check_count("number of attachments", carriers.len(), &subject.digest, limits)?;
    carriers.sort_by(|a, b| a.digest.cmp(&b.digest));
    carriers.dedup_by(|a, b| a.digest == b.digest);
    Ok(carriers)
}

fn tags(subject: &Descriptor, store: &dyn Attachments) -> Result<Vec<Descriptor>, Error> {
    let mut found = Vec::new();
    for kind in [CosignKind::Signatures, CosignKind::Attestations] {
        found.extend(store.tagged(&cosign_tag(&subject.digest, kind))?);
    }
    Ok(found)
}

/// Everything signed in one manifest.
fn contents(
    carrier: &Descriptor,
    manifest: &Manifest,
    store: &dyn Attachments,
    limits: &Limits,
    visit: &mut dyn FnMut(Found) -> Result<(), Error>,
) -> Result<(), Error> {
    let layouts: Vec<_> = manifest.layers.iter().map(|layer| layout(&layer.media_type)).collect();
    let says_bundle = carrier.artifact_type.as_ref().is_some_and(is_bundle_type);
    if says_bundle && layouts.len() != 1 {
        return visit(damaged(carrier, CarrierError::Layers { found: layouts.len() }));
    }
    check_count("number of layers with signatures", layouts.len(), &carrier.digest, limits)?;
    for (layer, layout) in manifest.layers.iter().zip(layouts) {
        let Some(layout) = layout.or(says_bundle.then_some(Layout::Bundle)) else { continue };
        let bundle = read(layer, layout, store, limits)?;
        visit(Found {
            carrier: carrier.digest.clone(),
            layout,
            bundle: bundle.map_err(CarrierError::Bundle),
        })?;
    }
    Ok(())
}

fn read(
    layer: &Descriptor,
    layout: Layout,
    store: &dyn Attachments,
    limits: &Limits,
) -> Result<Result<Bundle, BundleError>, Error> {
    let bytes = match &layer.data {
        Some(data) => Cow::Borrowed(&data[..]),
        None => Cow::Owned(store.fetch(layer)?),
    };
    Ok(match layout {
        Layout::Bundle => Bundle::parse(&bytes, limits),
        Layout::CosignSignature => {
            Bundle::from_cosign_signature(bytes.into_owned(), &layer.annotations, limits)
        }
        Layout::CosignAttestation => Bundle::from_cosign_attestation(&bytes, &layer.annotations, limits),
    })
}

fn layout(media_type: &MediaType) -> Option<Layout> {
    match media_type.as_str() {
        SIMPLE_SIGNING_LAYER => Some(Layout::CosignSignature),
        ENVELOPE_LAYER => Some(Layout::CosignAttestation),
        _ => is_bundle_type(media_type).then_some(Layout::Bundle),
    }
}

/// Readers match the prefix: the version stands in the type.
pub(crate) fn is_bundle_type(media_type: &MediaType) -> bool {
    media_type.as_str().starts_with("application/vnd.dev.sigstore.bundle")
}

/// Bundles, and cosign's older form where it refers to its subject. GitHub's registry lists bundles under the type
/// of their empty configuration, so a type that says nothing is looked into.
fn may_carry(descriptor: &Descriptor) -> bool {
    let kind = descriptor.artifact_type.as_ref();
    kind.is_none_or(|kind| *kind == MediaType::OCI_EMPTY) || says_signed(descriptor)
}

fn says_signed(descriptor: &Descriptor) -> bool {
    const COSIGN: [&str; 2] = [
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/vnd.dev.cosign.artifact.att.v1+json",
    ];
    let kind = descriptor.artifact_type.as_ref();
    kind.is_some_and(|kind| is_bundle_type(kind) || COSIGN.contains(&kind.as_str()))
}

fn damaged(carrier: &Descriptor, error: CarrierError) -> Found {
    Found { carrier: carrier.digest.clone(), layout: Layout::Bundle, bundle: Err(error) }
}

fn check_count(what: &'static str, found: usize, place: &Digest, limits: &Limits) -> Result<(), Error> {
    if found <= limits.attachments_max {
        return Ok(());
    }
    Err(Error::Resolve(ResolveError::Limit {
        what,
        place: place.to_string(),
        found: found as u64,
        limit: limits.attachments_max as u64,
        flag: "--attachments-max",
    }))
}

/// Why what hangs on an image is not something signed that we can read.
#[derive(Debug, thiserror::Error)]
pub enum CarrierError {
    /// It is no manifest.
    #[error("the manifest that carries it is damaged: {0}")]
    Manifest(DocumentError),
    /// It has not exactly one layer.
    #[error("expected one layer with the bundle, found {found}")]
    Layers {
        /// How many it has.
        found: usize,
    },
    /// The bundle, signature or envelope is damaged.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

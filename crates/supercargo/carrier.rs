//! The manifests that carry Sigstore bundles.

use supercargo_content::{Descriptor, Limits, MediaType};
use supercargo_image::{Attachments, DocumentError, ResolveError, parse_manifest};

use crate::Error;

/// The referrers of a subject that carry a bundle, in order of digest. More than the limit is an error, not a
/// truncation: the one that was cut off might be the one that counts.
pub(crate) fn carriers(
    subject: &Descriptor,
    store: &dyn Attachments,
    limits: &Limits,
) -> Result<Vec<Descriptor>, Error> {
    let mut carriers: Vec<_> = store.referrers(&subject.digest)?.into_iter().filter(is_carrier).collect();
    if carriers.len() > limits.attachments_max {
        return Err(Error::Resolve(ResolveError::Limit {
            what: "number of attachments",
            place: subject.digest.to_string(),
            found: carriers.len() as u64,
            limit: limits.attachments_max as u64,
            flag: "--attachments-max",
        }));
    }
    carriers.sort_by(|a, b| a.digest.cmp(&b.digest));
    carriers.dedup_by(|a, b| a.digest == b.digest);
    Ok(carriers)
}

/// The bytes of the bundle that a manifest carries.
pub(crate) fn content(
    carrier: &Descriptor,
    store: &dyn Attachments,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    let damaged = |source| Error::Carrier { digest: carrier.digest.clone(), source };
    let manifest = parse_manifest(&store.fetch(carrier)?, limits);
    let manifest = manifest.map_err(|error| damaged(CarrierError::Manifest(error)))?;
    match manifest.layers.as_slice() {
        [layer] => Ok(store.fetch(layer)?),
        layers => Err(damaged(CarrierError::Layers { found: layers.len() })),
    }
}

/// Readers match the prefix: the version stands in the type.
pub(crate) fn is_bundle_type(media_type: &MediaType) -> bool {
    media_type.as_str().starts_with("application/vnd.dev.sigstore.bundle")
}

fn is_carrier(descriptor: &Descriptor) -> bool {
    descriptor.artifact_type.as_ref().is_some_and(is_bundle_type)
}

/// Why a manifest that says it carries a bundle does not.
#[derive(Debug, thiserror::Error)]
pub enum CarrierError {
    /// It is no manifest.
    #[error(transparent)]
    Manifest(DocumentError),
    /// It has not exactly one layer.
    #[error("expected one layer with the bundle, found {found}")]
    Layers {
        /// How many it has.
        found: usize,
    },
}

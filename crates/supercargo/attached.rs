//! Everything that hangs on an image, as a tree.

use supercargo_content::{Descriptor, Digest, Limits};
use supercargo_image::{Attachments, Image};

use crate::Error;
use crate::carrier::is_bundle_type;

/// One thing and what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedNode {
    /// What it is.
    pub kind: AttachedKind,
    /// Its manifest.
    pub descriptor: Descriptor,
    /// What hangs on it, in order of digest.
    pub children: Vec<Self>,
}

/// The kinds of things in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachedKind {
    /// The index that the image was chosen from.
    Index,
    /// The image.
    Image,
    /// A Sigstore bundle, with the predicate type that its annotation claims.
    Bundle {
        /// The claim; only verifying proves it.
        predicate_type: Option<String>,
    },
    /// A manifest behind one of cosign's older tags: `sig`, `att` or `sbom`.
    Tagged {
        /// The ending of the tag.
        ending: &'static str,
    },
    /// Any other referrer.
    Other,
}

/// Endings of the tags that cosign wrote before it used referrers.
const TAG_ENDINGS: &[&str] = &["sig", "att", "sbom"];

/// Draws the tree of an image: the index that it was chosen from, the image, and what hangs on either.
pub fn attached(image: &Image, store: &dyn Attachments, limits: &Limits) -> Result<Vec<AttachedNode>, Error> {
    let manifest = image.manifest.clone().ok_or_else(|| {
        Error::usage(format!("{} has no manifest that anything could hang on", image.reference))
    })?;
    let mut roots = vec![subject(AttachedKind::Image, manifest, store, limits)?];
    if let Some(index) = &image.index {
        roots.insert(0, subject(AttachedKind::Index, index.clone(), store, limits)?);
    }
    Ok(roots)
}

fn subject(
    kind: AttachedKind,
    descriptor: Descriptor,
    store: &dyn Attachments,
    limits: &Limits,
) -> Result<AttachedNode, Error> {
    let mut children = referrers(&descriptor.digest, store, limits.nesting_depth_max, limits)?;
    for ending in TAG_ENDINGS {
        let tag = format!("{}-{}.{ending}", descriptor.digest.algorithm().name(), descriptor.digest.hex());
        if let Some(descriptor) = store.tagged(&tag)? {
            children.push(AttachedNode {
                kind: AttachedKind::Tagged { ending },
                descriptor,
                children: Vec::new(),
            });
        }
    }
    Ok(AttachedNode { kind, descriptor, children })
}

/// The referrers of a digest and theirs, down to a depth: a hostile store could answer with a circle.
fn referrers(
    of: &Digest,
    store: &dyn Attachments,
    depth: usize,
    limits: &Limits,
) -> Result<Vec<AttachedNode>, Error> {
    let mut nodes = Vec::new();
    let Some(depth) = depth.checked_sub(1) else { return Ok(nodes) };
    for descriptor in store.referrers(of)?.into_iter().take(limits.attachments_max) {
        let children = referrers(&descriptor.digest, store, depth, limits)?;
        nodes.push(AttachedNode { kind: kind(&descriptor), descriptor, children });
    }
    nodes.sort_by(|a, b| a.descriptor.digest.cmp(&b.descriptor.digest));
    Ok(nodes)
}

fn kind(descriptor: &Descriptor) -> AttachedKind {
    let is_bundle = descriptor.artifact_type.as_ref().is_some_and(is_bundle_type);
    if !is_bundle {
        return AttachedKind::Other;
    }
    let predicate_type = descriptor.annotations.get("dev.sigstore.bundle.predicateType").cloned();
    AttachedKind::Bundle { predicate_type }
}

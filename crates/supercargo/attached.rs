//! Everything that hangs on an image, as a tree.

use supercargo_content::{Descriptor, Digest, Limits};
use supercargo_image::{Attachments, Document, Image, buildkit_attestations, parse_document, parse_manifest};

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
    /// BuildKit's attestations, which nobody has signed.
    Unsigned {
        /// The predicate types that its layers claim.
        predicate_types: Vec<String>,
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
        let unsigned = unsigned(index, &roots[0].descriptor.digest, store, limits)?;
        roots[0].children.extend(unsigned);
        roots.insert(0, subject(AttachedKind::Index, index.clone(), store, limits)?);
    }
    Ok(roots)
}

/// What BuildKit put beside an image in its index. Damage shows as an entry without types, not as an error.
fn unsigned(
    index: &Descriptor,
    image: &Digest,
    store: &dyn Attachments,
    limits: &Limits,
) -> Result<Vec<AttachedNode>, Error> {
    let document = parse_document(&store.fetch(index)?, Some(&index.media_type), limits);
    let Ok(Document::Index(index)) = document else { return Ok(Vec::new()) };
    let mut nodes = Vec::new();
    for descriptor in buildkit_attestations(&index, image).into_iter().take(limits.attachments_max) {
        let manifest = parse_manifest(&store.fetch(descriptor)?, limits);
        let layers = manifest.map(|manifest| manifest.layers).unwrap_or_default();
        let claimed = |layer: &Descriptor| layer.annotations.get("in-toto.io/predicate-type").cloned();
        let kind = AttachedKind::Unsigned { predicate_types: layers.iter().filter_map(claimed).collect() };
        nodes.push(AttachedNode { kind, descriptor: descriptor.clone(), children: Vec::new() });
    }
    Ok(nodes)
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

//! Evidence that `read` knows in part and `settle` completes.

use supercargo_inventory::{Evidence, ImagePath, LayerRef, Package, Technique};

use crate::Finding;

/// Evidence of a file whose layer only the scan knows; [`place`] fills it in. `inner` is the place inside the
/// file, empty for the file itself.
pub(crate) fn seen(path: &ImagePath, inner: impl Into<String>, technique: Technique) -> Evidence {
    let layer = LayerRef { index: 0, diff_id: None, blob: None };
    Evidence { path: path.clone(), inner: inner.into(), layer, technique }
}

/// A package as it was read, with layer and origin of its finding.
pub(crate) fn place(mut package: Package, finding: &Finding) -> Package {
    for evidence in &mut package.evidence {
        evidence.path = finding.path.clone();
        evidence.layer = finding.layer.clone();
    }
    package.origin = Some(finding.origin.clone());
    package
}

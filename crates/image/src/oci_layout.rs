//! `oci:DIR`: an OCI image layout in a folder.

use std::sync::Arc;

use supercargo_content::Limits;

use crate::files::Folder;
use crate::layout::open_layout;
use crate::{PlatformChoice, Reference, ResolveError, Resolved, Source};

/// An OCI image layout in a folder (OCI image specification v1.1, "Image Layout").
///
/// A tag is looked for in the annotation `org.opencontainers.image.ref.name` of `index.json`: first as it stands,
/// then as the tag of a whole name. A digest may be that of any manifest in the folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct OciLayout;

impl Source for OciLayout {
    fn scheme(&self) -> &'static str {
        "oci"
    }

    fn open(
        &self,
        at: &Reference,
        platform: &PlatformChoice,
        limits: &Limits,
    ) -> Result<Resolved, ResolveError> {
        let Reference::OciLayout { dir, selector } = at else {
            return Err(ResolveError::wrong_scheme(self.scheme(), at));
        };
        open_layout(Arc::new(Folder(dir.clone())), at, selector, platform, limits)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use supercargo_content::Platform;

    use super::*;
    use crate::Selector;

    /// Real layouts that `cosign save` wrote; absent on most machines.
    #[test]
    fn layouts_saved_by_cosign_open() {
        let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/layouts");
        let Ok(cases) = std::fs::read(suite.join("cases.json")) else {
            println!("skipped: there is no {}", suite.display());
            return;
        };
        let cases: serde_json::Value = serde_json::from_slice(&cases).unwrap();
        for case in cases.as_array().unwrap() {
            let dir = suite.join(case["layout"].as_str().unwrap());
            let at = Reference::OciLayout { dir, selector: Selector::Only };
            let choice = PlatformChoice::Only(Platform::new("linux", "amd64"));
            let resolved = OciLayout.open(&at, &choice, &Limits::default()).unwrap();
            let image = &resolved.images[0];
            assert_eq!(resolved.index.unwrap().digest.to_string(), case["image_digest"].as_str().unwrap());
            let expected = case["platform_images"][0]["digest"].as_str().unwrap();
            assert_eq!(image.manifest.as_ref().unwrap().digest.to_string(), expected);
        }
    }
}

//! `oci-archive:FILE`: an OCI image layout in a tar file.

use std::sync::Arc;

use supercargo_content::Limits;

use crate::files::Files;
use crate::layout::open_layout;
use crate::tar_index::Archive;
use crate::{PlatformChoice, Reference, ResolveError, Resolved, Source};

/// An OCI image layout in a tar file, which must not be compressed: blobs are read where they lie.
///
/// Tags and digests are those of [`OciLayout`](crate::OciLayout).
#[derive(Debug, Clone, Copy, Default)]
pub struct OciArchive;

impl Source for OciArchive {
    fn scheme(&self) -> &'static str {
        "oci-archive"
    }

    fn open(
        &self,
        at: &Reference,
        platform: &PlatformChoice,
        limits: &Limits,
    ) -> Result<Resolved, ResolveError> {
        let Reference::OciArchive { file, selector } = at else {
            return Err(ResolveError::wrong_scheme(self.scheme(), at));
        };
        let archive = Archive::open(file, limits).map_err(|error| ResolveError::archive(file, error))?;
        if !archive.has("oci-layout") && archive.has("manifest.json") {
            return Err(ResolveError::WrongKind {
                place: format!("`{}`", file.display()),
                expected: "an OCI image layout",
                reason: "there is `manifest.json` instead of `oci-layout`",
                next_step: format!("open it as `docker-archive:{}`", file.display()),
            });
        }
        let files: Arc<dyn Files> = Arc::new(archive);
        open_layout(files, at, selector, platform, limits)
    }
}

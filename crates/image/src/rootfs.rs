//! `rootfs:DIR`: an unpacked root file system.

use supercargo_content::Limits;

use crate::{Content, Image, ImageConfig, PlatformChoice, Reference, ResolveError, Resolved, Source};

/// An unpacked root file system in a folder. It has no manifest, and the platform that it has is the one that was
/// asked for by name, if any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rootfs;

impl Source for Rootfs {
    fn scheme(&self) -> &'static str {
        "rootfs"
    }

    fn open(
        &self,
        at: &Reference,
        platform: &PlatformChoice,
        _limits: &Limits,
    ) -> Result<Resolved, ResolveError> {
        let Reference::Rootfs { dir } = at else {
            return Err(ResolveError::wrong_scheme(self.scheme(), at));
        };
        let metadata = std::fs::metadata(dir)
            .map_err(|source| ResolveError::Io { place: format!("`{}`", dir.display()), source })?;
        if !metadata.is_dir() {
            return Err(ResolveError::WrongKind {
                place: format!("`{}`", dir.display()),
                expected: "a root file system",
                reason: "it is not a folder",
                next_step: "for an archive use `oci-archive:` or `docker-archive:`".to_owned(),
            });
        }
        let wanted = match platform {
            PlatformChoice::Only(wanted) => Some(wanted.clone()),
            PlatformChoice::Host(_) | PlatformChoice::All => None,
        };
        let image = Image {
            reference: at.clone(),
            manifest: None,
            image_id: None,
            index: None,
            annotations: Default::default(),
            config: ImageConfig { platform: wanted, ..ImageConfig::default() },
            content: Content::Folder(dir.clone()),
        };
        Ok(Resolved { images: vec![image], index: None })
    }
}

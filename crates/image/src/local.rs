//! The table of all sources on this machine.

use supercargo_content::Limits;

use crate::{
    DockerArchive, OciArchive, OciLayout, PlatformChoice, Reference, ResolveError, Resolved, Rootfs, Source,
};

/// Every source that needs no network, by scheme.
pub static LOCAL: &[&dyn Source] = &[&DockerArchive, &OciLayout, &OciArchive, &Rootfs];

/// Opens a reference with the source of its scheme.
///
/// # Errors
/// Those of the source; [`WrongKind`](ResolveError::WrongKind) for a registry reference.
pub fn open_local(
    at: &Reference,
    platform: &PlatformChoice,
    limits: &Limits,
) -> Result<Resolved, ResolveError> {
    match LOCAL.iter().find(|source| source.scheme() == at.scheme()) {
        Some(source) => source.open(at, platform, limits),
        None => Err(ResolveError::wrong_scheme("a local source", at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_unique_and_sorted_and_parse_to_themselves() {
        let schemes: Vec<_> = LOCAL.iter().map(|source| source.scheme()).collect();
        assert!(schemes.windows(2).all(|pair| pair[0] < pair[1]), "{schemes:?}");
        for scheme in schemes {
            let reference: Reference = format!("{scheme}:place").parse().unwrap();
            assert_eq!(reference.scheme(), scheme);
        }
    }

    #[test]
    fn a_root_file_system_is_a_folder() {
        let dir = tempfile::TempDir::new().unwrap();
        let open = |path: std::path::PathBuf| {
            let platform = PlatformChoice::Only("linux/arm64".parse().unwrap());
            open_local(&Reference::Rootfs { dir: path }, &platform, &Limits::default())
        };
        let image = open(dir.path().into()).unwrap().images.remove(0);
        assert_eq!(image.config.platform.unwrap().to_string(), "linux/arm64");
        assert!(image.manifest.is_none());
        assert!(matches!(open(dir.path().join("absent")), Err(ResolveError::Io { .. })));
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert!(matches!(open(dir.path().join("file")), Err(ResolveError::WrongKind { .. })));
    }

    #[test]
    fn a_registry_reference_is_not_local() {
        let found = open_local(&"alpine".parse().unwrap(), &PlatformChoice::All, &Limits::default());
        assert!(matches!(found, Err(ResolveError::WrongKind { .. })));
    }
}

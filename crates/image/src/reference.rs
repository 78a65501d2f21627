//! What a user types to name an image.

use std::path::PathBuf;

use supercargo_content::Digest;

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// `alpine`, `registry:ghcr.io/org/app:1`.
    Registry(RegistryReference),
    /// `oci:DIR[:TAG|@DIGEST]`: an OCI image layout in a folder.
    OciLayout {
        /// The folder.
        dir: PathBuf,
        /// Which of its images.
        selector: Selector,
    },
    /// `oci-archive:FILE[:TAG]`: an OCI image layout in a tar file.
    OciArchive {
        /// The file.
        file: PathBuf,
        /// Which of its images.
        selector: Selector,
    },
    /// `docker-archive:FILE[:TAG]`: what `docker save` writes.
    DockerArchive {
        /// The file.
        file: PathBuf,
        /// Which of its images.
        selector: Selector,
    },
    /// `rootfs:DIR`: an unpacked root file system.
    Rootfs {
        /// The folder.
        dir: PathBuf,
    },
}

/// Which image of a store that holds several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The only one; more than one is an error that lists them.
    Only,
    /// The one with this tag.
    Tag(String),
    /// The one with this digest.
    Digest(Digest),
}

/// An image in a registry, with Docker's defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryReference {
    /// Host and perhaps port; `docker.io` for Docker Hub.
    pub host: String,
    /// The repository below the host.
    pub repository: String,
    /// The tag; `latest` when neither tag nor digest is given.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<Digest>,
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceParseError {
    /// There is nothing.
    #[error("the image reference is empty")]
    Empty,
}

//! What a user types to name an image.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use supercargo_content::{Digest, DigestParseError};

use crate::RegistryReference;
use crate::registry_reference::TAG_BYTES_MAX;

/// Where an image is.
///
/// A text without scheme is a registry reference. What follows a scheme is only parsed, never looked up on disk:
///
/// - In `oci:` and `oci-archive:` a digest is what follows the last `@` when it begins with `sha256:` or
///   `sha512:`; a tag is what follows the last colon when it holds no slash. A folder `a:b` is written `oci:a:b/`
///   or `oci:./a:b/`.
/// - In `docker-archive:` a tag may be a whole name (`library/app:1`), so the file ends at the first colon that
///   follows `.tar`; where there is no such colon, the rule above holds.
/// - In `rootfs:` all of it is the folder.
/// - `-` alone, or in the place of an archive's file, is standard input.
///
/// `oci-dir:` is an alias of `oci:`, `dir:` of `rootfs:`. Schemes win over names: Docker Hub's image `registry`
/// with tag `2` is written `library/registry:2`.
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
    /// `oci-archive:FILE[:TAG|@DIGEST]`: an OCI image layout in a tar file.
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
    /// `-`: the only image of an archive on standard input, of whichever kind it is.
    Stdin,
}

/// Which image of a store that holds several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The only one; more than one is an error that lists them.
    Only,
    /// The one with this tag; in a Docker archive perhaps a whole name (`library/app:1`).
    Tag(String),
    /// The one with this digest.
    Digest(Digest),
}

impl Reference {
    /// The scheme, without the colon and never an alias.
    pub const fn scheme(&self) -> &'static str {
        match self {
            Self::Registry(_) => "registry",
            Self::OciLayout { .. } => "oci",
            Self::OciArchive { .. } => "oci-archive",
            Self::DockerArchive { .. } => "docker-archive",
            Self::Rootfs { .. } => "rootfs",
            Self::Stdin => "-",
        }
    }

    /// Whether the archive is to come from standard input: `-`, `docker-archive:-` and `oci-archive:-`. A file of
    /// that name is written `./-`.
    pub fn is_stdin(&self) -> bool {
        match self {
            Self::Stdin => true,
            Self::OciArchive { file, .. } | Self::DockerArchive { file, .. } => file.as_os_str() == "-",
            Self::Registry(_) | Self::OciLayout { .. } | Self::Rootfs { .. } => false,
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("registry", rest)) => rest.parse().map(Self::Registry),
            Some(("oci" | "oci-dir", rest)) => {
                split_selector(text, rest).map(|(dir, selector)| Self::OciLayout { dir, selector })
            }
            Some(("oci-archive", rest)) => {
                split_selector(text, rest).map(|(file, selector)| Self::OciArchive { file, selector })
            }
            Some(("docker-archive", rest)) => docker_archive(text, rest),
            Some(("rootfs" | "dir", rest)) => path(text, rest).map(|dir| Self::Rootfs { dir }),
            None if text == "-" => Ok(Self::Stdin),
            _ => text.parse().map(Self::Registry),
        }
    }
}

fn split_selector(text: &str, rest: &str) -> Result<(PathBuf, Selector), ReferenceParseError> {
    let (rest, digest) = match rest.rsplit_once('@') {
        Some((before, digest)) if digest.starts_with("sha256:") || digest.starts_with("sha512:") => {
            let parsed = digest.parse();
            let excerpt = || ReferenceParseError::excerpt(text);
            (before, Some(parsed.map_err(|reason| ReferenceParseError::Digest { text: excerpt(), reason })?))
        }
        _ => (rest, None),
    };
    let (before, tag) = match rest.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => (before, Some(tag)),
        _ => (rest, None),
    };
    let selector = match (tag, digest) {
        (Some(_), Some(_)) => {
            return Err(ReferenceParseError::TagAndDigest { text: ReferenceParseError::excerpt(text) });
        }
        (Some(tag), None) => Selector::Tag(layout_tag(text, tag)?),
        (None, Some(digest)) => Selector::Digest(digest),
        (None, None) => Selector::Only,
    };
    Ok((path(text, before)?, selector))
}

fn docker_archive(text: &str, rest: &str) -> Result<Reference, ReferenceParseError> {
    const END: &str = ".tar:";
    let Some(end) = rest.find(END).map(|at| at + END.len()) else {
        let (file, selector) = split_selector(text, rest)?;
        return Ok(Reference::DockerArchive { file, selector });
    };
    let (file, name) = rest.split_at(end);
    let file = path(text, file.strip_suffix(':').unwrap_or(file))?;
    let name = if name.contains(['/', ':']) { docker_name(text, name)? } else { layout_tag(text, name)? };
    Ok(Reference::DockerArchive { file, selector: Selector::Tag(name) })
}

fn docker_name(text: &str, name: &str) -> Result<String, ReferenceParseError> {
    match name.parse::<RegistryReference>() {
        Ok(reference) if reference.digest.is_none() => Ok(name.to_owned()),
        _ => Err(ReferenceParseError::bad_tag(text, name)),
    }
}

/// Layouts allow more than registries do: `+` too (OCI image specification v1.1, annotation `ref.name`).
fn layout_tag(text: &str, tag: &str) -> Result<String, ReferenceParseError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'+');
    let starts = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if starts && tag.len() <= TAG_BYTES_MAX && tag.bytes().all(allowed) {
        return Ok(tag.to_owned());
    }
    Err(ReferenceParseError::bad_tag(text, tag))
}

fn path(text: &str, path: &str) -> Result<PathBuf, ReferenceParseError> {
    if path.is_empty() || path.contains('\0') {
        return Err(ReferenceParseError::Path { text: ReferenceParseError::excerpt(text) });
    }
    Ok(PathBuf::from(path))
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::OciLayout { dir: place, selector }
            | Self::OciArchive { file: place, selector }
            | Self::DockerArchive { file: place, selector } => {
                write!(f, "{}:{}{selector}", self.scheme(), place.display())
            }
            Self::Rootfs { dir } => write!(f, "rootfs:{}", dir.display()),
            Self::Stdin => f.write_str("-"),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => Ok(()),
            Self::Tag(tag) => write!(f, ":{tag}"),
            Self::Digest(digest) => write!(f, "@{digest}"),
        }
    }
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceParseError {
    /// There is nothing.
    #[error("the image reference is empty: expected a name as in `alpine:3` or a path as in `oci:DIR`")]
    Empty,
    /// A URL stands where a name is meant.
    #[error("`{scheme}://` is not part of an image reference: write `{example}`")]
    Url {
        /// What stands before `://`.
        scheme: String,
        /// What to write instead.
        example: String,
    },
    /// The host of a registry has the wrong form.
    #[error(
        "`{host}` in `{text}` is not a host: expected a name or address and perhaps a port, as in `localhost:5000/app`"
    )]
    Host {
        /// The whole text.
        text: String,
        /// The host.
        host: String,
    },
    /// The repository has the wrong form.
    #[error(
        "`{repository}` in `{text}` is not a repository: expected lowercase letters and digits, separated by `/`, `.`, `_`, `__` or `-`, as in `ghcr.io/org/app`"
    )]
    Repository {
        /// The whole text.
        text: String,
        /// The repository.
        repository: String,
    },
    /// Host and repository are too long.
    #[error("the name `{text}` is longer than {limit_bytes} bytes")]
    NameTooLong {
        /// The beginning of the text.
        text: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// The name is an image ID, which no registry knows.
    #[error("`{text}` is an image ID: expected a name, as in `alpine@sha256:{text}`")]
    ImageId {
        /// The whole text.
        text: String,
    },
    /// The tag has the wrong form.
    #[error(
        "`{tag}` in `{text}` is not a tag: expected up to 128 letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`, as in `app:1.2`"
    )]
    Tag {
        /// The whole text.
        text: String,
        /// The tag.
        tag: String,
    },
    /// The digest has the wrong form.
    #[error("bad digest in `{text}`: {reason}")]
    Digest {
        /// The whole text.
        text: String,
        /// What is wrong with it.
        reason: DigestParseError,
    },
    /// Both a tag and a digest choose an image of a layout.
    #[error("`{text}` has a tag and a digest: give one, as in `oci:DIR:TAG` or `oci:DIR@sha256:HEX`")]
    TagAndDigest {
        /// The whole text.
        text: String,
    },
    /// The path is missing.
    #[error("`{text}` names no path: expected one after the colon, as in `oci:DIR`")]
    Path {
        /// The whole text.
        text: String,
    },
}

impl ReferenceParseError {
    pub(crate) fn excerpt(text: &str) -> String {
        text.chars().take(160).collect()
    }

    pub(crate) fn url(scheme: &str, rest: &str) -> Self {
        Self::Url { scheme: Self::excerpt(scheme), example: Self::excerpt(rest) }
    }

    fn bad_tag(text: &str, tag: &str) -> Self {
        Self::Tag { text: Self::excerpt(text), tag: Self::excerpt(tag) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &str) -> Result<Reference, ReferenceParseError> {
        text.parse()
    }

    fn oci(dir: &str, selector: Selector) -> Result<Reference, ReferenceParseError> {
        Ok(Reference::OciLayout { dir: dir.into(), selector })
    }

    fn docker(file: &str, selector: Selector) -> Result<Reference, ReferenceParseError> {
        Ok(Reference::DockerArchive { file: file.into(), selector })
    }

    fn tag(tag: &str) -> Selector {
        Selector::Tag(tag.to_owned())
    }

    #[test]
    fn a_bare_name_is_a_registry_reference() {
        assert_eq!(parse("alpine").unwrap().to_string(), "docker.io/library/alpine:latest");
        assert_eq!(parse("registry:ghcr.io/a/b:1").unwrap().to_string(), "ghcr.io/a/b:1");
        assert_eq!(parse("library/registry:2").unwrap().to_string(), "docker.io/library/registry:2");
        assert_eq!(parse("app:1").unwrap().scheme(), "registry");
    }

    #[test]
    fn a_tag_follows_the_last_colon_and_holds_no_slash() {
        assert_eq!(parse("oci:dir"), oci("dir", Selector::Only));
        assert_eq!(parse("oci:dir:1"), oci("dir", tag("1")));
        assert_eq!(parse("oci-dir:/a/b:c:v1"), oci("/a/b:c", tag("v1")));
        assert_eq!(parse("oci:/a:b/c"), oci("/a:b/c", Selector::Only));
        assert_eq!(parse("oci:a:b/"), oci("a:b/", Selector::Only));
        let digest = Selector::Digest(DIGEST.parse().unwrap());
        assert_eq!(parse(&format!("oci:a@b@{DIGEST}")), oci("a@b", digest));
        assert_eq!(parse("oci:a@b"), oci("a@b", Selector::Only));
    }

    #[test]
    fn a_docker_archive_may_be_asked_for_a_whole_name() {
        assert_eq!(parse("docker-archive:f.tar"), docker("f.tar", Selector::Only));
        assert_eq!(parse("docker-archive:f.tar:1"), docker("f.tar", tag("1")));
        assert_eq!(parse("docker-archive:f.tar:library/app:1"), docker("f.tar", tag("library/app:1")));
        assert_eq!(parse("docker-archive:f.tar:app:1"), docker("f.tar", tag("app:1")));
        assert_eq!(parse("docker-archive:/t/02:18/f.tar"), docker("/t/02:18/f.tar", Selector::Only));
        assert_eq!(parse("docker-archive:/t/02:18/f.tar:1"), docker("/t/02:18/f.tar", tag("1")));
        assert_eq!(parse("docker-archive:image:1"), docker("image", tag("1")));
    }

    #[test]
    fn aliases_are_written_by_their_name() {
        assert_eq!(parse("dir:/a:b").unwrap().to_string(), "rootfs:/a:b");
        assert_eq!(parse("oci-dir:x:1").unwrap().to_string(), "oci:x:1");
    }

    #[test]
    fn every_reference_survives_a_round_trip() {
        let digest = format!("oci-archive:/x.tar@{DIGEST}");
        let texts = [
            "oci:a:b/",
            "oci:d:1",
            &digest,
            "docker-archive:f.tar:a/b:1",
            "rootfs:/r",
            "-",
            "oci-archive:-:1",
        ];
        for text in texts {
            let reference = parse(text).unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(parse(&reference.to_string()), Ok(reference));
        }
    }

    #[test]
    fn a_dash_is_standard_input() {
        for text in ["-", "docker-archive:-", "docker-archive:-:app", "oci-archive:-:1"] {
            assert!(parse(text).unwrap().is_stdin(), "{text}");
        }
        for text in ["oci:-", "docker-archive:./-", "rootfs:-"] {
            assert!(!parse(text).unwrap().is_stdin(), "{text}");
        }
    }

    #[test]
    fn half_references_are_refused() {
        use ReferenceParseError as E;
        for text in ["oci:", "oci::1", "rootfs:", "docker-archive:", "oci-archive:", "oci:a\0b"] {
            assert!(matches!(parse(text), Err(E::Path { .. })), "{text}: {:?}", parse(text));
        }
        for text in ["oci:d:", "oci:d:a b", "docker-archive:f.tar:", "docker-archive:f.tar:a/B:1", "oci:d:-x"]
        {
            assert!(matches!(parse(text), Err(E::Tag { .. })), "{text}: {:?}", parse(text));
        }
        assert!(matches!(parse(&format!("oci:d:1@{DIGEST}")), Err(E::TagAndDigest { .. })));
        assert!(matches!(parse("oci:d@sha256:00"), Err(E::Digest { .. })));
        assert!(matches!(parse("registry:"), Err(E::Empty)));
        assert!(matches!(parse("docker://alpine"), Err(E::Url { .. })));
    }
}

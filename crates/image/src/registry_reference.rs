//! Names of images in registries, with Docker's defaults.

use std::fmt;
use std::str::FromStr;

use supercargo_content::Digest;

use crate::ReferenceParseError;

/// The host that stands for Docker Hub.
const DOCKER_HUB: &str = "docker.io";
/// Docker Hub's older name.
const DOCKER_HUB_INDEX: &str = "index.docker.io";
/// Bytes of host and repository together, as in Docker's reference grammar.
const NAME_BYTES_MAX: usize = 255;
/// Bytes of a tag (OCI distribution specification v1.1, "Pulling manifests").
pub(crate) const TAG_BYTES_MAX: usize = 128;

/// An image in a registry, with Docker's defaults filled in.
///
/// `alpine` is `docker.io/library/alpine:latest`. The part before the first slash is a host when it holds a dot,
/// a colon or an uppercase letter, or is `localhost`. A tag and a digest may both be given; the digest decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl RegistryReference {
    /// Host and repository, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The same repository, pinned to a digest and without tag.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// The same repository with another tag and without digest.
    #[must_use]
    pub fn tagged(&self, tag: impl Into<String>) -> Self {
        Self { tag: Some(tag.into()), digest: None, ..self.clone() }
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

impl FromStr for RegistryReference {
    type Err = ReferenceParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ReferenceParseError::Empty);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(ReferenceParseError::url(scheme, rest));
        }
        let (name, digest) = split_digest(text)?;
        let (host, rest) = split_host(name);
        let (repository, tag) = split_tag(rest);
        check_host(text, host)?;
        let repository = with_library(host, repository);
        check_repository(text, host, &repository)?;
        tag.map_or(Ok(()), |tag| check_tag(text, tag))?;
        let tag = match (tag, &digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self { host: host.to_owned(), repository, tag, digest })
    }
}

fn split_digest(text: &str) -> Result<(&str, Option<Digest>), ReferenceParseError> {
    let Some((name, digest)) = text.split_once('@') else { return Ok((text, None)) };
    let digest = digest
        .parse()
        .map_err(|reason| ReferenceParseError::Digest { text: ReferenceParseError::excerpt(text), reason })?;
    Ok((name, Some(digest)))
}

fn split_host(name: &str) -> (&str, &str) {
    let is_host = |part: &str| {
        part == "localhost" || part.contains(['.', ':']) || part.bytes().any(|b| b.is_ascii_uppercase())
    };
    match name.split_once('/') {
        Some((DOCKER_HUB_INDEX, rest)) => (DOCKER_HUB, rest),
        Some((host, rest)) if is_host(host) => (host, rest),
        _ => (DOCKER_HUB, name),
    }
}

fn split_tag(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (rest, None),
    }
}

fn with_library(host: &str, repository: &str) -> String {
    if host == DOCKER_HUB && !repository.contains('/') && !repository.is_empty() {
        return format!("library/{repository}");
    }
    repository.to_owned()
}

fn check_host(text: &str, host: &str) -> Result<(), ReferenceParseError> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let port_fits = port.is_none_or(|port| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|number| number > 0)
    });
    if port_fits && (is_ipv6(name) || name.split('.').all(is_label)) {
        return Ok(());
    }
    Err(ReferenceParseError::Host {
        text: ReferenceParseError::excerpt(text),
        host: ReferenceParseError::excerpt(host),
    })
}

fn is_ipv6(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_label(label: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn check_repository(text: &str, host: &str, repository: &str) -> Result<(), ReferenceParseError> {
    let excerpt = ReferenceParseError::excerpt;
    if host.len() + 1 + repository.len() > NAME_BYTES_MAX {
        return Err(ReferenceParseError::NameTooLong { text: excerpt(text), limit_bytes: NAME_BYTES_MAX });
    }
    let image_id = repository.strip_prefix("library/").filter(|_| host == DOCKER_HUB);
    if image_id.is_some_and(|id| id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(ReferenceParseError::ImageId { text: excerpt(text) });
    }
    if !repository.split('/').all(is_component) {
        return Err(ReferenceParseError::Repository { text: excerpt(text), repository: excerpt(repository) });
    }
    Ok(())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |run: &str| matches!(run, "." | "_" | "__") || run.bytes().all(|b| b == b'-');
    component.starts_with(is_word)
        && component.ends_with(is_word)
        && component.split(is_word).filter(|run| !run.is_empty()).all(is_separator)
}

fn check_tag(text: &str, tag: &str) -> Result<(), ReferenceParseError> {
    if is_tag(tag) {
        return Ok(());
    }
    let (text, tag) = (ReferenceParseError::excerpt(text), ReferenceParseError::excerpt(tag));
    Err(ReferenceParseError::Tag { text, tag })
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
pub(crate) fn is_tag(tag: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    tag.len() <= TAG_BYTES_MAX
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && tag.bytes().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &str) -> Result<RegistryReference, ReferenceParseError> {
        text.parse()
    }

    #[test]
    fn docker_defaults_are_filled_in() {
        for (text, full) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("org/app", "docker.io/org/app:latest"),
            ("docker.io/alpine", "docker.io/library/alpine:latest"),
            ("index.docker.io/alpine:3", "docker.io/library/alpine:3"),
            ("index.docker.io/org/app", "docker.io/org/app:latest"),
            ("localhost/x", "localhost/x:latest"),
            ("host:5000/x", "host:5000/x:latest"),
            ("host:5000/x:1", "host:5000/x:1"),
            ("a.b/x", "a.b/x:latest"),
            ("MyHost/x", "MyHost/x:latest"),
            ("127.0.0.1:5000/a/b/c:v1.0_x-y", "127.0.0.1:5000/a/b/c:v1.0_x-y"),
            ("[::1]:5000/x", "[::1]:5000/x:latest"),
            ("ghcr.io/a__b/c--d/e.f", "ghcr.io/a__b/c--d/e.f:latest"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), full, "{text}");
        }
    }

    #[test]
    fn a_digest_needs_no_tag_and_may_have_one() {
        let pinned = parse(&format!("alpine@{DIGEST}")).unwrap();
        assert_eq!((pinned.tag.as_deref(), pinned.digest.is_some()), (None, true));
        let both = format!("quay.io/a/b:1@{DIGEST}");
        assert_eq!(parse(&both).unwrap().to_string(), both);
    }

    #[test]
    fn every_reference_survives_a_round_trip() {
        for text in ["alpine", "host:5000/x:1", "a.b/x", "localhost/x/y"] {
            let reference = parse(text).unwrap();
            assert_eq!(parse(&reference.to_string()), Ok(reference));
        }
    }

    #[test]
    fn bad_repositories_are_refused() {
        for text in [
            "Alpine", "a//b", "a/", "/a", "a/-b", "a/b-", "a/b..c", "a/b___c", "a/b_-c", "a b", "a/ü",
            "ghcr.io/", "a.b/X",
        ] {
            assert!(
                matches!(parse(text), Err(ReferenceParseError::Repository { .. })),
                "{text}: {:?}",
                parse(text)
            );
        }
        let long = format!("ghcr.io/{}", "a".repeat(248));
        assert!(matches!(parse(&long), Err(ReferenceParseError::NameTooLong { .. })));
        assert!(parse(&long[..255]).is_ok());
        assert!(matches!(parse(&"ab".repeat(32)), Err(ReferenceParseError::ImageId { .. })));
    }

    #[test]
    fn bad_tags_digests_and_hosts_are_refused() {
        for text in ["a:", "a:.x", "a:-x", "a:b+c", "a:ü", &format!("a:{}", "t".repeat(129))] {
            assert!(matches!(parse(text), Err(ReferenceParseError::Tag { .. })), "{text}");
        }
        for text in ["a@", "a@sha256:00", "a@md5:00", &format!("a@{DIGEST}@{DIGEST}")] {
            assert!(matches!(parse(text), Err(ReferenceParseError::Digest { .. })), "{text}");
        }
        for text in [
            "-a.b/x",
            "a.b-/x",
            "a..b/x",
            "a.b:0/x",
            "a.b:99999/x",
            "a.b:+1/x",
            "a.b:/x",
            "user:pw.x/y",
            "[::g]:1/x",
        ] {
            assert!(
                matches!(parse(text), Err(ReferenceParseError::Host { .. })),
                "{text}: {:?}",
                parse(text)
            );
        }
        assert!(matches!(parse("https://ghcr.io/a"), Err(ReferenceParseError::Url { .. })));
        assert_eq!(parse(""), Err(ReferenceParseError::Empty));
    }
}

//! Manifests: by tag or digest, read from mirrors too, written to the registry itself.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, IF_MATCH};
use serde::Deserialize;
use supercargo_content::{Descriptor, Digest, Hasher, MediaType};

use crate::RegistryError;
use supercargo_image::RegistryReference;

use crate::error::clean;
use crate::host::{Endpoint, Repository};
use crate::session::{Fetched, Patience, Session};

/// Everything that we can read, and `*/*` for artifacts of other kinds.
pub(crate) const ACCEPTED: HeaderValue = HeaderValue::from_static(
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1",
);

/// A tag or a digest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name<'a> {
    Tag(&'a str),
    Digest(&'a Digest),
}

/// A manifest whose digest fits.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pub(crate) descriptor: Descriptor,
    pub(crate) body: Bytes,
    pub(crate) etag: Option<String>,
}

/// What a registry said to a new manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// Whether it took notice of the subject (`OCI-Subject`); if not, the fallback tag is for the client to write.
    pub subject_noticed: bool,
}

impl Session {
    /// The manifest from the first place that has it: mirrors, then the registry.
    pub(crate) async fn manifest(
        &self,
        repository: &Repository,
        name: Name<'_>,
    ) -> Result<Manifest, RegistryError> {
        for mirror in Endpoint::for_reading(repository, &self.options)?.iter().filter(|place| place.is_mirror)
        {
            if let Ok(manifest) = self.manifest_at(mirror, name).await {
                return Ok(manifest);
            }
        }
        self.manifest_at(&self.origin(repository)?, name).await
    }

    pub(crate) async fn manifest_at(
        &self,
        place: &Endpoint,
        name: Name<'_>,
    ) -> Result<Manifest, RegistryError> {
        let text = name.checked()?;
        let what = format!("manifest `{text}` of {}", place.display());
        let mut request = place.request(Method::GET, &format!("manifests/{text}"), &what)?;
        request.headers.insert(ACCEPT, ACCEPTED);
        let fetched =
            self.get(place, &request, self.options.limits.manifest_bytes_max, place.patience()).await?;
        let digest = name.check(&fetched.body, &what)?;
        let media_type = media_type(&fetched);
        let descriptor = Descriptor::new(media_type, digest, fetched.body.len() as u64);
        Ok(Manifest { descriptor, body: fetched.body, etag: fetched.etag })
    }

    /// Writes a manifest. Whether the answer has a `Location` does not matter: we know where we put it.
    pub(crate) async fn put_manifest(
        &self,
        place: &Endpoint,
        name: Name<'_>,
        media_type: &MediaType,
        body: Bytes,
        etag: Option<&str>,
    ) -> Result<Pushed, RegistryError> {
        let text = name.checked()?;
        let what = format!("manifest `{text}` of {}", place.display());
        let mut request = place.request(Method::PUT, &format!("manifests/{text}"), &what)?;
        request.headers.insert(CONTENT_TYPE, header(media_type.as_str(), &what)?);
        if let Some(etag) = etag {
            request.headers.insert(IF_MATCH, header(etag, &what)?);
        }
        request.body = Some(body);
        let answer = self.send(place, "pull,push", request, Patience::Full).await?;
        let answer = answer.expect(&[200, 201, 202], &what).await?;
        Ok(Pushed { subject_noticed: answer.header("oci-subject").is_some() })
    }
}

impl<'a> Name<'a> {
    /// What a reference names: the digest where it has one, else the tag.
    pub(crate) fn of(at: &'a RegistryReference) -> Self {
        match (&at.digest, &at.tag) {
            (Some(digest), _) => Self::Digest(digest),
            (None, tag) => Self::Tag(tag.as_deref().unwrap_or("latest")),
        }
    }

    /// The text for the address. A tag is checked first (OCI distribution specification v1.1, "Pulling manifests").
    fn checked(&self) -> Result<String, RegistryError> {
        match self {
            Self::Digest(digest) => Ok(digest.to_string()),
            Self::Tag(tag) if is_tag(tag) => Ok((*tag).to_owned()),
            Self::Tag(tag) => Err(RegistryError::Malformed {
                what: format!("tag `{}`", clean(tag, 160)),
                reason: "a tag has letters, digits, `_`, `.` and `-`, at most 128".to_owned(),
            }),
        }
    }

    fn check(&self, body: &[u8], what: &str) -> Result<Digest, RegistryError> {
        let Self::Digest(expected) = self else { return Ok(Digest::sha256_of(body)) };
        let mut hasher = Hasher::new(expected.algorithm());
        hasher.update(body);
        let found = hasher.finish();
        if found == **expected {
            return Ok(found);
        }
        Err(RegistryError::Digest { what: what.to_owned(), expected: (*expected).clone(), found })
    }
}

/// The header and the body may disagree; the digest covers the body.
fn media_type(fetched: &Fetched) -> MediaType {
    let named = serde_json::from_slice::<RawMediaType>(&fetched.body).ok().and_then(|raw| raw.media_type);
    let header = || {
        fetched
            .content_type
            .as_deref()
            .and_then(|text| text.split(';').next())
            .map(|text| text.trim().to_owned())
    };
    named.or_else(header).map_or(MediaType::OCI_MANIFEST, |text| MediaType::new(clean(&text, 255)))
}

#[derive(Deserialize)]
struct RawMediaType {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
}

/// Whether such content is kept with the manifests, not with the blobs.
pub(crate) fn is_kept_as_manifest(media_type: &MediaType) -> bool {
    media_type.is_index()
        || media_type.is_manifest()
        || media_type.as_str() == "application/vnd.oci.artifact.manifest.v1+json"
}

fn is_tag(tag: &str) -> bool {
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    (1..=128).contains(&tag.len()) && tag.bytes().all(alphabet) && !tag.starts_with(['.', '-'])
}

fn header(text: &str, what: &str) -> Result<HeaderValue, RegistryError> {
    let reason = "it has characters that cannot stand in a header".to_owned();
    HeaderValue::from_str(text).map_err(|_| RegistryError::Malformed { what: what.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_cannot_change_the_path() {
        assert!(["latest", "v1.0_x-y", "_"].into_iter().all(is_tag));
        let long = "a".repeat(129);
        assert!(!["", ".", "..", "a/b", "a?b", "-a", "a b", "a:b", &long].into_iter().any(is_tag));
    }
}

//! A predicate → a signed bundle about exactly one manifest → a referrer of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use supercargo_attest::{PredicateType, Statement, TrustedRoot};
use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_image::{Artifact, Attachments, Image, Reference};
use supercargo_signing::{HttpOptions, Services, SignError, SignOptions, Signed, Signer};

use crate::Error;

/// Who signs, with which services, and what the result is checked with.
#[derive(Debug)]
pub struct Signing {
    /// A key or an identity.
    pub signer: Signer,
    /// The services that take part.
    pub services: Services,
    /// How they are reached.
    pub http: HttpOptions,
    /// The authorities and logs to trust.
    pub trusted_root: Option<TrustedRoot>,
    /// The time of signing.
    pub now: Timestamp,
}

/// What is said about an image.
#[derive(Debug, Clone, Copy)]
pub struct Predicate<'a> {
    /// Its type.
    pub predicate_type: &'a PredicateType,
    /// Its JSON, kept byte for byte.
    pub json: &'a [u8],
}

/// Signs a predicate about the manifest of an image. The bundle that comes back has been verified.
///
/// An SBOM that says which image it describes must describe this one: attaching the SBOM of one platform to another
/// manifest is refused.
pub fn sign(
    image: &Image,
    predicate: &Predicate<'_>,
    signing: &Signing,
    limits: &Limits,
) -> Result<Signed, Error> {
    let subject = subject(image)?;
    check_described(predicate.json, &subject.digest)?;
    let name = subject_name(image);
    let subjects = [(name.as_str(), &subject.digest)];
    let statement =
        Statement::write(&subjects, predicate.predicate_type, predicate.json, limits.attachment_bytes_max);
    let statement = statement.map_err(SignError::from)?;
    sign_statement(&statement, &subject.digest, signing, limits)
}

/// Signs a statement about a digest. The bundle that comes back has been verified.
pub(crate) fn sign_statement(
    statement: &[u8],
    subject: &Digest,
    signing: &Signing,
    limits: &Limits,
) -> Result<Signed, Error> {
    let options = SignOptions {
        services: &signing.services,
        http: &signing.http,
        trusted_root: signing.trusted_root.as_ref(),
        limits,
        now: signing.now,
    };
    Ok(supercargo_signing::sign(statement, subject, &signing.signer, &options)?)
}

/// Makes a signed bundle a referrer of the manifest that it is about. Returns the descriptor of its manifest.
pub fn attach(
    image: &Image,
    signed: &Signed,
    store: &dyn Attachments,
    now: Timestamp,
) -> Result<Descriptor, Error> {
    let predicate_type = signed.verified.predicate_type().uri().to_owned();
    let created = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let annotations = BTreeMap::from([
        ("dev.sigstore.bundle.content".to_owned(), "dsse-envelope".to_owned()),
        ("dev.sigstore.bundle.predicateType".to_owned(), predicate_type),
        ("org.opencontainers.image.created".to_owned(), created),
    ]);
    let artifact = Artifact {
        artifact_type: MediaType::SIGSTORE_BUNDLE_V03,
        layer_type: MediaType::SIGSTORE_BUNDLE_V03,
        content: signed.bundle.clone(),
        annotations,
        subject: subject(image)?.clone(),
    };
    Ok(store.attach(&artifact)?)
}

fn subject(image: &Image) -> Result<&Descriptor, Error> {
    image.manifest.as_ref().ok_or_else(|| Error::Usage {
        message: format!("{} has no manifest, so nothing can be said about it by digest", image.reference),
        hint: Some("attest the image in a registry or in an `oci:` layout".into()),
    })
}

/// The repository, for people; verifiers go by the digest.
fn subject_name(image: &Image) -> String {
    match &image.reference {
        Reference::Registry(reference) => reference.name(),
        _ => "_".to_owned(),
    }
}

/// Refuses a CycloneDX document whose root component is pinned to another digest.
fn check_described(json: &[u8], subject: &Digest) -> Result<(), Error> {
    let Some(described) = described(json) else { return Ok(()) };
    if described == *subject {
        return Ok(());
    }
    Err(Error::WrongSubject { described, subject: subject.clone() })
}

/// The digest in `metadata.component.version`, where our own documents and those of others have it.
fn described(json: &[u8]) -> Option<Digest> {
    #[derive(serde::Deserialize)]
    struct Bom {
        metadata: Metadata,
    }
    #[derive(serde::Deserialize)]
    struct Metadata {
        component: BTreeMap<String, Value>,
    }
    let bom: Bom = serde_json::from_slice(json).ok()?;
    bom.metadata.component.get("version")?.as_str()?.parse().ok()
}

//! A predicate → a signed bundle about exactly one manifest → a referrer of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use supercargo_attest::{PredicateType, Statement, TrustedRoot};
use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_image::{Artifact, Attachments, Image, Reference};
use supercargo_signing::{HttpOptions, Services, SignError, SignOptions, Signed, Signer, SigningSession};

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

/// A manifest that something is said about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSubject {
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// The repository, for people; verifiers go by the digest.
    pub name: String,
}

impl ImageSubject {
    /// The manifest of an image.
    pub fn of(image: &Image) -> Result<Self, Error> {
        let descriptor = image.manifest.clone().ok_or_else(|| Error::Usage {
            message: format!(
                "{} has no manifest, so nothing can be said about it by digest",
                image.reference
            ),
            hint: Some("sign the image in a registry or in an `oci:` layout".into()),
        })?;
        Ok(Self { descriptor, name: subject_name(image) })
    }

    /// The index that an image was chosen from, if it was.
    pub fn of_index(image: &Image) -> Option<Self> {
        Some(Self { descriptor: image.index.clone()?, name: subject_name(image) })
    }

    /// The digest that is signed.
    pub fn digest(&self) -> &Digest {
        &self.descriptor.digest
    }
}

impl Signing {
    /// Begins to sign: with an identity, this asks for the one certificate that all statements of the session share.
    pub fn open<'a>(&'a self, limits: &'a Limits) -> Result<SigningSession<'a>, Error> {
        let options = SignOptions {
            services: &self.services,
            http: &self.http,
            trusted_root: self.trusted_root.as_ref(),
            limits,
            now: self.now,
        };
        Ok(SigningSession::open(&self.signer, options)?)
    }
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
    let subject = ImageSubject::of(image)?;
    let statement = statement(&subject, predicate, limits)?;
    Ok(signing.open(limits)?.sign(statement, subject.digest())?)
}

/// The statement of a predicate about a subject, ready for [`SigningSession::sign`]. It holds a copy of the predicate.
///
/// An SBOM that says which image it describes must describe this one.
pub fn statement(
    subject: &ImageSubject,
    predicate: &Predicate<'_>,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    check_described(predicate.json, subject.digest())?;
    let subjects = [(subject.name.as_str(), subject.digest())];
    let statement =
        Statement::write(&subjects, predicate.predicate_type, predicate.json, limits.attachment_bytes_max);
    Ok(statement.map_err(SignError::from)?)
}

/// Signs a manifest itself, as `cosign sign` does from version 3 on: a statement that says nothing more.
pub fn sign_image(
    subject: &ImageSubject,
    session: &SigningSession<'_>,
    limits: &Limits,
) -> Result<Signed, Error> {
    let predicate_type =
        PredicateType::from_uri(SIGNATURE_PREDICATE).map_err(|error| Error::usage(error.to_string()))?;
    let predicate = Predicate { predicate_type: &predicate_type, json: b"{}" };
    Ok(session.sign(statement(subject, &predicate, limits)?, subject.digest())?)
}

/// The predicate type of a signature of an image.
pub const SIGNATURE_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

/// Makes a signed bundle a referrer of the manifest that it is about. Returns the descriptor of its manifest.
///
/// The bundle is moved: it may have 130 MB.
pub fn attach(
    subject: &ImageSubject,
    bundle: Vec<u8>,
    predicate_type: &PredicateType,
    store: &dyn Attachments,
    now: Timestamp,
) -> Result<Descriptor, Error> {
    let predicate_type = predicate_type.uri().to_owned();
    let created = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let annotations = BTreeMap::from([
        ("dev.sigstore.bundle.content".to_owned(), "dsse-envelope".to_owned()),
        ("dev.sigstore.bundle.predicateType".to_owned(), predicate_type),
        ("org.opencontainers.image.created".to_owned(), created),
    ]);
    let artifact = Artifact {
        artifact_type: MediaType::SIGSTORE_BUNDLE_V03,
        layer_type: MediaType::SIGSTORE_BUNDLE_V03,
        content: bundle,
        annotations,
        subject: subject.descriptor.clone(),
    };
    Ok(store.attach(&artifact)?)
}

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

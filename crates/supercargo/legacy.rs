//! The layouts of cosign before version 3: layers behind the tags `sha256-HEX.sig` and `sha256-HEX.att`.
//!
//! policy-controller and older cosign read only these (cosign, SIGNATURE_SPEC.md and ATTESTATION_SPEC.md).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use supercargo_attest::envelope_json;
use supercargo_content::{Descriptor, MediaType};
use supercargo_image::{Attachments, CosignKind, TaggedLayer, cosign_tag};
use supercargo_signing::{DetachedSignature, SignError, Signed, SigningSession};

use crate::{Error, ImageSubject};

const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const DSSE_ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// A signature of an image in the older form: a payload that names it, and the signature over that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleSignature {
    /// What is signed: "simple signing" JSON (containers/image, atomic-signature.md).
    pub payload: Vec<u8>,
    /// The signature and its proofs.
    pub signature: DetachedSignature,
}

/// Signs a manifest in the older form. A certificate needs a promise of a Rekor v1 log, or a timestamp.
pub fn sign_simple(subject: &ImageSubject, session: &SigningSession<'_>) -> Result<SimpleSignature, Error> {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": subject.name },
            "image": { "docker-manifest-digest": subject.digest().to_string() },
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    let payload = payload.to_string().into_bytes();
    let signature = session.sign_payload(&payload)?;
    if signature.certificate.is_some() && signature.promise.is_none() && signature.timestamp.is_none() {
        return Err(SignError::NoPromise { or_timestamp: " or a timestamp" }.into());
    }
    Ok(SimpleSignature { payload, signature })
}

/// Hangs a signature of the older form on its image: one more layer behind `sha256-HEX.sig`.
pub fn attach_simple(
    subject: &ImageSubject,
    signature: &SimpleSignature,
    store: &dyn Attachments,
) -> Result<Descriptor, Error> {
    let mut annotations = proofs(&signature.signature);
    annotations.insert(SIGNATURE.to_owned(), STANDARD.encode(&signature.signature.signature));
    if let Some(timestamp) = &signature.signature.timestamp {
        let json = json!({ "SignedRFC3161Timestamp": STANDARD.encode(timestamp) });
        annotations.insert("dev.sigstore.cosign/rfc3161timestamp".to_owned(), json.to_string());
    }
    let layer = TaggedLayer {
        media_type: MediaType::new(SIMPLE_SIGNING),
        content: signature.payload.clone(),
        annotations,
    };
    Ok(store.append_tagged(&cosign_tag(subject.digest(), CosignKind::Signatures), &layer)?)
}

/// Hangs a signed statement on its image in the older form: one more layer behind `sha256-HEX.att`, an envelope.
///
/// A certificate needs a promise of a Rekor v1 log; the older form has no place for a timestamp over an envelope.
pub fn attach_envelope(
    subject: &ImageSubject,
    signed: &Signed,
    store: &dyn Attachments,
) -> Result<Descriptor, Error> {
    let detached = &signed.detached;
    if detached.certificate.is_some() && detached.promise.is_none() {
        return Err(SignError::NoPromise { or_timestamp: "" }.into());
    }
    let mut annotations = proofs(detached);
    annotations.insert(SIGNATURE.to_owned(), String::new());
    let predicate_type = signed.verified.predicate_type().uri().to_owned();
    annotations.insert("predicateType".to_owned(), predicate_type);
    let layer = TaggedLayer {
        media_type: MediaType::new(DSSE_ENVELOPE),
        content: envelope_json(signed.verified.payload(), &detached.signature).into_bytes(),
        annotations,
    };
    Ok(store.append_tagged(&cosign_tag(subject.digest(), CosignKind::Attestations), &layer)?)
}

fn proofs(detached: &DetachedSignature) -> BTreeMap<String, String> {
    let rows =
        [("certificate", &detached.certificate), ("chain", &detached.chain), ("bundle", &detached.promise)];
    let row = |(name, value): (&str, &Option<String>)| {
        value.clone().map(|value| (format!("dev.sigstore.cosign/{name}"), value))
    };
    rows.into_iter().filter_map(row).collect()
}

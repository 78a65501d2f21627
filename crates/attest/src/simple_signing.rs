//! cosign's older image signatures: a payload that names one image (containers/image, "Simple signing").

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use supercargo_content::Digest;

use crate::statement::range_in;
use crate::{PredicateType, Statement, StatementError, Subject};

/// The `type` inside the payload, which stands for the `_type` of a statement.
pub const SIMPLE_SIGNING: &str = "cosign container image signature";
/// The predicate type of cosign's newer image signatures, under which the older ones are found too.
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Deserialize)]
struct Payload<'a> {
    critical: Critical,
    #[serde(borrow)]
    optional: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Critical {
    identity: Option<Identity>,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// The payload as a statement: its one subject is the image, its predicate the signer's annotations.
pub(crate) fn read(payload: Arc<Vec<u8>>) -> Result<Statement, StatementError> {
    let wire: Payload<'_> =
        serde_json::from_slice(&payload).map_err(|error| StatementError::SimpleSigning(error.to_string()))?;
    if wire.critical.kind != SIMPLE_SIGNING {
        let found = wire.critical.kind.chars().take(160).collect();
        return Err(StatementError::SignatureType { found });
    }
    let digest: Digest = (wire.critical.image.digest.parse())
        .map_err(|error| StatementError::SimpleSigning(format!("`docker-manifest-digest`: {error}")))?;
    let name = wire.critical.identity.and_then(|identity| identity.reference).unwrap_or_default();
    let digests = [(digest.algorithm().name().to_owned(), digest.hex().to_owned())].into();
    let predicate_type = PredicateType::from_uri(COSIGN_SIGN)
        .map_err(|error| StatementError::SimpleSigning(error.to_string()))?;
    let predicate = wire.optional.map_or(0..0, |raw| range_in(&payload, raw.get()));
    let subjects = vec![Subject { name, digests }];
    Ok(Statement::from_parts(SIMPLE_SIGNING, subjects, predicate_type, payload.clone(), predicate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(kind: &str, digest: &str) -> Arc<Vec<u8>> {
        let text = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"r.example/app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"}},"optional":{{"a":1}}}}"#
        );
        Arc::new(text.into_bytes())
    }

    #[test]
    fn the_image_is_the_subject_and_the_annotations_are_the_predicate() {
        let image = Digest::sha256_of(b"image");
        let statement = read(payload(SIMPLE_SIGNING, &image.to_string())).unwrap();
        assert!(statement.subjects().len() == 1 && statement.subjects()[0].is(&image));
        assert_eq!(statement.predicate_json(), br#"{"a":1}"#);
        assert_eq!(statement.predicate_type().uri(), COSIGN_SIGN);
        assert_eq!(statement.statement_type(), SIMPLE_SIGNING);
    }

    #[test]
    fn other_payloads_are_refused() {
        let refused = |kind: &str, digest: &str| read(payload(kind, digest)).unwrap_err();
        let image = Digest::sha256_of(b"image").to_string();
        assert_eq!(refused("atomic", &image), StatementError::SignatureType { found: "atomic".into() });
        assert!(matches!(refused(SIMPLE_SIGNING, "sha256:00"), StatementError::SimpleSigning(_)));
        let whole = payload(SIMPLE_SIGNING, &image);
        for length in 0..whole.len() {
            assert!(read(Arc::new(whole[..length].to_vec())).is_err(), "{length}");
        }
    }
}

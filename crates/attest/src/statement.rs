//! in-toto statements: written around the predicate's own bytes, read without parsing the predicate.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use supercargo_content::{Algorithm, Digest};

use crate::PredicateType;

/// `_type` of the statements that we write.
pub const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// `_type` of the statements that cosign writes.
pub const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";

/// An in-toto statement: a predicate about subjects named by digest.
///
/// There is no public constructor from bytes but [`Statement::read_without_verifying`]: a statement that
/// somebody can hold has been verified, or its door says that it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    statement_type: &'static str,
    subjects: Vec<Subject>,
    predicate_type: PredicateType,
    payload: Arc<Vec<u8>>,
    predicate: Range<usize>,
}

/// One subject of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The name, which carries no meaning for matching.
    pub name: String,
    /// Lowercase hexadecimal digests by algorithm name, as written.
    pub digests: BTreeMap<String, String>,
}

impl Subject {
    /// Whether the subject is `digest`, by the digest's own algorithm.
    pub fn is(&self, digest: &Digest) -> bool {
        self.digests.get(digest.algorithm().name()).is_some_and(|hex| hex == digest.hex())
    }

    /// `sha256:…` of each digest, for messages.
    pub(crate) fn describe(&self) -> String {
        let digests: Vec<String> = self.digests.iter().map(|(name, hex)| format!("{name}:{hex}")).collect();
        digests.join("+")
    }
}

impl Statement {
    /// The largest number of subjects that is read.
    pub const SUBJECTS_MAX: usize = 16_384;

    /// Writes a Statement/v1 around the bytes of `predicate`, which are kept as they are.
    ///
    /// The predicate must be one JSON object of at most `predicate_bytes_max` bytes. The specification is the
    /// in-toto attestation framework, "Statement" layer, v1.
    pub fn write(
        subjects: &[(&str, &Digest)],
        predicate_type: &PredicateType,
        predicate: &[u8],
        predicate_bytes_max: u64,
    ) -> Result<Vec<u8>, StatementError> {
        let predicate = json_object(predicate, predicate_bytes_max)?;
        if subjects.is_empty() {
            return Err(StatementError::NoSubject);
        }
        let subjects: Vec<String> =
            subjects.iter().map(|(name, digest)| subject_json(name, digest)).collect();
        let head = format!(
            r#"{{"_type":"{STATEMENT_V1}","subject":[{}],"predicateType":{},"predicate":"#,
            subjects.join(","),
            serde_json::Value::from(predicate_type.uri()),
        );
        let mut statement = Vec::with_capacity(head.len() + predicate.len() + 1);
        statement.extend_from_slice(head.as_bytes());
        statement.extend_from_slice(predicate.as_bytes());
        statement.push(b'}');
        Ok(statement)
    }

    /// Reads a statement that nobody has verified, such as BuildKit's unsigned ones. Trust nothing in it.
    pub fn read_without_verifying(payload: &[u8]) -> Result<Self, StatementError> {
        Self::read(Arc::new(payload.to_vec()))
    }

    pub(crate) fn read(payload: Arc<Vec<u8>>) -> Result<Self, StatementError> {
        let wire: Wire<'_> =
            serde_json::from_slice(&payload).map_err(|error| StatementError::Json(error.to_string()))?;
        let statement_type = known_type(&wire.statement_type)?;
        if wire.subject.len() > Self::SUBJECTS_MAX {
            return Err(StatementError::TooManySubjects {
                max: Self::SUBJECTS_MAX,
                found: wire.subject.len(),
            });
        }
        if wire.subject.is_empty() {
            return Err(StatementError::NoSubject);
        }
        let predicate_type = PredicateType::from_uri(&wire.predicate_type)
            .map_err(|_| StatementError::PredicateUri(excerpt(&wire.predicate_type)))?;
        let predicate = wire.predicate.map_or(0..0, |raw| range_in(&payload, raw.get()));
        let subjects = wire.subject.into_iter().map(Subject::from).collect();
        Ok(Self { statement_type, subjects, predicate_type, predicate, payload: payload.clone() })
    }

    pub(crate) fn from_parts(
        statement_type: &'static str,
        subjects: Vec<Subject>,
        predicate_type: PredicateType,
        payload: Arc<Vec<u8>>,
        predicate: Range<usize>,
    ) -> Self {
        Self { statement_type, subjects, predicate_type, payload, predicate }
    }

    /// The `_type`: [`STATEMENT_V1`] or [`STATEMENT_V01`], or [`SIMPLE_SIGNING`](crate::SIMPLE_SIGNING).
    pub fn statement_type(&self) -> &'static str {
        self.statement_type
    }

    /// What the statement is about, at least one.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// The type of the predicate.
    pub fn predicate_type(&self) -> &PredicateType {
        &self.predicate_type
    }

    /// The predicate's JSON, byte for byte as it was signed; empty when the statement has none.
    pub fn predicate_json(&self) -> &[u8] {
        self.payload.get(self.predicate.clone()).unwrap_or_default()
    }

    /// The whole payload as it was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The document inside the predicate: for an SBOM, the SBOM itself.
    ///
    /// Mostly these are the bytes of [`Statement::predicate_json`]. Two wrappings of cosign are undone, for
    /// the types `custom`, `spdx` and `cyclonedx` only: a predicate that is a JSON string (SPDX) gives the text
    /// in that string, and an object with `Data`, and at most `Timestamp` beside it, gives the text of `Data`,
    /// or its JSON when it is no string.
    pub fn predicate_bytes(&self) -> Cow<'_, [u8]> {
        let json = self.predicate_json();
        if !self.predicate_type.may_be_wrapped() {
            return Cow::Borrowed(json);
        }
        match json.first() {
            Some(b'"') => unquote(json),
            Some(b'{') => match serde_json::from_slice::<Wrapped<'_>>(json) {
                Ok(wrapped) => unquote(wrapped.data.get().as_bytes()),
                Err(_) => Cow::Borrowed(json),
            },
            _ => Cow::Borrowed(json),
        }
    }
}

/// The text of a JSON string, or the JSON itself.
fn unquote(json: &[u8]) -> Cow<'_, [u8]> {
    match serde_json::from_slice::<String>(json) {
        Ok(text) => Cow::Owned(text.into_bytes()),
        Err(_) => Cow::Borrowed(json),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(rename = "Data", borrow)]
    data: &'a RawValue,
    #[serde(rename = "Timestamp")]
    _timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<WireSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(borrow)]
    predicate: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireSubject {
    #[serde(default)]
    name: Option<String>,
    digest: BTreeMap<String, String>,
}

impl From<WireSubject> for Subject {
    fn from(wire: WireSubject) -> Self {
        Self { name: wire.name.unwrap_or_default(), digests: wire.digest }
    }
}

fn known_type(found: &str) -> Result<&'static str, StatementError> {
    [STATEMENT_V1, STATEMENT_V01]
        .into_iter()
        .find(|&known| known == found)
        .ok_or_else(|| StatementError::Type { found: excerpt(found) })
}

/// Where `part` lies in `whole`, whose slice it is.
pub(crate) fn range_in(whole: &[u8], part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start.saturating_add(part.len())
}

fn subject_json(name: &str, digest: &Digest) -> String {
    let name = serde_json::Value::from(name);
    let (Algorithm::Sha256 | Algorithm::Sha512) = digest.algorithm();
    format!(r#"{{"name":{name},"digest":{{"{}":"{}"}}}}"#, digest.algorithm().name(), digest.hex())
}

fn json_object(bytes: &[u8], bytes_max: u64) -> Result<&str, StatementError> {
    if bytes.len() as u64 > bytes_max {
        return Err(StatementError::PredicateBytes { max: bytes_max, found: bytes.len() as u64 });
    }
    let raw: &RawValue =
        serde_json::from_slice(bytes).map_err(|error| StatementError::PredicateJson(error.to_string()))?;
    if !raw.get().starts_with('{') {
        return Err(StatementError::PredicateNotObject);
    }
    Ok(raw.get())
}

fn excerpt(text: &str) -> String {
    text.chars().take(160).collect()
}

/// Why bytes are not a statement, or cannot become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The payload is no JSON of the right shape.
    #[error("the payload is not an in-toto statement: {0}")]
    Json(String),
    /// `_type` is neither Statement/v1 nor v0.1.
    #[error("statement type mismatch: expected `{STATEMENT_V1}` or `{STATEMENT_V01}`, found `{found}`")]
    Type {
        /// The `_type` of the payload.
        found: String,
    },
    /// The payload of a signature is no simple signing payload.
    #[error("the payload is not a simple signing payload: {0}")]
    SimpleSigning(String),
    /// The payload of a signature is of another type.
    #[error("signature type mismatch: expected `{type}`, found `{found}`", type = crate::SIMPLE_SIGNING)]
    SignatureType {
        /// The `type` of the payload.
        found: String,
    },
    /// `predicateType` is no URI.
    #[error("the statement's predicate type `{0}` is not a URI")]
    PredicateUri(String),
    /// There is no subject.
    #[error("the statement has no subject")]
    NoSubject,
    /// There are more subjects than the limit.
    #[error("the statement has {found} subjects, the limit is {max}")]
    TooManySubjects {
        /// The limit.
        max: usize,
        /// The number found.
        found: usize,
    },
    /// The predicate to write is no JSON.
    #[error("the predicate is not JSON: {0}")]
    PredicateJson(String),
    /// The predicate to write is JSON but no object.
    #[error("the predicate is not a JSON object")]
    PredicateNotObject,
    /// The predicate to write is too long.
    #[error("the predicate has {found} bytes, the limit is {max}")]
    PredicateBytes {
        /// The limit, in bytes.
        max: u64,
        /// The length, in bytes.
        found: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(predicate: &[u8]) -> Result<Vec<u8>, StatementError> {
        let digest = Digest::sha256_of(b"hold");
        Statement::write(&[("app \"x\"", &digest)], &PredicateType::cyclonedx(), predicate, 1_000)
    }

    fn read(predicate_type: &str, predicate: &str) -> Statement {
        let text = format!(
            r#"{{"_type":"{STATEMENT_V01}","predicateType":"{predicate_type}","subject":[{{"name":"","digest":{{"sha256":"00"}}}}],"predicate":{predicate}}}"#
        );
        Statement::read_without_verifying(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_predicate_keeps_its_bytes() {
        let predicate = br#"{"b": 1.50,  "a":[1e3]}"#;
        let statement = Statement::read_without_verifying(&write(predicate).unwrap()).unwrap();
        assert_eq!(statement.predicate_json(), predicate);
        assert_eq!(*statement.predicate_bytes(), predicate[..]);
        assert_eq!(statement.statement_type(), STATEMENT_V1);
        assert!(statement.subjects()[0].is(&Digest::sha256_of(b"hold")));
        assert_eq!(statement.subjects()[0].name, "app \"x\"");
    }

    #[test]
    fn what_is_no_object_is_not_wrapped() {
        assert_eq!(write(b"[]"), Err(StatementError::PredicateNotObject));
        assert!(matches!(write(b"{} {}"), Err(StatementError::PredicateJson(_))));
        assert!(matches!(write(b"{\"a\":\"\xff\"}"), Err(StatementError::PredicateJson(_))));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1_000));
        assert_eq!(write(long.as_bytes()), Err(StatementError::PredicateBytes { max: 1_000, found: 1_008 }));
    }

    #[test]
    fn cosigns_wrappings_are_undone() {
        let spdx = "https://spdx.dev/Document";
        assert_eq!(
            *read(spdx, r#""{\"spdxVersion\":\"SPDX-2.3\"}""#).predicate_bytes(),
            *br#"{"spdxVersion":"SPDX-2.3"}"#
        );
        let custom = "https://cosign.sigstore.dev/attestation/v1";
        assert_eq!(*read(custom, r#"{"Data":"hello\n","Timestamp":"2026"}"#).predicate_bytes(), *b"hello\n");
        assert_eq!(*read(custom, r#"{"Data":{"a":1}}"#).predicate_bytes(), *br#"{"a":1}"#);
        assert_eq!(*read(custom, r#"{"Data":1,"More":2}"#).predicate_bytes(), *br#"{"Data":1,"More":2}"#);
        assert_eq!(*read("https://example.test/x", r#""text""#).predicate_bytes(), *br#""text""#);
    }

    #[test]
    fn other_statements_are_refused() {
        let json = |text: &str| Statement::read_without_verifying(text.as_bytes()).unwrap_err();
        assert_eq!(
            json(r#"{"_type":"junk","predicateType":"a:b","subject":[],"predicate":{}}"#),
            StatementError::Type { found: "junk".into() }
        );
        let with = |subject: &str| {
            format!(
                r#"{{"_type":"{STATEMENT_V1}","predicateType":"a:b","subject":{subject},"predicate":{{}}}}"#
            )
        };
        assert_eq!(json(&with("[]")), StatementError::NoSubject);
        assert!(matches!(json(&with(r#"[{"name":"x"}]"#)), StatementError::Json(_)));
        let many = format!("[{}{{\"digest\":{{}}}}]", "{\"digest\":{}},".repeat(Statement::SUBJECTS_MAX));
        assert!(matches!(json(&with(&many)), StatementError::TooManySubjects { .. }));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let statement = write(br#"{"a":"\u00e9"}"#).unwrap();
        for length in 0..statement.len() {
            assert!(Statement::read_without_verifying(&statement[..length]).is_err(), "{length}");
        }
    }
}

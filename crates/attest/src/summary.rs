//! Verification summaries: what a verifier found when it checked an artifact against a policy (SLSA v1.2, "VSA").

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use supercargo_content::Digest;

use crate::Statement;

/// A verification summary, predicate type [`VerificationSummary::PREDICATE_TYPE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationSummary {
    /// Who verified, a URI.
    pub verifier_id: String,
    /// The parts of the verifier and their versions.
    pub verifier_version: BTreeMap<String, String>,
    /// When.
    pub time_verified: Option<Timestamp>,
    /// From where a consumer fetches the artifact, a URI.
    pub resource_uri: String,
    /// What it was verified against.
    pub policy: Resource,
    /// The attestations that were used.
    pub input_attestations: Vec<Resource>,
    /// What came of it.
    pub result: SummaryResult,
    /// The level of each track, `SLSA_BUILD_LEVEL_3`, and other properties.
    pub verified_levels: Vec<String>,
    /// The version of SLSA, `1.2`; `None` stands for any 1.x.
    pub slsa_version: Option<String>,
}

/// Something named by URI and digest (in-toto, "ResourceDescriptor").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// Where it is.
    pub uri: Option<String>,
    /// Lowercase hexadecimal digests by algorithm name.
    pub digests: BTreeMap<String, String>,
}

/// What came of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryResult {
    /// The policy is satisfied.
    Passed,
    /// It is not.
    Failed,
}

impl SummaryResult {
    /// As it stands in the predicate.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
        }
    }
}

impl Resource {
    /// Something known by URI and digest.
    pub fn new(uri: Option<String>, digest: &Digest) -> Self {
        let digests = [(digest.algorithm().name().to_owned(), digest.hex().to_owned())];
        Self { uri, digests: digests.into() }
    }

    /// Whether one of its digests is `digest`, by the digest's own algorithm.
    pub fn is(&self, digest: &Digest) -> bool {
        self.digests.get(digest.algorithm().name()).is_some_and(|hex| hex == digest.hex())
    }

    /// `sha256:…` of each digest, for messages.
    pub(crate) fn describe(&self) -> String {
        let digests: Vec<String> = self.digests.iter().map(|(name, hex)| format!("{name}:{hex}")).collect();
        if digests.is_empty() { "none".to_owned() } else { excerpt(&digests.join("+")) }
    }

    fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.extend(self.uri.as_ref().map(|uri| ("uri".to_owned(), uri.as_str().into())));
        object.insert("digest".to_owned(), json!(self.digests));
        Value::Object(object)
    }
}

impl VerificationSummary {
    /// The predicate type.
    pub const PREDICATE_TYPE: &'static str = "https://slsa.dev/verification_summary/v1";
    /// The version of SLSA by which we write.
    pub const SLSA_VERSION: &'static str = "1.2";
    /// The level of what nobody looked at the provenance of.
    pub const UNEVALUATED: &'static str = "SLSA_BUILD_LEVEL_UNEVALUATED";
    /// The level of what did not pass.
    pub const FAILED: &'static str = "FAILED";
    /// More bytes than these are not a summary.
    pub const BYTES_MAX: usize = 4 * 1_024 * 1_024;

    /// The name of a level of the build track; there are three.
    pub fn build_level(level: u8) -> String {
        format!("SLSA_BUILD_LEVEL_{}", level.min(3))
    }

    /// The predicate, in the order of the specification.
    pub fn to_json(&self) -> Vec<u8> {
        let mut predicate = Map::new();
        let mut put = |name: &str, value: Value| predicate.insert(name.to_owned(), value);
        put("verifier", json!({"id": self.verifier_id, "version": self.verifier_version}));
        if let Some(time) = self.time_verified {
            put("timeVerified", time.to_string().into());
        }
        put("resourceUri", self.resource_uri.as_str().into());
        put("policy", self.policy.to_value());
        let inputs: Vec<Value> = self.input_attestations.iter().map(Resource::to_value).collect();
        put("inputAttestations", inputs.into());
        put("verificationResult", self.result.as_str().into());
        put("verifiedLevels", json!(self.verified_levels));
        if let Some(version) = &self.slsa_version {
            put("slsaVersion", version.as_str().into());
        }
        format!("{:#}\n", Value::Object(predicate)).into_bytes()
    }

    /// The summary in a statement. Unknown fields are ignored, as the specification demands.
    pub fn read(statement: &Statement) -> Result<Self, SummaryError> {
        let found = statement.predicate_type().uri();
        if found != Self::PREDICATE_TYPE {
            return Err(SummaryError::PredicateType { found: excerpt(found) });
        }
        let json = statement.predicate_json();
        if json.len() > Self::BYTES_MAX {
            return Err(SummaryError::TooLong { max: Self::BYTES_MAX, found: json.len() });
        }
        serde_json::from_slice::<Wire>(json).map_err(|error| SummaryError::shape(&error))?.settle()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    verifier: WireVerifier,
    time_verified: Option<String>,
    resource_uri: String,
    policy: WireResource,
    #[serde(default)]
    input_attestations: Vec<WireResource>,
    verification_result: String,
    verified_levels: Vec<String>,
    slsa_version: Option<String>,
}

#[derive(Deserialize)]
struct WireVerifier {
    id: String,
    #[serde(default)]
    version: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct WireResource {
    uri: Option<String>,
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

impl From<WireResource> for Resource {
    fn from(wire: WireResource) -> Self {
        Self { uri: wire.uri, digests: wire.digest }
    }
}

impl Wire {
    fn settle(self) -> Result<VerificationSummary, SummaryError> {
        let result = match self.verification_result.as_str() {
            "PASSED" => SummaryResult::Passed,
            "FAILED" => SummaryResult::Failed,
            other => return Err(SummaryError::Result { found: excerpt(other) }),
        };
        let time = |text: String| {
            text.parse::<Timestamp>().map_err(|_| SummaryError::Time { found: excerpt(&text) })
        };
        Ok(VerificationSummary {
            verifier_id: self.verifier.id,
            verifier_version: self.verifier.version,
            time_verified: self.time_verified.map(time).transpose()?,
            resource_uri: self.resource_uri,
            policy: self.policy.into(),
            input_attestations: self.input_attestations.into_iter().map(Resource::from).collect(),
            result,
            verified_levels: self.verified_levels,
            slsa_version: self.slsa_version,
        })
    }
}

pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Why a predicate is no verification summary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// Another predicate type.
    #[error("predicate type `{found}`")]
    PredicateType {
        /// The type.
        found: String,
    },
    /// Longer than the limit.
    #[error("a predicate of {found} bytes, the limit is {max}")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
        /// The length, in bytes.
        found: usize,
    },
    /// No JSON of the right shape.
    #[error("{detail} (line {line}, column {column})")]
    Shape {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        detail: String,
    },
    /// Neither `PASSED` nor `FAILED`.
    #[error("the result `{found}`, which is neither `PASSED` nor `FAILED`")]
    Result {
        /// What stands there.
        found: String,
    },
    /// No time of RFC 3339.
    #[error("`timeVerified` is `{found}`, which is no time")]
    Time {
        /// What stands there.
        found: String,
    },
}

impl SummaryError {
    fn shape(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let detail = text.split(" at line ").next().unwrap_or_default();
        Self::Shape { line: error.line(), column: error.column(), detail: excerpt(detail) }
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;

//! The TOML of a policy as it stands in the file.

use std::collections::BTreeSet;

use serde::Deserialize;

use supercargo_content::Digest;

use crate::key_set::WireKey;
use crate::policy_wire_rules::{WireExpression, WireRego, WireSbom, WireSlsa, WireSummary};
use crate::policy_wire_values::{age, distinct, rule};
use crate::{
    EvidenceNeeded, ExpectedSigner, OtherSubjects, PolicyFile, PolicyFileError, PredicateType, Requirement,
    VerificationSummary, Which,
};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WirePolicy {
    uri: Option<String>,
    accept_vsa: Option<WireAccept>,
    require: Vec<WireRequirement>,
}

/// A requirement whose predicate type is known.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WireAccept {
    signer: Vec<WireSigner>,
    threshold: Option<usize>,
    #[serde(default)]
    only_subject: bool,
    logs_min: Option<usize>,
    timestamps_min: Option<usize>,
    certificate_log: Option<bool>,
    verifier_id: String,
    resource_uri: Option<String>,
    resource_uri_pattern: Option<String>,
    policy_digests: Option<Vec<String>>,
    #[serde(default)]
    levels: Vec<String>,
    max_age: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WireRequirement {
    name: String,
    #[serde(rename = "type")]
    predicate_type: String,
    signer: Vec<WireSigner>,
    threshold: Option<usize>,
    which: Option<WireWhich>,
    max_age: Option<String>,
    #[serde(default)]
    only_subject: bool,
    logs_min: Option<usize>,
    timestamps_min: Option<usize>,
    certificate_log: Option<bool>,
    slsa: Option<WireSlsa>,
    sbom: Option<WireSbom>,
    vsa: Option<WireSummary>,
    #[serde(default)]
    cel: Vec<WireExpression>,
    #[serde(default)]
    rego: Vec<WireRego>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireWhich {
    Newest,
    All,
    Any,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WireSigner {
    key: Option<String>,
    name: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    identity: Option<String>,
    identity_pattern: Option<String>,
    issuer: Option<String>,
    issuer_pattern: Option<String>,
}

pub(crate) fn read(text: &str) -> Result<PolicyFile, PolicyFileError> {
    let wire: WirePolicy = toml::from_str(text).map_err(|error| PolicyFileError::Toml(error.to_string()))?;
    let (max, found) = (PolicyFile::REQUIREMENTS_MAX, wire.require.len());
    if found == 0 || found > max {
        return Err(PolicyFileError::Count { max, found });
    }
    let mut names = BTreeSet::new();
    let mut requirements = Vec::new();
    for wire in wire.require {
        if !names.insert(wire.name.clone()) {
            return Err(PolicyFileError::Name { name: wire.name });
        }
        requirements.push(requirement(wire)?);
    }
    let digest = Digest::sha256_of(text.as_bytes());
    let accept_summary = wire.accept_vsa.map(|accept| accept.check(&digest)).transpose()?;
    Ok(PolicyFile { uri: wire.uri, digest, accept_summary, requirements })
}

impl WireAccept {
    /// Unless others are named, only summaries of this very policy stand in for it.
    fn check(self, own: &Digest) -> Result<Requirement, PolicyFileError> {
        let summary = WireSummary {
            verifier_id: self.verifier_id,
            resource_uri: self.resource_uri,
            resource_uri_pattern: self.resource_uri_pattern,
            policy_digests: self.policy_digests.unwrap_or_else(|| vec![own.to_string()]),
            levels: self.levels,
            max_age: Some(self.max_age),
        };
        requirement(WireRequirement {
            name: "accept-vsa".to_owned(),
            predicate_type: VerificationSummary::PREDICATE_TYPE.to_owned(),
            signer: self.signer,
            threshold: self.threshold,
            which: None,
            max_age: None,
            only_subject: self.only_subject,
            logs_min: self.logs_min,
            timestamps_min: self.timestamps_min,
            certificate_log: self.certificate_log,
            slsa: None,
            sbom: None,
            vsa: Some(summary),
            cel: Vec::new(),
            rego: Vec::new(),
        })
    }
}

fn requirement(wire: WireRequirement) -> Result<Requirement, PolicyFileError> {
    let name = wire.name.clone();
    let predicate_type: PredicateType = (wire.predicate_type.parse())
        .map_err(|source| PolicyFileError::PredicateType { name: name.clone(), source })?;
    check_rules(&wire, &predicate_type)?;
    let evidence = evidence(&wire);
    let patterns = wire.signer.iter().any(|signer| signer.identity_pattern.is_some());
    let signers: Vec<_> =
        wire.signer.into_iter().map(|signer| signer.check(&name)).collect::<Result<_, _>>()?;
    let threshold = wire.threshold.unwrap_or(1);
    if signers.is_empty() || threshold == 0 || (threshold > signers.len() && !patterns) {
        return Err(PolicyFileError::Threshold { name, threshold, signers: signers.len() });
    }
    distinct(&name, wire.cel.iter().map(|rule| &rule.name).chain(wire.rego.iter().map(|rule| &rule.name)))?;
    let only = if wire.only_subject { OtherSubjects::Refused } else { OtherSubjects::Allowed };
    Ok(Requirement {
        predicate_type,
        signers,
        threshold,
        which: match wire.which {
            None | Some(WireWhich::Newest) => Which::Newest,
            Some(WireWhich::All) => Which::All,
            Some(WireWhich::Any) => Which::Any,
        },
        max_age: wire.max_age.map(|text| age(&name, &text)).transpose()?,
        other_subjects: only,
        evidence,
        slsa: wire.slsa.map(|slsa| slsa.check(&name)).transpose()?,
        sbom: wire.sbom.map(|sbom| sbom.check(&name)).transpose()?,
        summary: wire.vsa.map(|summary| summary.check(&name)).transpose()?,
        expressions: wire.cel.into_iter().map(|rule| rule.check(&name)).collect::<Result<_, _>>()?,
        rego: wire.rego.into_iter().map(|rule| rule.check(&name)).collect::<Result<_, _>>()?,
        name,
    })
}

/// Rules that could never be looked at would give a false sense of safety.
fn check_rules(wire: &WireRequirement, predicate_type: &PredicateType) -> Result<(), PolicyFileError> {
    let is_provenance = predicate_type.uri().starts_with("https://slsa.dev/provenance/");
    let is_sbom = matches!(predicate_type.name(), Some("cyclonedx" | "spdx" | "spdxjson"));
    let is_summary = predicate_type.uri() == VerificationSummary::PREDICATE_TYPE;
    let wrong = match (&wire.slsa, &wire.sbom, &wire.vsa) {
        (Some(_), _, _) if !is_provenance => "slsa",
        (_, Some(_), _) if !is_sbom => "sbom",
        (_, _, Some(_)) if !is_summary => "vsa",
        _ => return Ok(()),
    };
    let (name, predicate_type) = (wire.name.clone(), predicate_type.clone());
    Err(PolicyFileError::Rules { name, rules: wrong, predicate_type })
}

fn evidence(wire: &WireRequirement) -> EvidenceNeeded {
    let only_keys = wire.signer.iter().all(|signer| signer.key.is_some());
    let usual = if only_keys { EvidenceNeeded::KEYS } else { EvidenceNeeded::USUAL };
    EvidenceNeeded {
        logs_min: wire.logs_min.unwrap_or(usual.logs_min),
        key_logs_min: wire.logs_min.map_or(usual.key_logs_min, Some),
        timestamps_min: wire.timestamps_min.unwrap_or(0),
        certificate_log: wire.certificate_log.unwrap_or(true),
    }
}

impl WireSigner {
    fn check(self, requirement: &str) -> Result<ExpectedSigner, PolicyFileError> {
        let name = || requirement.to_owned();
        let wrong = |detail| PolicyFileError::Signer { name: name(), detail };
        let has_identity = self.identity.is_some() || self.identity_pattern.is_some();
        let has_issuer = self.issuer.is_some() || self.issuer_pattern.is_some();
        if let Some(pem) = self.key {
            if has_identity || has_issuer {
                return Err(wrong("found both"));
            }
            let key =
                WireKey { name: self.name, pem, not_before: self.not_before, not_after: self.not_after };
            let key = key.check(0).map_err(|source| PolicyFileError::Key { name: name(), source })?;
            return Ok(ExpectedSigner::Key(key));
        }
        if self.not_before.is_some() || self.not_after.is_some() {
            return Err(wrong("found a time without a key"));
        }
        let identity = rule(self.identity, self.identity_pattern, requirement)?;
        let issuer = rule(self.issuer, self.issuer_pattern, requirement)?;
        Ok(ExpectedSigner::Identity {
            identity: identity.ok_or_else(|| wrong("found neither"))?,
            issuer: issuer.ok_or_else(|| wrong("found no issuer"))?,
        })
    }
}

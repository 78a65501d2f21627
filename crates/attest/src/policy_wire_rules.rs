//! The rules of a requirement as they stand in the file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use supercargo_content::Digest;

use crate::policy_wire_values::{age, rule};
use crate::sbom_rules::{Field, SbomRules};
use crate::slsa_rules::SlsaRules;
use crate::{Expression, PROFILES, PolicyFileError, Profile, RegoModule, SummaryRules};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct WireSlsa {
    #[serde(default)]
    builders: BTreeMap<String, u8>,
    level_min: Option<u8>,
    build_types: Option<BTreeSet<String>>,
    source_repository: Option<String>,
    source_ref: Option<String>,
    source_ref_pattern: Option<String>,
    workflow: Option<String>,
    #[serde(default)]
    external_parameters: BTreeMap<String, toml::Value>,
    #[serde(default)]
    reject_unknown_parameters: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct WireSbom {
    #[serde(default)]
    denied_licences: Vec<String>,
    #[serde(default)]
    denied_packages: Vec<String>,
    #[serde(default)]
    required_fields: Vec<Field>,
    #[serde(default)]
    packages_min: usize,
    #[serde(default)]
    profiles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct WireSummary {
    pub(crate) verifier_id: String,
    pub(crate) resource_uri: Option<String>,
    pub(crate) resource_uri_pattern: Option<String>,
    #[serde(default)]
    pub(crate) policy_digests: Vec<String>,
    #[serde(default)]
    pub(crate) levels: Vec<String>,
    pub(crate) max_age: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct WireExpression {
    pub(crate) name: String,
    expression: String,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct WireRego {
    pub(crate) name: String,
    module: String,
}

impl WireSlsa {
    pub(crate) fn check(self, requirement: &str) -> Result<SlsaRules, PolicyFileError> {
        let json = |value: toml::Value| serde_json::to_value(value).unwrap_or_default();
        let parameters = self.external_parameters.into_iter();
        Ok(SlsaRules {
            builders: self.builders,
            level_min: self.level_min.unwrap_or(0),
            build_types: self.build_types,
            source_repository: self.source_repository,
            source_ref: rule(self.source_ref, self.source_ref_pattern, requirement)?,
            workflow: self.workflow,
            external_parameters: parameters.map(|(name, value)| (name, json(value))).collect(),
            reject_unknown_parameters: self.reject_unknown_parameters,
        })
    }
}

impl WireSbom {
    pub(crate) fn check(self, requirement: &str) -> Result<SbomRules, PolicyFileError> {
        let profile = |found: String| {
            Profile::by_name(&found).ok_or_else(|| PolicyFileError::Profile {
                name: requirement.to_owned(),
                found,
                known: Vec::from_iter(PROFILES.iter().map(|profile| profile.name)).join(", "),
            })
        };
        Ok(SbomRules {
            denied_licences: self.denied_licences,
            denied_packages: self.denied_packages,
            required_fields: self.required_fields,
            packages_min: self.packages_min,
            profiles: self.profiles.into_iter().map(profile).collect::<Result<_, _>>()?,
        })
    }
}

impl WireSummary {
    pub(crate) fn check(self, requirement: &str) -> Result<SummaryRules, PolicyFileError> {
        let name = || requirement.to_owned();
        if self.resource_uri.is_some() == self.resource_uri_pattern.is_some() {
            return Err(PolicyFileError::ResourceUri { name: name() });
        }
        let resource_uri = rule(self.resource_uri, self.resource_uri_pattern, requirement)?;
        let digest = |text: String| {
            let found = text.chars().take(160).collect();
            text.parse::<Digest>().map_err(|_| PolicyFileError::Digest { name: name(), found })
        };
        Ok(SummaryRules {
            verifier_id: self.verifier_id,
            resource_uri: resource_uri.ok_or_else(|| PolicyFileError::ResourceUri { name: name() })?,
            policy_digests: self.policy_digests.into_iter().map(digest).collect::<Result<_, _>>()?,
            levels: self.levels,
            max_age: self.max_age.map(|text| age(requirement, &text)).transpose()?,
        })
    }
}

impl WireExpression {
    pub(crate) fn check(self, requirement: &str) -> Result<Expression, PolicyFileError> {
        Expression::compile(&self.name, &self.expression, self.message).map_err(|source| {
            let (name, source) = (requirement.to_owned(), Box::new(source));
            PolicyFileError::Expression { name, rule: self.name, source }
        })
    }
}

impl WireRego {
    pub(crate) fn check(self, requirement: &str) -> Result<RegoModule, PolicyFileError> {
        RegoModule::read(&self.name, &self.module).map_err(|source| PolicyFileError::Rego {
            name: requirement.to_owned(),
            rule: self.name,
            source,
        })
    }
}

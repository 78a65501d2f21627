//! Rules for provenance: SLSA v0.2 and v1 (slsa.dev, "Verifying artifacts").

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::{PolicyReason, Statement, TextRule};

/// What provenance must say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SlsaRules {
    /// The trusted builders and the level that each gives; any builder when there are none.
    pub builders: BTreeMap<String, u8>,
    /// The lowest level.
    pub level_min: u8,
    /// The types of builds that are accepted; any when `None`.
    pub build_types: Option<BTreeSet<String>>,
    /// The repository, without `git+` and ref.
    pub source_repository: Option<String>,
    /// The ref, `refs/heads/main`.
    pub source_ref: Option<TextRule>,
    /// The path of the workflow in the repository.
    pub workflow: Option<String>,
    /// Parameters from outside and the value that each must have.
    pub external_parameters: BTreeMap<String, Value>,
    /// Whether a parameter that is not named above is refused.
    pub reject_unknown_parameters: bool,
}

/// What both versions say, in the words of v1.
#[derive(Debug, Default, PartialEq)]
struct Provenance {
    builder: String,
    build_type: String,
    /// Without `git+` and ref.
    repository: String,
    git_ref: String,
    workflow: String,
    parameters: serde_json::Map<String, Value>,
}

/// More bytes than these are not provenance.
const PREDICATE_BYTES_MAX: usize = 16 * 1_024 * 1_024;

impl SlsaRules {
    pub(crate) fn check(&self, statement: &Statement) -> Vec<PolicyReason> {
        let found = match Provenance::read(statement) {
            Ok(found) => found,
            Err(found) => return vec![PolicyReason::Predicate { expected: "SLSA provenance", found }],
        };
        let mut reasons = Vec::new();
        reasons.extend(self.builder(&found.builder));
        reasons.extend(self.build_type(&found.build_type));
        reasons.extend(self.source(&found));
        reasons.extend(self.parameters(&found.parameters));
        reasons
    }

    /// The level of the builder, when it is one of the trusted ones.
    pub(crate) fn level_of(&self, statement: &Statement) -> Option<u8> {
        self.builders.get(&Provenance::read(statement).ok()?.builder).copied()
    }

    fn builder(&self, found: &str) -> Option<PolicyReason> {
        if self.builders.is_empty() && self.level_min == 0 {
            return None;
        }
        let builder = found.to_owned();
        match self.builders.get(found) {
            None => {
                let expected = list(self.builders.keys());
                Some(PolicyReason::Builder { expected, found: builder })
            }
            Some(&level) if level < self.level_min => {
                Some(PolicyReason::Level { expected: self.level_min, found: level, builder })
            }
            Some(_) => None,
        }
    }

    fn build_type(&self, found: &str) -> Option<PolicyReason> {
        let types = self.build_types.as_ref()?;
        let expected = list(types.iter());
        (!types.contains(found)).then(|| PolicyReason::BuildType { expected, found: found.to_owned() })
    }

    fn source(&self, found: &Provenance) -> Vec<PolicyReason> {
        let mut reasons = Vec::new();
        if let Some(expected) = self.source_repository.as_ref().filter(|wanted| **wanted != found.repository)
        {
            let (expected, found) = (expected.clone(), found.repository.clone());
            reasons.push(PolicyReason::SourceRepository { expected, found });
        }
        if let Some(expected) = self.source_ref.as_ref().filter(|rule| !rule.admits(&found.git_ref)) {
            let (expected, found) = (expected.to_string(), found.git_ref.clone());
            reasons.push(PolicyReason::SourceRef { expected, found });
        }
        if let Some(expected) = self.workflow.as_ref().filter(|wanted| **wanted != found.workflow) {
            let (expected, found) = (expected.clone(), found.workflow.clone());
            reasons.push(PolicyReason::Workflow { expected, found });
        }
        reasons
    }

    fn parameters(&self, found: &serde_json::Map<String, Value>) -> Vec<PolicyReason> {
        let mut reasons = Vec::new();
        for (name, expected) in &self.external_parameters {
            let value = found.get(name);
            if value != Some(expected) {
                let found = value.map_or_else(|| "none".to_owned(), excerpt);
                let (name, expected) = (name.clone(), excerpt(expected));
                reasons.push(PolicyReason::ExternalParameter { name, expected, found });
            }
        }
        if self.reject_unknown_parameters {
            let unknown = found.keys().filter(|name| !self.external_parameters.contains_key(*name));
            let reason =
                |name: &String| PolicyReason::UnknownParameter { name: name.chars().take(200).collect() };
            reasons.extend(unknown.map(reason));
        }
        reasons
    }
}

fn list<'t>(texts: impl Iterator<Item = &'t String>) -> String {
    let texts: Vec<String> = texts.map(|text| format!("`{text}`")).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

fn excerpt(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}

impl Provenance {
    fn read(statement: &Statement) -> Result<Self, String> {
        let json = statement.predicate_json();
        if json.len() > PREDICATE_BYTES_MAX {
            return Err(format!("a predicate of {} bytes, the limit is {PREDICATE_BYTES_MAX}", json.len()));
        }
        let shape = |error: serde_json::Error| error.to_string();
        match statement.predicate_type().uri() {
            "https://slsa.dev/provenance/v1" => {
                serde_json::from_slice(json).map(Version1::settle).map_err(shape)
            }
            "https://slsa.dev/provenance/v0.2" => {
                serde_json::from_slice(json).map(Version02::settle).map_err(shape)
            }
            other => Err(format!("the unknown version `{other}`")),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version1 {
    build_definition: Definition,
    run_details: RunDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    build_type: String,
    #[serde(default)]
    external_parameters: serde_json::Map<String, Value>,
    #[serde(default)]
    resolved_dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    uri: Option<String>,
}

#[derive(Deserialize)]
struct RunDetails {
    builder: Builder,
}

#[derive(Deserialize)]
struct Builder {
    id: String,
}

impl Version1 {
    /// GitHub's build types put the source into `workflow`, slsa-github-generator's into `source`; where neither
    /// stands, the first resolved dependency is the source.
    fn settle(self) -> Provenance {
        let parameters = self.build_definition.external_parameters;
        let text = |place: &[&str]| {
            let mut value = parameters.get(*place.first()?)?;
            for name in place.iter().skip(1) {
                value = value.get(name)?;
            }
            value.as_str().map(str::to_owned)
        };
        let first = self.build_definition.resolved_dependencies.into_iter().next();
        let source = text(&["source", "uri"]).or_else(|| text(&["source"]));
        let source = source.or_else(|| first.and_then(|dependency| dependency.uri)).unwrap_or_default();
        let (repository, git_ref) = split_source(&source);
        Provenance {
            builder: self.run_details.builder.id,
            build_type: self.build_definition.build_type,
            repository: text(&["workflow", "repository"]).unwrap_or(repository),
            git_ref: text(&["workflow", "ref"]).unwrap_or(git_ref),
            workflow: text(&["workflow", "path"]).unwrap_or_default(),
            parameters,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version02 {
    builder: Builder,
    build_type: String,
    #[serde(default)]
    invocation: Invocation,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Invocation {
    config_source: ConfigSource,
    /// An object in most builders, and free in the specification.
    parameters: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ConfigSource {
    uri: String,
    entry_point: String,
}

impl Version02 {
    fn settle(self) -> Provenance {
        let (repository, git_ref) = split_source(&self.invocation.config_source.uri);
        let parameters = match self.invocation.parameters {
            Value::Object(parameters) => parameters,
            Value::Null => serde_json::Map::new(),
            other => [("parameters".to_owned(), other)].into_iter().collect(),
        };
        Provenance {
            builder: self.builder.id,
            build_type: self.build_type,
            repository,
            git_ref,
            workflow: self.invocation.config_source.entry_point,
            parameters,
        }
    }
}

/// `git+https://host/org/app@refs/heads/main` → repository and ref. A user's `@` before the path is none of a ref.
fn split_source(uri: &str) -> (String, String) {
    let plain = uri.strip_prefix("git+").unwrap_or(uri);
    match plain.rsplit_once('@') {
        Some((repository, git_ref)) if git_ref.starts_with("refs/") || !git_ref.contains('/') => {
            (repository.trim_end_matches(".git").to_owned(), git_ref.to_owned())
        }
        _ => (plain.trim_end_matches(".git").to_owned(), String::new()),
    }
}

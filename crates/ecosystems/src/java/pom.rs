//! `pom.xml`: what Maven knew of an artifact.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::properties::{Coordinates, resolved};

/// Elements inside elements that are followed.
const DEPTH_MAX: usize = 64;
/// Dependencies and texts that are kept.
const VALUES_MAX: usize = 20_000;

/// A dependency as the pom names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dependency {
    /// Group, artifact and version; the version is often left to a parent.
    pub(super) coordinates: Coordinates,
    /// `compile`, `runtime`, `provided`, `test`, `system`; empty is `compile`.
    pub(super) scope: String,
    /// Whether users of the artifact do not get it.
    pub(super) optional: bool,
}

/// The parts of a pom that say something of the artifact itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Pom {
    /// The coordinates, the parent's where its own are missing.
    pub(super) coordinates: Option<Coordinates>,
    /// Names of the licences.
    pub(super) licenses: Vec<String>,
    /// One line on what it is.
    pub(super) description: Option<String>,
    /// The project's site.
    pub(super) url: Option<String>,
    /// The repository.
    pub(super) scm: Option<String>,
    /// The issue tracker.
    pub(super) issues: Option<String>,
    /// The organisation.
    pub(super) organization: Option<String>,
    /// What it needs.
    pub(super) dependencies: Vec<Dependency>,
}

/// Reads a pom as far as it is well formed. Entities that the document declares are not expanded.
pub(super) fn parse(bytes: &[u8]) -> Pom {
    let values = values(bytes);
    let one = |path: &str| values.iter().find(|(key, _)| key == path).map(|(_, value)| value.clone());
    let properties: BTreeMap<&str, &str> = values
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("project/properties/")?, value.as_str())))
        .collect();
    let own =
        |field: &str| one(&format!("project/{field}")).or_else(|| one(&format!("project/parent/{field}")));
    let coordinates = coordinates(&own, &properties);
    Pom {
        licenses: all(&values, "project/licenses/license/name"),
        description: one("project/description"),
        url: one("project/url"),
        scm: one("project/scm/url"),
        issues: one("project/issueManagement/url"),
        organization: one("project/organization/name"),
        dependencies: dependencies(&values, coordinates.as_ref(), &properties),
        coordinates,
    }
}

fn coordinates(
    own: &dyn Fn(&str) -> Option<String>,
    properties: &BTreeMap<&str, &str>,
) -> Option<Coordinates> {
    let value = |field: &str| own(field).and_then(|value| substituted(&value, None, properties));
    let artifact = value("artifactId")?;
    Some(Coordinates { group: value("groupId").unwrap_or_default(), artifact, version: value("version") })
}

fn all(values: &[(String, String)], path: &str) -> Vec<String> {
    values.iter().filter(|(key, _)| key == path).map(|(_, value)| value.clone()).collect()
}

fn dependencies(
    values: &[(String, String)],
    project: Option<&Coordinates>,
    properties: &BTreeMap<&str, &str>,
) -> Vec<Dependency> {
    let mut found: Vec<Dependency> = Vec::new();
    for (key, value) in values {
        let Some(field) = key.strip_prefix("project/dependencies/") else { continue };
        let value = || substituted(value, project, properties);
        match (field, found.last_mut()) {
            ("dependency", _) => found.push(Dependency::default()),
            ("dependency/groupId", Some(last)) => last.coordinates.group = value().unwrap_or_default(),
            ("dependency/artifactId", Some(last)) => last.coordinates.artifact = value().unwrap_or_default(),
            ("dependency/version", Some(last)) => last.coordinates.version = value(),
            ("dependency/scope", Some(last)) => last.scope = value().unwrap_or_default(),
            ("dependency/optional", Some(last)) => last.optional = value().as_deref() == Some("true"),
            _ => {}
        }
    }
    found.retain(|one| !one.coordinates.artifact.is_empty() && !one.coordinates.group.is_empty());
    found
}

/// A value whose only variable, if any, the pom itself defines. One step is enough: anything deeper stays unknown.
fn substituted(
    value: &str,
    project: Option<&Coordinates>,
    properties: &BTreeMap<&str, &str>,
) -> Option<String> {
    let variable = value.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    match (variable, project) {
        (None, _) => resolved(value),
        (Some("project.version" | "pom.version" | "version"), Some(project)) => project.version.clone(),
        (Some("project.groupId" | "pom.groupId" | "groupId"), Some(project)) => {
            Some(project.group.clone()).filter(|group| !group.is_empty())
        }
        (Some(name), _) => properties.get(name).and_then(|value| resolved(value)),
    }
}

/// All texts by the path of their element, in order; each `dependency` element itself as an empty text.
fn values(bytes: &[u8]) -> Vec<(String, String)> {
    let content = crate::text::lossy(bytes);
    let mut reader = Reader::from_str(&content);
    reader.config_mut().check_end_names = false;
    let (mut path, mut text, mut values) = (Vec::<String>::new(), String::new(), Vec::new());
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) => {
                if path.len() >= DEPTH_MAX || values.len() >= VALUES_MAX {
                    break;
                }
                path.push(element.local_name().as_ref().to_owned());
                text.clear();
                if path.join("/") == "project/dependencies/dependency" {
                    values.push((path.join("/"), String::new()));
                }
            }
            Event::Text(more) => text.push_str(&more),
            Event::CData(more) => text.push_str(&more),
            Event::GeneralRef(name) => text.push(predefined(&name)),
            Event::End(_) => {
                let value = std::mem::take(&mut text);
                if !value.trim().is_empty() {
                    values.push((path.join("/"), value.trim().to_owned()));
                }
                path.pop();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    values
}

/// The five entities of XML itself; a space for any other.
fn predefined(name: &str) -> char {
    match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => ' ',
    }
}

//! A signed SBOM → the same image scanned again → equal bytes, or what differs.

use std::collections::BTreeMap;

use serde::Deserialize;
use supercargo_attest::{SbomPackage, Statement, sbom_packages};
use supercargo_content::Limits;
use supercargo_image::Image;
use supercargo_sbom::FormatId;

use crate::document::{DocumentSettings, document, encode};
use crate::{Error, Progress, Session};

/// What came of scanning again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recomputed {
    /// The format of the signed document, in which the new one was written.
    pub format: FormatId,
    /// The tool that the signed document names, `supercargo 0.1.0`.
    pub signed_tool: Option<String>,
    /// The tool that scanned again.
    pub own_tool: String,
    /// Whether both documents are the same bytes.
    pub is_equal: bool,
    /// How the packages differ; empty when they do not.
    pub differences: Vec<FactDifference>,
}

/// One difference between the signed SBOM and the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactDifference {
    /// A package of the image that the signed SBOM lacks.
    Added(SbomPackage),
    /// A package of the signed SBOM that is not in the image.
    Removed(SbomPackage),
    /// A package of both about which they say different things.
    Changed {
        /// What the signed SBOM says.
        signed: SbomPackage,
        /// What the scan finds.
        found: SbomPackage,
    },
}

/// Scans the image again with the options that a signed SBOM names, and compares.
///
/// # Errors
/// When the predicate is no SBOM of a format that is written here, and when the image cannot be scanned.
pub fn recompute(
    session: &Session,
    image: &Image,
    signed: &Statement,
    progress: &dyn Progress,
) -> Result<Recomputed, Error> {
    let bytes = signed.predicate_bytes();
    let head = Head::read(&bytes)?;
    let format = head.format()?;
    let limits = head.limits(session.limits());
    let session = session.with_limits(limits.clone())?;
    let inventory = session.scan(image, progress)?;
    let settings = DocumentSettings { created: head.created(), limits };
    let found = encode(&document(image, inventory, &settings)?, format)?;
    let is_equal = found == *bytes;
    let differences = if is_equal { Vec::new() } else { differences(&bytes, &found)? };
    let own_tool = format!("supercargo {}", env!("CARGO_PKG_VERSION"));
    Ok(Recomputed { format, signed_tool: head.tool(), own_tool, is_equal, differences })
}

impl Recomputed {
    /// Whether the signed SBOM says the truth about the packages.
    pub fn is_true(&self) -> bool {
        self.differences.is_empty()
    }
}

fn differences(signed: &[u8], found: &[u8]) -> Result<Vec<FactDifference>, Error> {
    let read = |json: &[u8]| sbom_packages(json).map_err(|error| no_sbom(&error));
    let (mut signed, mut found) = (by_key(read(signed)?), by_key(read(found)?));
    let mut differences = Vec::new();
    // What is the same on both sides goes first, so that only the rest is paired.
    for (key, ours) in &mut found {
        let Some(theirs) = signed.get_mut(key) else { continue };
        ours.retain(|package| match theirs.iter().position(|other| other == package) {
            Some(at) => {
                theirs.remove(at);
                false
            }
            None => true,
        });
        let pairs = ours.len().min(theirs.len());
        let changed = theirs.drain(..pairs).zip(ours.drain(..pairs));
        differences.extend(changed.map(|(signed, found)| FactDifference::Changed { signed, found }));
    }
    differences.extend(signed.into_values().flatten().map(FactDifference::Removed));
    differences.extend(found.into_values().flatten().map(FactDifference::Added));
    Ok(differences)
}

/// Packages of one kind and name, sorted.
fn by_key(packages: Vec<SbomPackage>) -> BTreeMap<String, Vec<SbomPackage>> {
    let mut by_key: BTreeMap<String, Vec<SbomPackage>> = BTreeMap::new();
    for package in packages {
        let without_version = package.purl.as_deref().and_then(|purl| purl.split('@').next());
        let key = without_version.unwrap_or(&package.name).to_owned();
        by_key.entry(key).or_default().push(package);
    }
    by_key.values_mut().for_each(|packages| packages.sort());
    by_key
}

/// What a signed document says of its making.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    bom_format: Option<String>,
    spec_version: Option<String>,
    spdx_version: Option<String>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    creation_info: CreationInfo,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    timestamp: Option<String>,
    tools: Tools,
}

/// Older documents of others have a list here, of which nothing is read.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Tools {
    New {
        components: Vec<Tool>,
    },
    Old(serde::de::IgnoredAny),
    #[default]
    None,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    version: Option<String>,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Property {
    name: String,
    value: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CreationInfo {
    created: Option<String>,
    creators: Vec<String>,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|error| no_sbom(&error.to_string()))
    }

    fn format(&self) -> Result<FormatId, Error> {
        let (cyclonedx, spdx) = (self.bom_format.as_deref(), self.spdx_version.as_deref());
        match (cyclonedx, self.spec_version.as_deref(), spdx) {
            (Some("CycloneDX"), Some("1.5"), None) => Ok(FormatId::CYCLONEDX_JSON_1_5),
            (Some("CycloneDX"), Some("1.6"), None) => Ok(FormatId::CYCLONEDX_JSON_1_6),
            (Some("CycloneDX"), Some("1.7"), None) => Ok(FormatId::CYCLONEDX_JSON_1_7),
            (None, _, Some("SPDX-2.3")) => Ok(FormatId::SPDX_JSON_2_3),
            (Some(_), version, _) => {
                Err(no_sbom(&format!("CycloneDX {}", version.unwrap_or("without version"))))
            }
            (None, _, Some(version)) => Err(no_sbom(version)),
            (None, _, None) => Err(no_sbom("another kind of document")),
        }
    }

    fn created(&self) -> Option<i64> {
        let text = self.metadata.timestamp.as_ref().or(self.creation_info.created.as_ref())?;
        text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
    }

    fn tool(&self) -> Option<String> {
        if let Tools::New { components } = &self.metadata.tools
            && let Some(tool) = components.first()
        {
            return Some(format!(
                "{} {}",
                tool.name,
                tool.version.as_deref().unwrap_or("of unknown version")
            ));
        }
        let spdx = self.creation_info.creators.iter().find_map(|who| who.strip_prefix("Tool: "));
        spdx.map(|tool| tool.replacen('-', " ", 1))
    }

    /// The bounds under which the signed document was made, where it names them; never more than `most`, so that
    /// nobody's document can lift the caller's.
    fn limits(&self, most: &Limits) -> Limits {
        let mut limits = most.clone();
        let Tools::New { components } = &self.metadata.tools else { return limits };
        for property in components.iter().flat_map(|tool| &tool.properties) {
            let Some(name) = property.name.strip_prefix("supercargo:option:") else { continue };
            let Some(value) = property.value.as_ref().and_then(|value| value.parse::<u64>().ok()) else {
                continue;
            };
            let small = usize::try_from(value).unwrap_or(usize::MAX);
            match name {
                "streamed_bytes_min" => limits.streamed_bytes_min = value.min(most.streamed_bytes_min),
                "file_bytes_max" => limits.file_bytes_max = value.min(most.file_bytes_max),
                "entries_max" => limits.entries_max = value.min(most.entries_max),
                "path_bytes_max" => limits.path_bytes_max = small.min(most.path_bytes_max),
                "nesting_depth_max" => limits.nesting_depth_max = small.min(most.nesting_depth_max),
                "expansion_ratio_max" => limits.expansion_ratio_max = value.min(most.expansion_ratio_max),
                "buffered_bytes_max" => limits.buffered_bytes_max = value.min(most.buffered_bytes_max),
                _ => {}
            }
        }
        limits
    }
}

fn no_sbom(found: &str) -> Error {
    Error::Usage {
        message: format!(
            "the signed predicate cannot be computed again: expected CycloneDX 1.5 to 1.7 or SPDX 2.3 JSON, found {found}"
        ),
        hint: Some("choose the SBOM with `--type cyclonedx` or `--type spdx`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bom(packages: &[(&str, &str)]) -> Vec<u8> {
        let component = |(name, version): &(&str, &str)| {
            format!(
                r#"{{"type":"library","name":"{name}","version":"{version}","purl":"pkg:npm/{name}@{version}"}}"#
            )
        };
        let components: Vec<String> = packages.iter().map(component).collect();
        format!(r#"{{"bomFormat":"CycloneDX","components":[{}]}}"#, components.join(",")).into_bytes()
    }

    #[test]
    fn packages_are_added_removed_or_changed() {
        let signed = bom(&[("a", "1"), ("b", "1"), ("b", "2"), ("gone", "1")]);
        let found = bom(&[("b", "2"), ("b", "3"), ("a", "1"), ("new", "1")]);
        let differences = differences(&signed, &found).unwrap();
        let shown: Vec<String> = differences
            .iter()
            .map(|difference| match difference {
                FactDifference::Added(package) => format!("+{}", package.name),
                FactDifference::Removed(package) => format!("-{}", package.name),
                FactDifference::Changed { signed, found } => {
                    format!("{} {:?}->{:?}", signed.name, signed.version.as_deref(), found.version.as_deref())
                }
            })
            .collect();
        assert_eq!(shown, ["b Some(\"1\")->Some(\"3\")", "-gone", "+new"]);
    }

    #[test]
    fn the_head_gives_format_time_tool_and_limits() {
        let head = Head::read(
            br#"{"bomFormat":"CycloneDX","specVersion":"1.7","metadata":{"timestamp":"1970-01-01T00:00:07Z",
                "tools":{"components":[{"name":"supercargo","version":"0.1.0","properties":[
                {"name":"supercargo:option:file_bytes_max","value":"5"},
                {"name":"supercargo:option:entries_max","value":"99999999999"}]}]}}}"#,
        )
        .unwrap();
        let most = Limits::default();
        assert_eq!(head.format().unwrap(), FormatId::CYCLONEDX_JSON_1_7);
        assert_eq!((head.created(), head.tool().as_deref()), (Some(7), Some("supercargo 0.1.0")));
        let limits = head.limits(&most);
        assert_eq!((limits.file_bytes_max, limits.entries_max), (5, most.entries_max));
        let old = Head::read(
            br#"{"bomFormat":"CycloneDX","specVersion":"1.4","metadata":{"tools":[{"name":"x"}]}}"#,
        );
        assert!(old.unwrap().format().is_err());
    }
}

//! Derives `schemas/` from the official JSON Schemas: what a validator needs, without the prose.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use supercargo_content::Digest;

/// A file of the official specifications.
struct Official {
    /// Below the folder of official files.
    path: &'static str,
    /// Where it goes below `schemas/`.
    target: &'static str,
    /// Repository and commit.
    source: &'static str,
    /// The licence of the original.
    license: &'static str,
}

const CYCLONEDX: &str = "CycloneDX/specification e02a34ae";
const SPDX: &str = "spdx/spdx-spec d4dbeb626 (branch support/2.3.1)";
const APACHE: &str = "Apache-2.0";
const COMMUNITY: &str = "Community-Spec-1.0, older parts CC-BY-3.0";

const OFFICIAL: &[Official] = &[
    cyclonedx("cyclonedx/bom-1.5.schema.json"),
    cyclonedx("cyclonedx/bom-1.6.schema.json"),
    cyclonedx("cyclonedx/bom-1.7.schema.json"),
    cyclonedx("cyclonedx/cryptography-defs.schema.json"),
    cyclonedx("cyclonedx/jsf-0.82.schema.json"),
    cyclonedx("cyclonedx/spdx.schema.json"),
    Official {
        path: "spdx/2.3.1/spdx-schema.json",
        target: "spdx/spdx-2.3.schema.json",
        source: SPDX,
        license: COMMUNITY,
    },
];

const fn cyclonedx(path: &'static str) -> Official {
    Official { path, target: path, source: CYCLONEDX, license: APACHE }
}

const PREAMBLE: &str = "# Schemas

`policy.schema.json` is our own: the policy files of `supercargo policy test` and `verify --policy`. It is written by
hand; `tests/cli/policy.rs` holds it against what the program reads. The others are of the standards.

Derived by `cargo run -p supercargo-xtask -- schemas OFFICIAL_FOLDER schemas` (`make schemas`) from the official
files: names, types, required fields, enumerations, patterns and formats, which is what a validator needs. Titles,
descriptions, comments, examples and the prose beside enumerations are left out. Do not edit by hand.

The unit tests of `supercargo-sbom` validate its output against these files. `spdx.schema.json` also tells the writer
which licence identifiers CycloneDX 1.5 to 1.7 know.

| file | derived from | licence of the original | SHA-256 of the original |
|---|---|---|---|
";

/// Reads the official files below `from` (the folder itself, or one that holds it as `schemas`) and writes
/// the compact ones below `to`.
pub(crate) fn derive(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let from = official_folder(from);
    let mut readme = PREAMBLE.to_owned();
    for official in OFFICIAL {
        let path = from.join(official.path);
        let bytes =
            fs::read(&path).map_err(|error| format!("failed to read `{}`: {error}", path.display()))?;
        let compact = schema(serde_json::from_slice(&bytes)?);
        write(&to.join(official.target), &format!("{}\n", serde_json::to_string(&compact)?))?;
        let Official { target, source, license, path } = official;
        let digest = Digest::sha256_of(&bytes);
        let name = path.rsplit('/').next().unwrap_or(path);
        writeln!(readme, "| `{target}` | `{name}`, {source} | {license} | `{}` |", digest.hex())?;
    }
    write(&to.join("README.md"), &readme)
}

fn official_folder(from: &Path) -> PathBuf {
    let below = from.join("schemas");
    if below.join("cyclonedx").is_dir() { below } else { from.to_owned() }
}

fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).map_err(|error| format!("failed to write `{}`: {error}", path.display()).into())
}

/// Keywords that carry prose.
const PROSE: &[&str] =
    &["title", "description", "$comment", "comment", "examples", "meta:enum", "deprecated"];

/// Keywords whose value maps names to schemas; the names must not be taken for keywords.
const MAPS: &[&str] = &["properties", "patternProperties", "definitions", "$defs", "dependentSchemas"];

/// Keywords whose value is data and not a schema.
const DATA: &[&str] = &["enum", "const", "default", "required"];

/// A schema without prose.
fn schema(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter_map(keyword).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(schema).collect()),
        value => value,
    }
}

fn keyword((key, value): (String, Value)) -> Option<(String, Value)> {
    if PROSE.contains(&key.as_str()) {
        return None;
    }
    let value = match value {
        Value::Object(fields) if MAPS.contains(&key.as_str()) => Value::Object(
            fields.into_iter().map(|(name, value)| (name, schema(value))).collect::<Map<_, _>>(),
        ),
        value if DATA.contains(&key.as_str()) => value,
        value => schema(value),
    };
    Some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn prose_goes_and_names_stay() {
        let original = json!({
            "title": "t", "description": "d", "type": "object", "required": ["title"],
            "properties": {
                "title": {"type": "string", "examples": ["x"]},
                "description": {"enum": ["title"], "meta:enum": {"title": "prose"}},
                "comment": {"$comment": "c", "oneOf": [{"title": "t", "const": {"title": "kept"}}]},
            },
        });
        let compact = json!({
            "type": "object", "required": ["title"],
            "properties": {
                "title": {"type": "string"},
                "description": {"enum": ["title"]},
                "comment": {"oneOf": [{"const": {"title": "kept"}}]},
            },
        });
        assert_eq!(schema(original), compact);
    }
}

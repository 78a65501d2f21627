//! `pom.properties`: the coordinates that Maven wrote.

use crate::text;

/// Group, artifact and version of an artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Coordinates {
    /// The group; empty where nobody wrote it down.
    pub(super) group: String,
    /// The artifact.
    pub(super) artifact: String,
    /// The version.
    pub(super) version: Option<String>,
}

/// Reads `groupId`, `artifactId` and `version`; `None` without an artifact.
pub(super) fn parse(bytes: &[u8]) -> Option<Coordinates> {
    let text = crate::text::lossy(bytes);
    let mut found = Coordinates::default();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!'])) {
        let Some((key, value)) = line.split_once(['=', ':']) else { continue };
        let value = resolved(value);
        match key.trim() {
            "groupId" => found.group = value.unwrap_or_default(),
            "artifactId" => found.artifact = value.unwrap_or_default(),
            "version" => found.version = value,
            _ => {}
        }
    }
    (!found.artifact.is_empty()).then_some(found)
}

/// A value that is one word without an unresolved `${…}`.
pub(super) fn resolved(value: &str) -> Option<String> {
    let unresolved = |text: &&str| !text.contains("${") && !text.contains(['/', '\\']);
    text::token(value).filter(unresolved).map(str::to_owned)
}

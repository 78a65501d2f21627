//! `META-INF/MANIFEST.MF`, main section.

use std::collections::BTreeMap;

use crate::text;

/// Headers of the main section that are kept.
const HEADERS_MAX: usize = 1000;
/// Bytes of one value that is kept; `Export-Package` may be longer, and nobody asks for it.
const VALUE_BYTES_MAX: usize = 8192;

/// Vendors whose projects have a group each. Their parent poms write the vendor where Maven's archiver would write the
/// group.
const FOUNDATIONS: &[&str] = &[
    "com.google",
    "com.ibm",
    "com.oracle",
    "com.sun",
    "net.java",
    "org.apache",
    "org.codehaus",
    "org.eclipse",
    "org.glassfish",
    "org.jboss",
];

/// The main attributes by lowercase name.
#[derive(Debug, Clone, Default)]
pub(super) struct Manifest(BTreeMap<String, String>);

impl Manifest {
    /// Reads up to the first empty line. A line that begins with a space continues the one before it.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = crate::text::lossy(bytes);
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in text.lines().map(|line| line.trim_end_matches('\r')) {
            if let Some(more) = line.strip_prefix(' ') {
                if let Some((_, value)) = headers.last_mut().filter(|(_, v)| v.len() < VALUE_BYTES_MAX) {
                    value.push_str(more);
                }
            } else if let Some((name, value)) = line.split_once(':').filter(|_| headers.len() < HEADERS_MAX) {
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            } else if line.trim().is_empty() && !headers.is_empty() {
                break;
            }
        }
        Self(headers.into_iter().collect())
    }

    /// The value of a header without directives (`name;singleton:=true` is `name`), when it is one line of text
    /// without an unresolved `${…}`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?.split(';').next()?;
        text::word(value).filter(|value| !value.contains("${") && !value.contains("%"))
    }

    /// The version that is written down for the artifact, or for what it is made of.
    pub(super) fn version(&self) -> Option<&str> {
        let names = ["implementation-version", "bundle-version", "specification-version"];
        names
            .iter()
            .find_map(|name| self.get(name))
            .filter(|version| version.starts_with(|c: char| c.is_ascii_digit()) || version.starts_with('v'))
    }

    /// A group that is written down for this artifact: as the vendor's id (Maven's archiver and sbt), in a title that is
    /// `group#artifact;version` (Ivy's notation), or in a symbolic name that is group and artifact.
    pub(super) fn group(&self, artifact: &str) -> Option<&str> {
        self.vendor_id().or_else(|| self.titled_group(artifact)).or_else(|| self.symbolic_group(artifact))
    }

    /// An id of two parts is not believed of a foundation, nor beside an extension of another namespace.
    fn vendor_id(&self) -> Option<&str> {
        let id = self.get("implementation-vendor-id").filter(|id| is_dotted_name(id))?;
        let is_its_own =
            |extension: &str| extension.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
        let is_group = match id.split('.').count() {
            1 => false,
            2 => !FOUNDATIONS.contains(&id) && self.get("extension-name").is_none_or(is_its_own),
            _ => true,
        };
        is_group.then_some(id)
    }

    fn titled_group(&self, artifact: &str) -> Option<&str> {
        let group = self.get("implementation-title")?.strip_suffix(artifact)?.strip_suffix('#')?;
        is_dotted_name(group).then_some(group)
    }

    /// Two parts before the artifact are a package as a rule (`com.google` of Guava), but a group when the second is the
    /// artifact again (`org.freemarker.freemarker`).
    fn symbolic_group(&self, artifact: &str) -> Option<&str> {
        let group = self.get("bundle-symbolicname")?.strip_suffix(artifact)?.strip_suffix('.')?;
        let is_group = match group.split_once('.') {
            Some((_, rest)) => rest.contains('.') || rest == artifact,
            None => false,
        };
        (is_group && is_dotted_name(group)).then_some(group)
    }
}

fn is_dotted_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.chars().all(plain) && text.split('.').all(|part| !part.is_empty())
}

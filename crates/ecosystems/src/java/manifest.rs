//! `META-INF/MANIFEST.MF`, main section.

use std::collections::BTreeMap;

use crate::text;

/// Headers of the main section that are kept.
const HEADERS_MAX: usize = 1000;
/// Bytes of one value that is kept; `Export-Package` may be longer, and nobody asks for it.
const VALUE_BYTES_MAX: usize = 8192;

/// The main attributes by lowercase name.
#[derive(Debug, Clone, Default)]
pub(super) struct Manifest(BTreeMap<String, String>);

impl Manifest {
    /// Reads up to the first empty line. A line that begins with a space continues the one before it.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
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

    /// A group that is written down for this artifact: by Maven's archiver, or in a symbolic name that is group
    /// and artifact. Two parts (`org.apache` of Ivy, `com.sun` of Activation) are a vendor or package rather than a
    /// group, so they are not believed.
    pub(super) fn group(&self, artifact: &str) -> Option<&str> {
        let is_group = |text: &&str| text.split('.').count() > 2 && is_dotted_name(text);
        let symbolic = || self.get("bundle-symbolicname")?.strip_suffix(artifact)?.strip_suffix('.');
        self.get("implementation-vendor-id").filter(is_group).or_else(|| symbolic().filter(is_group))
    }
}

fn is_dotted_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.chars().all(plain) && text.split('.').all(|part| !part.is_empty())
}

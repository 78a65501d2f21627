//! Package URLs, built part by part and written in canonical form.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A package URL (ECMA-427). Parts are kept decoded; the canonical text is made when it is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    kind: String,
    namespace: Option<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
    subpath: Option<String>,
}

impl Purl {
    /// A purl of a type (`deb`, `npm` …) and a name.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind: kind.into().to_ascii_lowercase(),
            namespace: None,
            name: name.into(),
            version: None,
            qualifiers: BTreeMap::new(),
            subpath: None,
        }
    }

    /// Sets the namespace; an empty one is none.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into()).filter(|text| !text.is_empty());
        self
    }

    /// Sets the version; an empty one is none.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into()).filter(|text| !text.is_empty());
        self
    }

    /// Sets a qualifier; an empty value removes it.
    #[must_use]
    pub fn qualifier(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into().to_ascii_lowercase(), value.into());
        if value.is_empty() {
            self.qualifiers.remove(&key);
        } else {
            self.qualifiers.insert(key, value);
        }
        self
    }

    /// Sets the subpath; an empty one is none.
    #[must_use]
    pub fn subpath(mut self, subpath: impl Into<String>) -> Self {
        self.subpath = Some(subpath.into()).filter(|text| !text.is_empty());
        self
    }

    /// The type.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The namespace, decoded.
    pub fn get_namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The name, decoded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, decoded.
    pub fn get_version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The qualifiers, decoded, in order of their keys.
    pub fn qualifiers(&self) -> &BTreeMap<String, String> {
        &self.qualifiers
    }

    /// The subpath, decoded.
    pub fn get_subpath(&self) -> Option<&str> {
        self.subpath.as_deref()
    }

    /// The canonical form by the rules of the type, or `None` where the type refuses the parts.
    fn canonical(&self) -> Option<String> {
        let mut purl = packageurl::PackageUrl::new(self.kind.clone(), self.name.clone()).ok()?;
        if let Some(namespace) = &self.namespace {
            purl.with_namespace(namespace.clone()).ok()?;
        }
        if let Some(version) = &self.version {
            purl.with_version(version.clone()).ok()?;
        }
        for (key, value) in &self.qualifiers {
            purl.add_qualifier(key.clone(), value.clone()).ok()?;
        }
        if let Some(subpath) = &self.subpath {
            purl.with_subpath(subpath.clone()).ok()?;
        }
        Some(purl.to_string())
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.canonical() {
            Some(text) => f.write_str(&text),
            None => write_untyped(self, f),
        }
    }
}

/// The general syntax without any rule of the type: real packages have names that their type forbids.
fn write_untyped(purl: &Purl, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "pkg:{}/", encode(&purl.kind))?;
    for segment in
        purl.namespace.iter().flat_map(|text| text.split('/')).filter(|segment| !segment.is_empty())
    {
        write!(f, "{}/", encode(segment))?;
    }
    f.write_str(&encode(&purl.name))?;
    if let Some(version) = &purl.version {
        write!(f, "@{}", encode(version))?;
    }
    for (position, (key, value)) in purl.qualifiers.iter().enumerate() {
        write!(f, "{}{key}={}", if position == 0 { '?' } else { '&' }, encode(value))?;
    }
    purl.subpath.iter().try_for_each(|subpath| {
        let segments: Vec<String> = subpath.split('/').filter(|part| !part.is_empty()).map(encode).collect();
        write!(f, "#{}", segments.join("/"))
    })
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                out.push(char::from(byte))
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A text that is not a package URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a package url: {reason}")]
pub struct PurlParseError {
    /// The text.
    pub text: String,
    /// The rule it breaks.
    pub reason: String,
}

impl FromStr for Purl {
    type Err = PurlParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = packageurl::PackageUrl::from_str(text).map_err(|error| PurlParseError {
            text: text.chars().take(200).collect(),
            reason: error.to_string(),
        })?;
        let mut purl = Self::new(parsed.ty(), parsed.name())
            .namespace(parsed.namespace().unwrap_or_default())
            .version(parsed.version().unwrap_or_default())
            .subpath(parsed.subpath().unwrap_or_default());
        for (key, value) in parsed.qualifiers() {
            purl = purl.qualifier(key.as_ref(), value.as_ref());
        }
        Ok(purl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifiers_are_sorted_and_encoded() {
        let purl =
            Purl::new("rpm", "bash").namespace("fedora").qualifier("epoch", "1").qualifier("arch", "x86_64");
        assert_eq!(purl.to_string(), "pkg:rpm/fedora/bash?arch=x86_64&epoch=1");
    }

    #[test]
    fn a_name_that_its_type_forbids_is_still_written() {
        let purl = Purl::new("composer", "lonely").version("1 2");
        assert_eq!(purl.to_string(), "pkg:composer/lonely@1%202");
    }

    #[test]
    fn text_round_trips() {
        let text = "pkg:npm/%40scope/name@1.0.0";
        assert_eq!(text.parse::<Purl>().unwrap().to_string(), text);
    }
}

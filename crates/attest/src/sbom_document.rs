//! SBOMs as rules see them: CycloneDX JSON and SPDX 2 JSON, read only as far as rules and profiles need.

use std::collections::BTreeSet;

use crate::sbom_cyclonedx::Bom;
use crate::sbom_spdx::Spdx;
use crate::summary::excerpt;

/// A package of an SBOM, whatever the format.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SbomPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// Its licence expressions, declared and concluded.
    pub licences: Vec<String>,
    /// Whether it says who supplies, publishes or makes it.
    pub has_supplier: bool,
    /// Whether it has a hash of its bytes.
    pub has_hash: bool,
}

impl SbomPackage {
    pub(crate) fn describe(&self) -> String {
        match (&self.purl, &self.version) {
            (Some(purl), _) => excerpt(purl),
            (None, Some(version)) => excerpt(&format!("{} {version}", self.name)),
            (None, None) => excerpt(&self.name),
        }
    }
}

/// The packages of a CycloneDX or SPDX 2 document in JSON, nested ones included; files and operating systems are none.
/// The error says in words why it is no such document.
pub fn sbom_packages(json: &[u8]) -> Result<Vec<SbomPackage>, String> {
    let components = SbomDocument::read(json)?.components;
    Ok(components.into_iter().map(|component| component.package).collect())
}

/// The formats that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SbomFormat {
    /// CycloneDX JSON.
    CycloneDx,
    /// SPDX JSON.
    Spdx,
}

impl SbomFormat {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CycloneDx => "CycloneDX",
            Self::Spdx => "SPDX",
        }
    }
}

/// Whether something is said. Saying that it is not known is more than saying nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Said {
    #[default]
    Nothing,
    Unknown,
    Something,
}

impl Said {
    /// SPDX has words for what is not known; CycloneDX 1 has none that count here.
    pub(crate) fn of(text: Option<&str>) -> Self {
        match text.map(str::trim) {
            None | Some("") => Self::Nothing,
            Some("NOASSERTION" | "NONE") => Self::Unknown,
            Some(_) => Self::Something,
        }
    }

    pub(crate) fn when(is: bool) -> Self {
        if is { Self::Something } else { Self::Nothing }
    }
}

/// A document, reduced to what rules and profiles ask.
#[derive(Debug)]
pub(crate) struct SbomDocument {
    pub(crate) format: SbomFormat,
    pub(crate) version: String,
    pub(crate) facts: DocumentFacts,
    pub(crate) components: Vec<SbomComponent>,
}

/// What is said of the document itself.
#[derive(Debug, Default)]
pub(crate) struct DocumentFacts {
    pub(crate) author: bool,
    pub(crate) author_contact: bool,
    pub(crate) timestamp: bool,
    pub(crate) tool_name: bool,
    pub(crate) tool_version: bool,
    pub(crate) generation_context: bool,
    pub(crate) identity: bool,
    pub(crate) primary_component: bool,
    pub(crate) completeness: bool,
}

/// A package and what else is said of it.
#[derive(Debug, Default)]
pub(crate) struct SbomComponent {
    pub(crate) package: SbomPackage,
    pub(crate) facts: ComponentFacts,
}

/// What profiles ask of a package beside its name.
#[derive(Debug, Default)]
pub(crate) struct ComponentFacts {
    /// The whole image, or an operating system: no package with bytes of its own.
    pub(crate) is_logical: bool,
    pub(crate) version: Said,
    pub(crate) supplier: Said,
    pub(crate) producer: Said,
    pub(crate) producer_contact: bool,
    pub(crate) identifier: bool,
    pub(crate) approved_hash: bool,
    pub(crate) deployable_sha512: bool,
    pub(crate) licence: Said,
    pub(crate) distribution_licence: bool,
    /// It stands somewhere in the graph of dependencies.
    pub(crate) in_graph: bool,
    /// The graph says of it what it depends on, if only nothing.
    pub(crate) has_dependencies: bool,
    pub(crate) file_name: bool,
    pub(crate) executable: bool,
    pub(crate) archive: bool,
    pub(crate) structured: bool,
}

impl SbomDocument {
    /// The error says in words why the bytes are no such document.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            bom_format: Option<String>,
            spdx_version: Option<String>,
        }
        let shape = |error: serde_json::Error| error.to_string();
        let head: Head = serde_json::from_slice(json).map_err(shape)?;
        match (head.bom_format.as_deref(), head.spdx_version.as_deref()) {
            (Some("CycloneDX"), None) => serde_json::from_slice(json).map(Bom::settle).map_err(shape),
            (None, Some(version)) if version.starts_with("SPDX-2.") => {
                serde_json::from_slice(json).map(Spdx::settle).map_err(shape)
            }
            _ => {
                let words = "a document that says neither `bomFormat: CycloneDX` nor `spdxVersion: SPDX-2.…`";
                Err(words.to_owned())
            }
        }
    }
}

/// Whether a hash algorithm is approved: neither MD5 nor SHA-1, nor anything unheard of.
pub(crate) fn is_approved(algorithm: &str) -> bool {
    const APPROVED: [&str; 6] = ["SHA224", "SHA256", "SHA384", "SHA512", "SHA3", "BLAKE"];
    let plain = algorithm.to_ascii_uppercase().replace('-', "");
    APPROVED.iter().any(|name| plain.starts_with(name))
}

/// Where packages stand in the graph of dependencies.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) from: BTreeSet<String>,
    pub(crate) to: BTreeSet<String>,
}

impl Graph {
    pub(crate) fn has(&self, reference: Option<&str>) -> bool {
        reference.is_some_and(|one| self.from.contains(one) || self.to.contains(one))
    }

    pub(crate) fn tells_of(&self, reference: Option<&str>) -> bool {
        reference.is_some_and(|one| self.from.contains(one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_give_the_same_package() {
        let cyclonedx = br#"{"bomFormat":"CycloneDX","components":[{"type":"operating-system","name":"os"},
            {"type":"library","name":"a","version":"1","purl":"pkg:npm/a@1","publisher":"p",
             "licenses":[{"expression":"MIT OR (Apache-2.0 AND X)"}],"hashes":[{"alg":"SHA-256","content":"00"}]}]}"#;
        let spdx =
            br#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"a","versionInfo":"1","supplier":"Person: p",
            "licenseDeclared":"MIT OR (Apache-2.0 AND X)","licenseConcluded":"NOASSERTION",
            "checksums":[{"algorithm":"SHA256","checksumValue":"00"}],
            "externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/a@1"}]}]}"#;
        let (one, two) = (sbom_packages(cyclonedx).unwrap(), sbom_packages(spdx).unwrap());
        assert_eq!(one, two);
        assert_eq!(one[0].licences, ["MIT OR (Apache-2.0 AND X)"]);
        assert!(sbom_packages(b"{}").is_err() && sbom_packages(b"[").is_err());
    }

    #[test]
    fn what_is_known_of_hashes() {
        for (algorithm, approved) in [
            ("MD5", false),
            ("SHA-1", false),
            ("SHA1", false),
            ("SHA-256", true),
            ("sha256", true),
            ("SHA3-512", true),
            ("BLAKE2b-256", true),
            ("ADLER32", false),
            ("", false),
        ] {
            assert_eq!(is_approved(algorithm), approved, "{algorithm}");
        }
    }
}

//! The table of formats.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use supercargo_content::MediaType;

use crate::Document;
use crate::formats::{cyclonedx, purls, spdx, table};

/// A way to write a document.
pub trait Format: Sync {
    /// Name and version.
    fn id(&self) -> FormatId;
    /// One line for help and documentation.
    fn summary(&self) -> &'static str;
    /// The media type of what is written.
    fn media_type(&self) -> MediaType;
    /// What a file of this format usually ends in, with its dot.
    fn file_suffix(&self) -> &'static str;
    /// The in-toto predicate type under which the bytes are attested; `None` for forms that are for reading.
    fn predicate_type(&self) -> Option<&'static str>;
    /// Writes the document. The bytes depend on the document alone.
    ///
    /// # Errors
    /// [`EncodeError`] when `out` refuses the bytes.
    fn encode(&self, document: &Document, out: &mut dyn Write) -> Result<(), EncodeError>;
}

/// Every format, in order of name and version.
pub static ALL: &[&dyn Format] =
    &[&cyclonedx::V1_5, &cyclonedx::V1_6, &cyclonedx::V1_7, &purls::PurlList, &spdx::SpdxJson, &table::Table];

/// The name of a format and, where there are several, its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatId(Known);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Known {
    CycloneDx15,
    CycloneDx16,
    CycloneDx17,
    Purl,
    Spdx23,
    Table,
}

impl FormatId {
    /// CycloneDX 1.5 JSON.
    pub const CYCLONEDX_JSON_1_5: Self = Self(Known::CycloneDx15);
    /// CycloneDX 1.6 JSON.
    pub const CYCLONEDX_JSON_1_6: Self = Self(Known::CycloneDx16);
    /// CycloneDX 1.7 JSON, the default version.
    pub const CYCLONEDX_JSON_1_7: Self = Self(Known::CycloneDx17);
    /// One purl per line.
    pub const PURL: Self = Self(Known::Purl);
    /// SPDX 2.3 JSON.
    pub const SPDX_JSON_2_3: Self = Self(Known::Spdx23);
    /// The table for people.
    pub const TABLE: Self = Self(Known::Table);

    /// Reads `NAME` or `NAME@VERSION`; without a version the default one is meant.
    ///
    /// # Errors
    /// [`FormatParseError`] lists what there is.
    pub fn parse(text: &str) -> Result<Self, FormatParseError> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let fits = |id: &FormatId| id.name() == name && version.is_none_or(|text| id.version() == Some(text));
        // The newest version stands last in the table.
        ALL.iter().map(|format| format.id()).rfind(fits).ok_or_else(|| FormatParseError::new(text))
    }

    /// The name without the version.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Known::CycloneDx15 | Known::CycloneDx16 | Known::CycloneDx17 => "cyclonedx-json",
            Known::Purl => "purl",
            Known::Spdx23 => "spdx-json",
            Known::Table => "table",
        }
    }

    /// The version of the format's specification.
    pub const fn version(self) -> Option<&'static str> {
        match self.0 {
            Known::CycloneDx15 => Some("1.5"),
            Known::CycloneDx16 => Some("1.6"),
            Known::CycloneDx17 => Some("1.7"),
            Known::Spdx23 => Some("2.3"),
            Known::Purl | Known::Table => None,
        }
    }

    /// The writer.
    pub fn format(self) -> &'static dyn Format {
        match self.0 {
            Known::CycloneDx15 => &cyclonedx::V1_5,
            Known::CycloneDx16 => &cyclonedx::V1_6,
            Known::CycloneDx17 => &cyclonedx::V1_7,
            Known::Purl => &purls::PurlList,
            Known::Spdx23 => &spdx::SpdxJson,
            Known::Table => &table::Table,
        }
    }
}

impl fmt::Display for FormatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        self.version().iter().try_for_each(|version| write!(f, "@{version}"))
    }
}

impl FromStr for FormatId {
    type Err = FormatParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A text that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{text}`: expected one of {known}")]
pub struct FormatParseError {
    text: String,
    known: String,
}

impl FormatParseError {
    fn new(text: &str) -> Self {
        let known: Vec<String> = ALL.iter().map(|format| format!("`{}`", format.id())).collect();
        Self { text: text.chars().take(80).collect(), known: known.join(", ") }
    }
}

/// A document that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write {format}")]
pub struct EncodeError {
    /// The format.
    pub format: FormatId,
    /// What the destination said.
    pub source: io::Error,
}

impl EncodeError {
    pub(crate) fn new(format: FormatId, source: impl Into<io::Error>) -> Self {
        Self { format, source: source.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_names_lead_back_to_it() {
        let ids: Vec<FormatId> = ALL.iter().map(|format| format.id()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        for id in ids {
            assert_eq!(id.to_string().parse::<FormatId>(), Ok(id));
            assert_eq!(id.format().id(), id);
            assert!(id.format().file_suffix().starts_with('.') && !id.format().summary().is_empty());
        }
    }

    #[test]
    fn without_a_version_the_newest_is_meant() {
        assert_eq!(FormatId::parse("cyclonedx-json"), Ok(FormatId::CYCLONEDX_JSON_1_7));
        assert_eq!(FormatId::parse("cyclonedx-json@1.6"), Ok(FormatId::CYCLONEDX_JSON_1_6));
        assert_eq!(FormatId::parse("spdx-json"), Ok(FormatId::SPDX_JSON_2_3));
    }

    #[test]
    fn an_unknown_format_lists_the_known_ones() {
        for text in ["", "cyclonedx", "cyclonedx-json@1.4", "cyclonedx-json@", "table@1", "PURL"] {
            let error = FormatId::parse(text).unwrap_err().to_string();
            assert!(error.contains("`spdx-json@2.3`"), "{text}: {error}");
        }
    }
}

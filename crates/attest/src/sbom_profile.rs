//! Compliance profiles as data: what each asks of a document and of every package in it.
//!
//! A profile never changes once it is published: an SBOM that was right when it was delivered stays right. A new
//! edition is a new row.

use crate::sbom_document::{ComponentFacts, DocumentFacts, Said, SbomComponent, SbomDocument, SbomFormat};

/// A compliance profile.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name in policy files.
    pub name: &'static str,
    /// The document that defines it.
    pub title: &'static str,
    /// The formats that it admits, each with the lowest version; any when empty.
    pub formats: &'static [(SbomFormat, &'static str)],
    /// What it asks for.
    pub rules: &'static [ProfileRule],
}

/// One thing that a profile asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileRule {
    /// What.
    pub field: ProfileField,
    /// Whether the statement that it is not known will do.
    pub unknown_will_do: bool,
}

/// What a profile can ask for, in the words of the minimum elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProfileField {
    /// A format and version that the profile admits.
    Format,
    /// The author of the SBOM: a person or organisation, not a tool.
    Author,
    /// An e-mail address or URL of the author.
    AuthorContact,
    /// When the SBOM was made.
    Timestamp,
    /// The tool that made it.
    ToolName,
    /// The version of the tool.
    ToolVersion,
    /// In which phase of the software's life it was made.
    GenerationContext,
    /// An identifier of this edition of the SBOM: serial number or namespace.
    SbomIdentifier,
    /// What the SBOM describes.
    PrimaryComponent,
    /// Whether the list and its relations are complete.
    Completeness,
    /// The name.
    ComponentName,
    /// The version.
    ComponentVersion,
    /// The supplier.
    Supplier,
    /// Who makes it: manufacturer, originator or supplier.
    Producer,
    /// An e-mail address or URL of who makes it.
    ProducerContact,
    /// An identifier for look-ups: purl, CPE, SWID, SWHID or OmniBOR.
    Identifier,
    /// A hash by an approved algorithm: not MD5, not SHA-1.
    Hash,
    /// The SHA-512 of what is deployed.
    DeployableHash,
    /// A licence.
    Licence,
    /// The licence under which it may be used, as concluded.
    DistributionLicence,
    /// It has a place in the graph of dependencies.
    DependencyRelationship,
    /// The graph says what it depends on, if only nothing.
    Dependencies,
    /// The name of its file.
    FileName,
    /// Whether it is executable.
    Executable,
    /// Whether it is an archive.
    Archive,
    /// Whether its inner structure is kept.
    Structured,
}

const fn must(field: ProfileField) -> ProfileRule {
    ProfileRule { field, unknown_will_do: false }
}

const fn or_unknown(field: ProfileField) -> ProfileRule {
    ProfileRule { field, unknown_will_do: true }
}

/// Every profile, sorted by name.
///
/// The author's signature, which CISA asks for in 2026, is the attestation that carries the SBOM: a rule is looked at
/// only when that has been verified.
pub static PROFILES: &[Profile] = &[
    Profile {
        name: "bsi-tr-03183-2",
        title: "BSI TR-03183-2 v2.1.0, Cyber Resilience Requirements, Software Bill of Materials",
        formats: &[(SbomFormat::CycloneDx, "1.6"), (SbomFormat::Spdx, "3.0.1")],
        rules: &[
            must(ProfileField::Format),
            must(ProfileField::AuthorContact),
            must(ProfileField::Timestamp),
            must(ProfileField::Completeness),
            must(ProfileField::ComponentName),
            must(ProfileField::ComponentVersion),
            must(ProfileField::ProducerContact),
            must(ProfileField::DeployableHash),
            must(ProfileField::DistributionLicence),
            must(ProfileField::Dependencies),
            must(ProfileField::FileName),
            must(ProfileField::Executable),
            must(ProfileField::Archive),
            must(ProfileField::Structured),
        ],
    },
    Profile {
        name: "cisa-2025",
        title: "CISA, Minimum Elements for a Software Bill of Materials, draft of August 2025",
        formats: &[],
        rules: &[
            must(ProfileField::Author),
            must(ProfileField::Timestamp),
            must(ProfileField::ToolName),
            must(ProfileField::GenerationContext),
            must(ProfileField::ComponentName),
            or_unknown(ProfileField::ComponentVersion),
            or_unknown(ProfileField::Producer),
            must(ProfileField::Identifier),
            must(ProfileField::Hash),
            or_unknown(ProfileField::Licence),
            must(ProfileField::DependencyRelationship),
        ],
    },
    Profile {
        name: "cisa-2026",
        title: "CISA, Minimum Elements for a Software Bill of Materials, July 2026",
        formats: &[],
        rules: &[
            must(ProfileField::Format),
            must(ProfileField::Author),
            must(ProfileField::Timestamp),
            must(ProfileField::ToolName),
            must(ProfileField::ToolVersion),
            must(ProfileField::GenerationContext),
            must(ProfileField::SbomIdentifier),
            must(ProfileField::PrimaryComponent),
            must(ProfileField::ComponentName),
            or_unknown(ProfileField::ComponentVersion),
            or_unknown(ProfileField::Producer),
            must(ProfileField::Identifier),
            must(ProfileField::Hash),
            or_unknown(ProfileField::Licence),
            must(ProfileField::Dependencies),
        ],
    },
    Profile {
        name: "ntia-2021",
        title: "NTIA, The Minimum Elements For a Software Bill of Materials, July 2021",
        formats: &[],
        rules: &[
            must(ProfileField::Author),
            must(ProfileField::Timestamp),
            must(ProfileField::ComponentName),
            must(ProfileField::ComponentVersion),
            must(ProfileField::Supplier),
            must(ProfileField::Identifier),
            must(ProfileField::DependencyRelationship),
        ],
    },
];

/// A field that a profile asks for and the SBOM lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileGap {
    /// What is missing.
    pub field: ProfileField,
    /// In how many packages, or 1 for a field of the document.
    pub missing: usize,
    /// Of how many packages, or 1.
    pub of: usize,
    /// The first packages that lack it, at most [`ProfileGap::PACKAGES_MAX`]; none for a field of the document.
    pub packages: Vec<String>,
}

impl ProfileGap {
    /// More packages than these are counted and not named.
    pub const PACKAGES_MAX: usize = 20;

    /// Where the field is missing, in words.
    pub fn place(&self) -> String {
        if self.field.is_of_document() {
            return "the document has none".to_owned();
        }
        let names: Vec<String> = self.packages.iter().map(|name| format!("`{name}`")).collect();
        let rest = self.missing.saturating_sub(names.len());
        let rest = if rest == 0 { String::new() } else { format!(" and {rest} more") };
        format!("{} of {} packages have none: {}{rest}", self.missing, self.of, names.join(", "))
    }
}

impl Profile {
    /// The profile of this name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }

    /// Every gap, in the order of the rules; the error says in words why the bytes are no SBOM that can be read.
    pub fn gaps(&self, json: &[u8]) -> Result<Vec<ProfileGap>, String> {
        SbomDocument::read(json).map(|document| self.gaps_of(&document))
    }

    pub(crate) fn gaps_of(&self, document: &SbomDocument) -> Vec<ProfileGap> {
        self.rules.iter().filter_map(|rule| self.gap(*rule, document)).collect()
    }

    fn gap(&self, rule: ProfileRule, document: &SbomDocument) -> Option<ProfileGap> {
        let field = rule.field;
        if field.is_of_document() {
            let has = match field {
                ProfileField::Format => self.admits(document),
                _ => field.of_document(&document.facts),
            };
            return (!has).then_some(ProfileGap { field, missing: 1, of: 1, packages: Vec::new() });
        }
        let counted = || document.components.iter().filter(|component| !component.facts.is_logical);
        let lacking = counted().filter(|component| !rule.is_met_by(component));
        let missing = lacking.clone().count();
        let named = lacking.take(ProfileGap::PACKAGES_MAX);
        let packages = named.map(|component| component.package.describe()).collect();
        (missing > 0).then(|| ProfileGap { field, missing, of: counted().count(), packages })
    }

    fn admits(&self, document: &SbomDocument) -> bool {
        let lowest = self.formats.iter().find(|(format, _)| *format == document.format);
        match lowest {
            Some((_, lowest)) => numbers(&document.version) >= numbers(lowest),
            None => self.formats.is_empty() && !document.version.is_empty(),
        }
    }
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

impl ProfileRule {
    fn is_met_by(self, component: &SbomComponent) -> bool {
        match self.field.of_component(component) {
            Said::Something => true,
            Said::Unknown => self.unknown_will_do,
            Said::Nothing => false,
        }
    }
}

impl ProfileField {
    /// Whether it is asked once of the document, and not of every package.
    pub fn is_of_document(self) -> bool {
        self < Self::ComponentName
    }

    /// Its name, in lowercase words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Author => "author",
            Self::AuthorContact => "author contact",
            Self::Timestamp => "timestamp",
            Self::ToolName => "tool name",
            Self::ToolVersion => "tool version",
            Self::GenerationContext => "generation context",
            Self::SbomIdentifier => "sbom identifier",
            Self::PrimaryComponent => "primary component",
            Self::Completeness => "completeness",
            Self::ComponentName => "component name",
            Self::ComponentVersion => "component version",
            Self::Supplier => "supplier",
            Self::Producer => "producer",
            Self::ProducerContact => "producer contact",
            Self::Identifier => "identifier",
            Self::Hash => "hash",
            Self::DeployableHash => "deployable hash",
            Self::Licence => "licence",
            Self::DistributionLicence => "distribution licence",
            Self::DependencyRelationship => "dependency relationship",
            Self::Dependencies => "dependencies",
            Self::FileName => "file name",
            Self::Executable => "executable",
            Self::Archive => "archive",
            Self::Structured => "structured",
        }
    }

    fn of_document(self, facts: &DocumentFacts) -> bool {
        match self {
            Self::Author => facts.author,
            Self::AuthorContact => facts.author_contact,
            Self::Timestamp => facts.timestamp,
            Self::ToolName => facts.tool_name,
            Self::ToolVersion => facts.tool_version,
            Self::GenerationContext => facts.generation_context,
            Self::SbomIdentifier => facts.identity,
            Self::PrimaryComponent => facts.primary_component,
            Self::Completeness => facts.completeness,
            _ => false,
        }
    }

    fn of_component(self, component: &SbomComponent) -> Said {
        let facts: &ComponentFacts = &component.facts;
        match self {
            Self::ComponentName => Said::of(Some(&component.package.name)),
            Self::ComponentVersion => facts.version,
            Self::Supplier => facts.supplier,
            Self::Producer => facts.producer,
            Self::ProducerContact => Said::when(facts.producer_contact),
            Self::Identifier => Said::when(facts.identifier),
            Self::Hash => Said::when(facts.approved_hash),
            Self::DeployableHash => Said::when(facts.deployable_sha512),
            Self::Licence => facts.licence,
            Self::DistributionLicence => Said::when(facts.distribution_licence),
            Self::DependencyRelationship => Said::when(facts.in_graph),
            Self::Dependencies => Said::when(facts.has_dependencies),
            Self::FileName => Said::when(facts.file_name),
            Self::Executable => Said::when(facts.executable),
            Self::Archive => Said::when(facts.archive),
            Self::Structured => Said::when(facts.structured),
            _ => Said::Nothing,
        }
    }
}

#[cfg(test)]
#[path = "sbom_profile_tests.rs"]
mod tests;

//! Paragraphs of the status file → packages.

use supercargo_inventory::{Link, LinkKind, Package, Party, Problem, Purl, RequirementKind};

use super::{ID, relations};
use crate::deb822::{Paragraph, paragraphs};
use crate::installed::{self, Budget, ProblemCount};
use crate::{Candidate, Findings, text};

/// Fields that are kept as properties.
const PROPERTIES: &[(&str, &str)] = &[
    ("Section", "dpkg:section"),
    ("Priority", "dpkg:priority"),
    ("Installed-Size", "dpkg:installed-size-kib"),
    ("Essential", "dpkg:essential"),
    ("Multi-Arch", "dpkg:multi-arch"),
];

/// Reads a status file, or one of distroless `status.d`, whose paragraphs carry no state.
pub(super) fn read(file: &Candidate<'_>, content: &str, out: &mut Findings) -> Result<(), Problem> {
    let (mut problems, mut budget) = (ProblemCount::default(), Budget::new(file.limits));
    let mut all = paragraphs(content).filter_map(|paragraph| package(&paragraph).transpose());
    let result = all.try_for_each(|package| {
        match package {
            Ok(package) => {
                budget.spend(&package)?;
                out.package(package);
            }
            Err(problem) => problems.add(out, problem),
        }
        Ok(())
    });
    problems.finish(out);
    result
}

/// The package of a paragraph; `None` when nothing of it is installed.
fn package(paragraph: &Paragraph<'_>) -> Result<Option<Package>, Problem> {
    let state = paragraph.first_line("Status").and_then(|status| status.split_whitespace().nth(2));
    if matches!(state, Some("not-installed" | "config-files")) {
        return Ok(None);
    }
    let name = paragraph.first_line("Package").and_then(text::token);
    let name = name.ok_or_else(|| Problem::malformed("a paragraph without a usable field `Package`"))?;
    let version = paragraph.first_line("Version").and_then(text::token);
    let version = version
        .ok_or_else(|| Problem::malformed(format!("package `{name}` has no usable field `Version`")))?;

    let mut package = Package::new(ID, purl(paragraph, name, version), name);
    package.source = Some(source(paragraph, name, version));
    package.supplier = paragraph.folded("Maintainer").as_deref().and_then(Party::parse);
    package.description = paragraph.first_line("Description").and_then(installed::line);
    package.links = links(paragraph);
    package.requires = requirements(paragraph);
    package.provides = paragraph.folded("Provides").map(|text| relations::names(&text)).unwrap_or_default();
    for (field, property) in PROPERTIES {
        if let Some(value) = paragraph.first_line(field).and_then(installed::line) {
            package.properties.insert((*property).to_owned(), value);
        }
    }
    if let Some(state) = state.filter(|state| *state != "installed") {
        package.properties.insert("dpkg:state".to_owned(), state.to_owned());
    }
    Ok(Some(package))
}

fn purl(paragraph: &Paragraph<'_>, name: &str, version: &str) -> Purl {
    let architecture = paragraph.first_line("Architecture").and_then(text::token).unwrap_or_default();
    let purl = Purl::new("deb", name).version(version).qualifier("arch", architecture);
    match paragraph.first_line("Source") {
        Some(_) => match source(paragraph, name, version) {
            (source, Some(built)) if built != version => {
                purl.qualifier("upstream", format!("{source}@{built}"))
            }
            (source, _) => purl.qualifier("upstream", source),
        },
        None => purl,
    }
}

/// `Source: name (version)`; both default to those of the package.
fn source(paragraph: &Paragraph<'_>, name: &str, version: &str) -> (String, Option<String>) {
    let written = paragraph.first_line("Source").unwrap_or(name);
    let (source, built) = written.split_once('(').unwrap_or((written, ""));
    let built = text::token(built.split(')').next().unwrap_or_default()).unwrap_or(version);
    (text::token(source).unwrap_or(name).to_owned(), Some(built.to_owned()))
}

fn links(paragraph: &Paragraph<'_>) -> Vec<Link> {
    let url = paragraph.first_line("Homepage");
    url.and_then(|url| text::link(LinkKind::Website, url)).into_iter().collect()
}

fn requirements(paragraph: &Paragraph<'_>) -> Vec<supercargo_inventory::Requirement> {
    let fields = [
        ("Pre-Depends", RequirementKind::Runtime),
        ("Depends", RequirementKind::Runtime),
        ("Recommends", RequirementKind::Optional),
        ("Suggests", RequirementKind::Optional),
    ];
    fields
        .into_iter()
        .filter_map(|(field, kind)| Some((paragraph.folded(field)?, kind)))
        .flat_map(|(text, kind)| relations::requirements(&text, kind))
        .collect()
}

//! Paragraphs of the status file → packages.

use supercargo_inventory::{Link, LinkKind, Package, Party, Problem, ProblemKind, Purl, RequirementKind};

use super::{ID, relations};
use crate::deb822::{Paragraph, paragraphs};
use crate::installed::{self, ProblemCount};
use crate::{Candidate, Findings};

/// Fields that are kept as properties.
const PROPERTIES: &[(&str, &str)] = &[
    ("Section", "dpkg:section"),
    ("Priority", "dpkg:priority"),
    ("Installed-Size", "dpkg:installed-size-kib"),
    ("Essential", "dpkg:essential"),
    ("Multi-Arch", "dpkg:multi-arch"),
];

/// Reads a status file, or one of distroless `status.d`, whose paragraphs carry no state.
pub(super) fn read(file: &Candidate<'_>, text: &str, out: &mut Findings) {
    let mut problems = ProblemCount::default();
    let limit = usize::try_from(file.limits.entries_max).unwrap_or(usize::MAX);
    for (position, paragraph) in paragraphs(text).enumerate() {
        if position == limit {
            let message = format!("more than {limit} paragraphs (limit `entries_max`)");
            out.problem(Problem::new(ProblemKind::LimitHit, message));
            break;
        }
        match package(&paragraph) {
            Ok(Some(package)) => out.package(package),
            Ok(None) => {}
            Err(problem) => problems.add(out, problem),
        }
    }
    problems.finish(out);
}

/// The package of a paragraph; `None` when nothing of it is installed.
fn package(paragraph: &Paragraph<'_>) -> Result<Option<Package>, Problem> {
    let state = paragraph.first_line("Status").and_then(|status| status.split_whitespace().nth(2));
    if matches!(state, Some("not-installed" | "config-files")) {
        return Ok(None);
    }
    let name = paragraph.first_line("Package").and_then(installed::token);
    let name = name.ok_or_else(|| Problem::malformed("a paragraph without a usable field `Package`"))?;
    let version = paragraph.first_line("Version").and_then(installed::token);
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
    let architecture = paragraph.first_line("Architecture").and_then(installed::token).unwrap_or_default();
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
    let built = installed::token(built.split(')').next().unwrap_or_default()).unwrap_or(version);
    (installed::token(source).unwrap_or(name).to_owned(), Some(built.to_owned()))
}

fn links(paragraph: &Paragraph<'_>) -> Vec<Link> {
    let url = paragraph.first_line("Homepage").and_then(installed::token);
    url.map(|url| Link { kind: LinkKind::Website, url: url.to_owned() }).into_iter().collect()
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

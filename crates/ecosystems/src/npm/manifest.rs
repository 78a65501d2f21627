//! `package.json` of one package.

use serde_json::{Map, Value};
use supercargo_inventory::{
    LicenseClaim, Link, LinkKind, Package, Party, Problem, Purl, Requirement, RequirementKind, Technique,
};

use crate::{Candidate, sighting, text};

/// Entries of one dependency table.
const DEPENDENCIES_MAX: usize = 10_000;

/// The package that a manifest describes. Name and version are needed; any other field of a wrong type is as if
/// it were not there, which is how npm reads it.
pub(super) fn package(file: &Candidate<'_>) -> Result<Package, Problem> {
    let bytes = file.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file.bytes);
    let manifest: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| Problem::malformed(format!("not a package manifest: {error}")))?;
    let name = string(&manifest, "name").and_then(valid_name).ok_or_else(|| lacks("name"))?;
    let version = string(&manifest, "version").and_then(valid_version).ok_or_else(|| lacks("version"))?;
    let mut package = Package::new(super::ID, purl(name, version), name);
    package.evidence.push(sighting::seen(file.path, "", Technique::ManifestAnalysis));
    package.description = string(&manifest, "description").and_then(text::line);
    package.licenses = licenses(&manifest);
    package.author = manifest.get("author").and_then(person);
    package.links = links(&manifest);
    package.requires = requirements(&manifest);
    Ok(package)
}

/// The purl of a name with or without scope.
pub(super) fn purl(name: &str, version: &str) -> Purl {
    match name.split_once('/') {
        Some((scope, name)) => Purl::new("npm", name).namespace(scope).version(version),
        None => Purl::new("npm", name).version(version),
    }
}

fn lacks(field: &str) -> Problem {
    Problem::malformed(format!("the package manifest has no valid `{field}`"))
}

fn string<'a>(manifest: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    manifest.get(key)?.as_str()
}

/// A name that the registry has ever accepted: characters that need no escape in a URL, at most one scope.
fn valid_name(name: &str) -> Option<&str> {
    let name = text::token(name).filter(|name| name.len() <= 214)?;
    let plain = |part: &str| {
        let safe = |c: char| c.is_ascii_alphanumeric() || "-_.~!'()*".contains(c);
        !part.is_empty() && part != "." && part != ".." && part.chars().all(safe)
    };
    let valid = match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| plain(scope) && plain(name)),
        None => plain(name),
    };
    valid.then_some(name)
}

/// A semantic version, or what old packages have in its place: it has a digit and no odd characters.
fn valid_version(version: &str) -> Option<&str> {
    let version = text::token(version)?.trim_start_matches(['v', '=']);
    let safe = |c: char| c.is_ascii_alphanumeric() || "-+._~".contains(c);
    let starts = version.starts_with(|c: char| c.is_ascii_digit());
    (starts && version.len() <= 256 && version.chars().all(safe)).then_some(version)
}

/// `license` as a text or `{type}`, and the old `licenses` list.
fn licenses(manifest: &Map<String, Value>) -> Vec<LicenseClaim> {
    let one = |value: &Value| {
        let name =
            value.as_str().or_else(|| value.get("type")?.as_str()).or_else(|| value.get("name")?.as_str());
        name.and_then(text::line).map(LicenseClaim::declared)
    };
    let many = |value: &Value| match value {
        Value::Array(values) => values.iter().take(100).filter_map(one).collect(),
        value => one(value).into_iter().collect::<Vec<_>>(),
    };
    let mut claims: Vec<LicenseClaim> =
        ["license", "licenses"].iter().filter_map(|key| manifest.get(*key)).flat_map(many).collect();
    claims.sort();
    claims.dedup();
    claims
}

/// `Name <mail> (url)` or `{name, email, url}`.
fn person(value: &Value) -> Option<Party> {
    let field = |key: &str| value.get(key)?.as_str().and_then(text::line);
    if let Some(line) = value.as_str().and_then(text::line) {
        let (line, url) = match line.split_once('(') {
            Some((line, url)) => {
                (line.to_owned(), text::token(url.trim_end_matches([')', ' '])).map(str::to_owned))
            }
            None => (line, None),
        };
        return Party::parse(&line).map(|party| Party { url, ..party });
    }
    let (email, url) = (field("email"), field("url"));
    let name = field("name").or_else(|| email.clone())?;
    Some(Party { name, email, url, is_person: false })
}

fn links(manifest: &Map<String, Value>) -> Vec<Link> {
    let url = |key: &str| {
        let value = manifest.get(key)?;
        value.as_str().or_else(|| value.get("url")?.as_str())
    };
    let repository = url("repository").map(repository_url);
    let mut links: Vec<Link> = [
        url("homepage").and_then(|url| text::link(LinkKind::Website, url)),
        repository.and_then(|url| text::link(LinkKind::Vcs, &url)),
        url("bugs").and_then(|url| text::link(LinkKind::IssueTracker, url)),
    ]
    .into_iter()
    .flatten()
    .collect();
    links.sort();
    links.dedup();
    links
}

/// `git+https://…` without its prefix, and npm's short forms `owner/name` and `github:owner/name`.
fn repository_url(text: &str) -> String {
    let hosts = [("github:", "github.com"), ("gitlab:", "gitlab.com"), ("bitbucket:", "bitbucket.org")];
    for (prefix, host) in hosts {
        if let Some(path) = text.strip_prefix(prefix) {
            return format!("https://{host}/{path}");
        }
    }
    let is_short = text.matches('/').count() == 1 && !text.contains([':', ' ', '@']);
    if is_short { format!("https://github.com/{text}") } else { text.trim_start_matches("git+").to_owned() }
}

/// The dependency tables. A name that is optional too counts as optional, as npm does.
fn requirements(manifest: &Map<String, Value>) -> Vec<Requirement> {
    let is_optional_peer = |name: &str| {
        let meta = manifest.get("peerDependenciesMeta").and_then(|meta| meta.get(name));
        meta.and_then(|meta| meta.get("optional")).and_then(Value::as_bool) == Some(true)
    };
    let mut requirements = Vec::new();
    for (table, kind) in [
        ("optionalDependencies", RequirementKind::Optional),
        ("dependencies", RequirementKind::Runtime),
        ("peerDependencies", RequirementKind::Runtime),
        ("devDependencies", RequirementKind::Build),
    ] {
        let entries = manifest.get(table).and_then(Value::as_object);
        for (name, range) in entries.into_iter().flatten().take(DEPENDENCIES_MAX) {
            let Some(name) = valid_name(name) else { continue };
            let optional = table == "peerDependencies" && is_optional_peer(name);
            let kind = if optional { RequirementKind::Optional } else { kind };
            let constraint = range.as_str().and_then(text::word).map(text::without_credentials);
            requirements.push(Requirement { any_of: vec![name.to_owned()], constraint, kind });
        }
    }
    first_of_each_name(requirements)
}

fn first_of_each_name(requirements: Vec<Requirement>) -> Vec<Requirement> {
    let mut names = std::collections::BTreeSet::new();
    requirements.into_iter().filter(|requirement| names.insert(requirement.any_of.clone())).collect()
}

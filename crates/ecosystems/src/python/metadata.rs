//! The core metadata of a Python package: headers as in an e-mail.

use supercargo_inventory::{
    ImagePath, LicenseClaim, LicenseSource, LinkKind, Package, Party, Problem, ProblemKind, Purl, Technique,
};

use super::requirement;
use crate::{sighting, text};

/// Bytes of all headers; the description below them may be as long as it likes.
const HEADER_BYTES_MAX: usize = 4 << 20;
/// Bytes of one header that is kept. Licence texts in `License` are shorter.
const VALUE_BYTES_MAX: usize = 128 << 10;
/// Requirements of one package.
const REQUIREMENTS_MAX: usize = 10_000;

/// The package that a `METADATA` or `PKG-INFO` file describes. `inner` is its place inside an archive.
pub(super) fn package(path: &ImagePath, inner: &str, bytes: &[u8]) -> Result<Package, Problem> {
    let headers = Headers::parse(bytes)?;
    let name = headers.first("Name").and_then(text::token).ok_or_else(|| lacks("Name"))?;
    let version = headers.first("Version").and_then(text::token).ok_or_else(|| lacks("Version"))?;
    let purl = Purl::new("pypi", normalized(name)).version(version);
    let mut package = Package::new(super::ID, purl, name);
    package.evidence.push(sighting::seen(path, inner, Technique::ManifestAnalysis));
    package.description = headers.first("Summary").and_then(text::line);
    package.licenses = licenses(&headers);
    package.author = party(&headers, "Author", "Author-email")
        .or_else(|| party(&headers, "Maintainer", "Maintainer-email"));
    add_links(&headers, &mut package);
    let requirements = headers.all("Requires-Dist").filter_map(requirement::parse);
    package.requires.extend(requirements.take(REQUIREMENTS_MAX));
    package.provides.extend(headers.all("Provides-Dist").filter_map(text::word).map(str::to_owned));
    Ok(package)
}

/// The name under which the index and other packages know a project: lowercase, runs of `-`, `_` and `.` one
/// hyphen.
pub(super) fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

fn lacks(header: &str) -> Problem {
    Problem::malformed(format!("the metadata has no valid `{header}`"))
}

/// Headers in order, values with their continuation lines.
struct Headers(Vec<(String, String)>);

impl Headers {
    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut seen = 0;
        for line in bytes.split(|&byte| byte == b'\n') {
            seen += line.len() + 1;
            if seen > HEADER_BYTES_MAX {
                let message = format!("the headers are longer than {HEADER_BYTES_MAX} bytes");
                return Err(Problem::new(ProblemKind::LimitHit, message));
            }
            let line = crate::text::lossy(line.strip_suffix(b"\r").unwrap_or(line));
            if line.is_empty() {
                break;
            }
            if !line.starts_with([' ', '\t']) {
                if let Some((name, value)) = line.split_once(':') {
                    headers.push((name.trim().to_owned(), cut(value.trim())));
                }
            } else if let Some((_, value)) = headers.last_mut().filter(|(_, v)| v.len() < VALUE_BYTES_MAX) {
                value.push('\n');
                value.push_str(&cut(line.trim()));
            }
        }
        Ok(Self(headers))
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(header, _)| header.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty() && *value != "UNKNOWN")
    }

    fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }
}

fn cut(value: &str) -> String {
    if value.len() <= VALUE_BYTES_MAX {
        return value.to_owned();
    }
    value.char_indices().take_while(|(at, _)| *at < VALUE_BYTES_MAX).map(|(_, c)| c).collect()
}

/// The expression where there is one; otherwise the free text and the classifiers.
fn licenses(headers: &Headers) -> Vec<LicenseClaim> {
    if let Some(expression) = headers.first("License-Expression") {
        return vec![LicenseClaim::declared(expression)];
    }
    let mut claims: Vec<LicenseClaim> = headers.first("License").map(license_field).into_iter().collect();
    for classifier in headers.all("Classifier").filter_map(|value| value.strip_prefix("License :: ")) {
        let claim = classifier_claim(classifier);
        let known = |old: &LicenseClaim| old.expression.is_some() && old.expression == claim.expression;
        if !claims.contains(&claim) && !claims.iter().any(known) {
            claims.push(claim);
        }
    }
    claims
}

/// `License` holds a name, an expression or the whole text.
fn license_field(value: &str) -> LicenseClaim {
    if value.contains('\n') { LicenseClaim::from_text(value) } else { LicenseClaim::declared(value) }
}

fn classifier_claim(classifier: &str) -> LicenseClaim {
    let text = classifier.rsplit(" :: ").next().unwrap_or(classifier).to_owned();
    let expression = classifier_expression(&text).map(str::to_owned);
    LicenseClaim { text, expression, source: LicenseSource::Declared }
}

/// The classifiers that name exactly one SPDX licence. `BSD License` and `Apache Software License` do not.
fn classifier_expression(classifier: &str) -> Option<&'static str> {
    Some(match classifier {
        "MIT License" => "MIT",
        "MIT No Attribution License (MIT-0)" => "MIT-0",
        "ISC License (ISCL)" => "ISC",
        "Mozilla Public License 2.0 (MPL 2.0)" => "MPL-2.0",
        "GNU General Public License v2 (GPLv2)" => "GPL-2.0-only",
        "GNU General Public License v2 or later (GPLv2+)" => "GPL-2.0-or-later",
        "GNU General Public License v3 (GPLv3)" => "GPL-3.0-only",
        "GNU General Public License v3 or later (GPLv3+)" => "GPL-3.0-or-later",
        "GNU Lesser General Public License v3 (LGPLv3)" => "LGPL-3.0-only",
        "GNU Lesser General Public License v3 or later (LGPLv3+)" => "LGPL-3.0-or-later",
        "GNU Affero General Public License v3" => "AGPL-3.0-only",
        "GNU Affero General Public License v3 or later (AGPLv3+)" => "AGPL-3.0-or-later",
        "The Unlicense (Unlicense)" => "Unlicense",
        "Boost Software License 1.0 (BSL-1.0)" => "BSL-1.0",
        "Eclipse Public License 2.0 (EPL-2.0)" => "EPL-2.0",
        "zlib/libpng License" => "Zlib",
        _ => return None,
    })
}

/// `Author` names, `Author-email` may name too: `A <a@example.org>, B <b@example.org>`.
fn party(headers: &Headers, name: &str, email: &str) -> Option<Party> {
    let named = headers.first(name).and_then(text::line).and_then(|text| Party::parse(&text));
    let mailed = headers.first(email).and_then(text::line).and_then(|text| {
        let first = text.split_inclusive('>').next().unwrap_or(&text).to_owned();
        Party::parse(&first)
    });
    match (named, mailed) {
        (Some(mut named), Some(mailed)) => {
            let same = mailed.email.as_deref() == Some(&*mailed.name) || mailed.name == named.name;
            named.email = named.email.or(mailed.email.filter(|_| same));
            Some(named)
        }
        (named, mailed) => named.or(mailed),
    }
}

fn add_links(headers: &Headers, package: &mut Package) {
    let plain = [("Home-page", LinkKind::Website), ("Download-URL", LinkKind::Distribution)];
    for (header, kind) in plain {
        package.links.extend(headers.first(header).and_then(|url| text::link(kind, url)));
    }
    for value in headers.all("Project-URL") {
        let Some((label, url)) = value.split_once(',') else { continue };
        package.links.extend(label_kind(label).and_then(|kind| text::link(kind, url)));
    }
    package.links.sort();
    package.links.dedup();
}

/// The well-known labels of project URLs.
fn label_kind(label: &str) -> Option<LinkKind> {
    let plain: String =
        label.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_lowercase();
    Some(match plain.as_str() {
        "homepage" | "home" | "website" => LinkKind::Website,
        "source" | "sourcecode" | "repository" | "code" | "github" => LinkKind::Vcs,
        "issues" | "bugtracker" | "bugs" | "tracker" | "issuetracker" | "bugreports" => {
            LinkKind::IssueTracker
        }
        "documentation" | "docs" => LinkKind::Documentation,
        "download" => LinkKind::Distribution,
        _ => return None,
    })
}

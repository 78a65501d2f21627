//! The module text: one line per module and build setting.

use std::collections::BTreeMap;

use supercargo_content::Limits;
use supercargo_inventory::{ImagePath, Package, PackageKind, Problem, ProblemKind};

use super::build_info::BuildInfo;
use super::{module, settings};
use crate::{Findings, text};

/// A module as one line says it: path, version, sum.
#[derive(Debug, Clone, Default)]
struct Line<'a> {
    path: &'a str,
    version: Option<&'a str>,
    sum: Option<&'a str>,
}

/// A module and what was built in its place.
#[derive(Debug, Default)]
struct Module<'a> {
    is_main: bool,
    named: Line<'a>,
    replacement: Option<Line<'a>>,
}

/// Puts out the main module, the modules it was built with, and the standard library.
pub(super) fn packages(file: &ImagePath, limits: &Limits, info: &BuildInfo, out: &mut Findings) {
    let max = usize::try_from(limits.entries_max).unwrap_or(usize::MAX);
    if info.modules.lines().nth(max).is_some() {
        let message = format!("more than {max} lines of go build information; the rest is ignored");
        out.problem(Problem::new(ProblemKind::LimitHit, message));
    }
    let (modules, settings, package_path) = parse(info.modules.lines().take(max), out);
    for module in modules {
        if let Some(mut package) = module.package(file) {
            if module.is_main {
                package.kind = PackageKind::Application;
                settings::describe(&mut package, &settings, package_path);
            }
            out.package(package);
        }
    }
    out.package(standard_library(file, &info.toolchain));
}

fn parse<'a>(
    lines: impl Iterator<Item = &'a str>,
    out: &mut Findings,
) -> (Vec<Module<'a>>, BTreeMap<String, String>, Option<&'a str>) {
    let (mut modules, mut settings, mut package_path) = (Vec::<Module<'_>>::new(), BTreeMap::new(), None);
    for line in lines {
        let (verb, rest) = line.split_once('\t').unwrap_or((line, ""));
        match verb {
            "path" => package_path = text::token(rest),
            "mod" | "dep" => {
                let is_main = verb == "mod";
                modules.push(Module { is_main, named: Line::parse(rest), replacement: None });
            }
            "=>" => match modules.last_mut() {
                Some(module) => module.replacement = Some(Line::parse(rest)),
                None => out.problem(Problem::malformed("go build information replaces nothing")),
            },
            "build" => settings.extend(settings::parse(rest)),
            // Later toolchains may add lines.
            _ => {}
        }
    }
    (modules, settings, package_path)
}

impl<'a> Line<'a> {
    fn parse(rest: &'a str) -> Self {
        let mut fields = rest.split('\t');
        let path = fields.next().unwrap_or_default();
        let (version, sum) = (fields.next().and_then(text::token), fields.next().and_then(text::token));
        Self { path, version, sum }
    }

    /// Whether a replacement is a folder of the build machine.
    fn is_folder(&self) -> bool {
        self.path.starts_with(['.', '/', '\\']) || self.path.get(1..2) == Some(":")
    }
}

impl Module<'_> {
    /// The code that is in the program: that of the replacement where there is one. Of a replacement by a folder
    /// only the name of the replaced module is known.
    fn package(&self, file: &ImagePath) -> Option<Package> {
        let path = text::token(self.named.path)?;
        match &self.replacement {
            None => Some(self.named.package(file, path)),
            Some(folder) if folder.is_folder() => {
                let mut package = module(file, path, None);
                package.properties.insert("go:replaced-by".into(), folder.path.into());
                package.properties.extend(version_property("go:replaced-version", &self.named));
                Some(package)
            }
            Some(replacement) => {
                let mut package = replacement.package(file, text::token(replacement.path)?);
                let version = self.named.version.map(|version| format!("@{version}")).unwrap_or_default();
                package.properties.insert("go:replaces".into(), format!("{path}{version}"));
                Some(package)
            }
        }
    }
}

impl Line<'_> {
    fn package(&self, file: &ImagePath, path: &str) -> Package {
        let version = self.version.filter(|version| *version != "(devel)");
        let mut package = module(file, path, version);
        // What `go version -m` shows, in a field where it cannot be mistaken for a release.
        package.version = self.version.map(str::to_owned);
        package.properties.extend(self.sum.map(|sum| ("go:h1".to_owned(), sum.to_owned())));
        package
    }
}

fn version_property(key: &str, line: &Line<'_>) -> Option<(String, String)> {
    line.version.map(|version| (key.to_owned(), version.to_owned()))
}

/// The standard library has the version of the toolchain: `go1.22.1 X:boringcrypto` is `1.22.1`.
fn standard_library(file: &ImagePath, toolchain: &str) -> Package {
    let version = toolchain.split_whitespace().next().and_then(|word| word.strip_prefix("go"));
    let release = version.filter(|version| version.starts_with(|c: char| c.is_ascii_digit()));
    let mut package = module(file, "stdlib", release.and_then(text::token));
    if let Some(toolchain) = text::line(toolchain) {
        package.properties.insert("go:toolchain".into(), toolchain);
    }
    package
}

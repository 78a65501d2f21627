//! The build settings of a Go program.

use std::collections::BTreeMap;

use supercargo_inventory::Package;

use crate::text;

/// The settings that say what was built. Flags with paths of the build machine stay out.
const KEPT: &[&str] = &[
    "-buildmode",
    "-compiler",
    "-race",
    "-tags",
    "CGO_ENABLED",
    "GOAMD64",
    "GOARCH",
    "GOARM",
    "GOARM64",
    "GOEXPERIMENT",
    "GOFIPS140",
    "GOOS",
    "vcs",
    "vcs.modified",
    "vcs.revision",
    "vcs.time",
];

/// Reads `key=value`, each plain or quoted as Go source.
pub(super) fn parse(line: &str) -> Option<(String, String)> {
    let (key, rest) = if line.starts_with(['"', '`']) { unquote(line)? } else { plain(line)? };
    let value = rest.strip_prefix('=')?;
    let value = if value.starts_with(['"', '`']) { unquote(value)?.0 } else { value.to_owned() };
    Some((key, value))
}

/// Adds the settings to the main module.
pub(super) fn describe(package: &mut Package, settings: &BTreeMap<String, String>, path: Option<&str>) {
    let kept = KEPT.iter().filter_map(|key| Some((*key, text::word(settings.get(*key)?)?)));
    package.properties.extend(kept.map(|(key, value)| (format!("go:{key}"), value.to_owned())));
    if let Some(path) = path {
        package.properties.insert("go:package".into(), path.to_owned());
    }
    if let Some(version) = settings.get("-ldflags").and_then(|flags| linked_version(flags)) {
        package.properties.insert("go:ldflags-version".into(), version);
    }
}

fn plain(line: &str) -> Option<(String, &str)> {
    let at = line.find('=')?;
    let (key, rest) = line.split_at(at);
    Some((key.to_owned(), rest))
}

/// A quoted text and what follows it. Escapes of single characters are enough for flags.
fn unquote(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        let (value, rest) = raw.split_once('`')?;
        return Some((value.to_owned(), rest));
    }
    let body = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, body.get(at + 1..)?)),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            c => value.push(c),
        }
    }
    None
}

/// The value of `-X path.version=VALUE`; that of package `main` first, then the first one.
fn linked_version(flags: &str) -> Option<String> {
    let words = split_flags(flags);
    let mut found = None;
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let definition = match word.trim_start_matches('-').strip_prefix("X=") {
            Some(definition) if word.starts_with('-') => definition,
            _ if matches!(word, "-X" | "--X") => words.next().unwrap_or_default(),
            _ => continue,
        };
        let Some((variable, value)) = definition.split_once('=') else { continue };
        let name = variable.rsplit('.').next().unwrap_or_default();
        let Some(value) = text::token(value).filter(|_| name.eq_ignore_ascii_case("version")) else {
            continue;
        };
        if variable.starts_with("main.") {
            return Some(value.to_owned());
        }
        found.get_or_insert_with(|| value.to_owned());
    }
    found
}

/// Words as the linker gets them: split at white space, quotes taken off.
fn split_flags(flags: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in flags.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

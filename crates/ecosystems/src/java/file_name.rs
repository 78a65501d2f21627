//! What the name of a jar says: `artifact-version[-classifier].jar`.

/// The extensions of Java archives, in lower case.
const EXTENSIONS: &[&str] =
    &["jar", "war", "ear", "par", "sar", "rar", "jpi", "hpi", "kar", "lpkg", "nar", "aar"];

/// The words that may follow a hyphen and still belong to the version; digits may follow them.
const VERSION_WORDS: &[&str] = &[
    "snapshot",
    "alpha",
    "beta",
    "rc",
    "cr",
    "m",
    "milestone",
    "ga",
    "final",
    "release",
    "jre",
    "android",
    "incubating",
    "pre",
    "preview",
    "b",
    "r",
    "rev",
    "sp",
    "patch",
    "build",
    "hotfix",
    "redhat",
    "ea",
];

/// The parts of a file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileName<'a> {
    /// The name without its extension.
    pub(super) stem: &'a str,
    /// What stands before the version.
    pub(super) artifact: &'a str,
    /// The version.
    pub(super) version: Option<&'a str>,
    /// What stands after it.
    pub(super) classifier: Option<&'a str>,
    /// The extension in lower case.
    pub(super) extension: &'static str,
}

/// Whether a path names a Java archive.
pub(super) fn is_archive(path: &str) -> bool {
    extension(path).is_some()
}

/// Reads the last component of a path; `None` when it is not a Java archive's.
pub(super) fn parse(path: &str) -> Option<FileName<'_>> {
    let (stem, extension) = extension(path)?;
    let (artifact, rest) = split(stem).unwrap_or((stem, ""));
    let (version, classifier) = version_and_classifier(rest);
    Some(FileName { stem, artifact, version, classifier, extension })
}

/// The last component without its extension, and that in lower case. Cheap for the classes that jars are full of.
fn extension(path: &str) -> Option<(&str, &'static str)> {
    let (path, extension) = path.rsplit_once('.')?;
    let extension = EXTENSIONS.iter().find(|known| known.eq_ignore_ascii_case(extension))?;
    let stem = path.rsplit(['/', '\\']).next().filter(|stem| !stem.is_empty())?;
    Some((stem, extension))
}

/// Splits before the version: the first hyphen before a digit such that no word and a further version follow
/// (`log4j-1.2-api-2.20.0` is version 2.20.0 of `log4j-1.2-api`).
fn split(stem: &str) -> Option<(&str, &str)> {
    let starts = stem.match_indices('-').filter(|(at, _)| *at > 0 && starts_with_digit(stem.get(at + 1..)));
    starts
        .filter_map(|(at, _)| Some((stem.get(..at)?, stem.get(at + 1..)?)))
        .find(|(_, rest)| !continues(rest))
}

/// Whether a word that no version has stands before another dotted number.
fn continues(rest: &str) -> bool {
    let mut tokens = rest.split('-').skip_while(|token| is_version_token(token));
    let is_number = |token: &str| starts_with_digit(Some(token)) && token.contains('.');
    tokens.any(is_number)
}

fn version_and_classifier(rest: &str) -> (Option<&str>, Option<&str>) {
    let length: usize =
        rest.split('-').take_while(|token| is_version_token(token)).map(|token| token.len() + 1).sum();
    let version = rest.get(..length.saturating_sub(1)).filter(|version| !version.is_empty());
    let classifier = rest.get(length..).filter(|classifier| !classifier.is_empty());
    (version, classifier)
}

fn is_version_token(token: &str) -> bool {
    let word = token.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_ascii_lowercase();
    starts_with_digit(Some(token)) || VERSION_WORDS.contains(&word.as_str())
}

fn starts_with_digit(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()))
}

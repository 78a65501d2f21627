//! Where trust comes from: a file, a TUF repository through a cache folder, or this build.

use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use supercargo_attest::TrustedRoot;
use supercargo_signing::{HttpOptions, TrustError, TrustMaterial, TufCache, TufMetadata, TufRepository};

use crate::Error;

/// How the trusted root and the signing configuration are found. Plain data.
#[derive(Debug, Clone)]
pub struct TrustSettings {
    /// The repository that they come from.
    pub repository: TufRepository,
    /// The folder for what was verified; each repository gets a folder of its own in it. Without one, nothing is kept.
    pub cache: Option<PathBuf>,
    /// How the repository is reached.
    pub http: HttpOptions,
    /// The time of checking.
    pub now: Timestamp,
}

/// A trusted root, and a signing configuration where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The trusted root, JSON.
    pub trusted_root: Vec<u8>,
    /// The signing configuration, JSON.
    pub signing_config: Option<Vec<u8>>,
    /// Where they come from.
    pub origin: TrustOrigin,
}

/// Where trust comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustOrigin {
    /// Fetched from the repository, just now.
    Repository(TufMetadata),
    /// Kept from an earlier run, verified again.
    Cache(TufMetadata),
    /// Built into this program.
    Embedded,
}

/// What a trusted root trusts: one key or authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustEntry {
    /// `certificate authority`, `certificate log`, `log` or `timestamp authority`.
    pub kind: &'static str,
    /// Its URL.
    pub url: String,
    /// When it began to be valid, as written.
    pub start: Option<String>,
    /// When it ceased, as written.
    pub end: Option<String>,
}

impl TrustSettings {
    /// Fetches from the repository, verifies, and keeps. Needs a network.
    pub fn update(&self) -> Result<Trust, Error> {
        let material = supercargo_signing::refresh(&self.repository, &self.kept(), &self.http, self.now)?;
        Ok(Trust::of(material, TrustOrigin::Repository))
    }

    /// What is at hand without a network: the cache, verified again, or else what is built in.
    ///
    /// A cache that fails its checks is an error and never passed over.
    pub fn at_hand(&self) -> Result<Trust, Error> {
        match supercargo_signing::from_cache(&self.repository, &self.kept(), self.now) {
            Ok(material) => Ok(Trust::of(material, TrustOrigin::Cache)),
            Err(TrustError::NothingKept) => self.embedded().ok_or(Error::Trust(TrustError::NothingKept)),
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches, and takes what is at hand when the repository cannot be reached; then the second value says why.
    ///
    /// An answer that fails its checks is an error.
    pub fn newest(&self) -> Result<(Trust, Option<TrustError>), Error> {
        match self.update() {
            Ok(trust) => Ok((trust, None)),
            Err(Error::Trust(error)) if error.is_unreachable() => match self.at_hand() {
                Ok(trust) => Ok((trust, Some(error))),
                Err(Error::Trust(TrustError::NothingKept)) => Err(error.into()),
                Err(other) => Err(other),
            },
            Err(error) => Err(error),
        }
    }

    fn embedded(&self) -> Option<Trust> {
        let embedded = self.repository.embedded?;
        Some(Trust {
            trusted_root: embedded.trusted_root.into(),
            signing_config: embedded.signing_config.map(Into::into),
            origin: TrustOrigin::Embedded,
        })
    }

    fn kept(&self) -> Arc<dyn TufCache> {
        Arc::new(Folder(self.cache.as_ref().map(|cache| cache.join(folder_name(&self.repository.mirror)))))
    }
}

impl Trust {
    fn of(material: TrustMaterial, origin: impl FnOnce(TufMetadata) -> TrustOrigin) -> Self {
        let TrustMaterial { trusted_root, signing_config, metadata } = material;
        Self { trusted_root, signing_config, origin: origin(metadata) }
    }

    /// The trusted root, checked and ready.
    pub fn root(&self) -> Result<TrustedRoot, Error> {
        trusted_root_of(&self.trusted_root, Path::new("trusted_root.json"))
    }
}

/// Parses a trusted root: one JSON document, or JSON Lines with several, as `gh attestation trusted-root` writes. What
/// any of several trusts is trusted.
///
/// `name` is the file's, for messages.
pub fn trusted_root_of(text: &[u8], name: &Path) -> Result<TrustedRoot, Error> {
    let damaged = |error| Error::document("trusted root", name, error);
    match joined(text) {
        Some(json) => TrustedRoot::from_json(&json).map_err(damaged),
        None => TrustedRoot::from_json(text).map_err(damaged),
    }
}

/// The keys and authorities of a trusted root, in the order of its kinds and then of the file.
pub fn trust_entries(trusted_root: &[u8]) -> Result<Vec<TrustEntry>, Error> {
    let json = joined(trusted_root);
    let json: Value = serde_json::from_slice(json.as_deref().unwrap_or(trusted_root))
        .map_err(|error| Error::document("trusted root", "trusted_root.json", error))?;
    let mut entries = Vec::new();
    for (kind, member) in KINDS {
        let list = json.get(member).and_then(Value::as_array);
        entries.extend(list.into_iter().flatten().map(|entry| trust_entry(kind, entry)));
    }
    Ok(entries)
}

const KINDS: &[(&str, &str)] = &[
    ("certificate authority", "certificateAuthorities"),
    ("certificate log", "ctlogs"),
    ("log", "tlogs"),
    ("timestamp authority", "timestampAuthorities"),
];

fn trust_entry(kind: &'static str, entry: &Value) -> TrustEntry {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let window = entry.pointer("/publicKey/validFor").or_else(|| entry.get("validFor"));
    TrustEntry {
        kind,
        url: text(entry.get("baseUrl").or_else(|| entry.get("uri"))).unwrap_or_default(),
        start: text(window.and_then(|window| window.get("start"))),
        end: text(window.and_then(|window| window.get("end"))),
    }
}

/// Several trusted roots, one a line, as one; `None` when the text is not that, and so is for the parser to judge.
fn joined(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > TrustedRoot::BYTES_MAX {
        return None;
    }
    let lines: Vec<&[u8]> =
        text.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
    if lines.len() < 2 {
        return None;
    }
    let mut roots = lines.into_iter().map(|line| serde_json::from_slice::<Map<String, Value>>(line).ok());
    let mut whole = roots.next()??;
    for root in roots {
        join(&mut whole, root?);
    }
    serde_json::to_vec(&whole).ok()
}

fn join(whole: &mut Map<String, Value>, mut root: Map<String, Value>) {
    for (_, member) in KINDS {
        let Some(Value::Array(more)) = root.remove(*member) else { continue };
        let list = whole.entry(*member).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            let new: Vec<Value> = more.into_iter().filter(|entry| !list.contains(entry)).collect();
            list.extend(new);
        }
    }
}

/// `https://a.example/x` → `https%3A%2F%2Fa.example%2Fx`: one folder, the same on every system.
fn folder_name(mirror: &str) -> String {
    let plain = |at: usize, b: u8| b.is_ascii_alphanumeric() || (at > 0 && matches!(b, b'-' | b'_' | b'.'));
    let encode =
        |(at, b): (usize, u8)| if plain(at, b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    mirror.trim_end_matches('/').bytes().enumerate().map(encode).collect()
}

/// The verified files of one repository:
///
/// ```text
/// CACHE/https%3A%2F%2Ftuf-repo-cdn.sigstore.dev/
/// ├── root.json  timestamp.json  snapshot.json  targets.json
/// ├── root_history/17.root.json
/// ├── targets/trusted_root.json
/// └── complete/files.json             all but the roots, as of the last update that came to its end
/// ```
struct Folder(Option<PathBuf>);

impl Folder {
    fn path(&self, name: &str) -> io::Result<Option<PathBuf>> {
        let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{name}` is no plain name")));
        }
        Ok(self.0.as_ref().map(|folder| folder.join(name)))
    }
}

impl TufCache for Folder {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(path) = self.path(name)? else { return Ok(None) };
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let Some(path) = self.path(name)? else { return Ok(()) };
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let unfinished = folder.join(format!(".{}.{}", std::process::id(), name.replace('/', "-")));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(&unfinished)?;
        file.write_all(bytes)?;
        drop(file);
        fs::rename(&unfinished, &path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(cache: &Path) -> TrustSettings {
        TrustSettings {
            repository: TufRepository::public_good(),
            cache: Some(cache.to_owned()),
            http: HttpOptions::default(),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn without_a_cache_the_embedded_root_is_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        let trust = settings(folder.path()).at_hand().unwrap();
        assert_eq!(trust.origin, TrustOrigin::Embedded);
        trust.root().unwrap();
        let entries = trust_entries(&trust.trusted_root).unwrap();
        assert!(KINDS.iter().all(|(kind, _)| entries.iter().any(|entry| entry.kind == *kind)), "{entries:?}");
        assert!(entries.iter().all(|entry| entry.start.is_some()), "{entries:?}");
    }

    #[test]
    fn a_damaged_cache_is_an_error_and_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let kept = settings.kept();
        kept.store("timestamp.json", b"{}").unwrap();
        assert_eq!(kept.load("timestamp.json").unwrap().as_deref(), Some(&b"{}"[..]));
        assert!(matches!(settings.at_hand(), Err(Error::Trust(_))));
        assert!(kept.store("../x", b"").is_err() && kept.load("/etc/passwd").is_err());
    }

    #[test]
    fn several_roots_on_lines_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let of = |repository| {
            TrustSettings { repository, ..settings(folder.path()) }.at_hand().unwrap().trusted_root
        };
        let one_line = |json: Vec<u8>| serde_json::from_slice::<Value>(&json).unwrap().to_string();
        let (ours, github) =
            (one_line(of(TufRepository::public_good())), one_line(of(TufRepository::github())));
        let lines = format!("{ours}\n{github}\n\n{ours}\n");
        let count = |text: &str| trust_entries(text.as_bytes()).unwrap().len();
        assert_eq!(count(&lines), count(&ours) + count(&github));
        trusted_root_of(lines.as_bytes(), Path::new("roots.jsonl")).unwrap();
        let broken = format!("{ours}\n{{");
        assert!(trusted_root_of(broken.as_bytes(), Path::new("roots.jsonl")).is_err());
    }
}

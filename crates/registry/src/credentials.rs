//! Who we are at a registry: Docker's `config.json`, Podman's `auth.json`, credential helpers.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use supercargo_content::read_bounded;
use tokio::sync::{Mutex, OnceCell};
use zeroize::Zeroizing;

use crate::helper::Helper;
use crate::{AuthOptions, Credential, RegistryError, Secret};

/// The address under which Docker keeps the credentials of Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Finds credentials, reading each file and asking each helper once.
#[derive(Debug)]
pub(crate) struct Credentials {
    options: AuthOptions,
    files: OnceCell<Vec<AuthFile>>,
    helped: Mutex<HashMap<(String, String), Option<Credential>>>,
}

impl Credentials {
    pub(crate) fn new(options: AuthOptions) -> Self {
        Self { options, files: OnceCell::new(), helped: Mutex::new(HashMap::new()) }
    }

    /// The credentials for a repository: what the user gave, then file by file: the host's helper, keys with a
    /// namespace (the longest first), the store of all hosts, the host's own key.
    pub(crate) async fn find(
        &self,
        host: &str,
        repository: &str,
    ) -> Result<Option<Credential>, RegistryError> {
        let keys = keys(host, repository);
        let explicit = &self.options.explicit;
        let given = keys.iter().find_map(|key| explicit.iter().find(|(at, _)| normal(at) == *key));
        if let Some((_, credential)) = given {
            return Ok(Some(credential.clone()));
        }
        for file in self.files().await? {
            if let Some(credential) = self.find_in(file, host, &keys).await? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    async fn find_in(
        &self,
        file: &AuthFile,
        host: &str,
        keys: &[String],
    ) -> Result<Option<Credential>, RegistryError> {
        let own = normal(host);
        if let Some(helper) = file.helpers.get(own) {
            return self.ask(helper, host).await;
        }
        let named = keys.iter().find_map(|key| file.keys.get(key).map(|credential| (key, credential)));
        match (named, &file.store) {
            (Some((key, credential)), _) if key != own => Ok(Some(credential.clone())),
            (named, Some(store)) => {
                Ok(self.ask(store, host).await?.or_else(|| named.map(|(_, credential)| credential.clone())))
            }
            (named, None) => Ok(named.map(|(_, credential)| credential.clone())),
        }
    }

    async fn ask(&self, helper: &str, host: &str) -> Result<Option<Credential>, RegistryError> {
        let server = if normal(host) == normal(HUB) { HUB } else { host };
        let mut helped = self.helped.lock().await;
        let key = (helper.to_owned(), server.to_owned());
        if let Some(known) = helped.get(&key) {
            return Ok(known.clone());
        }
        let folders = self.options.helper_folders.as_slice();
        let found =
            Helper { name: helper, folders, timeout: self.options.helper_timeout }.get(server).await?;
        helped.insert(key, found.clone());
        Ok(found)
    }

    async fn files(&self) -> Result<&[AuthFile], RegistryError> {
        let read = || async {
            let files = self.options.files.iter().filter_map(|path| AuthFile::read(path).transpose());
            let texts = self
                .options
                .texts
                .iter()
                .map(|(name, text)| AuthFile::parse(Path::new(name), text.reveal().as_bytes()));
            files.chain(texts).collect()
        };
        self.files.get_or_try_init(read).await.map(Vec::as_slice)
    }
}

/// What a file says, with normal keys.
#[derive(Debug, Default)]
pub(crate) struct AuthFile {
    keys: BTreeMap<String, Credential>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

impl AuthFile {
    fn read(path: &Path) -> Result<Option<Self>, RegistryError> {
        let bytes = match File::open(path).and_then(|file| read_bounded(file, FILE_BYTES_MAX)) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(path, error.to_string())),
        };
        Self::parse(path, &bytes).map(Some)
    }

    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, RegistryError> {
        // The message of the parser may quote a value, which may be a password.
        let position = |error: serde_json::Error| {
            unreadable(
                path,
                format!("not the JSON that it should be, at line {} column {}", error.line(), error.column()),
            )
        };
        let raw: RawAuthFile = serde_json::from_slice(bytes).map_err(position)?;
        let mut keys = BTreeMap::new();
        for (key, entry) in raw.auths.unwrap_or_default() {
            let bad = || {
                unreadable(
                    path,
                    format!(
                        "`auth` of `{}` is not base64 of `user:password`",
                        crate::error::clean(&key, 160)
                    ),
                )
            };
            if let Some(credential) = entry.credential().ok_or_else(bad)? {
                keys.insert(normal(&key).to_owned(), credential);
            }
        }
        let helpers = raw.cred_helpers.unwrap_or_default();
        let helpers = helpers.into_iter().map(|(key, name)| (normal(&key).to_owned(), name)).collect();
        Ok(Self { keys, helpers, store: raw.creds_store.filter(|store| !store.is_empty()) })
    }

    #[cfg(feature = "fuzzing")]
    pub(crate) fn addresses(&self) -> usize {
        self.keys.len() + self.helpers.len()
    }
}

#[derive(Deserialize)]
struct RawAuthFile {
    auths: Option<BTreeMap<String, RawAuth>>,
    #[serde(rename = "credHelpers")]
    cred_helpers: Option<BTreeMap<String, String>>,
    #[serde(rename = "credsStore")]
    creds_store: Option<String>,
}

#[derive(Deserialize)]
struct RawAuth {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
    registrytoken: Option<Secret>,
}

impl RawAuth {
    /// `None` when damaged, `Some(None)` when empty (Docker leaves empty entries beside a credentials store).
    fn credential(self) -> Option<Option<Credential>> {
        let filled = |secret: Option<Secret>| secret.filter(|secret| !secret.reveal().is_empty());
        if let Some(token) = filled(self.registrytoken) {
            return Some(Some(Credential::RegistryToken(token)));
        }
        if let Some(token) = filled(self.identitytoken) {
            return Some(Some(Credential::IdentityToken(token)));
        }
        if let Some(auth) = filled(self.auth) {
            return decode_pair(&auth).map(Some);
        }
        let user = self.username.filter(|user| !user.is_empty());
        Some(user.zip(filled(self.password)).map(|(user, password)| Credential::Password { user, password }))
    }
}

fn decode_pair(auth: &Secret) -> Option<Credential> {
    let bytes = Zeroizing::new(STANDARD.decode(auth.reveal().trim()).ok()?);
    let (user, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let password = Secret::new(password.trim_end_matches('\0'));
    Some(Credential::Password { user: user.to_owned(), password })
}

/// `host/a/b` → `host/a/b`, `host/a`, `host`.
fn keys(host: &str, repository: &str) -> Vec<String> {
    let whole = format!("{}/{repository}", normal(host));
    let mut ends: Vec<usize> = whole.match_indices('/').map(|(at, _)| at).collect();
    ends.push(whole.len());
    ends.into_iter().rev().filter_map(|end| whole.get(..end).map(str::to_owned)).collect()
}

/// Keys are written as `host`, `https://host`, `host/v1/`; Docker Hub has several names.
fn normal(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    let key = key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key);
    if matches!(key, "index.docker.io" | "registry-1.docker.io") { "docker.io" } else { key }
}

fn unreadable(path: &Path, reason: String) -> RegistryError {
    RegistryError::CredentialFile { file: PathBuf::from(path), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, host: &str, repository: &str) -> Option<Credential> {
        let texts = vec![("config.json".to_owned(), Secret::new(text))];
        let credentials = Credentials::new(AuthOptions { texts, ..AuthOptions::default() });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(credentials.find(host, repository)).unwrap()
    }

    fn user(credential: Option<Credential>) -> Option<String> {
        match credential? {
            Credential::Password { user, password } => Some(format!("{user}:{}", password.reveal())),
            Credential::IdentityToken(token) => Some(format!("identity {}", token.reveal())),
            Credential::RegistryToken(token) => Some(format!("registry {}", token.reveal())),
        }
    }

    #[test]
    fn the_longest_key_wins() {
        let config = r#"{"auths":{"r.example":{"auth":"YTox"},"r.example/team":{"auth":"YjoyOng="},"https://r.example/team/app":{"username":"c","password":"3"}}}"#;
        assert_eq!(user(find(config, "r.example", "other/x")).unwrap(), "a:1");
        assert_eq!(user(find(config, "r.example", "team/x")).unwrap(), "b:2:x");
        assert_eq!(user(find(config, "r.example", "team/app")).unwrap(), "c:3");
        assert_eq!(user(find(config, "r.example", "teamwork/x")).unwrap(), "a:1");
        assert_eq!(find(config, "r.example.evil", "team/x"), None);
    }

    #[test]
    fn docker_hub_is_found_under_its_old_name() {
        let config = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YTox"}}}"#;
        assert_eq!(user(find(config, "docker.io", "library/alpine")).unwrap(), "a:1");
    }

    #[test]
    fn tokens_come_before_passwords_and_empty_entries_are_none() {
        let identity = r#"{"auths":{"r":{"auth":"YTox","identitytoken":"t"}}}"#;
        assert_eq!(user(find(identity, "r", "a")).unwrap(), "identity t");
        let registry = r#"{"auths":{"r":{"registrytoken":"t"}}}"#;
        assert_eq!(user(find(registry, "r", "a")).unwrap(), "registry t");
        assert_eq!(find(r#"{"auths":{"r":{}}}"#, "r", "a"), None);
        assert_eq!(find("{}", "r", "a"), None);
    }

    #[test]
    fn damaged_files_are_errors_that_show_no_content() {
        let whole = r#"{"auths":{"r":{"auth":"YTox"}}}"#;
        for end in 1..whole.len() {
            assert!(AuthFile::parse(Path::new("f"), &whole.as_bytes()[..end]).is_err());
        }
        for text in [r#"{"auths":"hunter2"}"#, r#"{"auths":{"r":{"auth":"hunter2"}}}"#] {
            let error = format!("{:?}", AuthFile::parse(Path::new("f"), text.as_bytes()).unwrap_err());
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

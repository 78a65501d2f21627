//! The only file that reads the environment and the clock. Everything below gets values.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The variables that supercargo looks at.
const NAMES: &[&str] = &[
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ALL_PROXY",
    "BUILDKITE",
    "CIRCLECI",
    "COSIGN_PASSWORD",
    "COSIGN_PKCS11_MODULE_PATH",
    "COSIGN_PKCS11_PIN",
    "DOCKER_CONFIG",
    "GCE_METADATA_HOST",
    "GOOGLE_SERVICE_ACCOUNT_NAME",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "PKCS11_MODULE_PATH",
    "REGISTRY_AUTH_FILE",
    "SIGSTORE_ID_TOKEN",
    "SOURCE_DATE_EPOCH",
    "SPIFFE_ENDPOINT_SOCKET",
    "SUPERCARGO_PASSWORD",
    "TRANSIT_SECRET_ENGINE_PATH",
    "VAULT_ADDR",
    "VAULT_NAMESPACE",
    "VAULT_TOKEN",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
];

/// The environment as it was at the start.
pub(crate) struct Environment(BTreeMap<&'static str, String>);

impl Environment {
    /// Reads the variables; an empty one counts as unset. Proxy variables are read in both cases of letters.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub(crate) fn read() -> Self {
        let read = |name: &&'static str| {
            let lower = name.to_ascii_lowercase();
            let value = std::env::var(name)
                .or_else(|error| if name.ends_with("_PROXY") { std::env::var(lower) } else { Err(error) });
            value.ok().filter(|value| !value.is_empty()).map(|value| (*name, value))
        };
        Self(NAMES.iter().chain(supercargo::CI_VARIABLES).filter_map(read).collect())
    }

    /// A variable's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let is_listed = NAMES.contains(&name) || supercargo::CI_VARIABLES.contains(&name);
        debug_assert!(is_listed, "`{name}` is missing from the list");
        self.0.get(name).map(String::as_str)
    }

    /// `SOURCE_DATE_EPOCH` in seconds; an unreadable value is an error, because ignoring it would silently
    /// break reproducibility.
    pub(crate) fn source_date_epoch(&self) -> Result<Option<i64>, String> {
        let Some(text) = self.get("SOURCE_DATE_EPOCH") else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| format!("SOURCE_DATE_EPOCH is `{text}`: expected seconds since 1970"))
    }

    /// Our folder in the user's cache folder (XDG base directory specification). A relative one is not used.
    pub(crate) fn cache_folder(&self) -> Option<PathBuf> {
        let absolute = |path: PathBuf| path.is_absolute().then_some(path);
        let stated = self.get("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
        let home = || Some(PathBuf::from(self.get("HOME")?).join(".cache"));
        stated.or_else(|| home().and_then(absolute)).map(|folder| folder.join("supercargo"))
    }

    /// Where credentials for registries may stand, in order: Podman's file, then Docker's.
    pub(crate) fn credential_files(&self) -> Vec<PathBuf> {
        let home = self.get("HOME").map(PathBuf::from);
        let podman = self
            .get("REGISTRY_AUTH_FILE")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(self.get("XDG_RUNTIME_DIR")?).join("containers/auth.json")));
        let docker =
            self.get("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".docker")));
        let podman_home = home.map(|home| home.join(".config/containers/auth.json"));
        [podman, podman_home, docker.map(|folder| folder.join("config.json"))].into_iter().flatten().collect()
    }
}

impl Environment {
    /// The folder for what can be fetched again (XDG base directories); `None` without a home.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        let from_home = || Some(PathBuf::from(self.get("HOME")?).join(".cache"));
        let base = self.get("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        Some(base.or_else(from_home)?.join("supercargo"))
    }
}

/// The clock, for what must carry the moment of an action and for what may have expired.
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

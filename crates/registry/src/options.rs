//! Everything that the client is told from outside. It reads no environment and no home folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use supercargo_content::Limits;

use crate::Secret;

/// The settings of a [`RegistryClient`](crate::RegistryClient): plain data with usable defaults.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// The `User-Agent` of every request.
    pub user_agent: String,
    /// The bounds on manifests and attachments.
    pub limits: Limits,
    /// Hosts that are spoken to over plain HTTP: `host:port`, or `host` for each of its ports.
    /// Loopback (`localhost`, 127.0.0.0/8, `::1`) needs no entry.
    pub plain_http_hosts: BTreeSet<String>,
    /// Loopback hosts that are spoken to over TLS all the same.
    pub https_hosts: BTreeSet<String>,
    /// Mirrors by registry host, tried in order before the host. See [`Mirror`].
    pub mirrors: BTreeMap<String, Vec<Mirror>>,
    /// Proxies.
    pub proxy: ProxyOptions,
    /// Certificates.
    pub tls: TlsOptions,
    /// Credentials.
    pub auth: AuthOptions,
    /// How much goes on at once.
    pub concurrency: ConcurrencyOptions,
    /// When to try again.
    pub retry: RetryOptions,
    /// When to stop waiting.
    pub timeouts: TimeoutOptions,
    /// How blobs are sent.
    pub upload: UploadOptions,
    /// How lists of referrers are read and written.
    pub referrers: ReferrersOptions,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("supercargo/", env!("CARGO_PKG_VERSION")).to_owned(),
            limits: Limits::default(),
            plain_http_hosts: BTreeSet::new(),
            https_hosts: BTreeSet::new(),
            mirrors: BTreeMap::new(),
            proxy: ProxyOptions::default(),
            tls: TlsOptions::default(),
            auth: AuthOptions::default(),
            concurrency: ConcurrencyOptions::default(),
            retry: RetryOptions::default(),
            timeouts: TimeoutOptions::default(),
            upload: UploadOptions::default(),
            referrers: ReferrersOptions::default(),
        }
    }
}

/// A place that has copies. It is asked for manifests and blobs only; never for referrers, because most mirrors
/// do not carry them and would say "none"; and nothing is ever written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Host and perhaps port.
    pub host: String,
    /// What stands before the repository there, as in `proxy/docker.io`; may be empty.
    pub prefix: String,
}

/// Proxies, in the meaning of the variables that users know. An empty value is no value.
#[derive(Debug, Clone, Default)]
pub struct ProxyOptions {
    /// `HTTPS_PROXY`: for https hosts.
    pub https_proxy: Option<Secret>,
    /// `HTTP_PROXY`: for plain HTTP hosts.
    pub http_proxy: Option<Secret>,
    /// `NO_PROXY`: names, domains, addresses and networks that are reached directly, with commas. Loopback always is.
    pub no_proxy: Option<String>,
}

/// Certificates, as PEM bytes.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// Authorities to trust beside those of the system: for each file its name (for messages) and its bytes.
    pub extra_authorities: Vec<(String, Vec<u8>)>,
    /// Whether the authorities of the system are left out.
    pub only_extra_authorities: bool,
    /// A client certificate with its chain.
    pub client_certificate: Option<ClientCertificate>,
}

/// A client certificate for mutual TLS.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate and its chain, PEM.
    pub certificate_pem: Vec<u8>,
    /// The key, PEM: PKCS#8, PKCS#1 or SEC1.
    pub key_pem: Secret,
}

/// Where credentials come from. The first source that has some for a repository wins.
#[derive(Debug, Clone)]
pub struct AuthOptions {
    /// Given by the user: `host` or `host/namespace` and what to use there.
    pub explicit: Vec<(String, Credential)>,
    /// Docker's `config.json` and Podman's `auth.json`, by path, in order. A file that does not exist is passed over.
    pub files: Vec<PathBuf>,
    /// The text of further such files, with a name for messages.
    pub texts: Vec<(String, Secret)>,
    /// Folders in which `docker-credential-NAME` is looked for; when empty, the system's search path.
    pub helper_folders: Vec<PathBuf>,
    /// How long a credential helper may take.
    pub helper_timeout: Duration,
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self {
            explicit: Vec::new(),
            files: Vec::new(),
            texts: Vec::new(),
            helper_folders: Vec::new(),
            helper_timeout: Duration::from_secs(30),
        }
    }
}

/// What proves who one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user name and a password (or personal access token).
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// An OAuth2 refresh token, exchanged at the token service (Docker's `identitytoken`).
    IdentityToken(Secret),
    /// A bearer token for the registry itself (Docker's `registrytoken`).
    RegistryToken(Secret),
}

/// How much goes on at once. A download counts until its last byte, so a thread that opens more blobs of one host
/// than are allowed, and reads none of them, waits for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrencyOptions {
    /// Requests in flight, all hosts together. At least 1.
    pub requests_max: usize,
    /// Requests in flight to one host. At least 1.
    pub requests_per_host_max: usize,
}

impl Default for ConcurrencyOptions {
    fn default() -> Self {
        Self { requests_max: 32, requests_per_host_max: 8 }
    }
}

/// When 429, 5xx and failed connections are tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryOptions {
    /// Attempts, the first one included. At least 1.
    pub attempts_max: u32,
    /// The upper end of the first random wait; it doubles with each attempt.
    pub wait_base: Duration,
    /// The longest random wait.
    pub wait_max: Duration,
    /// The longest sum of all waits of one request. A `Retry-After` beyond it is not waited for.
    pub wait_total_max: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            attempts_max: 6,
            wait_base: Duration::from_millis(250),
            wait_max: Duration::from_secs(20),
            wait_total_max: Duration::from_secs(120),
        }
    }
}

/// When to stop waiting for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeoutOptions {
    /// For a connection to stand.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub idle: Duration,
}

impl Default for TimeoutOptions {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), idle: Duration::from_secs(60) }
    }
}

/// How blobs are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadOptions {
    /// Blobs up to this many bytes go in one request.
    pub monolithic_bytes_max: u64,
    /// Bytes of one chunk of larger blobs, unless the registry asks for more; also what an upload holds in memory.
    pub chunk_bytes: u64,
}

impl Default for UploadOptions {
    fn default() -> Self {
        Self { monolithic_bytes_max: 16 << 20, chunk_bytes: 8 << 20 }
    }
}

/// How lists of referrers are read and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferrersOptions {
    /// Pages of one list.
    pub pages_max: usize,
    /// Writes behind a tag (the fallback index, cosign's older tags) before giving up to concurrent writers.
    pub write_rounds_max: u32,
    /// How long an entry behind a tag must have stood before its writer believes that it stays.
    pub settle: Duration,
}

impl Default for ReferrersOptions {
    fn default() -> Self {
        Self { pages_max: 64, write_rounds_max: 40, settle: Duration::from_millis(300) }
    }
}

//! Where a registry is: names to addresses, and which of them go without TLS.

use std::net::IpAddr;

use reqwest::Url;
use supercargo_image::RegistryReference;

use crate::error::clean;
use crate::{RegistryError, RegistryOptions};

/// A repository as the user names it, after its checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Repository {
    pub(crate) host: String,
    pub(crate) name: String,
}

impl Repository {
    /// Checks that host and name cannot change the path or the host of an address.
    pub(crate) fn new(host: &str, name: &str) -> Result<Self, RegistryError> {
        let name_fits = !name.is_empty() && name.len() <= 255 && name.split('/').all(is_path_component);
        let host_fits =
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b));
        if name_fits && host_fits {
            return Ok(Self { host: host.to_owned(), name: name.to_owned() });
        }
        let reason = "host or repository has characters that cannot stand there".to_owned();
        Err(RegistryError::Malformed { what: format!("`{}`", clean(&format!("{host}/{name}"), 160)), reason })
    }

    pub(crate) fn of(reference: &RegistryReference) -> Result<Self, RegistryError> {
        Self::new(&reference.host, &reference.repository)
    }

    pub(crate) fn display(&self) -> String {
        format!("{}/{}", self.host, self.name)
    }
}

fn is_path_component(part: &str) -> bool {
    let alphabet = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    !part.is_empty() && part.bytes().all(alphabet) && part.bytes().any(|b| b.is_ascii_alphanumeric())
}

/// A repository at an address that can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// Under which credentials are kept.
    pub(crate) host: String,
    /// The repository there.
    pub(crate) name: String,
    base: Url,
    /// Whether this is not the registry itself.
    pub(crate) is_mirror: bool,
}

impl Endpoint {
    /// The registry itself.
    pub(crate) fn origin(repository: &Repository, options: &RegistryOptions) -> Result<Self, RegistryError> {
        Self::at(&repository.host, repository.name.clone(), false, options)
    }

    /// The mirrors in order, then the registry itself.
    pub(crate) fn for_reading(
        repository: &Repository,
        options: &RegistryOptions,
    ) -> Result<Vec<Self>, RegistryError> {
        let mirrors = options.mirrors.get(&repository.host).map(Vec::as_slice).unwrap_or_default();
        let places = mirrors.iter().map(|mirror| {
            let prefix = mirror.prefix.trim_matches('/');
            let name = if prefix.is_empty() {
                repository.name.clone()
            } else {
                format!("{prefix}/{}", repository.name)
            };
            Self::at(&mirror.host, name, true, options)
        });
        places.chain([Self::origin(repository, options)]).collect()
    }

    fn at(
        host: &str,
        name: String,
        is_mirror: bool,
        options: &RegistryOptions,
    ) -> Result<Self, RegistryError> {
        Repository::new(host, &name)?;
        let address =
            if matches!(host, "docker.io" | "index.docker.io") { "registry-1.docker.io" } else { host };
        let scheme = if is_plain_http(address, options) { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{address}/v2/{name}/"));
        let base = base.map_err(|error| RegistryError::Malformed {
            what: format!("registry host `{}`", clean(host, 160)),
            reason: error.to_string(),
        })?;
        Ok(Self { host: host.to_owned(), name, base, is_mirror })
    }

    /// The address of `path` below the repository; `path` is made of checked parts only.
    pub(crate) fn url(&self, path: &str) -> Result<Url, RegistryError> {
        let url = Url::parse(&format!("{}{path}", self.base));
        url.map_err(|error| RegistryError::Malformed { what: self.display(), reason: error.to_string() })
    }

    pub(crate) fn scope(&self, actions: &str) -> String {
        format!("repository:{}:{actions}", self.name)
    }

    pub(crate) fn display(&self) -> String {
        format!("{}/{}", self.host, self.name)
    }
}

/// Whether a host is spoken to without TLS: it is loopback or named, and not named the other way.
pub(crate) fn is_plain_http(host: &str, options: &RegistryOptions) -> bool {
    let named = |hosts: &std::collections::BTreeSet<String>| {
        hosts.contains(host) || hosts.contains(without_port(host))
    };
    named(&options.plain_http_hosts) || (is_loopback(host) && !named(&options.https_hosts))
}

/// The same for an address. Only `http` addresses of such hosts are ever asked.
pub(crate) fn may_be_plain(url: &Url, options: &RegistryOptions) -> bool {
    authority(url).is_some_and(|host| is_plain_http(&host, options))
}

/// Host and, where it is not the scheme's, port.
pub(crate) fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn is_loopback(host: &str) -> bool {
    let name = without_port(host);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// `[::1]:5000` → `[::1]`, `host:5000` → `host`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mirror;

    fn options() -> RegistryOptions {
        let mut options = RegistryOptions::default();
        options.plain_http_hosts.insert("plain.example:5000".to_owned());
        options.plain_http_hosts.insert("any.example".to_owned());
        options.https_hosts.insert("127.0.0.1:9".to_owned());
        options
    }

    #[test]
    fn plain_http_is_for_loopback_and_named_hosts_only() {
        let plain = [
            "localhost",
            "localhost:1",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:80",
            "plain.example:5000",
            "any.example:1",
        ];
        let secure = [
            "docker.io",
            "plain.example",
            "plain.example:5001",
            "128.0.0.1:80",
            "127.0.0.1:9",
            "localhost.evil.example",
        ];
        assert!(plain.iter().all(|host| is_plain_http(host, &options())));
        assert!(secure.iter().all(|host| !is_plain_http(host, &options())));
    }

    #[test]
    fn docker_hub_has_another_address() {
        let hub = Repository::new("docker.io", "library/alpine").unwrap();
        let endpoint = Endpoint::origin(&hub, &options()).unwrap();
        assert_eq!(
            endpoint.url("manifests/latest").unwrap().as_str(),
            "https://registry-1.docker.io/v2/library/alpine/manifests/latest"
        );
    }

    #[test]
    fn names_that_would_leave_the_repository_are_refused() {
        for name in ["", "..", "a/../b", "a//b", "a?b", "a#b", "a b", "A", "a/", "a%2f"] {
            assert!(Repository::new("h", name).is_err(), "{name}");
        }
        for host in ["", "a/b", "a@b", "a?b", "a#b", "a b"] {
            assert!(Repository::new(host, "a").is_err(), "{host}");
        }
    }

    #[test]
    fn mirrors_come_first_and_in_order() {
        let mut options = options();
        let mirror = |host: &str, prefix: &str| Mirror { host: host.to_owned(), prefix: prefix.to_owned() };
        options
            .mirrors
            .insert("docker.io".to_owned(), vec![mirror("m.example", "/hub/"), mirror("n.example", "")]);
        let hub = Repository::new("docker.io", "library/a").unwrap();
        let endpoints = Endpoint::for_reading(&hub, &options).unwrap();
        let urls: Vec<_> = endpoints.iter().map(|endpoint| endpoint.url("x").unwrap().to_string()).collect();
        assert_eq!(
            urls,
            [
                "https://m.example/v2/hub/library/a/x",
                "https://n.example/v2/library/a/x",
                "https://registry-1.docker.io/v2/library/a/x",
            ]
        );
    }
}

//! Which services take part in signing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

/// The services that a signature goes to, chosen from a signing configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Services {
    /// The certificate authority (Fulcio), for identities.
    pub certificate_authority: Option<String>,
    /// The issuer of identity tokens (OpenID Connect), for people in front of a browser.
    pub identity_issuer: Option<String>,
    /// The timestamp authorities (RFC 3161), full paths.
    pub timestamp_authorities: Vec<String>,
    /// The transparency logs (Rekor).
    pub logs: Vec<LogService>,
}

/// A transparency log to write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogService {
    /// Its URL.
    pub url: String,
    /// Which protocol it speaks.
    pub version: LogVersion,
}

/// The protocol of a transparency log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogVersion {
    /// Rekor v1: takes the whole envelope (`dsse` 0.0.1).
    V1,
    /// Rekor v2: takes a hash (`hashedrekord` 0.0.2).
    V2,
}

impl Services {
    /// No service at all: a key signs, nothing leaves the house.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether a key can sign with these without a connection.
    pub(crate) fn ask_nobody(&self) -> bool {
        self.logs.is_empty() && self.timestamp_authorities.is_empty()
    }

    /// Sigstore's public-good instance with its Rekor v2 log, as of this build.
    pub fn public_good(now: Timestamp) -> Result<Self, ConfigError> {
        Self::from_signing_config(PUBLIC_GOOD.as_bytes(), now)
    }

    /// Chooses from a `signing_config.json` (protobuf-specs, sigstore_trustroot.proto, `SigningConfig` v0.2).
    ///
    /// Of each kind only the highest version that we speak counts, within its validity at `now`, the newest first
    /// and one per operator; the selector says how many of those.
    pub fn from_signing_config(json: &[u8], now: Timestamp) -> Result<Self, ConfigError> {
        let config: Config =
            serde_json::from_slice(json).map_err(|error| ConfigError::Json(error.to_string()))?;
        if config.media_type != MEDIA_TYPE {
            return Err(ConfigError::MediaType { found: config.media_type.chars().take(160).collect() });
        }
        let one = Selection { selector: Selector::Any, count: 1 };
        let authority = choose("certificate authority", &config.ca_urls, &[1], &one, now)?;
        let issuer = choose("identity issuer", &config.oidc_urls, &[1], &one, now)?;
        let timestamps = choose("timestamp authority", &config.tsa_urls, &[1], &config.tsa_config, now)?;
        let logs =
            choose("transparency log", &config.rekor_tlog_urls, &[2, 1], &config.rekor_tlog_config, now)?;
        let log = |service: &Service| LogService {
            url: service.url.clone(),
            version: if service.major_api_version == 1 { LogVersion::V1 } else { LogVersion::V2 },
        };
        Ok(Self {
            certificate_authority: authority.first().map(|service| service.url.clone()),
            identity_issuer: issuer.first().map(|service| service.url.clone()),
            timestamp_authorities: timestamps.into_iter().map(|service| service.url.clone()).collect(),
            logs: logs.into_iter().map(log).collect(),
        })
    }
}

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// The services of the public-good instance that we sign with; Rekor v2, so that only a hash leaves the house.
pub(crate) const PUBLIC_GOOD: &str = r#"{
  "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
  "oidcUrls": [{"url": "https://oauth2.sigstore.dev/auth", "majorApiVersion": 1,
    "validFor": {"start": "2025-04-16T00:00:00Z"}, "operator": "sigstore.dev"}],
  "caUrls": [{"url": "https://fulcio.sigstore.dev", "majorApiVersion": 1,
    "validFor": {"start": "2022-04-13T20:06:15Z"}, "operator": "sigstore.dev"}],
  "rekorTlogUrls": [{"url": "https://log2025-1.rekor.sigstore.dev", "majorApiVersion": 2,
    "validFor": {"start": "2026-01-01T00:00:00Z"}, "operator": "sigstore.dev"}],
  "rekorTlogConfig": {"selector": "ANY"},
  "tsaUrls": [{"url": "https://timestamp.sigstore.dev/api/v1/timestamp", "majorApiVersion": 1,
    "validFor": {"start": "2025-07-04T00:00:00Z"}, "operator": "sigstore.dev"}],
  "tsaConfig": {"selector": "ANY"}
}"#;

fn choose<'a>(
    kind: &'static str,
    services: &'a [Service],
    versions: &[u32],
    selection: &Selection,
    now: Timestamp,
) -> Result<Vec<&'a Service>, ConfigError> {
    let valid =
        |service: &&Service| versions.contains(&service.major_api_version) && service.valid_for.contains(now);
    let mut eligible: Vec<&Service> = services.iter().filter(valid).collect();
    let highest = eligible.iter().map(|service| service.major_api_version).max();
    eligible.retain(|service| Some(service.major_api_version) == highest);
    eligible.sort_by_key(|service| std::cmp::Reverse(service.valid_for.start));
    let mut operators = BTreeSet::new();
    eligible.retain(|service| service.operator.is_empty() || operators.insert(service.operator.as_str()));
    if eligible.is_empty() && !services.is_empty() {
        return Err(ConfigError::NoneValid { kind, now });
    }
    let found = eligible.len();
    match selection.selector {
        Selector::All => {}
        Selector::Any => eligible.truncate(1),
        Selector::Exact if found < selection.count => {
            return Err(ConfigError::TooFew { kind, expected: selection.count, found });
        }
        Selector::Exact => eligible.truncate(selection.count),
        Selector::Undefined if found == 0 => {}
        Selector::Undefined => return Err(ConfigError::NoSelector { kind }),
    }
    Ok(eligible)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    media_type: String,
    #[serde(default)]
    ca_urls: Vec<Service>,
    #[serde(default)]
    oidc_urls: Vec<Service>,
    #[serde(default)]
    rekor_tlog_urls: Vec<Service>,
    #[serde(default)]
    tsa_urls: Vec<Service>,
    #[serde(default)]
    rekor_tlog_config: Selection,
    #[serde(default)]
    tsa_config: Selection,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    url: String,
    major_api_version: u32,
    #[serde(default)]
    valid_for: Validity,
    #[serde(default)]
    operator: String,
}

#[derive(Deserialize, Default)]
struct Validity {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Validity {
    fn contains(&self, now: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= now) && self.end.is_none_or(|end| now <= end)
    }
}

#[derive(Deserialize, Default)]
struct Selection {
    #[serde(default)]
    selector: Selector,
    #[serde(default)]
    count: usize,
}

/// How many of the services to use. A missing selector means any one, as in the other clients.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Selector {
    #[default]
    Any,
    All,
    Exact,
    #[serde(rename = "SERVICE_SELECTOR_UNDEFINED")]
    Undefined,
}

/// Why a signing configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No JSON of the right shape.
    #[error("not a signing configuration: {0}")]
    Json(String),
    /// JSON of another kind.
    #[error("the media type is `{found}`: expected `{MEDIA_TYPE}`")]
    MediaType {
        /// The media type found.
        found: String,
    },
    /// Services are listed, none of them is valid.
    #[error("no {kind} of the signing configuration is valid at {now} in a version that we speak")]
    NoneValid {
        /// The kind of service.
        kind: &'static str,
        /// The time of checking.
        now: Timestamp,
    },
    /// Fewer services than the configuration itself asks for.
    #[error("too few services of kind {kind}: expected {expected}, found {found}")]
    TooFew {
        /// The kind of service.
        kind: &'static str,
        /// How many are asked for.
        expected: usize,
        /// How many are valid.
        found: usize,
    },
    /// The configuration does not say how many services to use.
    #[error("the signing configuration does not say how many services of kind {kind} to use")]
    NoSelector {
        /// The kind of service.
        kind: &'static str,
    },
    /// An identity needs a certificate authority.
    #[error("the signing configuration lists no certificate authority: an identity cannot sign with it")]
    NoCertificateAuthority,
    /// A certificate needs a trusted time.
    #[error(
        "the signing configuration lists neither a timestamp authority nor a Rekor v1 log: nothing would vouch for the time"
    )]
    NoTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(json: &str, now: &str) -> Result<Services, ConfigError> {
        let text = format!(r#"{{"mediaType":"{MEDIA_TYPE}",{json}}}"#);
        Services::from_signing_config(text.as_bytes(), now.parse().unwrap())
    }

    fn log(url: &str, version: u32, start: &str, operator: &str) -> String {
        format!(
            r#"{{"url":"{url}","majorApiVersion":{version},"validFor":{{"start":"{start}","end":"2030-01-01T00:00:00Z"}},"operator":"{operator}"}}"#
        )
    }

    #[test]
    fn the_public_good_instance_takes_rekor_2() {
        let services = Services::public_good("2026-11-24T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(services.logs[0].version, LogVersion::V2);
        assert_eq!(services.timestamp_authorities.len(), 1);
        assert!(Services::public_good("2020-01-01T00:00:00Z".parse().unwrap()).is_err());
    }

    #[test]
    fn the_highest_version_the_newest_and_one_per_operator() {
        let list = [
            log("one", 1, "2027-01-01T00:00:00Z", "a"),
            log("old", 2, "2020-01-01T00:00:00Z", "a"),
            log("new", 2, "2025-01-01T00:00:00Z", "a"),
            log("other", 2, "2021-01-01T00:00:00Z", "b"),
            log("future", 2, "2029-01-01T00:00:00Z", "c"),
            log("three", 3, "2020-01-01T00:00:00Z", "d"),
        ]
        .join(",");
        let urls = |selection: &str| {
            let json = format!(r#""rekorTlogUrls":[{list}],"rekorTlogConfig":{selection}"#);
            services(&json, "2027-06-01T00:00:00Z")
                .map(|services| services.logs.into_iter().map(|log| log.url).collect::<Vec<_>>())
        };
        assert_eq!(urls(r#"{"selector":"ANY"}"#).unwrap(), ["new"]);
        assert_eq!(urls(r#"{"selector":"ALL"}"#).unwrap(), ["new", "other"]);
        assert_eq!(urls(r#"{"selector":"EXACT","count":2}"#).unwrap(), ["new", "other"]);
        assert_eq!(
            urls(r#"{"selector":"EXACT","count":3}"#),
            Err(ConfigError::TooFew { kind: "transparency log", expected: 3, found: 2 })
        );
        assert!(matches!(
            urls(r#"{"selector":"SERVICE_SELECTOR_UNDEFINED"}"#),
            Err(ConfigError::NoSelector { .. })
        ));
    }

    #[test]
    fn ends_are_inclusive_and_nothing_valid_is_an_error() {
        let json = format!(r#""tsaUrls":[{}]"#, log("tsa", 1, "2020-01-01T00:00:00Z", "a"));
        assert!(services(&json, "2030-01-01T00:00:00Z").is_ok());
        assert!(matches!(services(&json, "2030-01-01T00:00:01Z"), Err(ConfigError::NoneValid { .. })));
        assert_eq!(services(r#""rekorTlogConfig":{}"#, "2026-01-01T00:00:00Z"), Ok(Services::none()));
        assert!(matches!(
            Services::from_signing_config(b"{}", Timestamp::UNIX_EPOCH),
            Err(ConfigError::Json(_))
        ));
    }
}

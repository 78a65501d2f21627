//! Why a TUF repository or its cache is not believed.

use std::error::Error as _;

use jiff::Timestamp;

use crate::{HttpSetupError, ServiceError};

/// Why trust could not be established through a TUF repository: one variant per check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The root that everything else is signed by has expired.
    #[error("the root of trust (version {version}) expired at {expires}, it is now {now}")]
    RootExpired {
        /// The newest version that could be reached.
        version: u64,
        /// When it expired.
        expires: Timestamp,
        /// The time of checking.
        now: Timestamp,
    },
    /// The root to start from is damaged, or not signed by its own keys.
    #[error("the root of trust to start from is not usable: {detail}")]
    Root {
        /// What is wrong with it.
        detail: String,
    },
    /// Metadata is too old: somebody may be holding back newer one.
    #[error(
        "the {role} metadata of the repository expired at {expires}: it is not kept up, or newer one is withheld"
    )]
    Expired {
        /// Which metadata.
        role: String,
        /// When it expired.
        expires: Timestamp,
    },
    /// Metadata is older than what was seen before.
    #[error("the {role} metadata went back: expected version {expected} or newer, found {found}")]
    Rollback {
        /// Which metadata.
        role: String,
        /// The version that was seen before.
        expected: u64,
        /// The version offered.
        found: u64,
    },
    /// A root that does not follow on the one before.
    #[error("the root of trust skips a version: expected {expected}, found {found}")]
    RootVersion {
        /// The version that would follow.
        expected: u64,
        /// The version offered.
        found: u64,
    },
    /// Too few signatures of the right keys.
    #[error(
        "the {role} metadata is not signed well enough: expected {expected} valid signatures, found {found}"
    )]
    Signatures {
        /// Which metadata.
        role: String,
        /// How many are needed.
        expected: usize,
        /// How many different keys signed.
        found: usize,
    },
    /// A file is not the one that the metadata above it names.
    #[error("a file of the repository is not the one that its metadata names: {detail}")]
    Mismatch {
        /// Which, and how.
        detail: String,
    },
    /// Metadata that cannot be read.
    #[error("metadata of the repository is damaged: {detail}")]
    Malformed {
        /// What the reader says.
        detail: String,
    },
    /// The repository has no such target.
    #[error("the repository lists no `{name}`: it is not a Sigstore repository")]
    NoTarget {
        /// The name of the target.
        name: &'static str,
    },
    /// The repository lists a file and does not have it.
    #[error("the repository or cache lacks a file: {detail}")]
    Missing {
        /// Which.
        detail: String,
    },
    /// The repository cannot be reached, or refuses.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// The cache is empty.
    #[error("nothing has been fetched from the repository yet")]
    NothingKept,
    /// The cache cannot be read.
    #[error("the cache of trust cannot be used: {detail}")]
    Cache {
        /// Which file and why.
        detail: String,
    },
}

impl TrustError {
    /// Whether nobody could be asked, as opposed to an answer that is wrong.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Service(_) | Self::NothingKept | Self::Http(_))
    }

    /// The next step for a user, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::RootExpired { .. } => Some(
                "`supercargo trust update` fetches newer roots; where the repository has none, take a newer supercargo, or give `--tuf-root FILE` or `--trusted-root FILE`",
            ),
            Self::NothingKept => Some("`supercargo trust update` fetches it"),
            Self::Expired { .. } => {
                Some("check the clock of this machine and the mirror; `--trusted-root FILE` goes without")
            }
            _ => None,
        }
    }

    pub(crate) fn of_root(error: sigstore_tuf::Error) -> Self {
        Self::Root { detail: chain(&error) }
    }

    pub(crate) fn of(error: sigstore_tuf::Error) -> Self {
        use sigstore_tuf::Error;
        match error {
            Error::Expired { role, expires } => Self::Expired { role, expires },
            Error::Rollback { role, trusted, new } => Self::Rollback { role, expected: trusted, found: new },
            Error::BadRootVersion { trusted, new } => {
                Self::RootVersion { expected: trusted.saturating_add(1), found: new }
            }
            Error::ThresholdNotMet { role, found, threshold } => {
                Self::Signatures { role, expected: threshold, found }
            }
            Error::IntegrityMismatch(detail) => Self::Mismatch { detail: short(&detail) },
            Error::Io { .. } => Self::Cache { detail: chain(&error) },
            Error::Transport { message, source } => {
                match source.map(|source| source.downcast::<ServiceError>()) {
                    Some(Ok(service)) => Self::Service(*service),
                    _ => Self::Missing { detail: short(&message) },
                }
            }
            other => Self::Malformed { detail: chain(&other) },
        }
    }
}

/// An error with what caused it, on one line.
fn chain(error: &sigstore_tuf::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    short(&text)
}

/// The text may quote the repository.
fn short(text: &str) -> String {
    text.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

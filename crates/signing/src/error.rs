//! Why nothing was signed.

use std::fmt;

use supercargo_attest::{BundleError, StatementError, VerifyError};

use crate::{ConfigError, HttpSetupError, KeyError, LoginError, TokenError};

/// Why nothing was signed. Never carries a token, a password or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The identity token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The login of a person.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// A program of the build machine gave no token.
    #[error("`{program}`, which gives identity tokens on this build machine, {detail}")]
    AmbientProgram {
        /// The program.
        program: String,
        /// What went wrong.
        detail: String,
    },
    /// The signing configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What is to be signed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// A service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The bundle that came out is not one that we would accept.
    #[error("the new bundle is not acceptable: {0}")]
    Bundle(#[from] BundleError),
    /// The bundle that came out does not verify, so it is not given out.
    #[error("the new bundle does not verify: {0}")]
    Verify(#[from] VerifyError),
    /// The log does not take signatures of this kind of key.
    #[error(
        "the transparency log takes no signature of this {algorithm} key: leave the log out with `--no-log`, or use an ECDSA P-256 key"
    )]
    KeyForLog {
        /// The kind of key.
        algorithm: supercargo_attest::PublicKeyAlgorithm,
    },
    /// The older layout needs what only a Rekor v1 log or, for signatures, a timestamp gives.
    #[error(
        "the layout `legacy` proves the time of a certificate by a promise of a Rekor v1 log{or_timestamp}, and the services give none: use `--layout bundle`, or a key"
    )]
    NoPromise {
        /// ` or a timestamp`, or nothing.
        or_timestamp: &'static str,
    },
    /// Services took part and there is no trusted root to check them with.
    #[error(
        "a log, a timestamp or a certificate takes part: expected a trusted root to verify the bundle with, found none"
    )]
    TrustedRootMissing,
}

/// A service that refused, or could not be reached or understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {service} at `{url}` {fault}")]
pub struct ServiceError {
    /// Which service.
    pub service: ServiceKind,
    /// The URL of the request.
    pub url: String,
    /// What went wrong.
    pub fault: Fault,
}

impl ServiceError {
    pub(crate) fn new(service: ServiceKind, url: &str, fault: Fault) -> Self {
        Self { service, url: url.split('?').next().unwrap_or_default().to_owned(), fault }
    }

    /// Whether the same request may succeed a little later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.fault, Fault::Unreachable { .. } | Fault::Status { status: 429 | 502 | 503 | 504, .. })
    }
}

/// The services that take part in signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceKind {
    /// Fulcio.
    CertificateAuthority,
    /// RFC 3161.
    TimestampAuthority,
    /// Rekor.
    Log,
    /// The issuer of identity tokens.
    TokenIssuer,
    /// The TUF repository that trust comes from.
    TrustRepository,
    /// The service that holds a key.
    KeyService,
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CertificateAuthority => "certificate authority",
            Self::TimestampAuthority => "timestamp authority",
            Self::Log => "transparency log",
            Self::TokenIssuer => "token issuer",
            Self::TrustRepository => "trust repository",
            Self::KeyService => "key service",
        })
    }
}

/// What went wrong with a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The URL is none.
    #[error("has no usable URL: {0}")]
    Url(String),
    /// Plain HTTP to a host that is neither loopback nor named.
    #[error("is reached by plain HTTP, which only loopback and hosts named for it may be")]
    PlainHttp,
    /// No connection, or it broke.
    #[error("cannot be reached: {}", .causes.join(": "))]
    Unreachable {
        /// The error and its causes, outermost first.
        causes: Vec<String>,
    },
    /// The service refused.
    #[error("answered {status}: {message}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// What it said, at most 600 characters.
        message: String,
    },
    /// The answer is too long.
    #[error("answered with more than {max} bytes")]
    AnswerTooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// The answer makes no sense.
    #[error("gave an answer that is not understood: {0}")]
    Answer(String),
}

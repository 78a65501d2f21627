//! Why nobody was logged in.

/// Why a login gave no token. Never carries a code or token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The discovery document makes no sense.
    #[error("the issuer `{issuer}` has no discovery document that is understood")]
    Discovery {
        /// The issuer.
        issuer: String,
    },
    /// The issuer does not offer this way to log in.
    #[error("the issuer `{issuer}` offers no `{endpoint}`: log in another way")]
    NoEndpoint {
        /// The issuer.
        issuer: String,
        /// What it lacks.
        endpoint: &'static str,
    },
    /// Somebody else than the issuer answered.
    #[error("issuer mismatch at login: expected `{expected}`, found `{found}`")]
    Issuer {
        /// Who was asked.
        expected: String,
        /// Who answered.
        found: String,
    },
    /// The token is for another program.
    #[error("the identity token is not for `{expected}`")]
    Audience {
        /// The program that it should be for.
        expected: String,
    },
    /// The token answers another login.
    #[error("the identity token is not the answer to this login: its nonce differs")]
    Nonce,
    /// The issuer, or the person, said no.
    #[error("the login was refused: {error}")]
    Refused {
        /// The error code (RFC 6749, sections 4.1.2.1 and 5.2).
        error: String,
    },
    /// The person took too long.
    #[error("nobody logged in within {seconds} s")]
    TimedOut {
        /// How long was waited.
        seconds: u64,
    },
    /// No port of loopback can be had.
    #[error("failed to wait for the browser on a port of loopback: {detail}")]
    Listen {
        /// The system's words.
        detail: String,
    },
    /// The system gives no random numbers.
    #[error("the system's random numbers failed")]
    Random,
}

//! Why a policy file is refused.

use crate::{ExpressionError, KeySetError, PatternError, PredicateType, PredicateTypeError, RegoError};

/// Why a file is not a policy that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileError {
    /// Longer than the limit.
    #[error("longer than the limit of {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// No TOML of the right shape.
    #[error("not a policy: {0}")]
    Toml(String),
    /// No requirement, or too many.
    #[error("expected 1 to {max} requirements, found {found}")]
    Count {
        /// The limit.
        max: usize,
        /// How many there are.
        found: usize,
    },
    /// Two requirements share a name.
    #[error("two requirements are named `{name}`")]
    Name {
        /// The name.
        name: String,
    },
    /// A predicate type cannot be read.
    #[error("requirement `{name}`: {source}")]
    PredicateType {
        /// The requirement.
        name: String,
        /// The cause.
        source: PredicateTypeError,
    },
    /// A signer is neither a key nor an identity with its issuer.
    #[error(
        "requirement `{name}`: expected each signer to be a `key`, or an `identity` with its `issuer`; {detail}"
    )]
    Signer {
        /// The requirement.
        name: String,
        /// What is wrong.
        detail: &'static str,
    },
    /// A key cannot be used.
    #[error("requirement `{name}`: {source}")]
    Key {
        /// The requirement.
        name: String,
        /// The cause.
        source: KeySetError,
    },
    /// A pattern cannot be used.
    #[error("requirement `{name}`: {source}")]
    Pattern {
        /// The requirement.
        name: String,
        /// The cause.
        source: PatternError,
    },
    /// More signers are needed than are named.
    #[error("requirement `{name}`: a threshold of {threshold} can never be met by {signers} signers")]
    Threshold {
        /// The requirement.
        name: String,
        /// How many are needed.
        threshold: usize,
        /// How many are named.
        signers: usize,
    },
    /// An age cannot be read.
    #[error("requirement `{name}`: `{found}` is not an age, such as `12h` or `90d`")]
    Age {
        /// The requirement.
        name: String,
        /// What stands there.
        found: String,
    },
    /// Two rules of a requirement share a name.
    #[error("requirement `{name}`: two rules are named `{rule}`")]
    RuleName {
        /// The requirement.
        name: String,
        /// The rule.
        rule: String,
    },
    /// A digest cannot be read.
    #[error("requirement `{name}`: `{found}` is not a digest, such as `sha256:…`")]
    Digest {
        /// The requirement.
        name: String,
        /// What stands there.
        found: String,
    },
    /// A resource URI is not given in exactly one way.
    #[error("requirement `{name}`: expected either `resource-uri` or `resource-uri-pattern`")]
    ResourceUri {
        /// The requirement.
        name: String,
    },
    /// A compliance profile is not known.
    #[error("requirement `{name}`: there is no profile `{found}`; there are {known}")]
    Profile {
        /// The requirement.
        name: String,
        /// What stands there.
        found: String,
        /// Those that there are.
        known: String,
    },
    /// An expression cannot be used.
    #[error("requirement `{name}`, expression `{rule}`, {source}")]
    Expression {
        /// The requirement.
        name: String,
        /// The rule.
        rule: String,
        /// The place and the cause.
        source: Box<ExpressionError>,
    },
    /// A Rego module cannot be used.
    #[error("requirement `{name}`, rego `{rule}`: {source}")]
    Rego {
        /// The requirement.
        name: String,
        /// The rule.
        rule: String,
        /// The cause.
        source: RegoError,
    },
    /// Rules that do not fit the predicate type.
    #[error("requirement `{name}`: `{rules}` rules say nothing about {predicate_type}")]
    Rules {
        /// The requirement.
        name: String,
        /// `slsa`, `sbom` or `vsa`.
        rules: &'static str,
        /// The predicate type.
        predicate_type: PredicateType,
    },
}

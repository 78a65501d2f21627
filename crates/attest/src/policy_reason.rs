//! Why a statement with a good signature does not satisfy a policy: one variant per rule.

use jiff::{SignedDuration, Timestamp};

use crate::{ExpressionReason, ProfileGap, RegoReason, SummaryReason};

/// One unsatisfied rule, with what was expected and found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyReason {
    /// The signature was made too long ago.
    #[error("age: expected a signature of the last {}, found one of {signed}", hours(max_age))]
    TooOld {
        /// The largest age.
        max_age: SignedDuration,
        /// When it was made.
        signed: Timestamp,
    },
    /// Nobody vouches for the time of the signature.
    #[error("age: expected a signature of the last {}, found one without a trusted time", hours(max_age))]
    NoSigningTime {
        /// The largest age.
        max_age: SignedDuration,
    },
    /// The predicate cannot be read as what its type says.
    #[error("predicate: expected {expected}, found: {found}")]
    Predicate {
        /// What its type says.
        expected: &'static str,
        /// What the reader says.
        found: String,
    },
    /// The builder is not one of the trusted ones.
    #[error("builder: expected one of {expected}, found `{found}`")]
    Builder {
        /// The trusted builders.
        expected: String,
        /// The one in the provenance.
        found: String,
    },
    /// The builder gives less than is asked for.
    #[error("level: expected {expected} or more, found {found} (of builder `{builder}`)")]
    Level {
        /// The lowest level.
        expected: u8,
        /// The builder's.
        found: u8,
        /// The builder.
        builder: String,
    },
    /// The build is of another type.
    #[error("build type: expected one of {expected}, found `{found}`")]
    BuildType {
        /// The types asked for.
        expected: String,
        /// The one in the provenance.
        found: String,
    },
    /// It was built from another repository.
    #[error("source repository: expected `{expected}`, found `{found}`")]
    SourceRepository {
        /// The repository asked for.
        expected: String,
        /// The one in the provenance.
        found: String,
    },
    /// It was built from another ref.
    #[error("source ref: expected `{expected}`, found `{found}`")]
    SourceRef {
        /// The ref asked for.
        expected: String,
        /// The one in the provenance.
        found: String,
    },
    /// It was built by another workflow.
    #[error("workflow: expected `{expected}`, found `{found}`")]
    Workflow {
        /// The workflow asked for.
        expected: String,
        /// The one in the provenance.
        found: String,
    },
    /// A parameter of the build has another value.
    #[error("external parameter `{name}`: expected {expected}, found {found}")]
    ExternalParameter {
        /// The parameter.
        name: String,
        /// The value asked for, JSON.
        expected: String,
        /// The value in the provenance, JSON, or `none`.
        found: String,
    },
    /// A parameter that the policy does not know.
    #[error("external parameter `{name}`: expected none of that name, found one")]
    UnknownParameter {
        /// The parameter.
        name: String,
    },
    /// A licence that is forbidden.
    #[error(
        "licence: expected none that matches `{expected}` and has no other choice, found `{found}` in `{package}`"
    )]
    Licence {
        /// The rule.
        expected: String,
        /// The licence.
        found: String,
        /// The package.
        package: String,
    },
    /// A package that is forbidden.
    #[error("package: expected none that matches `{expected}`, found `{found}`")]
    Package {
        /// The rule.
        expected: String,
        /// The package.
        found: String,
    },
    /// A package lacks a field.
    #[error(
        "field `{field}`: expected it in every package, found {missing} without, the first is `{package}`"
    )]
    Field {
        /// The field.
        field: &'static str,
        /// How many lack it.
        missing: usize,
        /// The first of them.
        package: String,
    },
    /// There are fewer packages than asked for.
    #[error("packages: expected {expected} or more, found {found}")]
    PackagesTooFew {
        /// The smallest number.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A rule was broken more often than is listed.
    #[error("{rule}: {count} more")]
    More {
        /// The rule.
        rule: &'static str,
        /// How often.
        count: usize,
    },
    /// A compliance profile asks for a field that is missing.
    #[error("profile `{profile}`: expected `{}`, found that {}", gap.field.as_str(), gap.place())]
    Profile {
        /// The profile.
        profile: &'static str,
        /// What is missing, and where.
        gap: ProfileGap,
    },
    /// A verification summary does not do.
    #[error(transparent)]
    Summary(SummaryReason),
    /// A CEL expression is not true.
    #[error("expression `{rule}`: {reason}")]
    Expression {
        /// The name of the rule.
        rule: String,
        /// Why.
        reason: ExpressionReason,
    },
    /// A Rego module does not allow it.
    #[error("rego `{rule}`: {reason}")]
    Rego {
        /// The name of the rule.
        rule: String,
        /// Why.
        reason: RegoReason,
    },
}

impl PolicyReason {
    /// The rule, in lowercase words.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::TooOld { .. } | Self::NoSigningTime { .. } => "max age",
            Self::Predicate { .. } => "predicate",
            Self::Builder { .. } => "builder",
            Self::Level { .. } => "level",
            Self::BuildType { .. } => "build type",
            Self::SourceRepository { .. } => "source repository",
            Self::SourceRef { .. } => "source ref",
            Self::Workflow { .. } => "workflow",
            Self::ExternalParameter { .. } | Self::UnknownParameter { .. } => "external parameters",
            Self::Licence { .. } => "licence",
            Self::Package { .. } => "package",
            Self::Field { .. } => "field",
            Self::PackagesTooFew { .. } => "packages",
            Self::More { rule, .. } => rule,
            Self::Profile { .. } => "profile",
            Self::Summary(reason) => reason.rule(),
            Self::Expression { .. } => "expression",
            Self::Rego { .. } => "rego",
        }
    }
}

pub(crate) fn hours(age: &SignedDuration) -> String {
    match age.as_hours() {
        hours if hours != 0 && hours % 24 == 0 => format!("{} days", hours / 24),
        0 => format!("{} minutes", age.as_mins()),
        hours => format!("{hours} hours"),
    }
}

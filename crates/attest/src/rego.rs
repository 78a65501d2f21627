//! Rules in Rego v1, the language of Open Policy Agent. Built only with the feature `rego`; without it a policy that has
//! such rules is an error.
//!
//! A module belongs to the package `supercargo`. Its `input` is an object with `predicate` (the JSON of the predicate; of
//! an SBOM that a tool has wrapped, the SBOM itself), `predicateType`, `subject` (a list of `name` and `digest`), `signer`
//! (`key`, or `identity`, `issuer` and `claims`), `signingTime` (RFC 3339, or null when nobody vouches for one) and `now`.
//! Of its rules, `deny` is a set or list of texts, each a reason to refuse, and `allow` must be true; a module has at
//! least one of the two.

use crate::expression_input::{Input, InputError};

/// A named module in Rego.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegoModule {
    /// What people call it; unique in its requirement.
    pub name: String,
    source: String,
    has_allow: bool,
    has_deny: bool,
}

impl RegoModule {
    /// The longest module, in bytes.
    pub const BYTES_MAX: usize = 64 * 1_024;
    /// How long an evaluation may take, in seconds.
    pub const SECONDS_MAX: u64 = 10;
    /// More reasons of one module are counted and not listed.
    pub const REASONS_MAX: usize = 100;
    /// The package of every module.
    pub const PACKAGE: &'static str = "supercargo";

    /// Reads a module.
    pub fn read(name: &str, source: &str) -> Result<Self, RegoError> {
        if source.len() > Self::BYTES_MAX {
            return Err(RegoError::TooLong { max: Self::BYTES_MAX });
        }
        // What these make depends on numbers in the document, or on chance, and is not bounded.
        const FORBIDDEN: [&str; 2] = ["numbers.range", "rand.intn"];
        if let Some(&function) = FORBIDDEN.iter().find(|function| source.contains(**function)) {
            return Err(RegoError::Forbidden { function });
        }
        let (has_allow, has_deny) = engine::declared(source)?;
        if !has_allow && !has_deny {
            return Err(RegoError::Rules);
        }
        Ok(Self { name: name.to_owned(), source: source.to_owned(), has_allow, has_deny })
    }

    /// The module as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Every reason why the module refuses `input`.
    pub(crate) fn check(&self, input: &Input<'_>) -> Vec<RegoReason> {
        match engine::evaluate(self, input) {
            Ok(reasons) => reasons,
            Err(reason) => vec![reason],
        }
    }
}

/// What the rules `allow` and `deny` gave.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    is_allowed: bool,
    denials: Vec<String>,
}

impl RegoModule {
    fn reasons(&self, outcome: Outcome) -> Vec<RegoReason> {
        let mut reasons = Vec::new();
        if self.has_allow && !outcome.is_allowed {
            reasons.push(RegoReason::NotAllowed);
        }
        let count = outcome.denials.len();
        let listed = outcome.denials.into_iter().take(Self::REASONS_MAX);
        reasons.extend(listed.map(|message| RegoReason::Denied { message }));
        if count > Self::REASONS_MAX {
            reasons.push(RegoReason::More { count: count - Self::REASONS_MAX });
        }
        reasons
    }
}

#[cfg(feature = "rego")]
mod engine {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use regorus::utils::limits::ExecutionTimerConfig;
    use regorus::{Engine, Value};

    use super::{Outcome, RegoError, RegoModule, RegoReason};
    use crate::expression_input::Input;
    use crate::isolated::isolated;

    const FILE: &str = "policy.rego";

    /// Whether the module has `allow` and `deny`. What is there is compiled.
    pub(super) fn declared(source: &str) -> Result<(bool, bool), RegoError> {
        isolated(|| {
            let mut engine = with_module(source)?;
            let mut has = |name: &str| -> Result<bool, RegoError> {
                // Rules are named here as the module names them, without its package.
                let is_there =
                    engine.has_declared_rule_rooted_at(FILE, name).map_err(|error| syntax(&error))?;
                if is_there {
                    engine.compile_with_entrypoint(&path(name).into()).map_err(|error| syntax(&error))?;
                }
                Ok(is_there)
            };
            Ok((has("allow")?, has("deny")?))
        })
        .unwrap_or(Err(RegoError::Evaluator))
    }

    fn path(rule: &str) -> String {
        format!("data.{}.{rule}", RegoModule::PACKAGE)
    }

    fn with_module(source: &str) -> Result<Engine, RegoError> {
        let mut engine = Engine::new();
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: Duration::from_secs(RegoModule::SECONDS_MAX),
            check_interval: NonZeroU32::MIN.saturating_add(255),
        });
        let package =
            engine.add_policy(FILE.to_owned(), source.to_owned()).map_err(|error| syntax(&error))?;
        match package.strip_prefix("data.") {
            Some(RegoModule::PACKAGE) => Ok(engine),
            found => Err(RegoError::Package { found: found.unwrap_or_default().chars().take(200).collect() }),
        }
    }

    /// The place and what the compiler says, in one line: `policy.rego:3:5: expecting …`.
    fn syntax(error: &impl ToString) -> RegoError {
        RegoError::Syntax { detail: one_line(&error.to_string()) }
    }

    /// The compiler draws the line of the module and an arrow; the place and the words are kept.
    fn one_line(text: &str) -> String {
        let place = text.lines().find_map(|line| line.trim().strip_prefix("--> "));
        let words = text.lines().find_map(|line| line.trim().strip_prefix("error: "));
        let line = match (place, words) {
            (Some(place), Some(words)) => format!("{place}: {words}"),
            _ => text.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        line.chars().take(300).collect()
    }

    pub(super) fn evaluate(module: &RegoModule, input: &Input<'_>) -> Result<Vec<RegoReason>, RegoReason> {
        isolated(|| {
            let failed = |error: &dyn ToString| RegoReason::Failed { detail: one_line(&error.to_string()) };
            let mut engine = with_module(&module.source).map_err(|error| failed(&error))?;
            let json = super::input_json(input)?;
            engine.set_input_json(&json).map_err(|error| failed(&error))?;
            drop(json);
            let mut outcome = Outcome::default();
            if module.has_allow {
                let value = engine.eval_rule(path("allow")).map_err(|error| failed(&error))?;
                outcome.is_allowed = matches!(value, Value::Bool(true));
            }
            if module.has_deny {
                let value = engine.eval_rule(path("deny")).map_err(|error| failed(&error))?;
                outcome.denials = denials(&value)?;
            }
            Ok(module.reasons(outcome))
        })
        .unwrap_or(Err(RegoReason::Evaluator))
    }

    fn denials(value: &Value) -> Result<Vec<String>, RegoReason> {
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.chars().take(300).collect()),
            _ => Err(RegoReason::Type { expected: "a text as each member of `deny`" }),
        };
        match value {
            Value::Undefined => Ok(Vec::new()),
            Value::Set(set) => set.iter().map(text).collect(),
            Value::Array(list) => list.iter().map(text).collect(),
            _ => Err(RegoReason::Type { expected: "a set or list as `deny`" }),
        }
    }
}

#[cfg(not(feature = "rego"))]
mod engine {
    use super::{Outcome, RegoError, RegoModule, RegoReason};
    use crate::expression_input::Input;

    pub(super) fn declared(_: &str) -> Result<(bool, bool), RegoError> {
        Err(RegoError::NotBuilt)
    }

    /// No module is ever read, so there is none to ask; one that was made all the same allows nothing.
    pub(super) fn evaluate(module: &RegoModule, input: &Input<'_>) -> Result<Vec<RegoReason>, RegoReason> {
        super::input_json(input)?;
        Ok(module.reasons(Outcome::default()))
    }
}

/// The `input` of a module.
fn input_json(input: &Input<'_>) -> Result<String, RegoReason> {
    let predicate = input.predicate().map_err(RegoReason::Input)?;
    let predicate = std::str::from_utf8(predicate).map_err(|_| RegoReason::Encoding)?;
    let rest: serde_json::Map<String, serde_json::Value> =
        input.surroundings().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let rest = serde_json::Value::Object(rest).to_string();
    let rest = rest.strip_prefix('{').unwrap_or_default();
    Ok(format!("{{\"predicate\":{predicate},{rest}"))
}

/// Why a text is not a module that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegoError {
    /// This program was built without Rego.
    #[error("this program was built without Rego; build it with `--features rego`")]
    NotBuilt,
    /// It is too long.
    #[error("longer than the limit of {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// It uses a function that is not offered.
    #[error("`{function}` cannot be used here")]
    Forbidden {
        /// The function.
        function: &'static str,
    },
    /// It is no Rego, or does not compile.
    #[error("{detail}")]
    Syntax {
        /// The place, and what the compiler says.
        detail: String,
    },
    /// It belongs to another package.
    #[error("expected `package {}`, found `package {found}`", RegoModule::PACKAGE)]
    Package {
        /// The package.
        found: String,
    },
    /// It has neither of the two rules.
    #[error("expected a rule `deny` or `allow`, found neither")]
    Rules,
    /// The compiler failed.
    #[error("the compiler failed")]
    Evaluator,
}

/// Why a module refuses a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegoReason {
    /// `allow` is not true.
    #[error("expected `allow` to be true, found that it is not")]
    NotAllowed,
    /// `deny` has a member.
    #[error("expected no `deny`, found: {message}")]
    Denied {
        /// What it says.
        message: String,
    },
    /// `deny` has more members than are listed.
    #[error("expected no `deny`, found {count} more")]
    More {
        /// How many.
        count: usize,
    },
    /// A rule gives something else.
    #[error("expected {expected}, found something else")]
    Type {
        /// What it must give.
        expected: &'static str,
    },
    /// The evaluation failed, or took longer than [`RegoModule::SECONDS_MAX`].
    #[error("expected an answer, found: {detail}")]
    Failed {
        /// What the evaluator says.
        detail: String,
    },
    /// The predicate cannot be looked at.
    #[error("{0}")]
    Input(InputError),
    /// The predicate is no UTF-8.
    #[error("predicate: expected UTF-8, found other bytes")]
    Encoding,
    /// The evaluator itself failed.
    #[error("expected an answer, found that the evaluator failed")]
    Evaluator,
}

#[cfg(test)]
#[path = "rego_tests.rs"]
mod tests;

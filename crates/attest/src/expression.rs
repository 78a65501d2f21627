//! Rules in CEL, the Common Expression Language: one expression over a statement that must be true.
//!
//! The language has no recursion and no loops but those over lists and maps. Parser and evaluator are the crate `cel`;
//! what it does not bound is bounded here: an expression is short, shallow and names nothing unknown, a document has
//! so many bytes and values, and every value that is visited or copied is counted ([`meter`](crate::expression_meter)).
//! Both run on a thread of their own, with a stack that suffices; should the evaluator panic, that is a reason.

use std::sync::Arc;

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::common::types::CelBool;
use cel::{Context, Env, ExecutionError, Value};

use crate::expression_input::{Input, InputError};
use crate::expression_meter::{self as meter, Fault};
use crate::isolated::isolated;

/// A named rule in CEL.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What people call it; unique in its requirement.
    pub name: String,
    /// What to say when it is not true, in place of the expression.
    pub message: Option<String>,
    source: String,
    /// With the calls that count steps.
    metered: Arc<IdedExpr>,
}

impl Expression {
    /// The longest expression, in bytes.
    pub const BYTES_MAX: usize = 4 * 1_024;
    /// The deepest nesting of an expression.
    pub const DEPTH_MAX: usize = 48;
    /// How many values may be visited or copied in one evaluation; a string counts as one for every 32 bytes.
    pub const STEPS_MAX: u64 = 20_000_000;
    /// The longest predicate that expressions look at, in bytes.
    pub const PREDICATE_BYTES_MAX: usize = 32 * 1_024 * 1_024;
    /// The largest number of values in it.
    pub const VALUES_MAX: usize = 1_000_000;
    /// The names that an expression can use.
    pub const VARIABLES: &'static [&'static str] =
        &["now", "predicate", "predicateType", "signer", "signingTime", "subject"];

    /// Compiles an expression; unknown variables and functions are errors, with their place.
    pub fn compile(name: &str, source: &str, message: Option<String>) -> Result<Self, ExpressionError> {
        if source.len() > Self::BYTES_MAX {
            return Err(ExpressionError {
                line: 1,
                column: 1,
                fault: Fault::TooLong { max: Self::BYTES_MAX },
            });
        }
        let metered = isolated(|| parse(source)).unwrap_or(Err(ExpressionError::anywhere(Fault::Parser)))?;
        let (name, source) = (name.to_owned(), source.to_owned());
        Ok(Self { name, message, source, metered: Arc::new(metered) })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Why the expression is not true of `input`; `None` when it is.
    pub(crate) fn check(&self, input: &Input<'_>) -> Option<ExpressionReason> {
        self.check_within(input, Self::STEPS_MAX)
    }

    pub(crate) fn check_within(&self, input: &Input<'_>, steps_max: u64) -> Option<ExpressionReason> {
        isolated(|| self.evaluate(input, steps_max)).unwrap_or(Some(ExpressionReason::Evaluator))
    }

    fn evaluate(&self, input: &Input<'_>, steps_max: u64) -> Option<ExpressionReason> {
        let mut context = Context::with_env(Arc::new(environment()));
        if let Err(error) = input.bind(&mut context) {
            return Some(ExpressionReason::Input(error));
        }
        meter::start(steps_max);
        let outcome = Value::resolve_val(&self.metered, &context);
        if meter::is_exhausted() {
            return Some(ExpressionReason::Steps { max: steps_max });
        }
        match outcome {
            Ok(value) => match value.downcast_ref::<CelBool>().map(|is| *is.inner()) {
                Some(true) => None,
                Some(false) => Some(self.untrue()),
                None => Some(ExpressionReason::Type { found: value.get_type().name().to_owned() }),
            },
            Err(error) => Some(ExpressionReason::of(&error)),
        }
    }

    fn untrue(&self) -> ExpressionReason {
        let text = self.message.as_deref().unwrap_or(&self.source);
        ExpressionReason::False { text: text.split_whitespace().collect::<Vec<_>>().join(" ") }
    }
}

/// The standard functions, and those that count.
fn environment() -> Env {
    let mut env = Env::stdlib().with_optional_support(false);
    // Neither name can be written in an expression, so neither is taken.
    meter::declare(&mut env);
    env
}

fn parse(source: &str) -> Result<IdedExpr, ExpressionError> {
    let parser = Env::stdlib().with_optional_support(false).parser().max_recursion_depth(64);
    let parsed = parser.parse_with_source_info(source);
    let (expression, info) = parsed.map_err(|errors| {
        let first = errors.errors.into_iter().next();
        first.map_or(ExpressionError::anywhere(Fault::Parser), |error| ExpressionError {
            line: usize::try_from(error.pos.0).unwrap_or(1).max(1),
            column: usize::try_from(error.pos.1).unwrap_or(1).max(1),
            fault: Fault::Syntax { detail: error.msg.chars().take(200).collect() },
        })
    })?;
    meter::metered(expression, Expression::VARIABLES, Expression::DEPTH_MAX)
        .map_err(|(id, fault)| ExpressionError::at(source, &info, id, fault))
}

/// Why a text is not an expression that we can use, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct ExpressionError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong there.
    #[source]
    pub fault: Fault,
}

impl ExpressionError {
    fn anywhere(fault: Fault) -> Self {
        Self { line: 1, column: 1, fault }
    }

    fn at(source: &str, info: &SourceInfo, id: u64, fault: Fault) -> Self {
        let offset = info.offset_for(id).map_or(0, |(start, _)| start as usize);
        let before: String = source.chars().take(offset).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column, fault }
    }
}

/// Why an expression is not true of a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionReason {
    /// It is false.
    #[error("expected true, found false: {text}")]
    False {
        /// The message of the rule, or its expression.
        text: String,
    },
    /// It is neither true nor false.
    #[error("expected true or false, found a value of type `{found}`")]
    Type {
        /// The type of its value.
        found: String,
    },
    /// The document lacks a member that the expression takes for granted.
    #[error("expected a member `{key}`, found none (`has()` asks first)")]
    NoSuchKey {
        /// The member.
        key: String,
    },
    /// A function or operator was given something that it cannot take.
    #[error("expected types that `{function}` takes, found ({found})")]
    Overload {
        /// The function or operator.
        function: String,
        /// The types of its arguments.
        found: String,
    },
    /// Something else went wrong on the way.
    #[error("expected a value, found an error: {what}")]
    Failed {
        /// What went wrong.
        what: &'static str,
    },
    /// It took too long.
    #[error("expected at most {max} steps, found more")]
    Steps {
        /// The limit.
        max: u64,
    },
    /// The predicate cannot be looked at.
    #[error("{0}")]
    Input(InputError),
    /// The evaluator itself failed.
    #[error("expected a value, found that the evaluator failed")]
    Evaluator,
}

impl ExpressionReason {
    /// Only names and types are repeated: a value may be the whole document.
    fn of(error: &ExecutionError) -> Self {
        let short = |text: &str| text.chars().take(200).collect::<String>();
        let failed = |what| Self::Failed { what };
        match error {
            ExecutionError::NoSuchKey(key) => Self::NoSuchKey { key: short(key) },
            ExecutionError::NoSuchOverload(overload) => Self::Overload {
                function: short(overload.function()),
                found: short(&overload.argument_types().join(", ")),
            },
            ExecutionError::UnexpectedType { want, got } if !got.contains(['{', '[', '(', '"']) => {
                Self::Overload { function: short(want), found: short(got) }
            }
            ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
                Self::Overload { function: (*operator).to_owned(), found: "others".to_owned() }
            }
            ExecutionError::ValuesNotComparable(..) => failed("values that cannot be compared"),
            ExecutionError::UnsupportedIndex(..) => failed("an index of the wrong type"),
            ExecutionError::IndexOutOfBounds(_) => failed("an index out of bounds"),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                failed("a division by zero")
            }
            ExecutionError::Overflow(..) => failed("an overflow"),
            ExecutionError::FunctionError { .. } => failed("a conversion that fails"),
            ExecutionError::DuplicateKey(_) => failed("a map with the same key twice"),
            _ => failed("one of the evaluator's own"),
        }
    }
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;

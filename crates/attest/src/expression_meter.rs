//! Counting the steps of an expression: the tree is changed so that everything which can cost more than its own
//! length asks first.
//!
//! - Arguments of functions and operators, and elements of lists and maps that are made, are counted as they pass:
//!   `@seen(x)` counts all values in `x` and is `x`.
//! - A round of a loop first counts what it is given: `@round(element) ? x : null`. Where errors do not end a loop, because a
//!   later element may outweigh them, it ends when nothing is left: `@left()`.
//!
//! What an operation costs is linear in its arguments, so that the time and memory of an evaluation are bounded by a
//! multiple of the steps, whatever the document.

use std::cell::Cell;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, MapExpr, operators,
};
use cel::common::types::{CelBool, CelBytes, CelList, CelMap, CelMapKey, CelString, DYN_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};

use crate::{Pattern, PatternError};

const SEEN: &str = "@seen";
const ROUND: &str = "@round";
const LEFT: &str = "@left";
const PATTERN: &str = "@pattern";

/// What compiling a pattern counts for; it is compiled each time that it is used.
const PATTERN_STEPS: u64 = 2_000;

/// The functions that an expression can use.
const FUNCTIONS: &[&str] = &[
    "bool",
    "bytes",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "int",
    "matches",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// Operators that look at no more than one step of their operands, or evaluate them when they see fit.
const UNCOUNTED: &[&str] = &[
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::CONDITIONAL,
    operators::NOT_STRICTLY_FALSE,
];

/// Operators whose operands are counted.
const COUNTED: &[&str] = &[
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::NEGATE,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::IN,
];

thread_local! {
    /// An evaluation stays on one thread, and its functions are plain: they can hold nothing.
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Begins to count.
pub(crate) fn start(steps_max: u64) {
    STEPS.set(steps_max);
}

/// Whether more was needed than was allowed; the outcome means nothing then.
pub(crate) fn is_exhausted() -> bool {
    STEPS.get() == 0
}

fn take(steps: u64) -> Result<(), ExecutionError> {
    let left = STEPS.get().saturating_sub(steps);
    STEPS.set(left);
    if left == 0 { Err(ExecutionError::InternalError("no steps are left".to_owned())) } else { Ok(()) }
}

fn take_for(value: &dyn Val) -> Result<(), ExecutionError> {
    take(weight(value, STEPS.get()))
}

/// How many values there are in `value`, counted up to `limit`.
fn weight(value: &dyn Val, limit: u64) -> u64 {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return of_bytes(text.inner().len());
    }
    if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        return of_bytes(bytes.inner().len());
    }
    let mut sum = 1_u64;
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        for item in list.inner() {
            if sum >= limit {
                break;
            }
            sum = sum.saturating_add(weight(item.as_ref(), limit - sum));
        }
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        for (key, item) in map.inner() {
            if sum >= limit {
                break;
            }
            sum = sum.saturating_add(of_key(key)).saturating_add(weight(item.as_ref(), limit - sum));
        }
    }
    sum
}

fn of_bytes(bytes: usize) -> u64 {
    1 + bytes as u64 / 32
}

fn of_key(key: &CelMapKey<'_>) -> u64 {
    match key {
        CelMapKey::String(text) => of_bytes(text.inner().len()),
        _ => 1,
    }
}

/// Declares the functions that count.
pub(crate) fn declare(env: &mut Env) {
    let results = [
        env.add_overload(SEEN, SEEN, vec![DYN_TYPE], seen),
        env.add_overload(ROUND, ROUND, vec![DYN_TYPE], round),
        env.add_overload(LEFT, LEFT, Vec::new(), left),
        env.add_overload(PATTERN, PATTERN, vec![DYN_TYPE], pattern),
    ];
    debug_assert!(results.iter().all(Result::is_ok));
}

fn seen<'b, 'v>(mut values: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = values.pop().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    take_for(value.as_ref())?;
    Ok(value)
}

fn round<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    seen(values).map(|_| CowVal::owned(CelBool::from(true)))
}

fn left<'b, 'v>(_: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    Ok(CowVal::owned(CelBool::from(take(1).is_ok())))
}

fn pattern<'b, 'v>(values: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    take(PATTERN_STEPS)?;
    seen(values)
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is no expression.
    #[error("{detail}")]
    Syntax {
        /// What the parser says.
        detail: String,
    },
    /// It is too long.
    #[error("longer than the limit of {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// It is nested too deeply.
    #[error("nested deeper than the limit of {max}")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// It names something that there is not.
    #[error("unknown variable `{name}`; there are {known}")]
    Variable {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// It calls something that there is not.
    #[error("unknown function `{name}`")]
    Function {
        /// The name.
        name: String,
    },
    /// The pattern of `matches` stands somewhere else.
    #[error("the pattern of `matches` must be a text in quotes")]
    PatternElsewhere,
    /// The pattern of `matches` is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A part of the language that is not offered.
    #[error("{what} cannot be used here")]
    Unsupported {
        /// Which part.
        what: &'static str,
    },
    /// The parser failed.
    #[error("not an expression")]
    Parser,
}

type Metered<T> = Result<T, (u64, Fault)>;

/// The same expression with the calls that count; the error names the node.
pub(crate) fn metered(expression: IdedExpr, variables: &[&str], depth_max: usize) -> Metered<IdedExpr> {
    let mut meter =
        Meter { names: variables.iter().map(|&name| name.to_owned()).collect(), depth_max, depth: 0 };
    meter.expression(expression)
}

struct Meter {
    /// What can be named here, innermost last.
    names: Vec<String>,
    depth_max: usize,
    depth: usize,
}

impl Meter {
    fn expression(&mut self, node: IdedExpr) -> Metered<IdedExpr> {
        let id = node.id;
        if self.depth >= self.depth_max {
            return Err((id, Fault::TooDeep { max: self.depth_max }));
        }
        self.depth += 1;
        let expr = match node.expr {
            Expr::Call(call) => self.call(id, call)?,
            Expr::Comprehension(fold) => Expr::Comprehension(Box::new(self.comprehension(id, *fold)?)),
            Expr::Ident(name) => self.ident(id, name)?,
            Expr::List(mut list) => {
                list.elements = self.seen_all(list.elements)?;
                Expr::List(list)
            }
            Expr::Map(map) => Expr::Map(self.map(map)?),
            Expr::Select(mut select) => {
                select.operand = Box::new(self.expression(*select.operand)?);
                Expr::Select(select)
            }
            Expr::Literal(literal) => Expr::Literal(literal),
            Expr::Struct(_) => return Err((id, Fault::Unsupported { what: "a message type" })),
            Expr::Unspecified => return Err((id, Fault::Parser)),
        };
        self.depth -= 1;
        Ok(IdedExpr { id, expr })
    }

    fn ident(&self, id: u64, name: String) -> Metered<Expr> {
        // Types are values too: `type(x) == string`.
        const TYPES: [&str; 9] =
            ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint"];
        if self.names.contains(&name) || TYPES.contains(&name.as_str()) {
            return Ok(Expr::Ident(name));
        }
        let known =
            Vec::from_iter(self.names.iter().filter(|name| !name.starts_with('@')).cloned()).join(", ");
        Err((id, Fault::Variable { name, known }))
    }

    fn map(&mut self, mut map: MapExpr) -> Metered<MapExpr> {
        for entry in &mut map.entries {
            match &mut entry.expr {
                EntryExpr::MapEntry(pair) => {
                    pair.key = self.seen(std::mem::take(&mut pair.key))?;
                    pair.value = self.seen(std::mem::take(&mut pair.value))?;
                }
                EntryExpr::StructField(_) => return Err((entry.id, Fault::Unsupported { what: "a field" })),
            }
        }
        Ok(map)
    }

    fn call(&mut self, id: u64, mut call: CallExpr) -> Metered<Expr> {
        let name = call.func_name.as_str();
        let is_operator = call.target.is_none() && COUNTED.contains(&name);
        if call.target.is_none() && UNCOUNTED.contains(&name) {
            call.args = call.args.into_iter().map(|arg| self.expression(arg)).collect::<Metered<_>>()?;
            return Ok(Expr::Call(call));
        }
        if name == operators::INDEX && call.target.is_none() {
            return self.index(call);
        }
        if !is_operator && !FUNCTIONS.contains(&name) {
            return Err((id, Fault::Function { name: name.chars().take(80).collect() }));
        }
        let is_search = name == "matches";
        let pattern = if is_search { call.args.pop() } else { None };
        call.target = call.target.map(|target| self.seen(*target).map(Box::new)).transpose()?;
        call.args = self.seen_all(call.args)?;
        if is_search {
            call.args.push(pattern_call(id, pattern)?);
        }
        Ok(Expr::Call(call))
    }

    /// The container is not copied; the key is hashed.
    fn index(&mut self, mut call: CallExpr) -> Metered<Expr> {
        let mut args = std::mem::take(&mut call.args).into_iter();
        call.args.extend(args.next().map(|container| self.expression(container)).transpose()?);
        for key in args {
            call.args.push(self.seen(key)?);
        }
        Ok(Expr::Call(call))
    }

    fn seen_all(&mut self, nodes: Vec<IdedExpr>) -> Metered<Vec<IdedExpr>> {
        nodes.into_iter().map(|node| self.seen(node)).collect()
    }

    fn seen(&mut self, node: IdedExpr) -> Metered<IdedExpr> {
        let node = self.expression(node)?;
        // What stands in the expression is as short as that.
        if matches!(node.expr, Expr::Literal(_)) {
            return Ok(node);
        }
        Ok(calling(SEEN, node.id, vec![node]))
    }

    fn comprehension(&mut self, id: u64, mut fold: ComprehensionExpr) -> Metered<ComprehensionExpr> {
        fold.iter_range = self.expression(fold.iter_range)?;
        fold.accu_init = self.expression(fold.accu_init)?;
        let outside = self.names.len();
        self.names.push(fold.accu_var.clone());
        self.names.push(fold.iter_var.clone());
        if fold.iter_var2.is_some() {
            return Err((id, Fault::Unsupported { what: "a loop over two variables" }));
        }
        // Lists are appended to in place only while the condition is a literal; there an error ends the loop.
        if !matches!(fold.loop_cond.expr, Expr::Literal(_)) {
            let args = vec![calling(LEFT, id, Vec::new()), fold.loop_cond];
            fold.loop_cond = calling(operators::LOGICAL_AND, id, args);
        }
        fold.loop_step = self.step(id, fold.loop_step, &fold.accu_var, &fold.iter_var)?;
        self.names.truncate(outside);
        Ok(fold)
    }

    /// The step of a loop is one of few shapes, all made by the macros; what the user wrote is counted inside them.
    fn step(&mut self, id: u64, step: IdedExpr, accu: &str, element: &str) -> Metered<IdedExpr> {
        let unknown = || (id, Fault::Unsupported { what: "this loop" });
        let Expr::Call(mut call) = step.expr else { return Err(unknown()) };
        let is_accu = |node: &IdedExpr| matches!(&node.expr, Expr::Ident(name) if name == accu);
        let mut args = std::mem::take(&mut call.args).into_iter();
        let args = match (call.func_name.as_str(), args.next(), args.next(), args.next()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, Some(left), Some(right), None)
                if is_accu(&left) =>
            {
                vec![left, self.round(right, element)?]
            }
            (operators::ADD, Some(left), Some(right), None) if is_accu(&left) => {
                vec![left, self.appended(right, element)?]
            }
            (operators::CONDITIONAL, Some(guard), Some(then), Some(otherwise)) if is_accu(&otherwise) => {
                vec![self.round(guard, element)?, self.step(id, then, accu, element)?, otherwise]
            }
            _ => return Err(unknown()),
        };
        Ok(IdedExpr { id: step.id, expr: Expr::Call(CallExpr { args, ..call }) })
    }

    /// `[x]` of `map` and `filter`, or the 1 of `exists_one`.
    fn appended(&mut self, node: IdedExpr, element: &str) -> Metered<IdedExpr> {
        let Expr::List(mut list) = node.expr else { return Ok(node) };
        let mut elements = Vec::new();
        for item in list.elements {
            let item = self.seen(item)?;
            elements.push(in_round(item, element));
        }
        list.elements = elements;
        Ok(IdedExpr { id: node.id, expr: Expr::List(list) })
    }

    fn round(&mut self, node: IdedExpr, element: &str) -> Metered<IdedExpr> {
        self.expression(node).map(|node| in_round(node, element))
    }
}

/// `@round(element) ? node : null`
fn in_round(node: IdedExpr, element: &str) -> IdedExpr {
    let id = node.id;
    let element = IdedExpr { id, expr: Expr::Ident(element.to_owned()) };
    let null = IdedExpr { id, expr: Expr::Literal(LiteralValue::Null) };
    calling(operators::CONDITIONAL, id, vec![calling(ROUND, id, vec![element]), node, null])
}

fn calling(name: &str, id: u64, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }) }
}

/// A pattern from the document could be made to cost anything, so it must stand in the expression.
fn pattern_call(id: u64, pattern: Option<IdedExpr>) -> Metered<IdedExpr> {
    let Some(node) = pattern else { return Err((id, Fault::PatternElsewhere)) };
    let Expr::Literal(LiteralValue::String(text)) = &node.expr else {
        return Err((node.id, Fault::PatternElsewhere));
    };
    Pattern::new(text.inner()).map_err(|error| (node.id, Fault::Pattern(error)))?;
    Ok(calling(PATTERN, node.id, vec![node]))
}

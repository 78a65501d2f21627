//! The binary as its users meet it: commands, refusals, exit codes, the README.

mod commands;
mod cost;
mod explain;
mod hostile;
mod policy;
mod readme;
mod stage;

//! The binary as its users meet it: commands, refusals, exit codes, the README.

mod cache;
mod commands;
mod hostile;
mod readme;
mod refusals;
mod sources;
mod stage;

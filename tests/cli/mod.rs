//! The binary as its users meet it: commands, refusals, exit codes, the README.

mod artifact;
mod cache;
mod commands;
mod cost;
mod explain;
mod hostile;
mod policy;
mod readme;
mod refusals;
mod signing;
mod sources;
mod stage;
mod summary;

//! The binary as its users meet it: commands, refusals, exit codes, the README.

mod commands;
mod hostile;
mod readme;
mod signing;
mod stage;

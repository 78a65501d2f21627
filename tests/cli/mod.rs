//! The binary as its users meet it: commands, refusals, exit codes, the README.

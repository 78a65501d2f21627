//! Generates schemas and documentation tables.
fn main() {}

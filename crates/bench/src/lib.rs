//! Measurements: how fast and how small, against the floor and against peers. For development only.
//!
//! **Where in the flow.** Nowhere: this crate runs the product, and other programs, and writes down what they cost.
//!
//! **Key type.** [`measure::Usage`]: CPU, wall, memory and bytes of one run of one program.
//!
//! **The one decision.** Seconds are compared within one round on one machine, never with a number from elsewhere:
//! every round measures the [`floor`] beside the tools. What must not grow unseen is counted in instructions
//! ([`callgrind`]), which hardly depend on the machine.

pub mod callgrind;
pub mod counts;
pub mod floor;
pub mod images;
pub mod inputs;
pub mod layout;
pub mod measure;
pub mod passes;
pub mod report;
pub mod results;
pub mod runner;
pub mod scenarios;
pub mod slow_link;
pub mod summary;
pub mod tools;

//! Test doubles for faults, and text images. For tests only.
//!
//! **Where in the flow.** Nowhere: crates name this one under `dev-dependencies` only.
//!
//! **Key type.** [`registry::TestRegistry`]: a registry on loopback that misbehaves on demand.
//!
//! **The one decision.** Where the real thing can run in a test it runs; doubles exist for faults that no real
//! server produces when asked.

pub mod registry;

//! Test doubles for faults, and text images. For tests only.
//!
//! **Where in the flow.** Nowhere: crates name this one under `dev-dependencies` only.
//!
//! **Key types.** [`registry::TestRegistry`]: a registry on loopback that misbehaves on demand.
//! [`TextImage`]: an image and what is to be found in it, in one text file.
//!
//! **The one decision.** Where the real thing can run in a test it runs; doubles exist for faults that no real
//! server produces when asked.

pub mod image;
pub mod lazy;
pub mod registry;
pub mod tar;

pub use image::TextImage;

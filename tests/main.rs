//! The one integration target: everything that needs more than one crate.

mod cli;
mod conformance;
mod ecosystems;
mod formats;
mod support;
mod tidy;

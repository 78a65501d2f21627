//! Package ecosystems: what to look for in an image, and what it means.
//!
//! **Where in the flow.** The scan asks [`Matcher`] which files somebody wants, hands each to
//! [`Ecosystem::read`], and gives all visible findings to [`Ecosystem::settle`].
//!
//! **Key type.** [`Ecosystem`]; the table of all is [`ALL`].
//!
//! **The one decision.** `read` sees one file of one layer, `settle` sees the whole image. What needs two files
//! (os-release and a package database, METADATA and RECORD) belongs in `settle`. This rule keeps a cached layer
//! record right whatever lies above or below it.

mod apk;
mod cargo;
mod deb822;
pub mod distro;
mod dpkg;
mod ecosystem;
mod executable;
mod go;
mod installed;
mod java;
mod license_terms;
mod matcher;
mod npm;
mod python;
mod rpm;
mod sighting;
mod table;
#[cfg(test)]
mod testing;
mod text;
mod zip;

pub use ecosystem::{
    BodySink, Candidate, Description, Ecosystem, Fact, Finding, Findings, ImageView, PartedFile, Passer, Want,
};
pub use matcher::{EcosystemSet, Matcher};
pub use table::ALL;

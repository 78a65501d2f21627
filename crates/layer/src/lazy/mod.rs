//! Layers read through their table of contents: eStargz, zstd:chunked and SOCI.

mod ahead;
mod announced;
mod builder;
mod error;
mod estargz;
mod members;
mod plan;
mod read;
mod soci;
mod store;
mod toc;
mod wire;
mod zstd_chunked;

pub use announced::Announced;
pub use error::TocError;
pub use read::Ranged;

//! Tar archives as streams: ustar, GNU and pax.

mod error;
mod header;
mod pax;
mod reader;
mod sparse;

pub use error::{TarDamage, TarError};
pub(crate) use reader::DigestedBody;
pub use reader::{BodyStream, HEAD_BYTES, Member, MemberKind, TarReader};

//! One file per format.

pub(crate) mod cyclonedx;
pub(crate) mod purls;
pub(crate) mod spdx;
pub(crate) mod table;

//! CycloneDX JSON.
//!
//! How the neutral document maps: the image is `metadata.component` with the reference `subject`; the operating
//! system is a component with the reference `operating-system`, on which the distribution's packages hang, because
//! that is where scanners look for them. `DependsOn` becomes `dependencies`. `Owns` and `Contains` have no place in
//! a flat list: they become the properties `supercargo:owned-by` and `supercargo:contained-in` of the held package.
//! Each component has an entry in `dependencies`, and each can be reached from `subject`.

mod bom;
mod component;
mod license;
mod parts;
mod properties;
mod subject;

pub(crate) use bom::{V1_5, V1_6, V1_7};

/// What differs between the versions is asked of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Edition {
    V1_5,
    V1_6,
    V1_7,
}

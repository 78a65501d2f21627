//! The one list of ecosystems. Help, documentation and the cache key follow from it.

use crate::Ecosystem;

/// Every ecosystem, in order of its id.
pub static ALL: &[&dyn Ecosystem] = &[
    &crate::apk::Apk,
    &crate::cargo::Cargo,
    &crate::distro::ReleaseFiles,
    &crate::dpkg::Dpkg,
    &crate::go::Go,
    &crate::java::Java,
    &crate::npm::Npm,
    &crate::python::Python,
    &crate::rpm::Rpm,
];

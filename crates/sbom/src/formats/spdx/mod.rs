//! SPDX 2.3 JSON.
//!
//! How the neutral document maps: the image and the operating system are packages of their own. The image CONTAINS
//! the operating system and every package; the operating system CONTAINS the distribution's packages. `DependsOn`
//! becomes DEPENDS_ON; `Owns` and `Contains` become CONTAINS, the former with a comment. Identifiers start with
//! `SPDXRef-ContainerImage-`, `SPDXRef-OperatingSystem-` and `SPDXRef-Package-`, by which scanners tell the kinds.
//! Layers and other properties stand in one annotation per package, as JSON; evidence stands in `comment`.

mod document;
mod license;
mod package;

pub(crate) use document::SpdxJson;

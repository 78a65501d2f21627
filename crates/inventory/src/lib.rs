//! What a scan found, in types that know neither an ecosystem nor a format.
//!
//! **Where in the flow.** Ecosystems produce [`Package`]s, the scan joins them to an [`Inventory`], the SBOM
//! writers turn that into documents.
//!
//! **Key type.** [`Package`]: one neutral record, known fields plus namespaced properties.
//!
//! **The one decision.** No type per ecosystem. That is what makes an ecosystem one file, one fixture and one
//! line in the table, while the docs row, the cache key and the fuzz target follow by themselves.
//!
//! ```
//! use supercargo_inventory::Purl;
//!
//! let purl = Purl::new("deb", "bash").namespace("debian").version("5.2.15-2+b7").qualifier("arch", "amd64");
//! assert_eq!(purl.to_string(), "pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64");
//! ```
//!
//! **Specification.** Package URL: ECMA-427. Licence expressions: SPDX 2.3, annex D.

mod coverage;
mod distro;
mod evidence;
mod inventory;
mod license;
mod package;
mod path;
mod purl;

pub use coverage::{Coverage, Problem, ProblemKind};
pub use distro::Distro;
pub use evidence::{Evidence, LayerRef, Technique};
pub use inventory::{Inventory, Relationship, RelationshipKind, Settlement};
pub use license::{LicenseClaim, LicenseSource};
pub use package::{
    EcosystemId, HashAlgorithm, Link, LinkKind, Package, PackageHash, PackageId, PackageKind, Party,
    Requirement, RequirementKind,
};
pub use path::ImagePath;
pub use purl::{Purl, PurlParseError};

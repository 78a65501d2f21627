//! The SBOM document and the formats it is written in.
//!
//! **Where in the flow.** The scan gives an `Inventory`; [`Document::new`] joins it with what is known of the
//! image and of the run; a [`Format`] writes it. What is signed and attached later are the bytes made here.
//!
//! **Key type.** [`Document`]: packages, relations, layers and problems with stable references, in order.
//!
//! **The one decision.** One neutral document and one writer per format version, all in the table [`ALL`]. A
//! writer is a pure function of the document: no clock, no chance, no map without order. So the same image,
//! options and tool version give the same bytes everywhere, and a signature can be compared by digest.
//!
//! ```
//! use supercargo_inventory::{EcosystemId, Inventory, Package, Purl, Settlement};
//! use supercargo_sbom::{Document, DocumentOptions, FormatId, Subject, check};
//!
//! let purl = Purl::new("npm", "left-pad").version("1.3.0");
//! let package = Package::new(EcosystemId("npm"), purl, "left-pad");
//! let settlement = Settlement { packages: vec![package], ..Settlement::default() };
//! let inventory = Inventory::assemble(None, vec![], vec![settlement], vec![], Default::default());
//!
//! let subject = Subject::rootfs("build");
//! let document = Document::new(inventory, subject, DocumentOptions::new("supercargo", "0.1.0"));
//! let format: FormatId = "cyclonedx-json@1.6".parse()?;
//! let mut bytes = Vec::new();
//! format.format().encode(&document, &mut bytes)?;
//! check(&bytes, format)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Specification.** CycloneDX 1.5 to 1.7 (ECMA-424), SPDX 2.3, package URL (ECMA-427).

mod check;
mod document;
mod format;
mod formats;
mod graph;
mod identity;
mod iri;
mod json;
mod license;
mod text;

pub use check::{CheckError, Fault, check};
pub use document::{Document, DocumentOptions, Subject, SubjectKind};
pub use format::{ALL, EncodeError, Format, FormatId, FormatParseError};
pub use text::printable;

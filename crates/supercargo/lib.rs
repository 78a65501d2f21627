//! The façade of supercargo: one function per arrow of the flow, plain-data options, plain-data reports.
//!
//! **Where in the flow.** On top of every other crate. The command line is one user of it; a program that wants
//! the same without the command line depends on this crate with `default-features = false`.
//!
//! **Key type.** [`Session`]: limits, threads and the registry client that all functions of a run share.
//!
//! **The one decision.** What was resolved once is never resolved again: [`Session::open`] pins an image by digest,
//! and every later function takes that [`Image`](image::Image), not a reference.
//!
//! ```no_run
//! use supercargo::{DocumentSettings, Session, SessionOptions, Silent};
//! use supercargo::image::PlatformChoice;
//! use supercargo::content::Platform;
//! use supercargo::sbom::FormatId;
//!
//! let session = Session::new(SessionOptions::default())?;
//! let wish = PlatformChoice::Host(Platform::new("linux", "amd64"));
//! for image in session.open(&"oci:layout:app".parse()?, &wish)?.images {
//!     let inventory = session.scan(&image, &Silent)?;
//!     let document = supercargo::document(&image, inventory, &DocumentSettings::default())?;
//!     println!("{}", supercargo::encode(&document, FormatId::PURL)?.len());
//! }
//! # Ok::<(), supercargo::Error>(())
//! ```
//!
//! **Specification.** OCI image and distribution specifications v1.1; CycloneDX 1.5 to 1.7; SPDX 2.3; in-toto
//! attestation framework 1.0; Sigstore bundle 0.3.

mod attached;
mod attestation;
mod carrier;
mod document;
mod error;
mod layer_cache;
mod legacy;
mod policy_run;
mod provenance;
mod recompute;
mod registry_records;
mod session;
mod summary;
mod trust;
mod verification;

pub use attached::{AttachedKind, AttachedNode, attached};
pub use attestation::{
    ImageSubject, Predicate, SIGNATURE_PREDICATE, Signing, attach, sign, sign_image, statement,
};
pub use carrier::{CarrierError, Layout};
pub use document::{DocumentSettings, document, encode};
pub use error::{Error, Failure};
pub use layer_cache::LayerCache;
pub use legacy::{SimpleSignature, attach_envelope, attach_simple, sign_simple};
pub use policy_run::{
    PolicyOptions, PolicyVerdict, RequirementReason, RequirementVerdict, Satisfying, check_policy,
};
pub use provenance::{CI_VARIABLES, slsa_provenance};
pub use recompute::{FactDifference, Recomputed, recompute};
pub use registry_records::{
    RECORD_MEDIA_TYPE, RECORD_PREDICATE_TYPE, RecordTrust, RegistryRecordError, RegistryRecords,
};
pub use session::{Session, SessionOptions};
pub use summary::{SummaryOptions, verification_summary};
pub use supercargo_scan::{
    Distrust, FolderError, FolderInfo, FolderStore, KindInfo, Progress, PruneRule, Pruned, RecordLimits,
    Reuse, Scanned, Silent,
};
pub use trust::{Trust, TrustEntry, TrustOrigin, TrustSettings, trust_entries, trusted_root_of};
pub use verification::{
    About, Bundles, Outcome, Scope, Verdict, VerifyOptions, fetch, fetch_without_verifying, newest,
    sufficient, verify, verify_artifact,
};

pub use supercargo_attest as attest_types;
pub use supercargo_content as content;
pub use supercargo_ecosystems as ecosystems;
pub use supercargo_image as image;
pub use supercargo_inventory as inventory;
pub use supercargo_registry as registry;
pub use supercargo_sbom as sbom;
pub use supercargo_signing as signing;

/// Text of an image or a service, made safe for a terminal: control characters become visible escapes.
pub fn clean(text: &str) -> String {
    let is_safe = |c: char| !c.is_control() || c == '\n';
    text.chars().map(|c| if is_safe(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
}

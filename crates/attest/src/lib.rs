//! in-toto statements, predicates, DSSE envelopes and Sigstore bundles; verification without a network.
//!
//! **Where in the flow.** SBOM bytes become a [`Statement`] about an image's digest, a signature around it
//! becomes a [`Bundle`] (the `signing` crate makes the signature), and [`verify`] turns a bundle back into a
//! statement that can be trusted.
//!
//! **Key type.** [`Verified`]: the only door to a payload. Only this crate makes one, after every check of a
//! [`Policy`] has passed; what has not been verified can be had from methods that say so in their names.
//!
//! **The one decision.** Every check is ours, made here, with a variant of [`VerifyError`] that carries what
//! was expected and found; chains are built by webpki, and `sigstore-verify` is the second judge in the tests. What
//! its authors leave to the caller, and what is decided here:
//!
//! 1. `_type` must be Statement/v1 or v0.1, and the predicate type the wanted one.
//! 2. At most 32 log entries and 32 timestamps, none twice.
//! 3. Each log entry needs an inclusion proof. A promise alone stands in for it in bundles of version 0.1 and in
//!    cosign's annotations, which have nothing else, when a log of the trusted root has signed it.
//! 4. A log's key must have been valid at every time of signing that anybody vouches for, or at the time of
//!    checking when nobody does.
//! 5. The log id of an entry, and for Rekor v2 the origin of its checkpoint, are those of the log that signed.
//! 6. Both members of a choice, unknown fields and lenient base64 are refused when a bundle is parsed.
//! 7. Any subject with the wanted digest will do, by the digest's own algorithm; further subjects are allowed
//!    unless [`OtherSubjects::Refused`] is asked for, and a further digest of the same subject is not looked at.
//! 8. Identity and issuer are both compared, by us, after the certificate has been verified.
//! 9. [`EvidenceNeeded`] sets how many logs and timestamp authorities are needed, for keys too.
//!
//! ```
//! use supercargo_attest::{BundleParts, Bundle, Policy, PredicateType, SignerPart, Statement, verify};
//! use supercargo_content::{Digest, Limits};
//!
//! let image = Digest::sha256_of(b"the image's manifest");
//! let subject = [("registry.example/team/app", &image)];
//! let statement = Statement::write(&subject, &PredicateType::cyclonedx(), b"{}", 1_000)?;
//! let parts = BundleParts {
//!     signer: SignerPart::KeyHint(""),
//!     statement: &statement,
//!     signature: b"nobody has signed this",
//!     log_entries: &[],
//!     timestamps: &[],
//! };
//! let bundle = Bundle::parse(&parts.to_json(), &Limits::default())?;
//! let policy = Policy::keys(Vec::new(), jiff::Timestamp::UNIX_EPOCH);
//! assert!(verify(&bundle, &image, &policy, None).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`PolicyFile`] asks more of several attestations: who signed, how fresh, and what each says, by rules for provenance and
//! SBOMs, compliance profiles ([`PROFILES`]), CEL ([`Expression`]) and, with the feature `rego`, Rego ([`RegoModule`]). What came
//! of it is summed up in a [`VerificationSummary`].
//!
//! **Specification.** in-toto attestation framework v1; SLSA v1.2 (provenance, VSA); DSSE v1; Sigstore client specification, "Verification",
//! and protobuf-specs (`sigstore_bundle.proto`, `sigstore_trustroot.proto`); RFC 3161, RFC 6962, C2SP tlog-checkpoint.

mod bundle;
mod bundle_wire;
mod certificate;
mod chain;
mod claims;
mod entry;
mod envelope;
mod error;
mod error_check;
mod expression;
mod expression_input;
mod expression_meter;
mod isolated;
mod key;
mod key_set;
mod legacy;
mod licence_rule;
mod log;
mod log_body;
mod message;
mod policy;
mod policy_file;
mod policy_file_error;
mod policy_reason;
mod policy_wire;
mod policy_wire_rules;
mod policy_wire_values;
mod predicate;
mod rego;
mod report;
mod sbom_cyclonedx;
mod sbom_document;
mod sbom_profile;
mod sbom_rules;
mod sbom_spdx;
mod sct;
mod simple_signing;
mod slsa_rules;
mod statement;
mod summary;
mod summary_rules;
#[cfg(test)]
mod testing;
mod text_rule;
mod trust;
mod verify;
mod verify_certificate;
mod write;

pub use bundle::{Bundle, BundleError, BundleVersion, Evidence, MaterialKind};
pub use claims::CertificateClaims;
pub use envelope::{IN_TOTO_PAYLOAD_TYPE, pre_authentication_encoding, pre_authentication_head};
pub use error::{CertificateError, LoggedField, VerifyError};
pub use expression::{Expression, ExpressionError, ExpressionReason};
pub use expression_input::InputError;
pub use expression_meter::Fault as ExpressionFault;
pub use key::{PublicKey, PublicKeyAlgorithm, PublicKeyError};
pub use key_set::{KeySetError, TrustedKey};
pub use legacy::{ENVELOPE_LAYER, SIMPLE_SIGNING_LAYER};
pub use policy::{Artifact, EvidenceNeeded, ExpectedSigner, OtherSubjects, Policy};
pub use policy_file::{PolicyFile, Requirement, Which};
pub use policy_file_error::PolicyFileError;
pub use policy_reason::PolicyReason;
pub use predicate::{KNOWN_PREDICATES, KnownPredicate, PredicateType, PredicateTypeError};
pub use rego::{RegoError, RegoModule, RegoReason};
pub use report::{Check, CheckName, CheckState, Report, SignedBy, Verified};
pub use sbom_document::{SbomFormat, SbomPackage, sbom_packages};
pub use sbom_profile::{PROFILES, Profile, ProfileField, ProfileGap, ProfileRule};
pub use sbom_rules::{Field, SbomRules};
pub use simple_signing::{COSIGN_SIGN, SIMPLE_SIGNING};
pub use slsa_rules::SlsaRules;
pub use statement::{STATEMENT_V01, STATEMENT_V1, Statement, StatementError, Subject};
pub use summary::{Resource, SummaryError, SummaryResult, VerificationSummary};
pub use summary_rules::{SummaryReason, SummaryRules};
pub use text_rule::{Pattern, PatternError, TextRule};
pub use trust::{TrustedRoot, TrustedRootError, Window};
pub use verify::{examine, verify, verify_artifact};
pub use write::{BundleParts, SignerPart, envelope_json};

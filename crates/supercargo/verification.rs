//! Attached bundles → verdicts, and the predicate of one that passes.

use supercargo_attest::{Bundle, BundleError, Policy, PredicateType, Report, Statement, TrustedRoot, Verified, VerifyError};
use supercargo_content::{Descriptor, Digest, Limits};
use supercargo_image::{Attachments, Image};

use crate::Error;
use crate::attached::is_bundle_type;

/// What a verified attestation must show.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Who must have signed, and what evidence there must be.
    pub policy: Policy,
    /// The predicate type; any without it.
    pub predicate_type: Option<PredicateType>,
    /// The authorities and logs to trust.
    pub trusted_root: Option<TrustedRoot>,
    /// Bounds.
    pub limits: Limits,
}

/// What came of one bundle.
#[derive(Debug)]
pub struct Verdict {
    /// The manifest that carries the bundle; `None` for a bundle from a file.
    pub carrier: Option<Digest>,
    /// The manifest that the bundle was checked against.
    pub subject: Digest,
    /// Whether that is the index and not the image itself.
    pub is_index: bool,
    /// The predicate type that the bundle claims.
    pub claimed_type: Option<String>,
    /// The verdict.
    pub outcome: Outcome,
}

/// Passed, refused, or not looked at.
#[derive(Debug)]
pub enum Outcome {
    /// Every check passed.
    Passed {
        /// What was signed.
        verified: Box<Verified<Statement>>,
        /// What was checked.
        report: Report,
    },
    /// A check failed.
    Refused(VerifyError),
    /// The bytes are not a bundle.
    Damaged(BundleError),
    /// The bundle is of another predicate type than the one that was asked for.
    OtherType,
}

/// Where bundles come from.
pub enum Bundles<'a> {
    /// What hangs on the image.
    Attached(&'a dyn Attachments),
    /// A file's content.
    Given(&'a [u8]),
}

/// Verifies every bundle of an image, attached to its manifest or to the index that it was chosen from.
///
/// A verdict per bundle; whether they suffice is [`sufficient`]'s to say.
pub fn verify(image: &Image, bundles: &Bundles<'_>, options: &VerifyOptions) -> Result<Vec<Verdict>, Error> {
    let subjects = subjects(image)?;
    match bundles {
        Bundles::Given(bytes) => Ok(vec![given(bytes, &subjects, options)]),
        Bundles::Attached(store) => {
            let mut verdicts = Vec::new();
            for (descriptor, is_index) in &subjects {
                verdicts.extend(attached_to(descriptor, *is_index, *store, options)?);
            }
            Ok(verdicts)
        }
    }
}

/// Succeeds when at least one verdict passed, and says otherwise why not.
pub fn sufficient(image: &Image, verdicts: &[Verdict], wanted: Option<&PredicateType>) -> Result<(), Error> {
    if verdicts.iter().any(|verdict| matches!(verdict.outcome, Outcome::Passed { .. })) {
        return Ok(());
    }
    let reasons: Vec<String> = verdicts.iter().filter_map(Verdict::reason).collect();
    let name = image.reference.to_string();
    if !reasons.is_empty() {
        return Err(Error::Refused { image: name, reasons: reasons.join("; ") });
    }
    let there: Vec<String> = verdicts.iter().filter_map(|verdict| verdict.claimed_type.clone()).collect();
    let there = if there.is_empty() { "none at all".to_owned() } else { there.join(", ") };
    let wanted = wanted.map_or_else(String::new, |wanted| format!("of type {wanted} "));
    Err(Error::Nothing { wanted, image: name, there })
}

/// The predicate of the attestation that passes. Of several, the one whose carrier's digest sorts first: which
/// is newest, nobody has signed.
pub fn fetch(image: &Image, bundles: &Bundles<'_>, options: &VerifyOptions) -> Result<Vec<u8>, Error> {
    let verdicts = verify(image, bundles, options)?;
    sufficient(image, &verdicts, options.predicate_type.as_ref())?;
    let passed = verdicts.iter().find_map(|verdict| match &verdict.outcome {
        Outcome::Passed { verified, .. } => Some(verified.statement().predicate_bytes().into_owned()),
        _ => None,
    });
    passed.ok_or_else(|| Error::usage("the attestation that passed has no predicate"))
}

/// The predicate of the first bundle of a type, **without any check of its signature**.
pub fn fetch_without_verifying(
    image: &Image,
    bundles: &Bundles<'_>,
    wanted: &PredicateType,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    let mut there = Vec::new();
    for bytes in contents(image, bundles, limits)? {
        let Ok(bundle) = Bundle::parse(&bytes, limits) else { continue };
        let Some(Ok(statement)) = bundle.statement_without_verifying() else { continue };
        if wanted.admits(statement.predicate_type()) {
            return Ok(statement.predicate_bytes().into_owned());
        }
        there.push(statement.predicate_type().to_string());
    }
    let there = if there.is_empty() { "none at all".to_owned() } else { there.join(", ") };
    Err(Error::Nothing { wanted: format!("of type {wanted} "), image: image.reference.to_string(), there })
}

impl Verdict {
    /// Why the bundle does not pass, in words; `None` when it passes or was not asked for.
    pub fn reason(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Refused(error) => Some(error.to_string()),
            Outcome::Damaged(error) => Some(error.to_string()),
            Outcome::Passed { .. } | Outcome::OtherType => None,
        }
    }
}

/// What a bundle may be about: the manifest, and the index that it was chosen from.
fn subjects(image: &Image) -> Result<Vec<(Descriptor, bool)>, Error> {
    let no_manifest = || Error::usage(format!("{} has no manifest that an attestation could be about", image.reference));
    let manifest = image.manifest.clone().ok_or_else(no_manifest)?;
    let index = image.index.clone().map(|index| (index, true));
    Ok(std::iter::once((manifest, false)).chain(index).collect())
}

fn attached_to(
    subject: &Descriptor,
    is_index: bool,
    store: &dyn Attachments,
    options: &VerifyOptions,
) -> Result<Vec<Verdict>, Error> {
    let mut verdicts = Vec::new();
    for carrier in carriers(subject, store, &options.limits)? {
        let bytes = content(&carrier, store, &options.limits)?;
        let mut verdict = judge(&bytes, &subject.digest, is_index, options);
        verdict.carrier = Some(carrier.digest);
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// A bundle from a file is about the image, or else about the index.
fn given(bytes: &[u8], subjects: &[(Descriptor, bool)], options: &VerifyOptions) -> Verdict {
    let mut verdicts = subjects.iter().map(|(subject, is_index)| judge(bytes, &subject.digest, *is_index, options));
    let first = verdicts.next();
    let passed = |verdict: &Verdict| matches!(verdict.outcome, Outcome::Passed { .. });
    match first {
        Some(verdict) if passed(&verdict) => verdict,
        Some(verdict) => verdicts.find(passed).unwrap_or(verdict),
        None => unreachable_subject(bytes, options),
    }
}

fn judge(bytes: &[u8], subject: &Digest, is_index: bool, options: &VerifyOptions) -> Verdict {
    let mut verdict =
        Verdict { carrier: None, subject: subject.clone(), is_index, claimed_type: None, outcome: Outcome::OtherType };
    let bundle = match Bundle::parse(bytes, &options.limits) {
        Ok(bundle) => bundle,
        Err(error) => {
            verdict.outcome = Outcome::Damaged(error);
            return verdict;
        }
    };
    let claimed = bundle.statement_without_verifying().and_then(Result::ok).map(|statement| statement.predicate_type().clone());
    verdict.claimed_type = claimed.as_ref().map(ToString::to_string);
    let is_other = |wanted: &PredicateType| claimed.as_ref().is_some_and(|claimed| !wanted.admits(claimed));
    if options.predicate_type.as_ref().is_some_and(is_other) {
        return verdict;
    }
    verdict.outcome = match supercargo_attest::verify(&bundle, subject, &options.policy, options.trusted_root.as_ref()) {
        Ok((verified, report)) => Outcome::Passed { verified: Box::new(verified), report },
        Err(error) => Outcome::Refused(error),
    };
    verdict
}

//! Attached bundles → verdicts, and the predicate of one that passes.

use supercargo_attest::{
    Artifact, Bundle, BundleError, Policy, PredicateType, Report, Statement, TrustedRoot, Verified,
    VerifyError, examine,
};
use supercargo_content::{Descriptor, Digest, Limits};
use supercargo_image::{Attachments, Image};

use crate::Error;
use crate::carrier::{carriers, content};

/// What a verified attestation must show.
#[derive(Debug)]
pub struct VerifyOptions {
    /// Who must have signed, the predicate type, and what evidence there must be.
    pub policy: Policy,
    /// The authorities and logs to trust; without it only bundles of a key, without log and timestamp, can pass.
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
    Passed(Box<Verified<Statement>>),
    /// A check failed.
    Refused {
        /// The failed check.
        error: VerifyError,
        /// What was checked; the failed check is the last.
        report: Report,
    },
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
        Bundles::Given(bytes) => Ok(given(bytes, &subjects, options)),
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
    if verdicts.iter().any(|verdict| matches!(verdict.outcome, Outcome::Passed(_))) {
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
    sufficient(image, &verdicts, options.policy.predicate_type.as_ref())?;
    let passed = verdicts.iter().find_map(|verdict| match &verdict.outcome {
        Outcome::Passed(statement) => Some(statement.predicate_bytes().into_owned()),
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
            Outcome::Refused { error, .. } => Some(error.to_string()),
            Outcome::Damaged(error) => Some(error.to_string()),
            Outcome::Passed(_) | Outcome::OtherType => None,
        }
    }
}

/// What a bundle may be about: the manifest, and the index that it was chosen from.
fn subjects(image: &Image) -> Result<Vec<(Descriptor, bool)>, Error> {
    let no_manifest =
        || Error::usage(format!("{} has no manifest that an attestation could be about", image.reference));
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
fn given(bytes: &[u8], subjects: &[(Descriptor, bool)], options: &VerifyOptions) -> Vec<Verdict> {
    let judged = subjects.iter().map(|(subject, is_index)| judge(bytes, &subject.digest, *is_index, options));
    let (passed, failed): (Vec<_>, Vec<_>) =
        judged.partition(|verdict| matches!(verdict.outcome, Outcome::Passed(_)));
    let verdicts = if passed.is_empty() { failed } else { passed };
    verdicts.into_iter().take(1).collect()
}

fn judge(bytes: &[u8], subject: &Digest, is_index: bool, options: &VerifyOptions) -> Verdict {
    let verdict = Verdict {
        carrier: None,
        subject: subject.clone(),
        is_index,
        claimed_type: None,
        outcome: Outcome::OtherType,
    };
    let bundle = match Bundle::parse(bytes, &options.limits) {
        Ok(bundle) => bundle,
        Err(error) => return Verdict { outcome: Outcome::Damaged(error), ..verdict },
    };
    let claimed = bundle.statement_without_verifying().and_then(Result::ok);
    let claimed = claimed.as_ref().map(Statement::predicate_type);
    let verdict = Verdict { claimed_type: claimed.map(ToString::to_string), ..verdict };
    let is_other = |wanted: &PredicateType| claimed.is_some_and(|claimed| !wanted.admits(claimed));
    if options.policy.predicate_type.as_ref().is_some_and(is_other) {
        return verdict;
    }
    let root = options.trusted_root.as_ref();
    let (report, outcome) = examine(&bundle, Artifact::Digest(subject), &options.policy, root);
    let outcome = match outcome.and_then(Verified::into_statement) {
        Ok(statement) => Outcome::Passed(Box::new(statement)),
        Err(error) => Outcome::Refused { error, report },
    };
    Verdict { outcome, ..verdict }
}

/// The bytes of every bundle of an image.
fn contents(image: &Image, bundles: &Bundles<'_>, limits: &Limits) -> Result<Vec<Vec<u8>>, Error> {
    let store = match bundles {
        Bundles::Given(bytes) => return Ok(vec![bytes.to_vec()]),
        Bundles::Attached(store) => *store,
    };
    let mut found = Vec::new();
    for (subject, _) in subjects(image)? {
        for carrier in carriers(&subject, store, limits)? {
            found.push(content(&carrier, store, limits)?);
        }
    }
    Ok(found)
}

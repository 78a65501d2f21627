//! Attached bundles → verdicts, and the predicate of one that passes.

use jiff::Timestamp;
use supercargo_attest::{
    Artifact, Bundle, BundleError, Policy, PredicateType, Report, SignedBy, Statement, TrustedRoot, Verified,
    VerifyError, examine,
};
use supercargo_content::{Descriptor, Digest, Limits};
use supercargo_image::{Attachments, Image};

use crate::Error;
use crate::carrier::{self, CarrierError, Found, Layout, Place};

/// What a verified attestation must show.
#[derive(Debug)]
pub struct VerifyOptions {
    /// Who may have signed, the predicate type, and what evidence there must be.
    pub policy: Policy,
    /// How many different signers there must be for one predicate type; 1 is usual.
    pub threshold: usize,
    /// The authorities and logs to trust; without it only bundles of a key, without log and timestamp, can pass.
    pub trusted_root: Option<TrustedRoot>,
    /// Where to look.
    pub scope: Scope,
    /// Bounds.
    pub limits: Limits,
}

/// Where to look for what hangs on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In cosign's older tags only when what refers to the image does not suffice.
    UntilEnough,
    /// Everywhere.
    Everywhere,
}

/// What a bundle was checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The image.
    Image,
    /// The index that the image was chosen from.
    Index,
    /// A file, or what has a digest.
    Artifact,
}

/// What came of one bundle.
#[derive(Debug)]
pub struct Verdict {
    /// The manifest that carries the bundle; `None` for a bundle from a file.
    pub carrier: Option<Digest>,
    /// The form in which it was attached.
    pub layout: Layout,
    /// The digest that the bundle was checked against.
    pub subject: Digest,
    /// What has that digest.
    pub about: About,
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
    /// Every check passed of a signature over a file itself, which states nothing.
    Signed(Box<Report>),
    /// A check failed.
    Refused {
        /// The failed check.
        error: VerifyError,
        /// What was checked, and what was not reached.
        report: Report,
    },
    /// The bytes are nothing signed that can be read.
    Damaged(CarrierError),
    /// The bundle is of another predicate type than the one that was asked for.
    OtherType {
        /// The one row that says so; nothing else was checked.
        report: Report,
    },
}

/// Where bundles come from.
pub enum Bundles<'a> {
    /// What hangs on the image.
    Attached(&'a dyn Attachments),
    /// A file's content.
    Given(&'a [u8]),
}

/// Verifies what was signed about an image: attached to its manifest or to the index that it was chosen from.
///
/// A verdict per bundle; whether they suffice is [`sufficient`]'s to say.
pub fn verify(image: &Image, bundles: &Bundles<'_>, options: &VerifyOptions) -> Result<Vec<Verdict>, Error> {
    let subjects = subjects(image)?;
    let store = match bundles {
        Bundles::Given(bytes) => return Ok(given(bytes, &subjects, options)),
        Bundles::Attached(store) => *store,
    };
    let mut verdicts = Vec::new();
    for place in [Place::Referrers, Place::Tags] {
        for (subject, about) in &subjects {
            carrier::each(subject, place, store, &options.limits, &mut |found| {
                verdicts.push(judge(found, &subject.digest, *about, options));
                Ok(())
            })?;
        }
        if options.scope == Scope::UntilEnough && sufficient(&image.reference, &verdicts, options).is_ok() {
            break;
        }
    }
    Ok(verdicts)
}

/// Succeeds when as many different signers as are needed passed for one predicate type, and says otherwise why not.
pub fn sufficient(
    subject: &impl ToString,
    verdicts: &[Verdict],
    options: &VerifyOptions,
) -> Result<(), Error> {
    let expected = options.threshold.max(1);
    let signers = most_signers(verdicts);
    if signers.len() >= expected {
        return Ok(());
    }
    let name = subject.to_string();
    let reasons: Vec<String> = verdicts.iter().filter_map(Verdict::reason).collect();
    if !signers.is_empty() {
        let found = signers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(Error::TooFewSigners { image: name, expected, found, reasons: reasons.join("; ") });
    }
    if !reasons.is_empty() {
        return Err(Error::Refused { image: name, reasons: reasons.join("; ") });
    }
    let there: Vec<String> = verdicts.iter().filter_map(|verdict| verdict.claimed_type.clone()).collect();
    Err(nothing(subject, options.policy.predicate_type.as_ref(), &there))
}

/// The different signers of the predicate type that has the most of them. Signatures under different predicates do
/// not add up: two people who each signed something else have not agreed on anything.
fn most_signers(verdicts: &[Verdict]) -> Vec<&SignedBy> {
    let passed = || verdicts.iter().filter_map(Verdict::passed);
    let mut most: Vec<&SignedBy> = Vec::new();
    for (wanted, _) in passed() {
        let mut signers: Vec<&SignedBy> = Vec::new();
        for (_, report) in passed().filter(|(one, _)| *one == wanted) {
            let Some(signer) = &report.signer else { continue };
            if !signers.iter().any(|known| known.is_same(signer)) {
                signers.push(signer);
            }
        }
        if signers.len() > most.len() {
            most = signers;
        }
    }
    most
}

fn nothing(subject: &impl ToString, wanted: Option<&PredicateType>, there: &[String]) -> Error {
    let there = if there.is_empty() { "none at all".to_owned() } else { there.join(", ") };
    let wanted = wanted.map_or_else(String::new, |wanted| format!("of type {wanted} "));
    Error::Nothing { wanted, image: subject.to_string(), there }
}

/// The predicate of the attestation that passes. Of several, the newest by the time for which log or authority
/// vouch; those without such a time come last, in order of their carrier's digest.
pub fn fetch(image: &Image, bundles: &Bundles<'_>, options: &VerifyOptions) -> Result<Vec<u8>, Error> {
    let verdicts = verify(image, bundles, options)?;
    sufficient(&image.reference, &verdicts, options)?;
    let passed = newest(&verdicts).and_then(Verdict::verified);
    passed
        .map(|statement| statement.predicate_bytes().into_owned())
        .ok_or_else(|| Error::usage("the attestation that passed has no predicate"))
}

/// The verdict that passed with the latest time of signing; the first of equals.
pub fn newest(verdicts: &[Verdict]) -> Option<&Verdict> {
    let mut best: Option<&Verdict> = None;
    for verdict in verdicts.iter().filter(|verdict| verdict.verified().is_some()) {
        if best.is_none_or(|best| verdict.signing_time() > best.signing_time()) {
            best = Some(verdict);
        }
    }
    best
}

/// The predicate of the first bundle of a type, **without any check of its signature**.
pub fn fetch_without_verifying(
    image: &Image,
    bundles: &Bundles<'_>,
    wanted: &PredicateType,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    let mut there = Vec::new();
    let mut predicate = None;
    each_found(image, bundles, limits, &mut |found, _, _| {
        let statement = found.bundle.ok().and_then(|bundle| bundle.statement_without_verifying());
        let Some(Ok(statement)) = statement else { return };
        if predicate.is_none() && wanted.admits(statement.predicate_type()) {
            predicate = Some(statement.predicate_bytes().into_owned());
        }
        there.push(statement.predicate_type().to_string());
    })?;
    predicate.ok_or_else(|| nothing(&image.reference, Some(wanted), &there))
}

impl Verdict {
    /// What passed every check.
    pub fn verified(&self) -> Option<&Verified<Statement>> {
        match &self.outcome {
            Outcome::Passed(verified) => Some(verified),
            _ => None,
        }
    }

    /// What was checked; `None` for what could not be read.
    pub fn report(&self) -> Option<&Report> {
        match &self.outcome {
            Outcome::Passed(verified) => Some(verified.report()),
            Outcome::Signed(report) => Some(report),
            Outcome::Refused { report, .. } | Outcome::OtherType { report } => Some(report),
            Outcome::Damaged(_) => None,
        }
    }

    /// The earliest moment for which log or authority vouch.
    pub fn signing_time(&self) -> Option<Timestamp> {
        self.report()?.times.first().copied()
    }

    /// Why the bundle does not pass, in words; `None` when it passes or was not asked for.
    pub fn reason(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Refused { error, .. } => Some(error.to_string()),
            Outcome::Damaged(error) => Some(error.to_string()),
            Outcome::Passed(_) | Outcome::Signed(_) | Outcome::OtherType { .. } => None,
        }
    }

    /// What passed: the predicate type, which a signature over a file lacks, and what was checked.
    fn passed(&self) -> Option<(Option<&PredicateType>, &Report)> {
        match &self.outcome {
            Outcome::Passed(verified) => Some((Some(verified.predicate_type()), verified.report())),
            Outcome::Signed(report) => Some((None, report)),
            _ => None,
        }
    }
}

/// What a bundle may be about: the manifest, and the index that it was chosen from.
fn subjects(image: &Image) -> Result<Vec<(Descriptor, About)>, Error> {
    let no_manifest =
        || Error::usage(format!("{} has no manifest that an attestation could be about", image.reference));
    let manifest = image.manifest.clone().ok_or_else(no_manifest)?;
    let index = image.index.clone().map(|index| (index, About::Index));
    Ok(std::iter::once((manifest, About::Image)).chain(index).collect())
}

/// A bundle from a file is about the image, or else about the index.
fn given(bytes: &[u8], subjects: &[(Descriptor, About)], options: &VerifyOptions) -> Vec<Verdict> {
    let judged = subjects.iter().map(|(subject, about)| {
        let bundle = Bundle::parse(bytes, &options.limits).map_err(CarrierError::Bundle);
        let found = Found { carrier: subject.digest.clone(), layout: Layout::Bundle, bundle };
        Verdict { carrier: None, ..judge(found, &subject.digest, *about, options) }
    });
    let (passed, failed): (Vec<_>, Vec<_>) = judged.partition(|verdict| verdict.verified().is_some());
    let verdicts = if passed.is_empty() { failed } else { passed };
    verdicts.into_iter().take(1).collect()
}

/// Verifies what was signed about a file, or about what has a digest: statements about it, or signatures over it.
///
/// `bundles` is one bundle, or one on each line, as `gh attestation download` writes them. A verdict per bundle.
pub fn verify_artifact(artifact: Artifact<'_>, bundles: &[u8], options: &VerifyOptions) -> Vec<Verdict> {
    let subject = match artifact {
        Artifact::Digest(digest) => digest.clone(),
        Artifact::Bytes(bytes) => Digest::sha256_of(bytes),
    };
    let verdict = |bundle: Result<Bundle, BundleError>| {
        let (claimed_type, outcome) = match bundle {
            Ok(bundle) => outcome(&bundle, artifact, options),
            Err(error) => (None, Outcome::Damaged(CarrierError::Bundle(error))),
        };
        let (subject, layout) = (subject.clone(), Layout::Bundle);
        Verdict { carrier: None, layout, subject, about: About::Artifact, claimed_type, outcome }
    };
    let parse = |bytes: &[u8]| Bundle::parse(bytes, &options.limits);
    let lines = || bundles.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    match parse(bundles) {
        Err(_) if lines().count() > 1 && lines().next().is_some_and(|line| parse(line).is_ok()) => {
            lines().map(|line| verdict(parse(line))).collect()
        }
        whole => vec![verdict(whole)],
    }
}

fn judge(found: Found, subject: &Digest, about: About, options: &VerifyOptions) -> Verdict {
    let Found { carrier, layout, bundle } = found;
    let (claimed_type, outcome) = match bundle {
        Ok(bundle) => about_image(outcome(&bundle, Artifact::Digest(subject), options)),
        Err(error) => (None, Outcome::Damaged(error)),
    };
    Verdict { carrier: Some(carrier), layout, subject: subject.clone(), about, claimed_type, outcome }
}

/// A signature over the bytes of a manifest is no attestation.
fn about_image((claimed_type, outcome): (Option<String>, Outcome)) -> (Option<String>, Outcome) {
    let outcome = match outcome {
        Outcome::Signed(report) => Outcome::Refused { error: VerifyError::NoStatement, report: *report },
        other => other,
    };
    (claimed_type, outcome)
}

fn outcome(bundle: &Bundle, artifact: Artifact<'_>, options: &VerifyOptions) -> (Option<String>, Outcome) {
    let claimed = bundle.statement_without_verifying().and_then(Result::ok);
    let claimed = claimed.as_ref().map(Statement::predicate_type);
    let claimed_type = claimed.map(ToString::to_string);
    if let (Some(wanted), Some(claimed)) = (&options.policy.predicate_type, claimed)
        && !wanted.admits(claimed)
    {
        let (expected, found) = (wanted.clone(), claimed.clone());
        let check = VerifyError::PredicateType { expected, found }.as_check();
        let report = Report::of_failure(check, bundle.material());
        return (claimed_type, Outcome::OtherType { report });
    }
    let root = options.trusted_root.as_ref();
    let (report, outcome) = examine(bundle, artifact, &options.policy, root);
    let outcome = match outcome.map(Verified::into_statement) {
        Ok(Ok(statement)) => Outcome::Passed(Box::new(statement)),
        // It signs the artifact itself.
        Ok(Err(_)) => Outcome::Signed(Box::new(report)),
        Err(error) => Outcome::Refused { error, report },
    };
    (claimed_type, outcome)
}

/// Gives everything signed that hangs on an image, or the one file that was given, to `visit`, with the digest that it
/// must be about and whether it is from a file. A file is about the image if it says so, and else about the index.
pub(crate) fn each_found(
    image: &Image,
    bundles: &Bundles<'_>,
    limits: &Limits,
    visit: &mut dyn FnMut(Found, &Digest, bool),
) -> Result<(), Error> {
    let subjects = subjects(image)?;
    let store = match bundles {
        Bundles::Given(bytes) => {
            let bundle = Bundle::parse(bytes, limits).map_err(CarrierError::Bundle);
            let subject = subject_of(bundle.as_ref().ok(), &subjects);
            let found = Found { carrier: subject.clone(), layout: Layout::Bundle, bundle };
            visit(found, &subject, true);
            return Ok(());
        }
        Bundles::Attached(store) => *store,
    };
    for place in [Place::Referrers, Place::Tags] {
        for (subject, _) in &subjects {
            carrier::each(subject, place, store, limits, &mut |found| {
                visit(found, &subject.digest, false);
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Which of the subjects a bundle claims to be about; the first when it claims neither.
fn subject_of(bundle: Option<&Bundle>, subjects: &[(Descriptor, About)]) -> Digest {
    let statement = bundle.and_then(Bundle::statement_without_verifying).and_then(Result::ok);
    let claimed = |digest: &Digest| {
        statement.as_ref().is_some_and(|statement| statement.subjects().iter().any(|one| one.is(digest)))
    };
    let all = || subjects.iter().map(|(subject, _)| &subject.digest);
    let chosen = all().find(|digest| claimed(digest)).or_else(|| all().next());
    chosen.cloned().unwrap_or_else(|| Digest::sha256_of(b""))
}

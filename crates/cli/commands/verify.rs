//! `supercargo verify`.

use std::fs;

use serde_json::{Value, json};
use supercargo::attest_types::{Check, Policy, PublicKey, Report};
use supercargo::{Bundles, Error, Outcome, Verdict, VerifyOptions, clean};

use super::{setup, trust};
use crate::args::{Common, PolicyArgs, VerifyArgs};
use crate::environment::{self, Environment};
use crate::{output, terminal};

/// Verifies every attestation and prints one line for each.
pub(crate) fn run(args: &VerifyArgs, common: &Common) -> Result<(), Error> {
    let session = setup::session(common, &Environment::read())?;
    let (reference, resolved) = setup::open(&session, &args.target, common)?;
    let options = options(&args.policy, args.predicate_type.as_deref(), &session)?;
    let source = Source::new(&args.policy, || session.attachments(&reference))?;
    let mut failed = None;
    let mut rows = Vec::new();
    for image in &resolved.images {
        let verdicts = supercargo::verify(image, &source.bundles(), &options)?;
        if args.json {
            rows.extend(verdicts.iter().map(verdict_json));
        } else {
            print(&verdicts, common)?;
        }
        let wanted = options.policy.predicate_type.as_ref();
        failed = failed.or(supercargo::sufficient(image, &verdicts, wanted).err());
    }
    if args.json {
        output::stdout(format!("{:#}\n", Value::Array(rows)).as_bytes())?;
    }
    failed.map_or(Ok(()), Err)
}

/// Where the bundles come from: a file that the user names, or the store of the image.
pub(crate) enum Source {
    File(Vec<u8>),
    Store(Box<dyn supercargo::image::Attachments>),
}

impl Source {
    pub(crate) fn new(
        args: &PolicyArgs,
        store: impl FnOnce() -> Result<Box<dyn supercargo::image::Attachments>, Error>,
    ) -> Result<Self, Error> {
        match &args.bundle {
            Some(file) => Ok(Self::File(fs::read(file).map_err(|source| Error::read(file, source))?)),
            None => store().map(Self::Store),
        }
    }

    pub(crate) fn bundles(&self) -> Bundles<'_> {
        match self {
            Self::File(bytes) => Bundles::Given(bytes),
            Self::Store(store) => Bundles::Attached(store.as_ref()),
        }
    }
}

/// The policy that the arguments spell out.
pub(crate) fn options(
    args: &PolicyArgs,
    predicate_type: Option<&str>,
    session: &supercargo::Session,
) -> Result<VerifyOptions, Error> {
    let now = environment::now();
    let mut policy = match (&args.key, &args.identity, &args.issuer) {
        (Some(file), None, None) => Policy::keys(vec![public_key(file)?], now),
        (None, Some(identity), Some(issuer)) => Policy::identity(identity, issuer, now),
        _ => return Err(who_must_have_signed()),
    };
    if let Some(text) = predicate_type {
        policy = policy.predicate_type(setup::predicate_type(text)?);
    }
    let trusted_root = Some(trust::trusted_root(args.trusted_root.as_deref())?);
    Ok(VerifyOptions { policy, trusted_root, limits: session.limits().clone() })
}

/// A public key in a file.
pub(crate) fn public_key(file: &std::path::Path) -> Result<PublicKey, Error> {
    let pem = fs::read(file).map_err(|source| Error::read(file, source))?;
    PublicKey::from_pem(&pem).map_err(|error| Error::document("public key", file, error))
}

fn who_must_have_signed() -> Error {
    Error::Usage {
        message: "nobody is named who must have signed".into(),
        hint: Some("give `--key PUB`, or `--identity ID` with `--issuer URL`".into()),
    }
}

fn print(verdicts: &[Verdict], common: &Common) -> Result<(), Error> {
    for verdict in verdicts {
        let about = if verdict.is_index { "index" } else { "image" };
        let what = verdict.claimed_type.as_deref().unwrap_or("an artifact");
        match &verdict.outcome {
            Outcome::Passed(statement) => {
                let line =
                    format!("ok {what} about {about} {}: {}\n", verdict.subject, statement.report().line());
                output::stdout(clean(&line).as_bytes())?;
            }
            Outcome::OtherType if common.verbose => {
                terminal::note(common, &clean(&format!("passed over {what}: another type")))
            }
            Outcome::OtherType => {}
            Outcome::Refused { error, .. } => {
                terminal::complain(&clean(&format!(
                    "refused {what} about {about} {}: {error}",
                    verdict.subject
                )));
            }
            Outcome::Damaged(error) => {
                terminal::complain(&clean(&format!("refused a damaged bundle: {error}")))
            }
        }
    }
    Ok(())
}

fn verdict_json(verdict: &Verdict) -> Value {
    let (outcome, report, error) = match &verdict.outcome {
        Outcome::Passed(statement) => ("passed", Some(statement.report()), None),
        Outcome::Refused { error, report } => ("refused", Some(report), Some(error.to_string())),
        Outcome::Damaged(error) => ("damaged", None, Some(error.to_string())),
        Outcome::OtherType => ("other-type", None, None),
    };
    json!({
        "outcome": outcome,
        "subject": verdict.subject.to_string(),
        "subjectIsIndex": verdict.is_index,
        "carrier": verdict.carrier.as_ref().map(ToString::to_string),
        "predicateType": verdict.claimed_type,
        "checks": report.map_or_else(Vec::new, checks_json),
        "error": error,
    })
}

fn checks_json(report: &Report) -> Vec<Value> {
    let check = |check: &Check| json!({"check": check.name.as_str(), "expected": check.expected, "found": check.found, "ok": check.ok});
    report.checks.iter().map(check).collect()
}

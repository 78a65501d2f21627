//! `supercargo verify`.

use serde_json::Value;
use supercargo::attest_types::{EvidenceNeeded, ExpectedSigner, OtherSubjects, Policy};
use supercargo::{Error, Scope, VerifyOptions};

use super::bundles::BundleSource;
use super::{explain, policy, recompute, setup, signers, trust};
use crate::args::{Common, PolicyArgs, VerifyArgs};
use crate::environment::{self, Environment};
use crate::output;

/// Verifies every attestation and prints one line, or every check, for each.
pub(crate) fn run(args: &VerifyArgs, common: &Common) -> Result<(), Error> {
    if let Some(file) = &args.policy_file {
        return policy::verify(args, file, common);
    }
    let session = setup::session(common, &Environment::read())?;
    let (reference, resolved) = match args.recompute {
        true => setup::open(&session, &args.target(), common)?,
        false => setup::pin(&session, &args.target(), common)?,
    };
    let options = options(&args.policy, args.predicate_type.as_deref(), &session)?;
    let source = BundleSource::new(args.policy.bundle.as_deref(), || session.attachments(&reference))?;
    let mut failed = None;
    let mut rows = Vec::new();
    for image in &resolved.images {
        let verdicts = supercargo::verify(image, &source.bundles(), &options)?;
        if args.json {
            rows.extend(verdicts.iter().map(explain::json));
        } else if args.explain {
            explain::tables(&verdicts)?;
        } else {
            explain::lines(&verdicts, common)?;
        }
        let outcome = supercargo::sufficient(&image.reference, &verdicts, &options);
        let outcome = match outcome {
            Ok(()) if args.recompute => recompute::run(&session, image, &verdicts, common),
            other => other,
        };
        failed = failed.or(outcome.err());
    }
    if args.json {
        output::stdout(format!("{:#}\n", Value::Array(rows)).as_bytes())?;
    }
    failed.map_or(Ok(()), Err)
}

/// The policy that the arguments spell out.
pub(crate) fn options(
    args: &PolicyArgs,
    predicate_type: Option<&str>,
    session: &supercargo::Session,
) -> Result<VerifyOptions, Error> {
    let signers = signers::expected(args)?;
    let evidence = evidence(args, &signers);
    let mut policy = Policy::signers(signers, environment::now()).evidence(evidence);
    if args.only_subject {
        policy = policy.other_subjects(OtherSubjects::Refused);
    }
    if let Some(text) = predicate_type {
        policy = policy.predicate_type(setup::predicate_type(text)?);
    }
    let trusted_root = Some(trust::trusted_root(args.trusted_root.as_deref())?);
    Ok(VerifyOptions {
        policy,
        threshold: args.threshold.into(),
        trusted_root,
        scope: Scope::UntilEnough,
        limits: session.limits().clone(),
    })
}

fn evidence(args: &PolicyArgs, signers: &[ExpectedSigner]) -> EvidenceNeeded {
    let only_keys = signers.iter().all(|signer| matches!(signer, ExpectedSigner::Key(_)));
    let usual = if only_keys { EvidenceNeeded::KEYS } else { EvidenceNeeded::USUAL };
    EvidenceNeeded {
        logs_min: args.logs_min.map_or(usual.logs_min, usize::from),
        key_logs_min: args.logs_min.map_or(usual.key_logs_min, |logs| Some(logs.into())),
        timestamps_min: args.timestamps_min.into(),
        certificate_log: !args.no_certificate_log,
    }
}

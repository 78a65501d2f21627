//! `supercargo policy test` and `supercargo verify --policy`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use supercargo::attest_types::PolicyFile;
use supercargo::image::Image;
use supercargo::{
    Bundles, Error, PolicyOptions, PolicyVerdict, RequirementReason, RequirementVerdict, Session,
    check_policy, clean,
};

use super::{explain, setup, trust, verify};
use crate::args::{Common, PlatformArg, Target};
use crate::environment::{self, Environment};
use crate::output;
use crate::verify_args::{PolicyCommand, PolicyTestArgs, VerifyArgs};

/// Runs a command of `policy`.
pub(crate) fn run(command: &PolicyCommand, common: &Common) -> Result<(), Error> {
    let PolicyCommand::Test(args) = command;
    let PolicyTestArgs { policy, target, trusted_root, bundle, json } = args;
    let request = Request {
        policy,
        target: Target { reference: target.reference.clone(), platform: target.platform.clone() },
        trusted_root: trusted_root.as_deref(),
        bundle: bundle.as_deref(),
        json: *json,
    };
    test(&request, common)
}

/// `verify --policy FILE`.
pub(crate) fn verify(args: &VerifyArgs, file: &Path, common: &Common) -> Result<(), Error> {
    let platform = if args.all_platforms { Some(PlatformArg::All) } else { args.target.platform.clone() };
    let request = Request {
        policy: file,
        target: Target { reference: args.target.reference.clone(), platform },
        trusted_root: args.policy.trusted_root.as_deref(),
        bundle: args.policy.bundle.as_deref(),
        json: args.json,
    };
    test(&request, common)
}

struct Request<'a> {
    policy: &'a Path,
    target: Target,
    trusted_root: Option<&'a Path>,
    bundle: Option<&'a Path>,
    json: bool,
}

fn test(request: &Request<'_>, common: &Common) -> Result<(), Error> {
    let policy = read(request.policy)?;
    let session = setup::session(common, &Environment::read())?;
    let (reference, resolved) = setup::open(&session, &request.target, common)?;
    let source = verify::Source::new(request.bundle, || session.attachments(&reference))?;
    let mut rows = Vec::new();
    let mut failed = None;
    for image in &resolved.images {
        let verdict = judge(image, &source.bundles(), &policy, request, &session)?;
        if request.json {
            rows.push(verdict_json(image, &verdict));
        } else {
            output::stdout(clean(&text(image, &verdict)).as_bytes())?;
        }
        failed = failed.or(unsatisfied(image, &verdict));
    }
    if request.json {
        output::stdout(format!("{:#}\n", Value::Array(rows)).as_bytes())?;
    }
    failed.map_or(Ok(()), Err)
}

fn read(file: &Path) -> Result<PolicyFile, Error> {
    let text = fs::read_to_string(file).map_err(|source| Error::read(file, source))?;
    PolicyFile::read(&text).map_err(|error| Error::document("policy", file, error))
}

fn judge(
    image: &Image,
    bundles: &Bundles<'_>,
    policy: &PolicyFile,
    request: &Request<'_>,
    session: &Session,
) -> Result<PolicyVerdict, Error> {
    let root = trust::trusted_root(request.trusted_root)?;
    let options =
        PolicyOptions { trusted_root: Some(&root), now: environment::now(), limits: session.limits() };
    check_policy(image, bundles, policy, &options)
}

fn unsatisfied(image: &Image, verdict: &PolicyVerdict) -> Option<Error> {
    if verdict.is_satisfied() {
        return None;
    }
    let of = |requirement: &RequirementVerdict| {
        let reasons: Vec<String> = requirement.reasons.iter().map(ToString::to_string).collect();
        format!("`{}`: {}", requirement.name, reasons.join("; "))
    };
    let failed = verdict.requirements.iter().filter(|requirement| !requirement.reasons.is_empty());
    let reasons = failed.map(of).collect::<Vec<_>>().join("; ");
    Some(Error::Policy { image: image.reference.to_string(), reasons })
}

/// One line for each requirement, and below it what satisfies it or every reason why not.
fn text(image: &Image, verdict: &PolicyVerdict) -> String {
    let digest = image.manifest.as_ref().map(|manifest| manifest.digest.to_string()).unwrap_or_default();
    let platform = image.config.platform.as_ref().map(|platform| format!(" {platform}")).unwrap_or_default();
    let mut text = format!("image{platform} {digest}\n");
    for requirement in &verdict.requirements {
        let word = if requirement.reasons.is_empty() { "satisfied" } else { "NOT SATISFIED" };
        text.push_str(&format!("  {word:<13}  {}\n", requirement.name));
        for one in &requirement.satisfied_by {
            let place =
                one.carrier.as_ref().map_or_else(|| "the bundle given".to_owned(), ToString::to_string);
            let time = one.time.map_or_else(|| "at an unknown time".to_owned(), |time| format!("at {time}"));
            text.push_str(&format!("                 by {place}, signed by {} {time}\n", one.signer));
        }
        for reason in &requirement.reasons {
            text.push_str(&format!("                 {reason}\n"));
        }
    }
    text
}

fn verdict_json(image: &Image, verdict: &PolicyVerdict) -> Value {
    let requirement = |requirement: &RequirementVerdict| {
        let by: Vec<Value> = requirement.satisfied_by.iter().map(satisfying).collect();
        let reasons: Vec<Value> = requirement.reasons.iter().map(reason).collect();
        json!({
            "name": requirement.name,
            "satisfied": requirement.reasons.is_empty(),
            "satisfiedBy": by,
            "reasons": reasons,
        })
    };
    json!({
        "subject": image.manifest.as_ref().map(|manifest| manifest.digest.to_string()),
        "platform": image.config.platform.as_ref().map(ToString::to_string),
        "satisfied": verdict.is_satisfied(),
        "requirements": verdict.requirements.iter().map(requirement).collect::<Vec<_>>(),
    })
}

fn satisfying(one: &supercargo::Satisfying) -> Value {
    json!({
        "carrier": one.carrier.as_ref().map(ToString::to_string),
        "signer": explain::signer(&one.signer),
        "signingTime": one.time.map(|time| time.to_string()),
    })
}

fn reason(reason: &RequirementReason) -> Value {
    let rule = match reason {
        RequirementReason::Missing { .. } => "predicate type",
        RequirementReason::Refused { error, .. } => error.check().as_str(),
        RequirementReason::Damaged { .. } => "bundle",
        RequirementReason::Rule { reason, .. } => reason.rule(),
        RequirementReason::Signers { .. } => "threshold",
        _ => "other",
    };
    json!({"rule": rule, "text": reason.to_string()})
}

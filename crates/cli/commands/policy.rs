//! `supercargo policy test` and `supercargo verify --policy`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use supercargo::attest_types::{PolicyFile, PolicyReason, TrustedRoot};
use supercargo::image::Image;
use supercargo::{
    Bundles, Error, PolicyOptions, PolicyVerdict, RequirementReason, RequirementVerdict, Session,
    SummaryOptions, check_policy, clean,
};

use super::bundles::BundleSource;
use super::{explain, setup, trust};
use crate::args::{Common, PolicyCommand, PolicyTestArgs, SummaryArgs, Target, VerifyArgs};
use crate::environment::{self, Environment};
use crate::output;

/// Runs a command of `policy`.
pub(crate) fn run(command: &PolicyCommand, common: &Common) -> Result<(), Error> {
    let PolicyCommand::Test(args) = command;
    let PolicyTestArgs { policy, target, trusted_root, bundle, json } = args;
    let request = Request {
        policy,
        target: Target { reference: target.reference.clone(), platform: target.platform.clone() },
        trusted_root: trusted_root.as_deref(),
        bundle: bundle.as_deref(),
        summary: None,
        json: *json,
    };
    test(&request, common)
}

/// `verify --policy FILE`.
pub(crate) fn verify(args: &VerifyArgs, file: &Path, common: &Common) -> Result<(), Error> {
    let request = Request {
        policy: file,
        target: args.target(),
        trusted_root: args.policy.trusted_root.as_deref(),
        bundle: args.policy.bundle.as_deref(),
        summary: args.vsa.as_deref().map(|file| (file, &args.summary)),
        json: args.json,
    };
    test(&request, common)
}

struct Request<'a> {
    policy: &'a Path,
    target: Target,
    trusted_root: Option<&'a Path>,
    bundle: Option<&'a Path>,
    /// Where a verification summary goes, and what it says of its maker.
    summary: Option<(&'a Path, &'a SummaryArgs)>,
    json: bool,
}

fn test(request: &Request<'_>, common: &Common) -> Result<(), Error> {
    let policy = read(request.policy)?;
    let session = setup::session(common, &Environment::read())?;
    let (reference, resolved) = setup::open(&session, &request.target, common)?;
    if request.summary.is_some() && resolved.images.len() > 1 {
        return Err(Error::Usage {
            message: "one verification summary is about one image, and several were chosen".into(),
            hint: Some("choose one with `--platform os/arch[/variant]`".into()),
        });
    }
    let source = BundleSource::new(request.bundle, || session.attachments(&reference))?;
    let root = trust::trusted_root(request.trusted_root)?;
    let checker = Checker { policy: &policy, root: &root, session: &session };
    let mut rows = Vec::new();
    let mut failed = None;
    for image in &resolved.images {
        let verdict = match request.summary {
            Some((file, args)) => {
                let (json, verdict) = checker.sum_up(image, &source.bundles(), args)?;
                output::file(file, &json)?;
                verdict
            }
            None => checker.check(image, &source.bundles(), true)?,
        };
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

/// A policy from a file.
pub(crate) fn read(file: &Path) -> Result<PolicyFile, Error> {
    let text = fs::read_to_string(file).map_err(|source| Error::read(file, source))?;
    PolicyFile::read(&text).map_err(|error| Error::document("policy", file, error))
}

/// A policy and what it is checked with.
pub(crate) struct Checker<'a> {
    pub(crate) policy: &'a PolicyFile,
    pub(crate) root: &'a TrustedRoot,
    pub(crate) session: &'a Session,
}

impl Checker<'_> {
    fn check(
        &self,
        image: &Image,
        bundles: &Bundles<'_>,
        accept_summary: bool,
    ) -> Result<PolicyVerdict, Error> {
        let options = PolicyOptions {
            trusted_root: Some(self.root),
            now: environment::now(),
            accept_summary,
            limits: self.session.limits(),
        };
        check_policy(image, bundles, self.policy, &options)
    }

    /// The predicate of a verification summary, and the verdict that it sums up.
    pub(crate) fn sum_up(
        &self,
        image: &Image,
        bundles: &Bundles<'_>,
        args: &SummaryArgs,
    ) -> Result<(Vec<u8>, PolicyVerdict), Error> {
        let verifier_id = args.verifier_id.as_deref().unwrap_or_default();
        let resource_uri = args.resource_uri.as_deref();
        let options = SummaryOptions { verifier_id, resource_uri, now: environment::now() };
        let verdict = self.check(image, bundles, false)?;
        let summary = supercargo::verification_summary(image, bundles, self.policy, &verdict, &options)?;
        Ok((summary.to_json(), verdict))
    }
}

/// The error of an image that does not satisfy a policy.
pub(crate) fn unsatisfied(image: &Image, verdict: &PolicyVerdict) -> Option<Error> {
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
    if let Some(summary) = &verdict.summary {
        let word = if summary.is_satisfied() { "accepted" } else { "not accepted" };
        text.push_str(&rows(word, "verification summary", summary));
    }
    for requirement in &verdict.requirements {
        let word = if requirement.is_satisfied() { "satisfied" } else { "NOT SATISFIED" };
        text.push_str(&rows(word, &requirement.name, requirement));
    }
    text
}

fn rows(word: &str, name: &str, verdict: &RequirementVerdict) -> String {
    let mut text = format!("  {word:<13}  {name}\n");
    for one in &verdict.satisfied_by {
        let place = one.carrier.as_ref().map_or_else(|| "the bundle given".to_owned(), ToString::to_string);
        let time = one.time.map_or_else(|| "at an unknown time".to_owned(), |time| format!("at {time}"));
        text.push_str(&format!("                 by {place}, signed by {} {time}\n", one.signer));
    }
    for reason in &verdict.reasons {
        text.push_str(&format!("                 {reason}\n"));
    }
    text
}

fn verdict_json(image: &Image, verdict: &PolicyVerdict) -> Value {
    json!({
        "subject": image.manifest.as_ref().map(|manifest| manifest.digest.to_string()),
        "platform": image.config.platform.as_ref().map(ToString::to_string),
        "satisfied": verdict.is_satisfied(),
        "summary": verdict.summary.as_ref().map(requirement_json),
        "requirements": verdict.requirements.iter().map(requirement_json).collect::<Vec<_>>(),
    })
}

fn requirement_json(requirement: &RequirementVerdict) -> Value {
    let by: Vec<Value> = requirement.satisfied_by.iter().map(satisfying).collect();
    let reasons: Vec<Value> = requirement.reasons.iter().map(reason).collect();
    json!({
        "name": requirement.name,
        "satisfied": requirement.is_satisfied(),
        "satisfiedBy": by,
        "reasons": reasons,
    })
}

fn satisfying(one: &supercargo::Satisfying) -> Value {
    json!({
        "carrier": one.carrier.as_ref().map(ToString::to_string),
        "signer": explain::signer(&one.signer),
        "signingTime": one.time.map(|time| time.to_string()),
        "buildLevel": one.build_level,
    })
}

fn reason(reason: &RequirementReason) -> Value {
    let rule = match reason {
        RequirementReason::Missing { .. } => "predicate type",
        RequirementReason::Refused { error, .. } => error.check().as_str(),
        RequirementReason::Damaged { .. } => "bundle",
        RequirementReason::Rule { reason, .. } => reason.rule(),
        RequirementReason::Signers { .. } => "threshold",
        RequirementReason::NewestUnknown { .. } => "newest",
        _ => "other",
    };
    let mut row = json!({"rule": rule, "text": reason.to_string()});
    if let RequirementReason::Rule { reason, .. } = reason
        && let PolicyReason::Profile { profile, gap } = reason.as_ref()
        && let Value::Object(row) = &mut row
    {
        let (field, packages) = (gap.field.as_str(), &gap.packages);
        row.insert("profile".to_owned(), json!({"name": profile, "field": field, "missing": gap.missing, "of": gap.of, "packages": packages}));
    }
    row
}

//! The verdict of a policy → a verification summary that a later run can accept in its place.

use std::collections::BTreeSet;

use jiff::Timestamp;
use supercargo_attest::{PolicyFile, Resource, SummaryResult, VerificationSummary};
use supercargo_content::Digest;
use supercargo_image::{Image, Reference};

use crate::{Bundles, Error, PolicyVerdict, RequirementVerdict};

/// What a verification summary says beside the verdict.
#[derive(Debug, Clone, Copy)]
pub struct SummaryOptions<'a> {
    /// Who verifies, a URI. Consumers trust pairs of it and a signer.
    pub verifier_id: &'a str,
    /// From where consumers fetch the image, a URI. Without it `oci://HOST/REPOSITORY` of an image in a registry.
    pub resource_uri: Option<&'a str>,
    /// When the policy was checked.
    pub now: Timestamp,
}

/// Sums up what [`check_policy`](crate::check_policy) found.
///
/// # Errors
/// When the verdict rests on another summary, which would make that one younger than it is, or an identifier is no URI
/// or not to be had.
pub fn verification_summary(
    image: &Image,
    bundles: &Bundles<'_>,
    policy: &PolicyFile,
    verdict: &PolicyVerdict,
    options: &SummaryOptions<'_>,
) -> Result<VerificationSummary, Error> {
    if verdict.summary.is_some() {
        return Err(Error::usage(
            "a verdict that may rest on a verification summary cannot be summed up again",
        ));
    }
    let passed = verdict.is_satisfied();
    Ok(VerificationSummary {
        verifier_id: uri("the verifier", options.verifier_id)?,
        verifier_version: [("supercargo".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        time_verified: Some(Timestamp::from_second(options.now.as_second()).unwrap_or(options.now)),
        resource_uri: resource_uri(image, options)?,
        policy: policy_resource(policy),
        input_attestations: inputs(image, bundles, verdict),
        result: if passed { SummaryResult::Passed } else { SummaryResult::Failed },
        verified_levels: vec![if passed { level(verdict) } else { VerificationSummary::FAILED.to_owned() }],
        slsa_version: Some(VerificationSummary::SLSA_VERSION.to_owned()),
    })
}

fn resource_uri(image: &Image, options: &SummaryOptions<'_>) -> Result<String, Error> {
    match (options.resource_uri, repository(image)) {
        (Some(text), _) => uri("the resource", text),
        (None, Some(repository)) => Ok(repository),
        (None, None) => Err(Error::Usage {
            message: format!("{} is in no registry from which a consumer could fetch it", image.reference),
            hint: Some("say from where it will be fetched with `--resource-uri URI`".into()),
        }),
    }
}

fn repository(image: &Image) -> Option<String> {
    match &image.reference {
        Reference::Registry(reference) => Some(format!("oci://{}", reference.name())),
        _ => None,
    }
}

fn uri(what: &str, text: &str) -> Result<String, Error> {
    let scheme = text.split(':').next().unwrap_or_default();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let is_plain = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if text.contains(':') && is_scheme && is_plain {
        return Ok(text.to_owned());
    }
    Err(Error::usage(format!("`{text}` names {what}, and is not a URI")))
}

/// A policy without a name of its own is named by its digest (RFC 6920).
fn policy_resource(policy: &PolicyFile) -> Resource {
    use base64::Engine as _;
    let named = || {
        let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(policy.digest.to_bytes());
        format!("ni:///sha-256;{digest}")
    };
    Resource::new(Some(policy.uri.clone().unwrap_or_else(named)), &policy.digest)
}

/// Everything that the verdict rests on: what satisfies a requirement, and what is a reason against one.
fn inputs(image: &Image, bundles: &Bundles<'_>, verdict: &PolicyVerdict) -> Vec<Resource> {
    let satisfying = verdict.requirements.iter().flat_map(|requirement| &requirement.satisfied_by);
    let reasons = verdict.requirements.iter().flat_map(|requirement| &requirement.reasons);
    let carriers = satisfying.map(|one| one.carrier.as_ref());
    let carriers: BTreeSet<Option<&Digest>> =
        carriers.chain(reasons.filter_map(|reason| reason.carrier())).collect();
    let repository = repository(image);
    let resource = |carrier: Option<&Digest>| match (carrier, bundles) {
        (Some(digest), _) => {
            let place = repository.as_ref().map(|repository| format!("{repository}@{digest}"));
            Some(Resource::new(place, digest))
        }
        (None, Bundles::Given(bytes)) => Some(Resource::new(None, &Digest::sha256_of(bytes))),
        (None, Bundles::Attached(_)) => None,
    };
    carriers.into_iter().filter_map(resource).collect()
}

/// The highest level of the build track that a requirement asked for, as low as the lowest of its attestations.
fn level(verdict: &PolicyVerdict) -> String {
    let of = |requirement: &RequirementVerdict| {
        requirement.satisfied_by.iter().filter_map(|one| one.build_level).min()
    };
    match verdict.requirements.iter().filter_map(of).max() {
        Some(level) => VerificationSummary::build_level(level),
        None => VerificationSummary::UNEVALUATED.to_owned(),
    }
}

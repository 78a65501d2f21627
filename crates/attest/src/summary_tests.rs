use super::*;

use jiff::SignedDuration;

use crate::summary_rules::{SummaryReason, SummaryRules};
use crate::{Pattern, PredicateType, TextRule};

const NOW: &str = "2026-06-01T00:00:00Z";

fn summary() -> VerificationSummary {
    let digest = Digest::sha256_of(b"policy");
    VerificationSummary {
        verifier_id: "https://verifier.example".into(),
        verifier_version: [("supercargo".to_owned(), "1".to_owned())].into(),
        time_verified: Some("2026-05-31T00:00:00Z".parse().unwrap()),
        resource_uri: "oci://registry.example/app".into(),
        policy: Resource::new(Some("https://policies.example/1".into()), &digest),
        input_attestations: vec![Resource::new(None, &Digest::sha256_of(b"input"))],
        result: SummaryResult::Passed,
        verified_levels: vec!["SLSA_BUILD_LEVEL_3".into()],
        slsa_version: Some("1.2".into()),
    }
}

fn rules() -> SummaryRules {
    SummaryRules {
        verifier_id: "https://verifier.example".into(),
        resource_uri: TextRule::Pattern(Pattern::new("oci://registry\\.example/.*").unwrap()),
        policy_digests: vec![Digest::sha256_of(b"policy")],
        levels: vec!["SLSA_BUILD_LEVEL_2".into()],
        max_age: Some(SignedDuration::from_hours(48)),
    }
}

fn statement(predicate: &[u8]) -> Statement {
    let image = Digest::sha256_of(b"image");
    let predicate_type = PredicateType::from_uri(VerificationSummary::PREDICATE_TYPE).unwrap();
    let bytes = Statement::write(&[("app", &image)], &predicate_type, predicate, 1 << 20).unwrap();
    Statement::read_without_verifying(&bytes).unwrap()
}

fn found(change: impl FnOnce(&mut VerificationSummary)) -> Vec<&'static str> {
    let mut changed = summary();
    change(&mut changed);
    let reasons = rules().check(&statement(&changed.to_json()), NOW.parse().unwrap());
    reasons.iter().map(SummaryReason::rule).collect()
}

#[test]
fn what_is_written_is_read_again() {
    assert_eq!(VerificationSummary::read(&statement(&summary().to_json())), Ok(summary()));
    let text = String::from_utf8(summary().to_json()).unwrap();
    let order = ["verifier", "timeVerified", "resourceUri", "policy", "inputAttestations", "slsaVersion"];
    let places: Vec<_> = order.iter().map(|name| text.find(&format!("\"{name}\"")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn each_check_refuses_on_its_own() {
    assert_eq!(found(|_| {}), [""; 0]);
    assert_eq!(found(|one| one.verifier_id.push('x')), ["verifier"]);
    assert_eq!(found(|one| one.resource_uri = "oci://evil.example/app".into()), ["resource uri"]);
    assert_eq!(found(|one| one.policy = Resource::default()), ["policy digest"]);
    assert_eq!(found(|one| one.policy = Resource::new(None, &Digest::sha256_of(b"x"))), ["policy digest"]);
    assert_eq!(found(|one| one.result = SummaryResult::Failed), ["verification result"]);
    assert_eq!(found(|one| one.verified_levels = vec!["SLSA_BUILD_LEVEL_1".into()]), ["verified level"]);
    assert_eq!(found(|one| one.verified_levels.clear()), ["verified level"]);
    assert_eq!(found(|one| one.time_verified = None), ["time verified"]);
    assert_eq!(found(|one| one.time_verified = "2026-05-29T23:59:59Z".parse().ok()), ["time verified"]);
    assert_eq!(found(|one| one.time_verified = "2026-06-01T00:05:01Z".parse().ok()), ["time verified"]);
    assert_eq!(found(|one| one.time_verified = "2026-06-01T00:04:59Z".parse().ok()), [""; 0]);
    assert_eq!(found(|one| one.slsa_version = Some("2.0".into())), ["slsa version"]);
    assert_eq!(found(|one| one.slsa_version = None), [""; 0]);
}

#[test]
fn levels_imply_lower_ones_of_their_track_only() {
    for (levels, reasons) in [
        (vec!["SLSA_BUILD_LEVEL_2"], 0),
        (vec!["SLSA_SOURCE_LEVEL_3"], 1),
        (vec!["SLSA_BUILD_LEVEL_UNEVALUATED"], 1),
        (vec!["SLSA_SOURCE_LEVEL_1", "SLSA_BUILD_LEVEL_3"], 0),
        (vec!["SLSA_BUILD_LEVEL_-3"], 1),
    ] {
        let levels: Vec<String> = levels.into_iter().map(str::to_owned).collect();
        assert_eq!(found(|one| one.verified_levels = levels.clone()).len(), reasons, "{levels:?}");
    }
}

#[test]
fn what_is_no_summary_says_why() {
    let read = |predicate: &str| VerificationSummary::read(&statement(predicate.as_bytes()));
    assert!(matches!(read("{}"), Err(SummaryError::Shape { .. })));
    let text = String::from_utf8(summary().to_json()).unwrap();
    assert!(matches!(read(&text.replace("PASSED", "passed")), Err(SummaryError::Result { .. })));
    assert!(matches!(read(&text.replace("2026-05-31T", "yesterday")), Err(SummaryError::Time { .. })));
    assert_eq!(read(&text.replace("\"policy\"", "\"more\":1,\"policy\"")), Ok(summary()));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(VerificationSummary::BYTES_MAX));
    let image = Digest::sha256_of(b"image");
    let kind = PredicateType::from_uri(VerificationSummary::PREDICATE_TYPE).unwrap();
    let bytes = Statement::write(&[("app", &image)], &kind, long.as_bytes(), 1 << 30).unwrap();
    let statement = Statement::read_without_verifying(&bytes).unwrap();
    assert!(matches!(VerificationSummary::read(&statement), Err(SummaryError::TooLong { .. })));
}

#[test]
fn the_newest_of_the_same_policy_comes_last() {
    let rank = |change: &dyn Fn(&mut VerificationSummary)| {
        let mut changed = summary();
        change(&mut changed);
        rules().rank(&statement(&changed.to_json()))
    };
    let newer = |one: &mut VerificationSummary| one.time_verified = NOW.parse().ok();
    assert!(rank(&newer) > rank(&|_| {}));
    assert!(rank(&|_| {}) > rank(&|one| one.time_verified = None));
    let other = |one: &mut VerificationSummary| {
        newer(one);
        one.verifier_id.push('x');
    };
    assert!(rank(&|_| {}) > rank(&other));
}

//! Three real images saved by cosign: what is signed verifies from disk, and every change is refused by its check.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;
use supercargo::attest_types::{
    Bundle, CheckName, Policy, PredicateType, SignedBy, TrustedRoot, VerifyError, verify as verify_bundle,
};
use supercargo::content::{Digest, Limits, Platform};
use supercargo::image::{Image, PlatformChoice};
use supercargo::{
    About, AttachedKind, AttachedNode, Bundles, Error, Layout, Outcome, Scope, Session, SessionOptions,
    Verdict, VerifyOptions, sufficient, verify,
};

use crate::support::suite;

/// Variants that end otherwise than the suite says. Strict: one that starts to agree must leave the list.
const KNOWN_FAILURES: &[&str] = &[];

#[test]
fn each_image_verifies_and_each_change_is_refused_by_its_check() {
    let Some(suite) = suite("layouts") else { return };
    let cases: Vec<Value> =
        serde_json::from_slice(&fs::read(suite.join("cases.json")).expect("cases")).expect("json");
    let mut wrong = Vec::new();
    for case in &cases {
        let name = text(case, "name");
        if let Err(error) = passes(&suite, case) {
            wrong.push((name.to_owned(), error));
        }
        for variant in case["must_fail"].as_array().expect("variants") {
            let (expected, found) = refusal(&suite, case, &variant["change"]);
            if found != Some(expected) {
                wrong.push((format!("{name} {}", variant["change"]), format!("{found:?}, not {expected}")));
            }
        }
    }
    let names: Vec<_> = wrong.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, KNOWN_FAILURES, "{wrong:#?}");
    assert_eq!(cases.len(), 3);
}

fn passes(suite: &Path, case: &Value) -> Result<(), String> {
    let options = options(text(case_signed(case), "identity"), text(case_signed(case), "issuer"), None);
    let (image, verdicts) = verdicts(suite, case, &options);
    sufficient(&image.reference, &verdicts, &options).map_err(|error| error.to_string())?;
    let [verdict] = verdicts.as_slice() else { return Err(format!("{} verdicts", verdicts.len())) };
    let report = verdict.report().ok_or("no report")?;
    let time = report.times.first().map(|time| time.as_second());
    assert_eq!(time, case_signed(case)["integrated_time"].as_i64());
    assert_eq!(verdict.layout, Layout::CosignAttestation);
    assert_eq!(
        verdict.carrier.as_ref().map(Digest::to_string).as_deref(),
        case_signed(case)["manifest"].as_str()
    );
    assert!(verdict.about == About::Index && verdict.subject.to_string() == text(case, "image_digest"));
    let Some(SignedBy::Identity { claims, .. }) = &report.signer else { return Err("no identity".into()) };
    let source = claims.source_repository.as_deref();
    assert_eq!(source, Some("https://github.com/slsa-framework/example-package"));
    Ok(())
}

/// The check that the change must fail, and the one that did.
fn refusal(suite: &Path, case: &Value, change: &Value) -> (CheckName, Option<CheckName>) {
    let signed = case_signed(case);
    let changed = |field: &str| change.get(field).and_then(Value::as_str);
    if let Some(digest) = changed("digest") {
        let digest = digest.parse().expect("digest");
        return (CheckName::Subject, of_other_digest(suite, case, &digest).err().map(|error| error.check()));
    }
    let identity = changed("identity").unwrap_or(text(signed, "identity"));
    let issuer = changed("issuer").unwrap_or(text(signed, "issuer"));
    let options = options(identity, issuer, changed("predicate_type"));
    let expected = match (changed("identity"), changed("issuer")) {
        (Some(_), _) => CheckName::Identity,
        (None, Some(_)) => CheckName::Issuer,
        (None, None) => CheckName::PredicateType,
    };
    let (image, verdicts) = verdicts(suite, case, &options);
    let refused = sufficient(&image.reference, &verdicts, &options).expect_err("it must fail");
    assert!(matches!(refused, Error::Refused { .. } | Error::Nothing { .. }), "{refused}");
    let failed = verdicts.iter().find_map(|verdict| verdict.report()?.failed());
    (expected, failed.map(|check| check.name))
}

/// Prints the time; machines differ, so nothing is asserted.
#[test]
fn the_time_of_one_offline_verification_is_measured() {
    let Some(suite) = suite("layouts") else { return };
    let cases: Vec<Value> =
        serde_json::from_slice(&fs::read(suite.join("cases.json")).expect("cases")).expect("json");
    for case in &cases {
        let options = options(text(case_signed(case), "identity"), text(case_signed(case), "issuer"), None);
        let session = Session::new(SessionOptions::default()).expect("session");
        let (reference, image) = open(&session, &suite, case);
        let store = session.attachments(&reference).expect("store");
        let start = std::time::Instant::now();
        for _ in 0..10 {
            verify(&image, &Bundles::Attached(store.as_ref()), &options).expect("verdicts");
        }
        println!("{}: {:?} for one bundle from disk", text(case, "name"), start.elapsed() / 10);
    }
}

/// The envelope as it lies in the layout, against a digest that it is not about.
fn of_other_digest(suite: &Path, case: &Value, digest: &Digest) -> Result<(), VerifyError> {
    let signed = case_signed(case);
    let blob = |digest: &str| {
        fs::read(suite.join(text(case, "layout")).join("blobs/sha256").join(&digest[7..])).expect("blob")
    };
    let manifest: Value = serde_json::from_slice(&blob(text(signed, "manifest"))).expect("json");
    let annotations =
        serde_json::from_value(manifest["layers"][0]["annotations"].clone()).expect("annotations");
    let envelope = blob(text(signed, "layer"));
    let bundle = Bundle::from_cosign_attestation(&envelope, &annotations, &Limits::default())?;
    let policy = Policy::identity(text(signed, "identity"), text(signed, "issuer"), now());
    let root = TrustedRoot::public_good().expect("root");
    verify_bundle(&bundle, digest, &policy, Some(&root)).map(drop)
}

#[test]
fn unsigned_attestations_of_buildkit_hang_on_their_image() {
    let Some(suite) = suite("layouts") else { return };
    let cases: Vec<Value> =
        serde_json::from_slice(&fs::read(suite.join("cases.json")).expect("cases")).expect("json");
    for case in &cases {
        let session = Session::new(SessionOptions::default()).expect("session");
        let (reference, image) = open(&session, &suite, case);
        let store = session.attachments(&reference).expect("store");
        let roots = supercargo::attached(&image, store.as_ref(), session.limits()).expect("tree");
        let of_image = |node: &&AttachedNode| node.kind == AttachedKind::Image;
        let node = roots.iter().find(of_image).expect("the image");
        let [unsigned] = node.children.as_slice() else { panic!("{node:#?}") };
        let listed = &case["buildkit_attestations"][0];
        assert_eq!(node.descriptor.digest.to_string(), text(listed, "for"));
        assert_eq!(unsigned.descriptor.digest.to_string(), text(listed, "manifest"));
        let predicate_types = vec![text(listed, "predicate_type").to_owned()];
        assert_eq!(unsigned.kind, AttachedKind::Unsigned { predicate_types });
    }
}

fn verdicts(suite: &Path, case: &Value, options: &VerifyOptions) -> (Image, Vec<Verdict>) {
    let session =
        Session::new(SessionOptions { offline: true, ..SessionOptions::default() }).expect("session");
    let (reference, image) = open(&session, suite, case);
    let store = session.attachments(&reference).expect("store");
    let verdicts = verify(&image, &Bundles::Attached(store.as_ref()), options).expect("verdicts");
    assert!(!verdicts.iter().any(|verdict| matches!(verdict.outcome, Outcome::Damaged(_))));
    (image, verdicts)
}

fn open(session: &Session, suite: &Path, case: &Value) -> (supercargo::image::Reference, Image) {
    let layout = suite.join(text(case, "layout"));
    let reference = format!("oci:{}@{}", layout.display(), text(case, "image_digest"));
    let reference = reference.parse().expect("reference");
    let wish = PlatformChoice::Only(Platform::new("linux", "amd64"));
    let mut resolved = session.open(&reference, &wish).expect("the layout opens");
    (reference, resolved.images.remove(0))
}

fn options(identity: &str, issuer: &str, predicate_type: Option<&str>) -> VerifyOptions {
    let mut policy = Policy::identity(identity, issuer, now());
    if let Some(uri) = predicate_type {
        policy = policy.predicate_type(PredicateType::from_uri(uri).expect("uri"));
    }
    VerifyOptions {
        policy,
        threshold: 1,
        trusted_root: Some(TrustedRoot::public_good().expect("root")),
        scope: Scope::UntilEnough,
        limits: Limits::default(),
    }
}

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().expect("time")
}

fn case_signed(case: &Value) -> &Value {
    &case["signed_attestations"][0]
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("text")
}

//! Each check, made to fail by itself: what `sigstore-verify` leaves to its caller, and what it does not.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::{Value, json};
use supercargo_attest::{
    Bundle, BundleError, BundleParts, CertificateError, CheckName, CheckState, Evidence, EvidenceNeeded,
    IN_TOTO_PAYLOAD_TYPE, LoggedField, MaterialKind, OtherSubjects, Policy, PredicateType, PublicKey,
    SignerPart, Statement, StatementError, TrustedRoot, Verified, VerifyError, examine,
    pre_authentication_encoding, verify,
};
use supercargo_content::{Digest, Limits};

const IDENTITY: &str = "dev@example.test";
const ISSUER: &str = "http://127.0.0.1:57997";

fn now() -> jiff::Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn artifact() -> Digest {
    Digest::sha256_of(b"artifact\n")
}

fn fixture(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn by_key() -> Value {
    fixture(include_str!("fixtures/key.json"))
}

fn by_identity() -> Value {
    fixture(include_str!("fixtures/identity.json"))
}

fn root() -> Value {
    fixture(include_str!("fixtures/trusted_root.json"))
}

fn parse(bundle: &Value) -> Result<Bundle, BundleError> {
    Bundle::parse(bundle.to_string().as_bytes(), &Limits::default())
}

fn key_policy() -> Policy {
    Policy::keys(vec![PublicKey::from_pem(include_bytes!("fixtures/key.pub")).unwrap()], now())
}

fn identity_policy() -> Policy {
    Policy::identity(IDENTITY, ISSUER, now())
}

fn check(bundle: &Value, policy: &Policy, root: &Value) -> Result<Verified<Statement>, VerifyError> {
    let root = TrustedRoot::from_json(root.to_string().as_bytes()).unwrap();
    verify(&parse(bundle)?, &artifact(), policy, Some(&root))
}

/// A new key, and bundles signed with it: no log, no timestamp.
struct Key {
    pair: sigstore_crypto::KeyPair,
}

impl Key {
    fn new() -> Self {
        Self { pair: sigstore_crypto::KeyPair::generate_ecdsa_p256().unwrap() }
    }

    fn policy(&self) -> Policy {
        let spki = self.pair.public_key_der().unwrap();
        Policy::keys(vec![PublicKey::from_spki(spki.as_bytes()).unwrap()], now())
    }

    fn sign(&self, statement: &str) -> Bundle {
        let message = pre_authentication_encoding(IN_TOTO_PAYLOAD_TYPE, statement.as_bytes());
        let signature = self.pair.sign(&message).unwrap();
        let parts = BundleParts {
            signer: SignerPart::KeyHint(""),
            statement: statement.as_bytes(),
            signature: signature.as_bytes(),
            log_entries: &[],
            timestamps: &[],
        };
        Bundle::parse(&parts.to_json(), &Limits::default()).unwrap()
    }

    fn verify(&self, statement: &str) -> Result<Verified<Statement>, VerifyError> {
        verify(&self.sign(statement), &artifact(), &self.policy(), None)
    }
}

fn statement(subjects: &str) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{subjects}],"predicateType":"https://cyclonedx.org/bom","predicate":{{}}}}"#
    )
}

fn subject() -> String {
    format!(r#"{{"digest":{{"sha256":"{}"}}}}"#, artifact().hex())
}

#[test]
fn both_fixtures_pass_and_the_report_says_what_was_checked() {
    let verified =
        check(&by_identity(), &identity_policy().predicate_type(PredicateType::cyclonedx()), &root())
            .unwrap();
    let passed = verified.report().checks.iter().filter(|check| check.state == CheckState::Passed);
    let names: Vec<CheckName> = passed.map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            CheckName::Bundle,
            CheckName::Signer,
            CheckName::Signature,
            CheckName::Timestamp,
            CheckName::SigningTime,
            CheckName::LogProof,
            CheckName::LogCheckpoint,
            CheckName::LogEntry,
            CheckName::Log,
            CheckName::CertificateValidity,
            CheckName::Certificate,
            CheckName::CertificateLog,
            CheckName::Identity,
            CheckName::Issuer,
            CheckName::Statement,
            CheckName::Subject,
            CheckName::PredicateType
        ]
    );
    let rest = verified.report().checks.iter().filter(|check| check.state != CheckState::Passed);
    assert_eq!(
        rest.map(|check| (check.name, check.state)).collect::<Vec<_>>(),
        [(CheckName::LogPromise, CheckState::NotNeeded)]
    );
    assert!(verified.report().line().contains("identity dev@example.test"));
    assert_eq!(verified.predicate_json()[..2], *b"{\"");
    check(&by_key(), &key_policy(), &root()).unwrap();
}

#[test]
fn one_statement_type_and_predicate_type() {
    let key = Key::new();
    let junk = statement(&subject()).replace("https://in-toto.io/Statement/v1", "junk");
    let found = "junk".to_owned();
    assert_eq!(key.verify(&junk), Err(VerifyError::Statement(StatementError::Type { found })));
    let refused = check(&by_key(), &key_policy().predicate_type(PredicateType::spdx()), &root());
    let (expected, found) =
        (PredicateType::spdx(), PredicateType::from_uri("https://cyclonedx.org/bom").unwrap());
    assert_eq!(refused, Err(VerifyError::PredicateType { expected, found }));
}

#[test]
fn two_evidence_is_counted_and_never_repeated() {
    for (list, what, member) in [
        ("/verificationMaterial/tlogEntries", Evidence::LogEntries, "logIndex"),
        (
            "/verificationMaterial/timestampVerificationData/rfc3161Timestamps",
            Evidence::Timestamps,
            "signedTimestamp",
        ),
    ] {
        let mut bundle = by_key();
        let items = bundle.pointer_mut(list).unwrap().as_array_mut().unwrap();
        items.push(items[0].clone());
        assert!(items[0].get(member).is_some());
        assert_eq!(parse(&bundle), Err(BundleError::Repeated { what, index: 1 }));
        let items = bundle.pointer_mut(list).unwrap().as_array_mut().unwrap();
        *items = vec![items[0].clone(); 2_000];
        assert_eq!(parse(&bundle), Err(BundleError::TooMany { what, max: 32, found: 2_000 }));
    }
}

#[test]
fn three_every_entry_is_proved() {
    let mut bundle = by_key();
    let entries = bundle.pointer_mut("/verificationMaterial/tlogEntries").unwrap().as_array_mut().unwrap();
    let mut second = entries[0].clone();
    second.as_object_mut().unwrap().remove("inclusionProof");
    second["logId"]["keyId"] = json!("AAAA");
    entries.push(second);
    assert_eq!(check(&bundle, &key_policy(), &root()), Err(VerifyError::LogProofMissing { index: 1 }));
    let mut bundle = by_identity();
    bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"] = json!({});
    assert_eq!(check(&bundle, &identity_policy(), &root()), Err(VerifyError::LogProofMissing { index: 0 }));
}

#[test]
fn four_the_log_key_was_valid() {
    let mut ended = root();
    ended["tlogs"][0]["publicKey"]["validFor"] =
        json!({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"});
    for (bundle, policy) in [(by_key(), key_policy()), (by_identity(), identity_policy())] {
        let refused = check(&bundle, &policy, &ended).unwrap_err();
        let VerifyError::LogKeyWindow { index: 0, expected, found } = refused else { panic!("{refused}") };
        assert_eq!(expected.to_string(), "2020-01-01T00:00:00Z to 2021-01-01T00:00:00Z");
        assert_eq!(found.to_string()[..10], *"2026-11-24");
    }
    // Without a timestamp the time of checking decides.
    let mut bundle = by_key();
    bundle["verificationMaterial"]["timestampVerificationData"] = Value::Null;
    let refused = check(&bundle, &key_policy(), &ended).unwrap_err();
    assert!(matches!(refused, VerifyError::LogKeyWindow { found, .. } if found == now()), "{refused}");
}

#[test]
fn five_the_entry_names_its_log() {
    let mut bundle = by_key();
    bundle["verificationMaterial"]["tlogEntries"][0]["logId"]["keyId"] = json!("AAAA");
    let refused = check(&bundle, &key_policy(), &root()).unwrap_err();
    assert!(matches!(&refused, VerifyError::LogId { index: 0, found, .. } if found == "000000"), "{refused}");
    let mut elsewhere = root();
    elsewhere["tlogs"][0]["baseUrl"] = json!("https://log.example:8443");
    let refused = check(&by_identity(), &identity_policy(), &elsewhere).unwrap_err();
    let (expected, found) = ("log.example".to_owned(), "127.0.0.1".to_owned());
    assert_eq!(refused, VerifyError::LogOrigin { index: 0, expected, found });
}

#[test]
fn six_a_choice_is_made_once() {
    let mut both = by_key();
    both["messageSignature"] = json!({"signature": "AAAA"});
    let contents = "`dsseEnvelope` and `messageSignature`";
    assert_eq!(parse(&both), Err(BundleError::Choice { expected: contents, found: 2 }));
    both.as_object_mut().unwrap().remove("messageSignature");
    both.as_object_mut().unwrap().remove("dsseEnvelope");
    assert_eq!(parse(&both), Err(BundleError::Choice { expected: contents, found: 0 }));
    let mut both = by_key();
    both["verificationMaterial"]["certificate"] = json!({"rawBytes": "AAAA"});
    assert!(matches!(parse(&both), Err(BundleError::Choice { found: 2, .. })));
    let mut unknown = by_key();
    unknown["verificationMaterial"]["extra"] = json!(1);
    assert!(matches!(parse(&unknown), Err(BundleError::Json(_))));
    let mut lenient = by_key();
    lenient["dsseEnvelope"]["signatures"][0]["sig"] = json!("AA-_");
    assert_eq!(parse(&lenient), Err(BundleError::Base64 { field: "sig" }));
    let mut twice = by_key();
    twice["dsseEnvelope"]["signatures"] = json!([{"sig": "AAAA"}, {"sig": "AAAA"}]);
    assert_eq!(parse(&twice), Err(BundleError::Signatures { found: 2 }));
    let mut hints = by_key();
    hints["dsseEnvelope"]["signatures"][0]["keyid"] = json!("another");
    assert!(matches!(parse(&hints), Err(BundleError::KeyHints { .. })));
}

#[test]
fn seven_the_subject_is_among_the_subjects() {
    let key = Key::new();
    let other = r#"{"digest":{"sha256":"00"}}"#;
    let refused = key.verify(&statement(other)).unwrap_err();
    assert_eq!(refused, VerifyError::Subject { expected: artifact(), found: "sha256:00".to_owned() });
    for subjects in
        [format!("{},{other}", subject()), subject().replace("\"sha256\"", "\"sha512\":\"00\",\"sha256\"")]
    {
        let bundle = key.sign(&statement(&subjects));
        assert!(verify(&bundle, &artifact(), &key.policy(), None).is_ok());
        let alone = key.policy().other_subjects(OtherSubjects::Refused);
        let refused = verify(&bundle, &artifact(), &alone, None).unwrap_err();
        assert!(matches!(refused, VerifyError::OtherSubject { .. }), "{refused}");
    }
    let capitals = subject().replace(artifact().hex(), &artifact().hex().to_uppercase());
    assert!(matches!(key.verify(&statement(&capitals)), Err(VerifyError::Subject { .. })));
}

#[test]
fn eight_identity_and_issuer_are_compared_whole() {
    for (identity, issuer) in [("dev@example.tes", ISSUER), ("dev@example.test.evil", ISSUER), ("", ISSUER)] {
        let refused = check(&by_identity(), &Policy::identity(identity, issuer, now()), &root());
        let (expected, found) = (identity.to_owned(), Some(IDENTITY.to_owned()));
        assert_eq!(refused, Err(VerifyError::Identity { expected, found }));
    }
    let refused = check(&by_identity(), &Policy::identity(IDENTITY, "http://127.0.0.1", now()), &root());
    let (expected, found) = ("http://127.0.0.1".to_owned(), Some(ISSUER.to_owned()));
    assert_eq!(refused, Err(VerifyError::Issuer { expected, found }));
}

#[test]
fn nine_as_much_evidence_as_is_asked_for() {
    let needed =
        |logs_min, timestamps_min| EvidenceNeeded { logs_min, timestamps_min, ..EvidenceNeeded::KEYS };
    let with =
        |bundle: &Value, logs, times| check(bundle, &key_policy().evidence(needed(logs, times)), &root());
    assert!(with(&by_key(), 1, 1).is_ok());
    assert_eq!(with(&by_key(), 1, 2), Err(VerifyError::TimestampsTooFew { expected: 2, found: 1 }));
    assert_eq!(with(&by_key(), 2, 1), Err(VerifyError::LogsTooFew { expected: 2, found: 1 }));
    let mut bare = by_key();
    bare["verificationMaterial"]["timestampVerificationData"] = json!({});
    assert_eq!(with(&bare, 1, 1), Err(VerifyError::TimestampsTooFew { expected: 1, found: 0 }));
    bare["verificationMaterial"]["tlogEntries"] = json!([]);
    assert_eq!(with(&bare, 1, 0), Err(VerifyError::LogsTooFew { expected: 1, found: 0 }));
    assert!(with(&bare, 0, 0).is_ok());
}

#[test]
fn a_key_alone_needs_no_root_and_evidence_does() {
    let mut bare = by_key();
    bare["verificationMaterial"]["timestampVerificationData"] = Value::Null;
    bare["verificationMaterial"]["tlogEntries"] = Value::Null;
    assert!(verify(&parse(&bare).unwrap(), &artifact(), &key_policy(), None).is_ok());
    let refused = verify(&parse(&by_key()).unwrap(), &artifact(), &key_policy(), None).unwrap_err();
    let check = CheckName::Timestamp;
    assert_eq!(refused, VerifyError::TrustedRootMissing { needed_for: "a timestamp", check });
}

#[test]
fn the_kind_of_signer_is_the_expected_one() {
    let (key, certificate) = (MaterialKind::PublicKey, MaterialKind::Certificate);
    let refused = check(&by_identity(), &key_policy(), &root());
    assert_eq!(refused, Err(VerifyError::Signer { expected: key, found: certificate }));
    let refused = check(&by_key(), &identity_policy(), &root());
    assert_eq!(refused, Err(VerifyError::Signer { expected: certificate, found: key }));
    let refused = check(&by_key(), &Key::new().policy(), &root()).unwrap_err();
    assert!(matches!(&refused, VerifyError::Signature { hint: Some(_), .. }), "{refused}");
    let several =
        [Key::new().policy(), key_policy(), identity_policy()].map(|policy| policy.signers).concat();
    for bundle in [by_key(), by_identity()] {
        assert!(check(&bundle, &Policy::signers(several.clone(), now()), &root()).is_ok());
    }
}

#[test]
fn another_authority_log_or_certificate_log_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut root = root();
        change(&mut root);
        check(&by_identity(), &identity_policy(), &root).unwrap_err()
    };
    let error = refused(&|root| root["timestampAuthorities"] = json!([]));
    assert!(matches!(error, VerifyError::Timestamp { index: 0, .. }), "{error}");
    let error = refused(&|root| root["tlogs"] = json!([]));
    assert!(matches!(error, VerifyError::LogUnknown { index: 0, .. }), "{error}");
    let error = refused(&|root| root["ctlogs"] = json!([]));
    assert!(matches!(error, VerifyError::Certificate(CertificateError::CertificateLog(_))), "{error}");
    let error = refused(&|root| {
        root["ctlogs"][0]["logId"]["keyId"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    });
    assert!(matches!(error, VerifyError::Certificate(CertificateError::CertificateLog(_))), "{error}");
    let error = refused(&|root| root["certificateAuthorities"] = json!([]));
    assert!(matches!(error, VerifyError::Certificate(CertificateError::NoAuthority(_))), "{error}");
    let error = refused(&|root| {
        root["certificateAuthorities"][0]["certChain"] = root["timestampAuthorities"][0]["certChain"].clone()
    });
    assert!(matches!(error, VerifyError::Certificate(CertificateError::Chain(_))), "{error}");
    let early = json!({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"});
    let error = refused(&|root| root["timestampAuthorities"][0]["validFor"] = early.clone());
    assert!(matches!(error, VerifyError::TimestampWindow { index: 0, .. }), "{error}");
}

#[test]
fn an_entry_or_timestamp_of_another_signature_is_refused() {
    let mut mixed = by_identity();
    let entries = by_key()["verificationMaterial"]["tlogEntries"].clone();
    mixed["verificationMaterial"]["tlogEntries"] = entries;
    let refused = check(&mixed, &identity_policy(), &root()).unwrap_err();
    let field = match refused {
        VerifyError::LogEntryMismatch { index: 0, field, .. } => field,
        other => panic!("{other}"),
    };
    assert_ne!(field, LoggedField::Signer);
    let mut mixed = by_identity();
    mixed["verificationMaterial"]["timestampVerificationData"] =
        by_key()["verificationMaterial"]["timestampVerificationData"].clone();
    assert!(matches!(check(&mixed, &identity_policy(), &root()), Err(VerifyError::Timestamp { .. })));
    let mut mixed = by_identity();
    mixed["verificationMaterial"]["timestampVerificationData"] = Value::Null;
    assert_eq!(check(&mixed, &identity_policy(), &root()), Err(VerifyError::NoTrustedTime));
}

#[test]
fn a_changed_byte_of_what_was_signed_is_a_wrong_signature() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bundle = by_key();
    let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    for at in 0..payload.len() {
        let mut changed = payload.clone();
        changed[at] ^= 1;
        let mut bundle = bundle.clone();
        bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode(changed));
        let bundle = parse(&bundle).unwrap();
        let refused = verify(&bundle, &artifact(), &key_policy(), None).unwrap_err();
        assert!(matches!(refused, VerifyError::Signature { .. }), "{at}: {refused}");
    }
}

#[test]
fn every_truncation_is_an_error() {
    let whole = include_bytes!("fixtures/identity.json");
    for length in 0..whole.len() {
        assert!(Bundle::parse(&whole[..length], &Limits::default()).is_err(), "{length}");
    }
    let limits = Limits { attachment_bytes_max: 10, ..Limits::default() };
    let found = whole.len() as u64;
    assert_eq!(Bundle::parse(whole, &limits), Err(BundleError::TooLong { max: 10, found }));
    let root = include_bytes!("fixtures/trusted_root.json");
    let end = root.iter().rposition(|&b| b == b'}').unwrap();
    for length in (0..end).step_by(7) {
        assert!(TrustedRoot::from_json(&root[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_failing_report_says_what_was_not_reached() {
    let root = TrustedRoot::from_json(root().to_string().as_bytes()).unwrap();
    let (bundle, artifact) = (parse(&by_identity()).unwrap(), artifact());
    let policy = Policy::identity("other@example.test", ISSUER, now());
    let (report, outcome) =
        examine(&bundle, supercargo_attest::Artifact::Digest(&artifact), &policy, Some(&root));
    assert!(outcome.is_err());
    let failed = report.failed().unwrap();
    assert_eq!(failed.name, CheckName::Identity);
    assert_eq!((failed.expected.as_str(), failed.found.as_str()), ("other@example.test", IDENTITY));
    let not_reached = report.checks.iter().filter(|check| check.state == CheckState::NotReached);
    let names: Vec<CheckName> = not_reached.map(|check| check.name).collect();
    let after = [CheckName::Issuer, CheckName::Statement, CheckName::Subject, CheckName::PredicateType];
    assert_eq!(names, after);
    assert!(
        report
            .line()
            .ends_with("identity NOT as expected: expected other@example.test, found dev@example.test")
    );
}

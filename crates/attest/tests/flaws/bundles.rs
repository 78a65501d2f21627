//! Bundles: one flaw per test.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use supercargo_attest::{
    CheckName, ExpectedSigner, Pattern, Policy, PredicateType, PublicKey, TextRule, TrustedRoot, VerifyError,
};

use super::{IDENTITY, ISSUER, by_identity, by_key, check, identity_policy, now, parse, refusal, root};

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

#[test]
fn the_fixtures_pass_unchanged() {
    check(&by_identity(), &identity_policy(), &root()).unwrap();
}

#[test]
fn a_log_entry_that_is_not_bound_to_the_bundle() {
    let mut swapped = by_identity();
    *swapped.pointer_mut(ENTRY).unwrap() = by_key().pointer(ENTRY).unwrap().clone();
    assert_eq!(refusal(&swapped, &identity_policy(), &root()), CheckName::LogEntry);
}

#[test]
fn a_predicate_type_that_is_not_checked() {
    let policy = identity_policy().predicate_type(PredicateType::spdx());
    assert_eq!(refusal(&by_identity(), &policy, &root()), CheckName::PredicateType);
}

#[test]
fn a_timestamp_authority_that_is_not_bound() {
    let authorities = "/timestampAuthorities";
    let mut other = root();
    *other.pointer_mut(authorities).unwrap() = production().pointer(authorities).unwrap().clone();
    assert_eq!(refusal(&by_identity(), &identity_policy(), &other), CheckName::Timestamp);
    let times = "/verificationMaterial/timestampVerificationData";
    let mut of_another_signature = by_identity();
    *of_another_signature.pointer_mut(times).unwrap() = by_key().pointer(times).unwrap().clone();
    assert_eq!(refusal(&of_another_signature, &identity_policy(), &root()), CheckName::Timestamp);
    let mut ended = root();
    ended["timestampAuthorities"][0]["validFor"] =
        json!({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"});
    assert_eq!(refusal(&by_identity(), &identity_policy(), &ended), CheckName::Timestamp);
}

#[test]
fn an_identity_pattern_without_anchors() {
    let with = |pattern: &str| {
        let identity = TextRule::Pattern(Pattern::new(pattern).unwrap());
        let issuer = TextRule::Exactly(ISSUER.to_owned());
        Policy::signers(vec![ExpectedSigner::Identity { identity, issuer }], now())
    };
    for part in ["dev", "example", "dev@example.tes", "ev@example.test", "", "^dev|test$"] {
        assert_eq!(refusal(&by_identity(), &with(part), &root()), CheckName::Identity, "{part}");
    }
    check(&by_identity(), &with(r"[a-z]+@example\.test"), &root()).unwrap();
}

#[test]
fn an_issuer_that_is_not_checked() {
    let policy = Policy::identity(IDENTITY, "https://other.example", now());
    assert_eq!(refusal(&by_identity(), &policy, &root()), CheckName::Issuer);
    // Each identity keeps its own issuer: neither pair fits, though each half does.
    let pair = |identity: &str, issuer: &str| Policy::identity(identity, issuer, now()).signers;
    let crossed = [pair(IDENTITY, "https://other.example"), pair("other@example.test", ISSUER)].concat();
    assert_eq!(refusal(&by_identity(), &Policy::signers(crossed, now()), &root()), CheckName::Issuer);
}

#[test]
fn a_key_that_is_taken_from_the_envelope() {
    let attacker = sigstore_crypto::KeyPair::generate_ecdsa_p256().unwrap();
    let mut bundle = by_key();
    let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let message = supercargo_attest::pre_authentication_encoding("application/vnd.in-toto+json", &payload);
    let signature = STANDARD.encode(attacker.sign(&message).unwrap().as_bytes());
    let key = PublicKey::from_spki(attacker.public_key_der().unwrap().as_bytes()).unwrap();
    bundle["verificationMaterial"] = json!({"publicKey": {"hint": key.hint()}});
    bundle["dsseEnvelope"]["signatures"] = json!([{"sig": signature, "keyid": key.hint()}]);
    let trusted = PublicKey::from_pem(include_bytes!("../fixtures/key.pub")).unwrap();
    assert_eq!(refusal(&bundle, &Policy::keys(vec![trusted], now()), &root()), CheckName::Signature);
    assert_eq!(refusal(&by_identity(), &Policy::keys(vec![key], now()), &root()), CheckName::Signer);
}

#[test]
fn more_than_one_signature_in_the_envelope() {
    let mut bundle = by_identity();
    let signatures = bundle["dsseEnvelope"]["signatures"].as_array_mut().unwrap();
    signatures.push(signatures[0].clone());
    assert_eq!(refusal(&bundle, &identity_policy(), &root()), CheckName::Bundle);
}

#[test]
fn a_tampered_checkpoint() {
    let place = format!("{ENTRY}/inclusionProof/checkpoint/envelope");
    let whole = by_identity().pointer(&place).unwrap().as_str().unwrap().to_owned();
    let lines: Vec<&str> = whole.split('\n').collect();
    let replace = |line: usize, with: &str| {
        let mut lines = lines.clone();
        lines[line] = with;
        lines.join("\n")
    };
    let size = (lines[1].parse::<u64>().unwrap() + 1).to_string();
    let hash = STANDARD.encode([7; 32]);
    for (what, envelope) in
        [("origin", replace(0, "other.example")), ("size", replace(1, &size)), ("root", replace(2, &hash))]
    {
        let mut bundle = by_identity();
        *bundle.pointer_mut(&place).unwrap() = json!(envelope);
        let check = refusal(&bundle, &identity_policy(), &root());
        assert!([CheckName::LogCheckpoint, CheckName::LogProof].contains(&check), "{what}: {check}");
    }
}

#[test]
fn a_foreign_certificate_log() {
    let mut foreign = root();
    foreign["ctlogs"] = production()["ctlogs"].clone();
    assert_eq!(refusal(&by_identity(), &identity_policy(), &foreign), CheckName::CertificateLog);
}

#[test]
fn an_expired_certificate_without_a_timestamp() {
    let mut bundle = by_identity();
    bundle["verificationMaterial"]["timestampVerificationData"] = json!({});
    let refused = check(&bundle, &identity_policy(), &root()).unwrap_err();
    assert_eq!((refused.check(), refused), (CheckName::SigningTime, VerifyError::NoTrustedTime));
}

#[test]
fn a_replaced_root() {
    let mut replaced = root();
    for part in ["certificateAuthorities", "tlogs", "timestampAuthorities"] {
        let kept = replaced[part].clone();
        replaced[part] = production()[part].clone();
        let expected = match part {
            "certificateAuthorities" => CheckName::Certificate,
            "tlogs" => CheckName::LogCheckpoint,
            _ => CheckName::Timestamp,
        };
        assert_eq!(refusal(&by_identity(), &identity_policy(), &replaced), expected, "{part}");
        replaced[part] = kept;
    }
}

#[test]
fn a_root_that_contradicts_itself_is_refused_whole() {
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut root = root();
        change(&mut root);
        TrustedRoot::from_json(root.to_string().as_bytes()).unwrap_err()
    };
    let log = root()["tlogs"][0].clone();
    broken(&|root| root["tlogs"].as_array_mut().unwrap().push(log.clone()));
    broken(&|root| root["tlogs"][0]["publicKey"]["rawBytes"] = json!("AAAA"));
    broken(&|root| root["certificateAuthorities"][0]["certChain"]["certificates"] = json!([]));
    let never = json!({"start": "2021-01-01T00:00:00Z", "end": "2020-01-01T00:00:00Z"});
    broken(&|root| root["ctlogs"][0]["publicKey"]["validFor"] = never.clone());
}

#[test]
fn a_signature_that_is_longer_than_its_key_allows_is_no_panic() {
    for text in ["", "AAAA", &"A".repeat(4_000)] {
        let mut bundle = by_identity();
        bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!(text);
        if parse(&bundle).is_ok() {
            assert_eq!(refusal(&bundle, &identity_policy(), &root()), CheckName::Signature);
        }
    }
}

/// The root of the public-good instance, which is nobody here.
fn production() -> Value {
    let json = sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    serde_json::from_str(json).unwrap()
}

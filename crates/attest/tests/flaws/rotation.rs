//! Keys that are trusted for a time only.

use supercargo_attest::{CheckName, ExpectedSigner, Policy, PublicKey, TrustedKey, VerifyError, Window};

use super::{by_key, check, now, refusal, root};

fn trusted(start: Option<&str>, end: Option<&str>) -> Policy {
    let key = PublicKey::from_pem(include_bytes!("../fixtures/key.pub")).unwrap();
    let time = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    let window = Window { start: time(start), end: time(end) };
    let signer = ExpectedSigner::Key(TrustedKey { key, window, name: Some("old".to_owned()) });
    Policy::signers(vec![signer], now())
}

#[test]
fn what_an_old_key_signed_in_its_time_stays_good() {
    let in_time = trusted(Some("2026-01-01T00:00:00Z"), Some("2026-11-30T00:00:00Z"));
    check(&by_key(), &in_time, &root()).unwrap();
}

#[test]
fn what_it_signed_later_or_at_no_provable_time_is_refused() {
    let ended = trusted(None, Some("2026-01-01T00:00:00Z"));
    let refused = check(&by_key(), &ended, &root()).unwrap_err();
    assert!(
        matches!(&refused, VerifyError::KeyWindow { key, .. } if key.starts_with("key `old`")),
        "{refused}"
    );
    // Without a timestamp the time of checking counts, and that is after the end.
    let mut bundle = by_key();
    bundle["verificationMaterial"]["timestampVerificationData"] = serde_json::json!({});
    let ended = trusted(None, Some("2026-11-30T00:00:00Z"));
    assert_eq!(refusal(&bundle, &ended, &root()), CheckName::KeyValidity);
}

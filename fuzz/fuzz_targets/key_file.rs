//! What a signer is given: key files, addresses of keys, tokens and signing configurations.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use supercargo_attest::PublicKey;
use supercargo_signing::{IdentityToken, Pkcs11Uri, Services, SigningKey, VaultTransit};

fuzz_target!(|bytes: &[u8]| {
    // Without a password, because one run of scrypt costs as much as a thousand of these.
    if let Ok(key) = SigningKey::from_pem(bytes, || None) {
        let again = PublicKey::from_pem(key.public().to_pem().as_bytes());
        assert_eq!(again.map(|key| key.to_pem()).ok(), Some(key.public().to_pem()));
    }
    let _services = Services::from_signing_config(bytes, Timestamp::UNIX_EPOCH);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _uri = Pkcs11Uri::parse(text);
    if let Some(name) = VaultTransit::key_of(text) {
        assert!(!name.contains('/'), "{text:?}");
    }
    if let Ok(token) = IdentityToken::new(text.to_owned().into(), Timestamp::UNIX_EPOCH) {
        assert!(!format!("{token:?}").contains(text.trim()), "the token is shown");
    }
});

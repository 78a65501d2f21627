//! Keys on PKCS#11 tokens: smart cards, hardware modules, softhsm (PKCS#11 v2.40).

use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use supercargo_attest::PublicKey;
use zeroize::Zeroizing;

use crate::KeyError;
use crate::der;
use crate::memory_key::{ec_spki, rsa_spki};
use crate::pkcs11_uri::Pkcs11Uri;
use crate::scheme::Scheme;

/// A private key that never leaves its token.
pub(crate) struct TokenKey {
    /// A session of a token serves one caller at a time.
    session: Mutex<Session>,
    key: ObjectHandle,
}

impl TokenKey {
    /// Logs in when the token wants it, and finds the one key pair that fits.
    pub(crate) fn open(
        uri: &Pkcs11Uri,
        pin: impl FnOnce() -> Option<Zeroizing<String>>,
    ) -> Result<(PublicKey, Self), KeyError> {
        let context = load(uri)?;
        let slot = choose(&context, uri)?;
        let session = context.open_ro_session(slot).map_err(failed("open a session"))?;
        let token = context.get_token_info(slot).map_err(failed("describe itself"))?;
        if token.login_required() {
            log_in(&session, pin)?;
        }
        let key = find(&session, uri, ObjectClass::PRIVATE_KEY)?;
        let public = public_key(&session, find(&session, uri, ObjectClass::PUBLIC_KEY)?)?;
        Ok((public, Self { session: Mutex::new(session), key }))
    }

    /// Signs a digest that was made with the hash of the scheme.
    pub(crate) fn sign(&self, digest: &[u8], scheme: Scheme) -> Result<Vec<u8>, KeyError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let sign = |mechanism: &Mechanism<'_>, data: &[u8]| {
            session.sign(mechanism, self.key, data).map_err(failed("sign"))
        };
        match scheme {
            Scheme::EcdsaP256 | Scheme::EcdsaP384 => Ok(ecdsa_to_der(&sign(&Mechanism::Ecdsa, digest)?)),
            Scheme::Rsa { .. } => sign(&Mechanism::RsaPkcs, &digest_info(digest)),
            Scheme::Ed25519 => Err(KeyError::Unsupported { found: "Ed25519" }),
        }
    }
}

fn load(uri: &Pkcs11Uri) -> Result<Pkcs11, KeyError> {
    let module = uri.module.as_ref().ok_or_else(|| KeyError::Uri {
        detail: "it names no module: expected `?module-path=FILE`, or PKCS11_MODULE_PATH".to_owned(),
    })?;
    let context = Pkcs11::new(module).map_err(failed("load its module"))?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another key of this process may have done so.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(context),
        Err(error) => Err(failed("start")(error)),
    }
}

fn choose(context: &Pkcs11, uri: &Pkcs11Uri) -> Result<Slot, KeyError> {
    let (mut fitting, mut there) = (Vec::new(), Vec::new());
    for slot in context.get_slots_with_initialized_token().map_err(failed("list the slots"))? {
        let token = context.get_token_info(slot).map_err(failed("describe itself"))?;
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found.trim_end())
        };
        if is(&uri.token, token.label())
            && is(&uri.serial, token.serial_number())
            && uri.slot.is_none_or(|wanted| wanted == slot.id())
        {
            fitting.push(slot);
        }
        there.push(format!("`{}`", token.label().trim_end()));
    }
    match fitting.as_slice() {
        &[slot] => Ok(slot),
        slots => Err(KeyError::TokenChoice { found: slots.len(), there: there.join(", ") }),
    }
}

fn log_in(session: &Session, pin: impl FnOnce() -> Option<Zeroizing<String>>) -> Result<(), KeyError> {
    let pin = pin().ok_or(KeyError::PinNeeded)?;
    let pin = AuthPin::from(pin.as_str());
    match session.login(UserType::User, Some(&pin)) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(
            error @ (RvError::PinIncorrect | RvError::PinLocked | RvError::PinExpired | RvError::PinLenRange),
            _,
        )) => Err(KeyError::PinRefused { detail: format!("{error:?}") }),
        Err(error) => Err(failed("log in")(error)),
    }
}

fn find(session: &Session, uri: &Pkcs11Uri, class: ObjectClass) -> Result<ObjectHandle, KeyError> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
    template.extend(uri.id.as_ref().map(|id| Attribute::Id(id.clone())));
    match session.find_objects(&template).map_err(failed("look for the key"))?.as_slice() {
        &[object] => Ok(object),
        objects => {
            let kind = if class == ObjectClass::PRIVATE_KEY { "private" } else { "public" };
            Err(KeyError::TokenKeyChoice { kind, found: objects.len() })
        }
    }
}

fn public_key(session: &Session, object: ObjectHandle) -> Result<PublicKey, KeyError> {
    let wanted = [
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let (mut kind, mut ec, mut rsa) = (None, (Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for attribute in session.get_attributes(object, &wanted).map_err(failed("read the public key"))? {
        match attribute {
            Attribute::KeyType(found) => kind = Some(found),
            Attribute::EcParams(curve) => ec.0 = curve,
            Attribute::EcPoint(point) => ec.1 = point,
            Attribute::Modulus(modulus) => rsa.0 = modulus,
            Attribute::PublicExponent(exponent) => rsa.1 = exponent,
            _ => {}
        }
    }
    let spki = match kind {
        Some(KeyType::EC) => ec_spki(&ec.0, &point(&ec.1)),
        Some(KeyType::RSA) => rsa_spki(&rsa.0, &rsa.1),
        _ => return Err(KeyError::Unsupported { found: "of another kind" }),
    };
    PublicKey::from_spki(&spki).map_err(|error| KeyError::PublicKey { detail: error.to_string() })
}

/// PKCS#11 wraps the point into an OCTET STRING; some tokens do not.
fn point(bytes: &[u8]) -> Vec<u8> {
    match der::read_tagged(bytes, der::OCTET_STRING) {
        Some(inner) if inner.rest.is_empty() => inner.content.to_vec(),
        _ => bytes.to_vec(),
    }
}

/// Tokens give the two numbers one after the other; everybody else wants DER (RFC 3279, section 2.2.3).
fn ecdsa_to_der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    der::write(der::SEQUENCE, &[&der::unsigned(r), &der::unsigned(s)])
}

/// What PKCS#1 v1.5 signs: the digest with the name of its hash, SHA-256 (RFC 8017, section 9.2).
fn digest_info(digest: &[u8]) -> Vec<u8> {
    const SHA256: &[u8] = &[0x30, 13, 0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0];
    der::write(der::SEQUENCE, &[SHA256, &der::write(der::OCTET_STRING, &[digest])])
}

fn failed(action: &'static str) -> impl Fn(Error) -> KeyError {
    move |error| {
        let detail: String = error.to_string().chars().take(300).collect();
        KeyError::Token { action, detail: detail.replace(char::is_control, " ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_of_tokens_become_der() {
        let mut raw = vec![0; 64];
        (raw[0], raw[31], raw[63]) = (0x80, 1, 7);
        let der = ecdsa_to_der(&raw);
        assert_eq!(&der[..5], [0x30, 38, 2, 33, 0]);
        assert_eq!(&der[der.len() - 3..], [2, 1, 7]);
        assert_eq!(ecdsa_to_der(&[]), [0x30, 6, 2, 1, 0, 2, 1, 0]);
    }

    #[test]
    fn a_module_that_is_none_is_an_error() {
        let uri = Pkcs11Uri::parse("pkcs11:object=x").unwrap();
        assert!(matches!(TokenKey::open(&uri, || None), Err(KeyError::Uri { .. })));
        let uri = Pkcs11Uri::parse("pkcs11:object=x?module-path=/nowhere/p11.so").unwrap();
        assert!(matches!(
            TokenKey::open(&uri, || None),
            Err(KeyError::Token { action: "load its module", .. })
        ));
    }
}

//! Identity tokens, from the caller or from the machine that builds.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

/// An OpenID Connect identity token (JWT, RFC 7519) that has not expired. Its `Debug` text hides the token.
///
/// Its claims are read to ask for a certificate and to say who signs; the certificate authority judges them.
pub struct IdentityToken {
    raw: Zeroizing<String>,
    claims: Claims,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    email: Option<String>,
    exp: i64,
    aud: Option<Audience>,
    nonce: Option<String>,
}

/// For whom a token is: one name, or a list of them (RFC 7519, section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl IdentityToken {
    /// The longest token that is taken, in bytes.
    pub const BYTES_MAX: usize = 64 * 1_024;

    /// Reads a token; `now` decides whether it has expired. White space around it is ignored.
    pub fn new(raw: Zeroizing<String>, now: Timestamp) -> Result<Self, TokenError> {
        let raw = Zeroizing::new(raw.trim().to_owned());
        if raw.len() > Self::BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        let mut parts = raw.split('.');
        let (_, payload) = (parts.next(), parts.next().ok_or(TokenError::Malformed)?);
        if parts.next().is_none() || parts.next().is_some() {
            return Err(TokenError::Malformed);
        }
        let payload = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError::Malformed)?);
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| TokenError::Malformed)?;
        let expired = Timestamp::from_second(claims.exp).map_err(|_| TokenError::Malformed)?;
        if expired <= now {
            return Err(TokenError::Expired { at: expired, now });
        }
        Ok(Self { raw, claims })
    }

    /// Who issued the token.
    pub fn issuer(&self) -> &str {
        &self.claims.iss
    }

    /// Whom it names: the e-mail address, or else the subject.
    pub fn subject(&self) -> &str {
        self.claims.email.as_deref().unwrap_or(&self.claims.sub)
    }

    pub(crate) fn is_for(&self, audience: &str) -> bool {
        match &self.claims.aud {
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Several(several)) => several.iter().any(|one| one == audience),
            None => false,
        }
    }

    pub(crate) fn nonce(&self) -> Option<&str> {
        self.claims.nonce.as_deref()
    }

    pub(crate) fn expose(&self) -> &str {
        &self.raw
    }
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityToken")
            .field("issuer", &self.claims.iss)
            .field("subject", &self.subject())
            .finish_non_exhaustive()
    }
}

/// Why a token is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a JWT with the claims `iss`, `sub` and `exp`.
    #[error("the identity token is not a JWT with the claims `iss`, `sub` and `exp`")]
    Malformed,
    /// Too old.
    #[error("the identity token expired at {at}, it is now {now}: fetch a new one")]
    Expired {
        /// When it expired.
        at: Timestamp,
        /// The time of checking.
        now: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Result<IdentityToken, TokenError> {
        let raw = format!("e30.{}.c2ln\n", URL_SAFE_NO_PAD.encode(claims));
        IdentityToken::new(Zeroizing::new(raw), Timestamp::from_second(1_000).unwrap())
    }

    #[test]
    fn the_subject_is_the_address_if_there_is_one() {
        let with = token(r#"{"iss":"https://issuer.example","sub":"7","email":"a@example.test","exp":1001}"#)
            .unwrap();
        assert_eq!((with.issuer(), with.subject()), ("https://issuer.example", "a@example.test"));
        assert_eq!(token(r#"{"iss":"i","sub":"7","exp":1001}"#).unwrap().subject(), "7");
        assert!(!format!("{with:?}").contains("c2ln"));
    }

    #[test]
    fn old_and_damaged_tokens_are_refused() {
        let at = Timestamp::from_second(1_000).unwrap();
        assert_eq!(
            token(r#"{"iss":"i","sub":"7","exp":1000}"#).unwrap_err(),
            TokenError::Expired { at, now: at }
        );
        for claims in ["", "{}", r#"{"iss":"i","sub":"7","exp":9223372036854775807}"#] {
            assert_eq!(token(claims).unwrap_err(), TokenError::Malformed, "{claims}");
        }
        for raw in ["", "a.b", "a.b.c.d", "a.!.c"] {
            assert!(IdentityToken::new(Zeroizing::new(raw.to_owned()), at).is_err(), "{raw}");
        }
    }
}

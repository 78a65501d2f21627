//! The URI of a key on a PKCS#11 token (RFC 7512).

use std::path::PathBuf;

use crate::KeyError;

/// Which key on which token, and the module to reach it with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pkcs11Uri {
    /// `token`: the label of the token.
    pub token: Option<String>,
    /// `serial`: the serial number of the token.
    pub serial: Option<String>,
    /// `slot-id`: the number of the slot.
    pub slot: Option<u64>,
    /// `object`: the label of the key.
    pub object: Option<String>,
    /// `id`: the identifier of the key.
    pub id: Option<Vec<u8>>,
    /// `module-path`: the library of the token's vendor.
    pub module: Option<PathBuf>,
    /// `pin-source`: the file with the PIN.
    pub pin_source: Option<PathBuf>,
}

impl Pkcs11Uri {
    /// The longest URI that is read, in bytes.
    pub const BYTES_MAX: usize = 4_096;

    /// Whether a text is meant as such a URI.
    pub fn is_one(text: &str) -> bool {
        text.starts_with("pkcs11:")
    }

    /// Reads a URI.
    ///
    /// `pin-value` is refused, since a command line can be read by others. `manufacturer`, `model`, `type` and vendor
    /// attributes are allowed and not compared; an attribute that is unknown or occurs twice is an error.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix("pkcs11:").ok_or_else(|| wrong("it does not begin with `pkcs11:`"))?;
        if text.len() > Self::BYTES_MAX {
            return Err(wrong(&format!("it is longer than {} bytes", Self::BYTES_MAX)));
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        let mut seen = Vec::new();
        let attributes = path.split(';').chain(query.split('&')).filter(|part| !part.is_empty());
        for attribute in attributes {
            let (name, value) =
                attribute.split_once('=').ok_or_else(|| wrong(&format!("`{attribute}` has no value")))?;
            if seen.contains(&name) {
                return Err(wrong(&format!("`{name}` occurs twice")));
            }
            seen.push(name);
            uri.set(name, decode(value)?)?;
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err(wrong("it names no key: expected `object` or `id`"));
        }
        Ok(uri)
    }

    fn set(&mut self, name: &str, value: Vec<u8>) -> Result<(), KeyError> {
        let text = || {
            String::from_utf8(value.clone())
                .map_err(|_| wrong(&format!("the value of `{name}` is not UTF-8")))
        };
        match name {
            "token" => self.token = Some(text()?),
            "serial" => self.serial = Some(text()?),
            "object" => self.object = Some(text()?),
            "id" => self.id = Some(value),
            "slot-id" => {
                self.slot = Some(text()?.parse().map_err(|_| wrong("the value of `slot-id` is no number"))?);
            }
            "module-path" => self.module = Some(text()?.into()),
            "pin-source" => self.pin_source = Some(text()?.trim_start_matches("file:").into()),
            "pin-value" => {
                return Err(wrong(
                    "`pin-value` would show the PIN to everybody on this machine; use `pin-source=FILE`",
                ));
            }
            "manufacturer" | "model" | "type" | "slot-description" | "slot-manufacturer" => {}
            name if name.starts_with("x-") => {}
            other => return Err(wrong(&format!("`{other}` is unknown or not supported"))),
        }
        Ok(())
    }
}

/// `%2F` → `/` (RFC 3986, section 2.1).
fn decode(value: &str) -> Result<Vec<u8>, KeyError> {
    let broken = || wrong(&format!("`{value}` has a broken `%` escape"));
    let digit =
        |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut bytes = value.as_bytes().iter();
    let mut decoded = Vec::with_capacity(value.len());
    while let Some(&b) = bytes.next() {
        decoded.push(match b {
            b'%' => {
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                high.ok_or_else(broken)? << 4 | low.ok_or_else(broken)?
            }
            plain => plain,
        });
    }
    Ok(decoded)
}

fn wrong(detail: &str) -> KeyError {
    KeyError::Uri { detail: detail.chars().take(200).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_token_key_and_module() {
        let uri = Pkcs11Uri::parse(
            "pkcs11:token=My%20token;id=%01%ff;object=signer;type=private?module-path=/usr/lib/p11.so&pin-source=file:/run/pin",
        )
        .unwrap();
        assert_eq!(uri.token.as_deref(), Some("My token"));
        assert_eq!(uri.id.as_deref(), Some(&[1, 255][..]));
        assert_eq!(uri.object.as_deref(), Some("signer"));
        assert_eq!(uri.module, Some("/usr/lib/p11.so".into()));
        assert_eq!(uri.pin_source, Some("/run/pin".into()));
        assert!(Pkcs11Uri::is_one("pkcs11:") && !Pkcs11Uri::is_one("cosign.key"));
    }

    #[test]
    fn what_is_unclear_or_unsafe_is_refused_without_repeating_a_pin() {
        for (text, words) in [
            ("pkcs11:token=x", "names no key"),
            ("pkcs11:object=x;object=y", "twice"),
            ("pkcs11:object", "no value"),
            ("pkcs11:object=%4", "escape"),
            ("pkcs11:object=%zz", "escape"),
            ("pkcs11:object=x;colour=red", "unknown"),
            ("pkcs11:object=x;slot-id=one", "no number"),
            ("pkcs11:object=%ff", "UTF-8"),
            ("file:object=x", "does not begin"),
        ] {
            let refused = Pkcs11Uri::parse(text).unwrap_err().to_string();
            assert!(refused.contains(words), "{text}: {refused}");
        }
        let refused = Pkcs11Uri::parse("pkcs11:object=x?pin-value=1234").unwrap_err().to_string();
        assert!(refused.contains("pin-source") && !refused.contains("1234"), "{refused}");
    }
}

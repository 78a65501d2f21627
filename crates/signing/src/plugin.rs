//! Keys behind the Sigstore KMS plugin protocol, version `v1`.
//!
//! The program `sigstore-kms-NAME` gets the version and a JSON document as arguments, the message on stdin, and answers
//! with JSON on stdout; its exit status says nothing. Secrets reach it by its own means, never by us.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use supercargo_attest::PublicKey;

use crate::KeyError;
use crate::child;
use crate::message::Message;
use crate::scheme::Scheme;

const VERSION: &str = "v1";
const SHA256_IN_GO: u8 = 5;

/// A key behind a plugin: `NAME://KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsPlugin {
    name: String,
    key: String,
    folder: Option<PathBuf>,
}

impl KmsPlugin {
    /// Reads `NAME://KEY`; `None` when the text is not of that form. A name has lowercase letters, digits and `-`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, key) = text.split_once("://")?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_name = !name.is_empty() && name.len() <= 64 && name.bytes().all(plain);
        (is_name && !key.is_empty()).then(|| Self {
            name: name.to_owned(),
            key: key.to_owned(),
            folder: None,
        })
    }

    /// Looks for the program in a folder instead of the search path.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// The program that is run; it is looked for in the search path.
    pub fn program(&self) -> String {
        format!("sigstore-kms-{}", self.name)
    }
}

pub(crate) struct PluginKey(KmsPlugin);

impl PluginKey {
    /// Asks for the public key.
    pub(crate) fn open(plugin: &KmsPlugin) -> Result<(PublicKey, Self), KeyError> {
        let ask = json!({ "publicKeyOptions": { "rpcOptions": {} } });
        let answer = call(plugin, "publicKey", ask, SHA256_IN_GO, &[])?;
        let pem = answer.public_key.ok_or_else(|| failed(plugin, "gave no public key"))?.pem;
        let pem = STANDARD.decode(pem).map_err(|_| failed(plugin, "gave a public key that is not base64"))?;
        let public =
            PublicKey::from_pem(&pem).map_err(|error| KeyError::PublicKey { detail: error.to_string() })?;
        Ok((public, Self(plugin.clone())))
    }

    pub(crate) fn sign(&self, message: &Message<'_>, scheme: Scheme) -> Result<Vec<u8>, KeyError> {
        let hash = scheme.go_hash();
        let ask = json!({ "signOptions": { "rpcOptions": {}, "messageOptions": { "hashFunc": hash } } });
        let answer = call(&self.0, "signMessage", ask, hash, &message.parts())?;
        let signature = answer.signed.ok_or_else(|| failed(&self.0, "gave no signature"))?.signature;
        STANDARD.decode(signature).map_err(|_| failed(&self.0, "gave a signature that is not base64"))
    }
}

fn call(
    plugin: &KmsPlugin,
    method: &str,
    arguments: Value,
    hash: u8,
    input: &[&[u8]],
) -> Result<Answer, KeyError> {
    let options = json!({ "protocolVersion": VERSION, "keyResourceID": plugin.key, "hashFunc": hash, "rpcOptions": {} });
    let mut document = json!({ "initOptions": options, "methodName": method });
    document[method] = arguments;
    let program = PathBuf::from(plugin.program());
    let mut command =
        Command::new(plugin.folder.as_ref().map_or(program.clone(), |folder| folder.join(program)));
    command.args([VERSION, &document.to_string()]);
    let outcome = child::run(command, input).map_err(|detail| failed(plugin, &detail))?;
    let answer: Answer = serde_json::from_slice(&outcome.stdout)
        .map_err(|error| failed(plugin, &format!("gave an answer that is not understood: {error}")))?;
    match answer.error.as_deref() {
        None | Some("") => Ok(answer),
        Some(error) => Err(failed(plugin, &format!("refuses: {error}"))),
    }
}

fn failed(plugin: &KmsPlugin, detail: &str) -> KeyError {
    let detail: String = detail.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect();
    KeyError::Plugin { program: plugin.program(), detail }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "errorMessage")]
    error: Option<String>,
    #[serde(rename = "publicKey")]
    public_key: Option<PublicKeyAnswer>,
    #[serde(rename = "signMessage")]
    signed: Option<SignAnswer>,
}

#[derive(Deserialize)]
struct PublicKeyAnswer {
    #[serde(rename = "publicKeyPEM", alias = "PublicKeyPEM")]
    pem: String,
}

#[derive(Deserialize)]
struct SignAnswer {
    #[serde(alias = "Signature")]
    signature: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_prefix() {
        let plugin = KmsPlugin::parse("my-hsm2://slot/7?x=y").unwrap();
        assert_eq!((plugin.program().as_str(), plugin.key.as_str()), ("sigstore-kms-my-hsm2", "slot/7?x=y"));
        for text in ["cosign.key", "../x://k", "a b://k", "x://", "://k", "A://k", "x:/k"] {
            assert_eq!(KmsPlugin::parse(text), None, "{text}");
        }
    }
}

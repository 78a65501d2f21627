//! Keys of Vault's transit engine (HTTP API, "Transit secrets engine"; OpenBao speaks the same).

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use supercargo_attest::PublicKey;
use zeroize::Zeroizing;

use crate::KeyError;
use crate::error::{Fault, ServiceError, ServiceKind};
use crate::http::{Http, HttpOptions, Request};
use crate::memory_key::ed25519_spki;
use crate::run::block_on;
use crate::scheme::Scheme;

/// A key of a transit engine. Its `Debug` text hides the token.
#[derive(Clone)]
pub struct VaultTransit {
    /// The address of the server: `VAULT_ADDR`.
    pub address: String,
    /// The token: `VAULT_TOKEN`.
    pub token: Zeroizing<String>,
    /// The namespace, where the server has them: `VAULT_NAMESPACE`.
    pub namespace: Option<String>,
    /// Where the engine is mounted; `transit` unless somebody moved it.
    pub mount: String,
    /// The name of the key.
    pub key: String,
}

impl VaultTransit {
    /// The name of the key in `hashivault://NAME`.
    pub fn key_of(uri: &str) -> Option<&str> {
        let name = uri.strip_prefix("hashivault://")?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (!name.is_empty() && name.bytes().all(plain)).then_some(name)
    }

    fn url(&self, action: &str) -> String {
        let (address, mount) = (self.address.trim_end_matches('/'), self.mount.trim_matches('/'));
        format!("{address}/v1/{mount}/{action}/{}", self.key)
    }
}

impl fmt::Debug for VaultTransit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultTransit")
            .field("address", &self.address)
            .field("mount", &self.mount)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

pub(crate) struct VaultKey {
    transit: VaultTransit,
    http: Http,
    version: u64,
}

impl VaultKey {
    /// Asks for the public half of the newest version of the key.
    pub(crate) fn open(transit: &VaultTransit, http: &HttpOptions) -> Result<(PublicKey, Self), KeyError> {
        let http = Http::new(http, &[&transit.token])?;
        let url = transit.url("keys");
        let request = authorised(Request::get(ServiceKind::KeyService, &url), transit);
        let answer = block_on(http.send(&request))??;
        let found = serde_json::from_slice::<Answer<Keys>>(&answer).map(|answer| answer.data);
        let found = found.map_err(|_| not_understood(&url, "it describes no transit key"))?;
        let version = found.latest_version;
        let key = found.keys.get(&version.to_string());
        let half = key.and_then(|key| key.get("public_key")).and_then(Value::as_str);
        let half = half.ok_or_else(|| not_understood(&url, "the key has no public half"))?;
        let public = public_key(&found.kind, half).map_err(|detail| KeyError::PublicKey { detail })?;
        Ok((public, Self { transit: transit.clone(), http, version }))
    }

    /// Signs a digest made with the hash of the scheme; for Ed25519 the message.
    pub(crate) fn sign(&self, input: &[u8], scheme: Scheme) -> Result<Vec<u8>, KeyError> {
        let mut body = json!({ "input": STANDARD.encode(input), "key_version": self.version });
        if scheme != Scheme::Ed25519 {
            let hash = if scheme == Scheme::EcdsaP384 { "sha2-384" } else { "sha2-256" };
            body["prehashed"] = json!(true);
            body["hash_algorithm"] = json!(hash);
            body["signature_algorithm"] = json!("pkcs1v15");
            body["marshaling_algorithm"] = json!("asn1");
        }
        let url = self.transit.url("sign");
        let request = Request::post(ServiceKind::KeyService, &url, "application/json", body.to_string());
        let answer = block_on(self.http.send(&authorised(request, &self.transit)))??;
        let answer = serde_json::from_slice::<Answer<Signature>>(&answer).map(|answer| answer.data.signature);
        let text = answer.map_err(|_| not_understood(&url, "it has no signature"))?;
        let signature = text.strip_prefix(&format!("vault:v{}:", self.version));
        let signature = signature.and_then(|base64| STANDARD.decode(base64).ok());
        Ok(signature.ok_or_else(|| not_understood(&url, "the signature is of another version or form"))?)
    }
}

/// Ed25519 keys come raw, all others as PEM.
fn public_key(kind: &str, half: &str) -> Result<PublicKey, String> {
    let key = match kind {
        "ed25519" => {
            let raw = STANDARD.decode(half).map_err(|_| "it is not base64".to_owned())?;
            PublicKey::from_spki(&ed25519_spki(&raw))
        }
        _ => PublicKey::from_pem(half.as_bytes()),
    };
    key.map_err(|error| error.to_string())
}

fn authorised<'a>(request: Request<'a>, transit: &VaultTransit) -> Request<'a> {
    let request = request.header("x-vault-token", transit.token.as_str()).header("x-vault-request", "true");
    match &transit.namespace {
        Some(namespace) => request.header("x-vault-namespace", namespace.as_str()),
        None => request,
    }
}

fn not_understood(url: &str, detail: &str) -> ServiceError {
    ServiceError::new(ServiceKind::KeyService, url, Fault::Answer(detail.to_owned()))
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Keys {
    #[serde(rename = "type")]
    kind: String,
    latest_version: u64,
    /// By version: an object, or of a key that has no public half its time alone.
    keys: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Signature {
    signature: String,
}

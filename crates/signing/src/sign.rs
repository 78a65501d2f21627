//! One path for keys and identities: certificate, signature, timestamp, log, and the check of it all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use supercargo_attest::{
    Artifact, Bundle, BundleParts, OtherSubjects, Policy, SignerPart, Statement, TrustedRoot, Verified,
    verify, verify_artifact,
};
use supercargo_content::{Digest, Limits, MediaType};

use crate::config::{ConfigError, LogVersion, Services};
use crate::error::SignError;
use crate::http::{Http, HttpOptions};
use crate::key::SigningKey;
use crate::message::Message;
use crate::run::block_on;
use crate::services::{self, LogEntry, What, certificate_pem};
use crate::token::IdentityToken;

/// Who signs.
#[derive(Debug)]
pub enum Signer {
    /// The holder of a private key.
    Key(SigningKey),
    /// The holder of an identity token, with a key that lives for one signature.
    Identity(IdentityToken),
}

/// What signing needs beside the signer.
#[derive(Debug, Clone, Copy)]
pub struct SignOptions<'a> {
    /// The services that take part; [`Services::none`] for a key alone.
    pub services: &'a Services,
    /// How they are reached.
    pub http: &'a HttpOptions,
    /// What the result is checked with. Needed as soon as any service takes part.
    pub trusted_root: Option<&'a TrustedRoot>,
    /// The bounds of the bundle.
    pub limits: &'a Limits,
    /// The time of signing.
    pub now: Timestamp,
}

/// A bundle that has been verified as a stranger would.
#[derive(Debug)]
pub struct Signed {
    /// The bundle's JSON, version 0.3.
    pub bundle: Vec<u8>,
    /// The statement in it and what was checked.
    pub verified: Verified<Statement>,
    /// The same signature for layouts that know no bundles.
    pub detached: DetachedSignature,
}

/// A signature and its proofs outside a bundle, as cosign's older layouts carry them. It has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachedSignature {
    /// The signature; ECDSA in ASN.1 DER.
    pub signature: Vec<u8>,
    /// The certificate, PEM, for identities.
    pub certificate: Option<String>,
    /// The rest of its chain, PEM.
    pub chain: Option<String>,
    /// The promise of a Rekor v1 log: the JSON of `dev.sigstore.cosign/bundle`.
    pub promise: Option<String>,
    /// A timestamp over the signature (RFC 3161), DER.
    pub timestamp: Option<Vec<u8>>,
}

/// Signs an in-toto statement about `subject`, byte for byte, and returns a bundle that verifies.
///
/// `statement` is what [`Statement::write`] makes. See [`SigningSession`] for several with one certificate.
pub fn sign(
    statement: Vec<u8>,
    subject: &Digest,
    signer: &Signer,
    options: &SignOptions<'_>,
) -> Result<Signed, SignError> {
    SigningSession::open(signer, *options)?.sign(statement, subject)
}

/// One signer at work: an identity gets one certificate, with which any number of statements are signed.
///
/// A key signs by itself; timestamp authorities and logs of the options are asked for both kinds of signer. An identity
/// needs a certificate authority as well, and a timestamp authority or a Rekor v1 log. Every call blocks until all have
/// answered, and returns only what verifies.
pub struct SigningSession<'a> {
    signer: &'a Signer,
    options: SignOptions<'a>,
    http: Option<Http>,
    key: Key<'a>,
}

/// The key that signs.
enum Key<'a> {
    Given(&'a SigningKey),
    /// That of an identity, with its certificate's chain, leaf first.
    Certified(Box<SigningKey>, Vec<Vec<u8>>),
}

impl<'a> SigningSession<'a> {
    /// Checks that signing can work at all, and asks for the certificate.
    pub fn open(signer: &'a Signer, options: SignOptions<'a>) -> Result<Self, SignError> {
        check_services(signer, &options)?;
        let (key, http) = match signer {
            Signer::Key(key) if options.services.ask_nobody() => (Key::Given(key), None),
            Signer::Key(key) => (Key::Given(key), Some(Http::new(options.http, &[])?)),
            Signer::Identity(token) => {
                let http = Http::new(options.http, &[token.expose()])?;
                let base = options.services.certificate_authority.as_deref().unwrap_or_default();
                let key = SigningKey::ephemeral()?;
                let chain = block_on(services::certificate(&http, base, token, &key))??;
                (Key::Certified(Box::new(key), chain), Some(http))
            }
        };
        Ok(Self { signer, options, http, key })
    }

    /// Signs an in-toto statement about `subject`, byte for byte.
    pub fn sign(&self, statement: Vec<u8>, subject: &Digest) -> Result<Signed, SignError> {
        let parts = self.parts(&Message::of_statement(&statement), What::Statement(&statement))?;
        let bundle = parts.bundle(&statement);
        // An SBOM may have 100 MB; from here on it is read from the bundle.
        drop(statement);
        let parsed = Bundle::parse(&bundle, self.options.limits)?;
        let policy = self.policy(&parsed).other_subjects(OtherSubjects::Refused);
        let verified = verify(&parsed, subject, &policy, self.options.trusted_root)?;
        Ok(Signed { bundle, verified, detached: parts.detached() })
    }

    /// Signs any bytes, without an envelope.
    pub fn sign_payload(&self, payload: &[u8]) -> Result<DetachedSignature, SignError> {
        let parts = self.parts(&Message::plain(payload), What::Payload)?;
        let parsed = Bundle::parse(parts.message_bundle(payload).as_bytes(), self.options.limits)?;
        let policy = self.policy(&parsed);
        verify_artifact(&parsed, Artifact::Bytes(payload), &policy, self.options.trusted_root)?;
        Ok(parts.detached())
    }

    fn parts(&self, message: &Message<'_>, what: What<'_>) -> Result<Parts, SignError> {
        let (key, chain) = match &self.key {
            Key::Given(key) => (*key, Vec::new()),
            Key::Certified(key, chain) => (key.as_ref(), chain.clone()),
        };
        let digest = key.scheme().hash().map(|hash| message.digest(hash));
        let mut parts = Parts {
            hint: key.public().hint(),
            chain,
            signature: key.sign(message)?,
            log_entries: Vec::new(),
            timestamps: Vec::new(),
        };
        if let Some(http) = &self.http {
            let digest = digest.as_ref().map(AsRef::as_ref);
            block_on(parts.gather(http, self.options.services, key, digest, what))??;
        }
        Ok(parts)
    }

    /// What the result is checked by: the public key, or the token's own identity.
    fn policy(&self, bundle: &Bundle) -> Policy {
        let now = later(self.options.now);
        let policy = match self.signer {
            Signer::Key(key) => Policy::keys(vec![key.public().clone()], now),
            Signer::Identity(_) => {
                // The authority turns the token's claims into a name by rules of its own, so the name is taken from
                // the certificate; everything around it is checked.
                let (identity, issuer) = bundle.identity_without_verifying().unwrap_or_default();
                Policy::identity(identity, issuer, now)
            }
        };
        let mut evidence = policy.evidence;
        evidence.logs_min = self.options.services.logs.len();
        evidence.timestamps_min = self.options.services.timestamp_authorities.len();
        policy.evidence(evidence)
    }
}

/// What a bundle is made of beside what was signed.
struct Parts {
    hint: String,
    /// Leaf first; empty for keys.
    chain: Vec<Vec<u8>>,
    signature: Vec<u8>,
    log_entries: Vec<LogEntry>,
    timestamps: Vec<Vec<u8>>,
}

impl Parts {
    async fn gather(
        &mut self,
        http: &Http,
        services: &Services,
        key: &SigningKey,
        digest: Option<&[u8]>,
        what: What<'_>,
    ) -> Result<(), SignError> {
        for url in &services.timestamp_authorities {
            self.timestamps.push(services::timestamp(http, url, &self.signature).await?);
        }
        for log in &services.logs {
            let certificate = self.chain.first().map(Vec::as_slice);
            let signed = services::Signed { digest, signature: &self.signature, key, certificate, what };
            self.log_entries.push(services::log_entry(http, log, &signed).await?);
        }
        Ok(())
    }

    fn bundle(&self, statement: &[u8]) -> Vec<u8> {
        let signer = match self.chain.first() {
            Some(der) => SignerPart::Certificate(der),
            None => SignerPart::KeyHint(&self.hint),
        };
        let log_entries: Vec<String> = self.log_entries.iter().map(|entry| entry.json.clone()).collect();
        let (log_entries, timestamps) = (&log_entries[..], &self.timestamps[..]);
        BundleParts { signer, statement, signature: &self.signature, log_entries, timestamps }.to_json()
    }

    /// A bundle around a detached signature, for checking it.
    fn message_bundle(&self, payload: &[u8]) -> String {
        let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
        let token = |token: &Vec<u8>| json!({ "signedTimestamp": base64(token) });
        let entries: Vec<Value> =
            self.log_entries.iter().filter_map(|entry| serde_json::from_str(&entry.json).ok()).collect();
        let mut material = json!({
            "tlogEntries": entries,
            "timestampVerificationData": { "rfc3161Timestamps": self.timestamps.iter().map(token).collect::<Vec<_>>() },
        });
        match self.chain.first() {
            Some(leaf) => material["certificate"] = json!({ "rawBytes": base64(leaf) }),
            None => material["publicKey"] = json!({ "hint": self.hint }),
        }
        let digest = base64(&Digest::sha256_of(payload).to_bytes());
        let digest = json!({ "algorithm": "SHA2_256", "digest": digest });
        let message = json!({ "messageDigest": digest, "signature": base64(&self.signature) });
        let media_type = MediaType::SIGSTORE_BUNDLE_V03;
        json!({ "mediaType": media_type.as_str(), "verificationMaterial": material, "messageSignature": message })
            .to_string()
    }

    fn detached(self) -> DetachedSignature {
        let pem = |ders: &[Vec<u8>]| ders.iter().map(|der| certificate_pem(der)).collect::<String>();
        let (leaf, rest) = self.chain.split_at(self.chain.len().min(1));
        DetachedSignature {
            certificate: Some(pem(leaf)).filter(|pem| !pem.is_empty()),
            chain: Some(pem(rest)).filter(|pem| !pem.is_empty()),
            promise: self.log_entries.into_iter().find_map(|entry| entry.promise),
            timestamp: self.timestamps.into_iter().next(),
            signature: self.signature,
        }
    }
}

/// Everything that can be known before the first request.
fn check_services(signer: &Signer, options: &SignOptions<'_>) -> Result<(), SignError> {
    let services = options.services;
    if let Signer::Identity(_) = signer {
        services.certificate_authority.as_ref().ok_or(ConfigError::NoCertificateAuthority)?;
        let promised = services.logs.iter().any(|log| log.version == LogVersion::V1);
        if services.timestamp_authorities.is_empty() && !promised {
            return Err(ConfigError::NoTime.into());
        }
    }
    let needed = matches!(signer, Signer::Identity(_))
        || !services.logs.is_empty()
        || !services.timestamp_authorities.is_empty();
    if needed && options.trusted_root.is_none() {
        return Err(SignError::TrustedRootMissing);
    }
    Ok(())
}

/// The log answers after the caller has looked at the clock, and its clock may be ahead of ours.
fn later(now: Timestamp) -> Timestamp {
    now.checked_add(jiff::SignedDuration::from_mins(10)).unwrap_or(now)
}

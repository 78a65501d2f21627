//! One path for keys and identities: certificate, signature, timestamp, log, and the check of it all.

use jiff::Timestamp;
use supercargo_attest::{
    Bundle, BundleParts, IN_TOTO_PAYLOAD_TYPE, OtherSubjects, Policy, SignerPart, Statement, TrustedRoot,
    Verified, pre_authentication_encoding, verify,
};
use supercargo_content::{Digest, Limits};

use crate::config::{ConfigError, LogVersion, Services};
use crate::error::SignError;
use crate::http::{Http, HttpOptions, HttpSetupError};
use crate::key::SigningKey;
use crate::services;
use crate::token::{Ambient, IdentityToken};

/// Who signs.
#[derive(Debug)]
pub enum Signer {
    /// The holder of a private key.
    Key(SigningKey),
    /// The holder of an identity token, with a key that lives for one signature.
    Identity(IdentityToken),
}

/// What signing needs beside the signer.
#[derive(Debug)]
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
}

/// Signs an in-toto statement about `subject`, byte for byte, and returns a bundle that verifies.
///
/// `statement` is what [`Statement::write`] makes. A key signs by itself; timestamp authorities and logs of
/// `options.services` are asked for both kinds of signer. An identity needs a certificate authority as well, and a
/// timestamp authority or a Rekor v1 log. Blocks until all have answered.
pub fn sign(
    statement: &[u8],
    subject: &Digest,
    signer: &Signer,
    options: &SignOptions<'_>,
) -> Result<Signed, SignError> {
    check_services(signer, options)?;
    let parts = match (signer, options.services == &Services::none()) {
        (Signer::Key(key), true) => signed_parts(statement, key)?,
        _ => {
            let secrets = match signer {
                Signer::Key(_) => Vec::new(),
                Signer::Identity(token) => vec![token.expose()],
            };
            let http = Http::new(options.http, secrets)?;
            block_on(with_services(&http, statement, signer, options.services))??
        }
    };
    let bundle = parts.assemble(statement);
    let verified = check(&bundle, subject, signer, options)?;
    Ok(Signed { bundle, verified })
}

/// The identity token that the build machine offers, if it offers one.
pub fn ambient_token(
    ambient: &Ambient,
    http: &HttpOptions,
    now: Timestamp,
) -> Result<Option<IdentityToken>, SignError> {
    if let Some(token) = &ambient.sigstore_id_token {
        return Ok(Some(IdentityToken::new(token.clone(), now)?));
    }
    let (Some(url), Some(request_token)) = (&ambient.github_request_url, &ambient.github_request_token)
    else {
        return Ok(None);
    };
    let http = Http::new(http, vec![request_token])?;
    let token = block_on(services::github_token(&http, url, request_token))??;
    Ok(Some(IdentityToken::new(token, now)?))
}

/// What a bundle is made of beside the statement.
struct Parts {
    hint: String,
    certificate: Option<Vec<u8>>,
    signature: Vec<u8>,
    log_entries: Vec<String>,
    timestamps: Vec<Vec<u8>>,
}

impl Parts {
    fn assemble(&self, statement: &[u8]) -> Vec<u8> {
        let signer = match &self.certificate {
            Some(der) => SignerPart::Certificate(der),
            None => SignerPart::KeyHint(&self.hint),
        };
        let (log_entries, timestamps) = (&self.log_entries[..], &self.timestamps[..]);
        BundleParts { signer, statement, signature: &self.signature, log_entries, timestamps }.to_json()
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

fn signed_parts(statement: &[u8], key: &SigningKey) -> Result<Parts, SignError> {
    let signature = key.sign(&pre_authentication_encoding(IN_TOTO_PAYLOAD_TYPE, statement))?;
    let hint = key.public().hint();
    Ok(Parts { hint, certificate: None, signature, log_entries: Vec::new(), timestamps: Vec::new() })
}

async fn with_services(
    http: &Http<'_>,
    statement: &[u8],
    signer: &Signer,
    services: &Services,
) -> Result<Parts, SignError> {
    let ephemeral;
    let (key, certificate) = match signer {
        Signer::Key(key) => (key, None),
        Signer::Identity(token) => {
            let base = services.certificate_authority.as_deref().unwrap_or_default();
            ephemeral = SigningKey::ephemeral()?;
            (&ephemeral, Some(services::certificate(http, base, token, &ephemeral).await?))
        }
    };
    let message = pre_authentication_encoding(IN_TOTO_PAYLOAD_TYPE, statement);
    let digest = Digest::sha256_of(&message);
    let signature = key.sign(&message)?;
    drop(message);
    let mut parts = Parts {
        hint: key.public().hint(),
        certificate,
        signature,
        log_entries: Vec::new(),
        timestamps: Vec::new(),
    };
    for url in &services.timestamp_authorities {
        parts.timestamps.push(services::timestamp(http, url, &parts.signature).await?);
    }
    for log in &services.logs {
        let (signature, certificate) = (&parts.signature[..], parts.certificate.as_deref());
        let signed = services::Signed { statement, digest: &digest, signature, key, certificate };
        parts.log_entries.push(services::log_entry(http, log, &signed).await?);
    }
    Ok(parts)
}

/// Reads the finished bundle back and verifies it: with the public key, or for the token's own identity.
fn check(
    bundle: &[u8],
    subject: &Digest,
    signer: &Signer,
    options: &SignOptions<'_>,
) -> Result<Verified<Statement>, SignError> {
    let bundle = Bundle::parse(bundle, options.limits)?;
    let now = later(options.now);
    let mut policy = match signer {
        Signer::Key(key) => Policy::keys(vec![key.public().clone()], now),
        Signer::Identity(_) => {
            // The authority turns the token's claims into a name by rules of its own, so the name is taken from
            // the certificate; everything around it is checked.
            let (identity, issuer) = bundle.identity_without_verifying().unwrap_or_default();
            Policy::identity(identity, issuer, now)
        }
    };
    let mut evidence = policy.evidence;
    evidence.logs_min = options.services.logs.len();
    evidence.timestamps_min = options.services.timestamp_authorities.len();
    policy = policy.evidence(evidence).other_subjects(OtherSubjects::Refused);
    Ok(verify(&bundle, subject, &policy, options.trusted_root)?)
}

/// The log answers after the caller has looked at the clock, and its clock may be ahead of ours.
fn later(now: Timestamp) -> Timestamp {
    now.checked_add(jiff::SignedDuration::from_mins(10)).unwrap_or(now)
}

/// Runs a future on a thread of its own, so that a caller that is itself asynchronous may call us.
fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, HttpSetupError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| HttpSetupError::Runtime(error.to_string()))?;
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(future)).join())
        .map_err(|_| HttpSetupError::Runtime("it ended early".to_owned()))
}

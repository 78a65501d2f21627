//! `supercargo attest`.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use supercargo::attest_types::PredicateType;
use supercargo::content::{Descriptor, read_bounded};
use supercargo::image::{Image, Reference};
use supercargo::sbom::FormatId;
use supercargo::signing::{Ambient, HttpOptions, IdentityToken, Services, Signer, SigningKey, ambient_token};
use supercargo::{Error, Predicate, Session, Signing, clean};
use zeroize::Zeroizing;

use super::{cache, scan, setup, verify};
use crate::args::{AttestArgs, Common, SignerArgs};
use crate::environment::{self, Environment};
use crate::{output, secrets};

/// Signs a statement about each chosen image and attaches it to exactly that manifest.
pub(crate) fn run(args: &AttestArgs, common: &Common) -> Result<(), Error> {
    let environment = Environment::read();
    let session = cache::session(common, &environment)?;
    let predicate_type = setup::predicate_type(&args.predicate_type)?;
    let given = args.predicate.as_deref().map(|file| read_predicate(file, &session)).transpose()?;
    let (reference, resolved) = setup::open(&session, &args.target, common)?;
    check_count(args, resolved.images.len(), given.is_some())?;
    let signing = signing(&args.signer, common, &environment)?;
    let mut rows = Vec::new();
    for image in &resolved.images {
        let json = match &given {
            Some(json) => json.clone(),
            None => sbom(&session, image, &predicate_type, args, common, &environment)?,
        };
        let predicate = Predicate { predicate_type: &predicate_type, json: &json };
        rows.push(attest(&session, &reference, image, &predicate, &signing, args)?);
    }
    if args.json {
        output::stdout(format!("{:#}\n", Value::Array(rows)).as_bytes())?;
    }
    Ok(())
}

fn attest(
    session: &Session,
    reference: &Reference,
    image: &Image,
    predicate: &Predicate<'_>,
    signing: &Signing,
    args: &AttestArgs,
) -> Result<Value, Error> {
    let signed = supercargo::sign(image, predicate, signing, session.limits())?;
    if let Some(file) = &args.bundle {
        output::file(file, &signed.bundle)?;
    }
    let carrier = match args.no_attach {
        true => None,
        false => {
            Some(supercargo::attach(image, &signed, session.attachments(reference)?.as_ref(), signing.now)?)
        }
    };
    if !args.json {
        output::stdout(
            clean(&line(image, predicate, carrier.as_ref(), &signed.verified.report().line())).as_bytes(),
        )?;
    }
    Ok(json!({
        "subject": image.manifest.as_ref().map(|manifest| manifest.digest.to_string()),
        "platform": image.config.platform.as_ref().map(ToString::to_string),
        "predicateType": predicate.predicate_type.uri(),
        "attached": carrier.map(|carrier| carrier.digest.to_string()),
        "bundle": args.bundle,
    }))
}

fn line(image: &Image, predicate: &Predicate<'_>, carrier: Option<&Descriptor>, checks: &str) -> String {
    let subject = image.manifest.as_ref().map(|manifest| manifest.digest.to_string()).unwrap_or_default();
    let place = carrier.map_or_else(String::new, |carrier| format!(", attached as {}", carrier.digest));
    format!("signed {} about {subject}{place}: {checks}\n", predicate.predicate_type)
}

/// The SBOM that a scan finds, in the format of the predicate type.
fn sbom(
    session: &Session,
    image: &Image,
    predicate_type: &PredicateType,
    args: &AttestArgs,
    common: &Common,
    environment: &Environment,
) -> Result<Vec<u8>, Error> {
    let format = match predicate_type.name() {
        Some("cyclonedx") => FormatId::CYCLONEDX_JSON_1_7,
        Some("spdx" | "spdxjson") => FormatId::SPDX_JSON_2_3,
        _ => return Err(no_predicate(predicate_type)),
    };
    let (inventory, document) = scan::inspect(session, image, common, environment)?;
    setup::strict(inventory.problems.len(), &args.target, common)?;
    supercargo::encode(&document, format)
}

fn no_predicate(predicate_type: &PredicateType) -> Error {
    Error::Usage {
        message: format!("a scan makes no predicate of type {predicate_type}"),
        hint: Some("give it with `--predicate FILE`".into()),
    }
}

/// One predicate or bundle file cannot stand for several platforms.
fn check_count(args: &AttestArgs, images: usize, is_given: bool) -> Result<(), Error> {
    if images > 1 && (is_given || args.bundle.is_some()) {
        return Err(Error::Usage {
            message: "one predicate or bundle file is about one image, and several platforms were chosen"
                .into(),
            hint: Some("choose one with `--platform os/arch[/variant]`".into()),
        });
    }
    Ok(())
}

fn read_predicate(file: &Path, session: &Session) -> Result<Vec<u8>, Error> {
    let stream: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        _ => Box::new(fs::File::open(file).map_err(|source| Error::read(file, source))?),
    };
    read_bounded(stream, session.limits().attachment_bytes_max).map_err(|source| Error::read(file, source))
}

/// Who signs, with what, as the arguments spell it out.
pub(crate) fn signing(
    args: &SignerArgs,
    common: &Common,
    environment: &Environment,
) -> Result<Signing, Error> {
    let now = environment::now();
    let http = setup::http(&common.registry, environment)?;
    let signer = signer(args, environment, &http, now)?;
    let services = services(args, &signer, now)?;
    let needs_root = services != Services::none() || args.trusted_root.is_some();
    let trusted_root = needs_root.then(|| verify::trusted_root(args.trusted_root.as_deref())).transpose()?;
    Ok(Signing { signer, services, http, trusted_root, now })
}

fn signer(
    args: &SignerArgs,
    environment: &Environment,
    http: &HttpOptions,
    now: jiff::Timestamp,
) -> Result<Signer, Error> {
    if let Some(file) = &args.key {
        return Ok(Signer::Key(private_key(file, args.password_file.as_deref(), environment)?));
    }
    let token = match &args.identity_token {
        Some(argument) => Some(IdentityToken::new(secrets::token(argument)?, now).map_err(Error::signing)?),
        None => ambient_token(&ambient(environment), http, now)?,
    };
    token.map(Signer::Identity).ok_or_else(|| Error::Usage {
        message: "nobody is named who signs".into(),
        hint: Some("give `--key FILE` or `--identity-token TOKEN|@FILE`".into()),
    })
}

/// Reads a private key; the password is asked for only when the file is encrypted.
pub(crate) fn private_key(
    file: &Path,
    password_file: Option<&Path>,
    environment: &Environment,
) -> Result<SigningKey, Error> {
    let pem = Zeroizing::new(fs::read(file).map_err(|source| Error::read(file, source))?);
    let mut failed = None;
    let ask = || match secrets::password(password_file, environment, false) {
        Ok(password) => Some(password),
        Err(error) => {
            failed = Some(error);
            None
        }
    };
    let key = SigningKey::from_pem(&pem, ask);
    match failed {
        Some(error) => Err(error),
        None => key.map_err(|error| Error::document("private key", file, error)),
    }
}

fn ambient(environment: &Environment) -> Ambient {
    let secret = |name: &str| environment.get(name).map(|value| Zeroizing::new(value.to_owned()));
    Ambient {
        sigstore_id_token: secret("SIGSTORE_ID_TOKEN"),
        github_request_url: environment.get("ACTIONS_ID_TOKEN_REQUEST_URL").map(str::to_owned),
        github_request_token: secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    }
}

fn services(args: &SignerArgs, signer: &Signer, now: jiff::Timestamp) -> Result<Services, Error> {
    match (&args.signing_config, signer) {
        (Some(file), _) => {
            let json = fs::read(file).map_err(|source| Error::read(file, source))?;
            Services::from_signing_config(&json, now)
                .map_err(|error| Error::document("signing config", file, error))
        }
        (None, Signer::Key(_)) => Ok(Services::none()),
        (None, Signer::Identity(_)) => Services::public_good(now).map_err(Error::signing),
    }
}

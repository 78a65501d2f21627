//! Who signs, with which services: from arguments and environment to the options of the façade.

use std::fs;
use std::path::{Path, PathBuf};

use supercargo::signing::{
    Ambient, DevicePrompt, GithubActions, GoogleCloud, HttpOptions, IdentityToken, KmsPlugin, Login,
    Pkcs11Uri, Services, Signer, SigningKey, VaultTransit, ambient_token,
};
use supercargo::{Error, Signing, clean};
use zeroize::Zeroizing;

use super::setup;
use super::trust::Found;
use crate::args::{Common, LoginArg, SignerArgs};
use crate::environment::{self, Environment};
use crate::{secrets, terminal};

/// What the arguments and the environment say about signing.
pub(crate) fn signing(
    args: &SignerArgs,
    common: &Common,
    environment: &Environment,
) -> Result<Signing, Error> {
    let now = environment::now();
    let http = setup::http(&common.registry, environment)?;
    // Whoever is at hand comes first: a wrong key or an old token is found before anybody is asked anything.
    let at_hand = at_hand(args, environment, &http, now)?;
    let asks_services = args.key.is_none() || args.log || args.timestamp || args.signing_config.is_some();
    let found = (asks_services || args.trust.trusted_root.is_some())
        .then(|| Found::newest(&args.trust, common, environment))
        .transpose()?;
    let services = match &found {
        Some(found) if asks_services => services(args, found, now)?,
        _ => Services::none(),
    };
    let signer = match at_hand {
        Some(signer) => signer,
        None => Signer::Identity(log_in(args, &services, common, &http, now)?),
    };
    let trusted_root = found.as_ref().map(Found::root).transpose()?;
    Ok(Signing { signer, services, http, trusted_root, now })
}

/// The services of the signing configuration, less those that are not wanted.
fn services(args: &SignerArgs, found: &Found, now: jiff::Timestamp) -> Result<Services, Error> {
    let (json, name) = match &args.signing_config {
        Some(file) => (fs::read(file).map_err(|source| Error::read(file, source))?, file.clone()),
        None => (found.signing_config()?.to_vec(), PathBuf::from("signing_config.v0.2.json")),
    };
    let mut services = Services::from_signing_config(&json, now)
        .map_err(|error| Error::document("signing config", name, error))?;
    // With a key, a configuration in a file means all of it; that of an instance only what is asked for.
    let is_picked = args.key.is_some() && args.signing_config.is_none();
    if args.no_log || (is_picked && !args.log) {
        services.logs.clear();
    }
    if is_picked && !args.timestamp {
        services.timestamp_authorities.clear();
    }
    Ok(services)
}

/// The key or token that is there; `None` when somebody is to log in.
fn at_hand(
    args: &SignerArgs,
    environment: &Environment,
    http: &HttpOptions,
    now: jiff::Timestamp,
) -> Result<Option<Signer>, Error> {
    if let Some(key) = &args.key {
        let key = signing_key(key, args.password_file.as_deref(), environment, http)?;
        return Ok(Some(Signer::Key(key)));
    }
    if args.login.is_some() {
        return Ok(None);
    }
    let token = match &args.identity_token {
        Some(argument) => Some(IdentityToken::new(secrets::token(argument)?, now).map_err(Error::signing)?),
        None => ambient_token(&ambient(environment)?, http, now).map_err(Error::signing)?,
    };
    token.map(|token| Some(Signer::Identity(token))).ok_or_else(|| Error::Usage {
        message: "nobody is named who signs".into(),
        hint: Some("give `--key FILE`, `--identity-token TOKEN|@FILE` or `--login browser`".into()),
    })
}

/// Has a person log in. What they have to do goes to stderr, `--quiet` or not.
fn log_in(
    args: &SignerArgs,
    services: &Services,
    common: &Common,
    http: &HttpOptions,
    now: jiff::Timestamp,
) -> Result<IdentityToken, Error> {
    let issuer = args.oidc_issuer.clone().or_else(|| services.identity_issuer.clone());
    let issuer = issuer.ok_or_else(|| Error::Usage {
        message: "the signing configuration names no issuer to log in at".into(),
        hint: Some("give one with `--oidc-issuer URL`".into()),
    })?;
    let login = Login { client_id: args.oidc_client_id.clone(), ..Login::new(issuer) };
    let token = match args.login {
        Some(LoginArg::Device) => login.on_device(http, now, &|prompt: &DevicePrompt| {
            let line = format!("open {} and enter the code {}", prompt.url, prompt.code);
            terminal::complain(&clean(&line));
        }),
        _ => login.in_browser(http, now, &|url: &str| {
            terminal::complain(&clean(&format!("log in at {url}")));
            if !common.no_progress {
                terminal::browse(url);
            }
        }),
    };
    token.map_err(Error::signing)
}

/// The key behind `--key`: a token, a service, a plugin, or else a file.
pub(crate) fn signing_key(
    text: &str,
    password_file: Option<&Path>,
    environment: &Environment,
    http: &HttpOptions,
) -> Result<SigningKey, Error> {
    if Pkcs11Uri::is_one(text) {
        return token_key(text, password_file, environment);
    }
    if let Some(key) = VaultTransit::key_of(text) {
        return SigningKey::in_vault(&vault(key, environment)?, http).map_err(Error::signing);
    }
    match KmsPlugin::parse(text) {
        Some(plugin) => SigningKey::through_plugin(&plugin).map_err(Error::signing),
        None => private_key(Path::new(text), password_file, environment),
    }
}

fn token_key(text: &str, pin_file: Option<&Path>, environment: &Environment) -> Result<SigningKey, Error> {
    let mut uri = Pkcs11Uri::parse(text).map_err(Error::signing)?;
    let module =
        || environment.get("PKCS11_MODULE_PATH").or_else(|| environment.get("COSIGN_PKCS11_MODULE_PATH"));
    uri.module = uri.module.or_else(|| module().map(PathBuf::from));
    let pin_file = pin_file.map(Path::to_owned).or_else(|| uri.pin_source.clone());
    let mut failed = None;
    let key = SigningKey::on_token(&uri, || {
        let pin = secrets::pin(pin_file.as_deref(), environment);
        pin.unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    match failed {
        Some(error) => Err(error),
        None => key.map_err(Error::signing),
    }
}

fn vault(key: &str, environment: &Environment) -> Result<VaultTransit, Error> {
    let needed = |name: &str| {
        environment.get(name).map(str::to_owned).ok_or_else(|| Error::Usage {
            message: format!("a key of Vault is named, and {name} is not set"),
            hint: Some("set VAULT_ADDR to the server and VAULT_TOKEN to a token that may use the key".into()),
        })
    };
    Ok(VaultTransit {
        address: needed("VAULT_ADDR")?,
        token: Zeroizing::new(needed("VAULT_TOKEN")?),
        namespace: environment.get("VAULT_NAMESPACE").map(str::to_owned),
        mount: environment.get("TRANSIT_SECRET_ENGINE_PATH").unwrap_or("transit").to_owned(),
        key: key.to_owned(),
    })
}

/// Reads a private key file; the password is asked for only when the file is encrypted.
fn private_key(
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

/// What this build machine offers.
fn ambient(environment: &Environment) -> Result<Ambient, Error> {
    let text = |name: &str| environment.get(name).map(str::to_owned);
    let secret = |name: &str| text(name).map(Zeroizing::new);
    let github = text("ACTIONS_ID_TOKEN_REQUEST_URL").zip(secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
    let file = Path::new(TEKTON_TOKEN);
    let token = match secret("SIGSTORE_ID_TOKEN") {
        None if file.exists() => Some(secrets::first_line(file)?),
        token => token,
    };
    Ok(Ambient {
        token,
        github: github.map(|(request_url, request_token)| GithubActions { request_url, request_token }),
        buildkite: environment.get("BUILDKITE") == Some("true"),
        circleci: environment.get("CIRCLECI") == Some("true"),
        google: google(environment),
        spiffe_socket: text("SPIFFE_ENDPOINT_SOCKET"),
    })
}

/// Where Tekton and other systems mount a token for Sigstore's clients.
const TEKTON_TOKEN: &str = "/var/run/sigstore/cosign/oidc-token";

/// Google Cloud, when the environment says so or the machine's maker is Google.
fn google(environment: &Environment) -> Option<GoogleCloud> {
    let host = environment.get("GCE_METADATA_HOST").map(str::to_owned);
    let service_account = environment.get("GOOGLE_SERVICE_ACCOUNT_NAME").map(str::to_owned);
    let maker = || fs::read_to_string("/sys/class/dmi/id/product_name").unwrap_or_default();
    if host.is_none() && service_account.is_none() && !maker().contains("Google") {
        return None;
    }
    Some(GoogleCloud {
        metadata_host: host.unwrap_or_else(|| GoogleCloud::METADATA_HOST.to_owned()),
        service_account,
        credentials_url: GoogleCloud::CREDENTIALS_URL.to_owned(),
    })
}

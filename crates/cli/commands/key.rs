//! `supercargo key`.

use std::path::{Path, PathBuf};

use supercargo::Error;
use supercargo::signing::SigningKey;

use super::setup;
use super::signer::signing_key;
use crate::args::{Common, KeyCommand};
use crate::environment::Environment;
use crate::{output, secrets, terminal};

/// Makes a key pair, or writes the public half of a private key.
pub(crate) fn run(command: &KeyCommand, common: &Common) -> Result<(), Error> {
    let environment = Environment::read();
    match command {
        KeyCommand::Generate { output_key_prefix, password_file } => {
            generate(output_key_prefix, password_file.as_deref(), &environment, common)
        }
        KeyCommand::Public { key, password_file } => {
            public(key, password_file.as_deref(), common, &environment)
        }
    }
}

fn generate(
    prefix: &str,
    password_file: Option<&Path>,
    environment: &Environment,
    common: &Common,
) -> Result<(), Error> {
    let (private, public) = (PathBuf::from(format!("{prefix}.key")), PathBuf::from(format!("{prefix}.pub")));
    let password = secrets::password(password_file, environment, true)?;
    let pair = SigningKey::generate(&password).map_err(Error::signing)?;
    output::new_secret_file(&private, pair.private_pem.as_bytes())?;
    output::file(&public, pair.public_pem.as_bytes())?;
    terminal::note(common, &format!("wrote {} and {}", private.display(), public.display()));
    Ok(())
}

fn public(
    key: &str,
    password_file: Option<&Path>,
    common: &Common,
    environment: &Environment,
) -> Result<(), Error> {
    let http = setup::http(&common.registry, environment)?;
    let key = signing_key(key, password_file, environment, &http)?;
    output::stdout(key.public().to_pem().as_bytes())
}

//! `supercargo key`.

use std::fs;
use std::path::{Path, PathBuf};

use supercargo::{Error, signing};

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
        KeyCommand::Public { file, password_file } => public(file, password_file.as_deref(), &environment),
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
    let pair = signing::generate_key(&password)?;
    output::new_secret_file(&private, pair.private_pem.as_bytes())?;
    output::file(&public, pair.public_pem.as_bytes())?;
    terminal::note(common, &format!("wrote {} and {}", private.display(), public.display()));
    Ok(())
}

fn public(file: &Path, password_file: Option<&Path>, environment: &Environment) -> Result<(), Error> {
    let pem = fs::read(file).map_err(|source| Error::read(file, source))?;
    let password = secrets::password(password_file, environment, false)?;
    let key = signing::SigningKey::load(&pem, &password)?;
    output::stdout(key.public_key().to_pem().as_bytes())
}

//! Passwords and tokens: where they come from, and that they are wiped.

use std::fs;
use std::io::IsTerminal;
use std::path::Path;

use supercargo::Error;
use zeroize::Zeroizing;

use crate::environment::Environment;

/// The password of a key: a file, `SUPERCARGO_PASSWORD`, `COSIGN_PASSWORD`, or a prompt on a terminal.
pub(crate) fn password(
    file: Option<&Path>,
    environment: &Environment,
    confirm: bool,
) -> Result<Zeroizing<String>, Error> {
    if let Some(file) = file {
        return first_line(file);
    }
    let variable = environment.get("SUPERCARGO_PASSWORD").or_else(|| environment.get("COSIGN_PASSWORD"));
    if let Some(value) = variable {
        return Ok(Zeroizing::new(value.to_owned()));
    }
    if !std::io::stdin().is_terminal() {
        return Ok(Zeroizing::new(String::new()));
    }
    let password = prompt("password for the private key: ")?;
    if confirm && *prompt("the same again: ")? != *password {
        return Err(Error::usage("the two passwords differ"));
    }
    Ok(password)
}

/// The PIN of a token: a file, `SUPERCARGO_PASSWORD`, `COSIGN_PKCS11_PIN`, or a prompt on a terminal; `None` when
/// there is none of these. An empty PIN is never tried: a token locks itself after a few wrong ones.
pub(crate) fn pin(
    file: Option<&Path>,
    environment: &Environment,
) -> Result<Option<Zeroizing<String>>, Error> {
    if let Some(file) = file {
        return first_line(file).map(Some);
    }
    let variable = environment.get("SUPERCARGO_PASSWORD").or_else(|| environment.get("COSIGN_PKCS11_PIN"));
    if let Some(value) = variable {
        return Ok(Some(Zeroizing::new(value.to_owned())));
    }
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    prompt("PIN of the token: ").map(Some)
}

/// An identity token: the value itself, or `@FILE`.
pub(crate) fn token(argument: &str) -> Result<Zeroizing<String>, Error> {
    match argument.strip_prefix('@') {
        Some(file) => first_line(Path::new(file)),
        None => Ok(Zeroizing::new(argument.trim().to_owned())),
    }
}

/// The first line of a file with a secret.
pub(crate) fn first_line(file: &Path) -> Result<Zeroizing<String>, Error> {
    let text = Zeroizing::new(fs::read_to_string(file).map_err(|source| Error::read(file, source))?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn prompt(text: &str) -> Result<Zeroizing<String>, Error> {
    let answer =
        rpassword::prompt_password(text).map_err(|source| Error::read(Path::new("the terminal"), source))?;
    Ok(Zeroizing::new(answer))
}

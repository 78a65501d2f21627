//! Who must have signed, from the arguments.

use std::fs;
use std::path::Path;

use supercargo::Error;
use supercargo::attest_types::{ExpectedSigner, Pattern, PatternError, PublicKey, TextRule, TrustedKey};

use crate::args::PolicyArgs;

/// Every key and identity that the arguments name; at least one.
pub(crate) fn expected(args: &PolicyArgs) -> Result<Vec<ExpectedSigner>, Error> {
    let mut signers = Vec::new();
    for file in &args.key {
        signers.push(ExpectedSigner::Key(TrustedKey::always(public_key(file)?)));
    }
    for file in &args.key_set {
        signers.extend(key_set(file)?.into_iter().map(ExpectedSigner::Key));
    }
    signers.extend(identities(args)?);
    if signers.is_empty() {
        return Err(usage("nobody is named who must have signed"));
    }
    if usize::from(args.threshold) > signers.len() && args.identity_regexp.is_empty() {
        return Err(Error::usage(format!(
            "`--threshold {}` can never be met: {} keys and identities are named",
            args.threshold,
            signers.len()
        )));
    }
    Ok(signers)
}

fn identities(args: &PolicyArgs) -> Result<Vec<ExpectedSigner>, Error> {
    let exact = args.identity.iter().map(|text| Ok(TextRule::Exactly(text.clone())));
    let patterns = args.identity_regexp.iter().map(|text| pattern(text));
    let identities = exact.chain(patterns).collect::<Result<Vec<_>, Error>>()?;
    let issuers = issuers(args)?;
    let pair = |(identity, issuer)| ExpectedSigner::Identity { identity, issuer };
    match (identities.len(), issuers.as_slice()) {
        (0, []) => Ok(Vec::new()),
        (0, _) => Err(usage("`--issuer` without an identity")),
        (_, []) => Err(usage("an identity means nothing without `--issuer`")),
        (_, [issuer]) => {
            Ok(identities.into_iter().map(|identity| pair((identity, issuer.clone()))).collect())
        }
        (count, issuers) if count == issuers.len() && args.identity_regexp.is_empty() => {
            Ok(identities.into_iter().zip(issuers.iter().cloned()).map(pair).collect())
        }
        (count, issuers) => Err(usage(&format!(
            "{count} identities and {} issuers: give one `--issuer` for all, or one for each `--identity`",
            issuers.len()
        ))),
    }
}

fn issuers(args: &PolicyArgs) -> Result<Vec<TextRule>, Error> {
    match &args.issuer_regexp {
        Some(text) => Ok(vec![pattern(text)?]),
        None => Ok(args.issuer.iter().map(|text| TextRule::Exactly(text.clone())).collect()),
    }
}

fn pattern(text: &str) -> Result<TextRule, Error> {
    Pattern::new(text).map(TextRule::Pattern).map_err(|error: PatternError| Error::usage(error.to_string()))
}

pub(crate) fn public_key(file: &Path) -> Result<PublicKey, Error> {
    let pem = fs::read(file).map_err(|source| Error::read(file, source))?;
    PublicKey::from_pem(&pem).map_err(|error| Error::document("public key", file, error))
}

fn key_set(file: &Path) -> Result<Vec<TrustedKey>, Error> {
    let text = fs::read_to_string(file).map_err(|source| Error::read(file, source))?;
    TrustedKey::read_set(&text).map_err(|error| Error::document("key set", file, error))
}

fn usage(message: &str) -> Error {
    Error::Usage {
        message: message.to_owned(),
        hint: Some("give `--key PUB`, or `--identity ID` with `--issuer URL`".into()),
    }
}

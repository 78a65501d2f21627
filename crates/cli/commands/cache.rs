//! `supercargo cache`, and the cache of a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use supercargo::attest_types::{Policy, PublicKey};
use supercargo::content::Digest;
use supercargo::inventory::Inventory;
use supercargo::{
    Error, FolderStore, KindInfo, LayerCache, PruneRule, RecordLimits, RecordTrust, RegistryRecords, Reuse,
    Session, Signing, clean,
};

use super::{setup, signer, signers, trust};
use crate::args::{CacheArgs, CacheCommand, Common, SignerArgs, TrustArgs};
use crate::environment::{self, Environment};
use crate::{output, terminal};

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// Says what is in the cache, or prunes it.
pub(crate) fn run(command: &CacheCommand, common: &Common) -> Result<(), Error> {
    let environment = Environment::read();
    let folder = folder(&common.cache, &environment).ok_or_else(no_folder)?;
    let store = open(&folder)?;
    match command {
        CacheCommand::Info { json } => info(&store, *json)?,
        CacheCommand::Prune { max_size, max_age, all, json } => {
            let rule = if *all { PruneRule::NOTHING } else { rule(*max_size, *max_age) };
            prune(&store, &rule, *json)?;
        }
    }
    store.take_notes().iter().for_each(|note| terminal::note(common, &clean(&format!("note: {note}"))));
    Ok(())
}

/// The session of a command that scans: with the cache that arguments and environment name. A folder that cannot be
/// used is a note: a cache is never a reason to fail.
pub(crate) fn session(common: &Common, environment: &Environment) -> Result<Session, Error> {
    let session = setup::session(common, environment)?;
    let folder = match folder(&common.cache, environment).map(|folder| open(&folder)).transpose() {
        Ok(folder) => folder,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            let line = format!("note: {error}{}; every layer is read", cause.unwrap_or_default());
            terminal::note(common, &clean(&line));
            None
        }
    };
    let registry = common.cache.layer_cache.as_deref();
    let registry = registry.map(|at| registry_records(at, &session, common, environment)).transpose()?;
    Ok(session.with_cache(LayerCache::new(folder, registry, PruneRule::default())))
}

/// Tells how much was known before, and what went wrong with the cache. Stdout stays the same, warm or cold.
pub(crate) fn report(reuse: &Reuse, session: &Session, inventory: &Inventory, common: &Common) {
    if common.verbose && reuse.layers > 0 {
        let (known, all) = (reuse.layers, inventory.coverage.layers);
        terminal::note(common, &format!("note: {known} of {all} layers came from the cache"));
    }
    let notes = reuse.notes.iter().cloned().chain(session.cache().take_notes());
    notes.for_each(|note| terminal::note(common, &clean(&format!("note: {note}"))));
}

/// Where records are kept: as the user says, or in the user's cache folder, if there is one.
fn folder(args: &CacheArgs, environment: &Environment) -> Option<PathBuf> {
    if args.no_cache {
        return None;
    }
    args.cache_dir.clone().or_else(|| Some(environment.cache_folder()?.join("records")))
}

fn open(folder: &Path) -> Result<FolderStore, Error> {
    let now = environment::now().into();
    Ok(FolderStore::open(folder, RecordLimits::default(), now)?)
}

fn no_folder() -> Error {
    Error::Usage {
        message: "there is no cache folder".into(),
        hint: Some("name one with `--cache-dir DIR`, or set XDG_CACHE_HOME or HOME".into()),
    }
}

fn registry_records(
    at: &str,
    session: &Session,
    common: &Common,
    environment: &Environment,
) -> Result<RegistryRecords, Error> {
    let args = &common.cache;
    let signing = args.layer_cache_push.then(|| signing(args, common, environment)).transpose()?;
    let root = trust::trusted_root(args.layer_cache_trusted_root.as_deref())?;
    let root_name = match &args.layer_cache_trusted_root {
        Some(file) => {
            Digest::sha256_of(&fs::read(file).map_err(|source| Error::read(file, source))?).to_string()
        }
        None => "public-good".to_owned(),
    };
    let trust = RecordTrust::new(policy(args, signing.as_ref())?, Some(root), &root_name);
    let trust = trust.map_err(|error| Error::usage(error.to_string()))?;
    session.registry_records(&at.parse()?, trust, signing)
}

/// Whose records count: the named key or identity, or else the key that signs new ones.
fn policy(args: &CacheArgs, signing: Option<&Signing>) -> Result<Policy, Error> {
    let now = environment::now();
    match (&args.layer_cache_key, &args.layer_cache_identity, &args.layer_cache_issuer) {
        (Some(file), _, _) => Ok(Policy::keys(vec![signers::public_key(file)?], now)),
        (None, Some(identity), Some(issuer)) => Ok(Policy::identity(identity, issuer, now)),
        _ => match signing.and_then(own_signer) {
            Some(key) => Ok(Policy::keys(vec![key], now)),
            None => Err(Error::Usage {
                message: "nobody is named whose records count".into(),
                hint: Some(
                    "give `--layer-cache-key PUB`, or `--layer-cache-identity ID` with `--layer-cache-issuer URL`"
                        .into(),
                ),
            }),
        },
    }
}

fn own_signer(signing: &Signing) -> Option<PublicKey> {
    match &signing.signer {
        supercargo::signing::Signer::Key(key) => Some(key.public().clone()),
        _ => None,
    }
}

fn signing(args: &CacheArgs, common: &Common, environment: &Environment) -> Result<Signing, Error> {
    let trust = TrustArgs { trusted_root: args.layer_cache_trusted_root.clone(), ..TrustArgs::default() };
    let (key, signing_config) =
        (args.layer_cache_signing_key.clone(), args.layer_cache_signing_config.clone());
    let wanted = SignerArgs { key, signing_config, trust, ..SignerArgs::default() };
    signer::signing(&wanted, common, environment)
}

fn rule(max_size: Option<u64>, max_age: Option<u32>) -> PruneRule {
    let default = PruneRule::default();
    PruneRule {
        bytes_max: max_size.unwrap_or(default.bytes_max),
        unused_max: max_age
            .map_or(default.unused_max, |days| Duration::from_secs(u64::from(days) * SECONDS_PER_DAY)),
    }
}

fn info(store: &FolderStore, as_json: bool) -> Result<(), Error> {
    let info = store.info()?;
    if as_json {
        let row = json!({
            "folder": info.folder,
            "layers": kind_json(info.layers),
            "images": kind_json(info.images),
            "temporary": kind_json(info.temporary),
        });
        return output::stdout(format!("{row:#}\n").as_bytes());
    }
    let mut text = format!("folder     {}\n", clean(&info.folder.display().to_string()));
    let rows = [("layers", info.layers), ("images", info.images), ("temporary", info.temporary)];
    rows.into_iter().for_each(|(name, kind)| text.push_str(&format!("{name:<10} {}\n", line(kind))));
    output::stdout(text.as_bytes())
}

fn prune(store: &FolderStore, rule: &PruneRule, as_json: bool) -> Result<(), Error> {
    let pruned = store.prune(rule)?;
    let text = match as_json {
        true => {
            format!("{:#}\n", json!({"removed": kind_json(pruned.removed), "kept": kind_json(pruned.kept)}))
        }
        false => format!("removed    {}\nkept       {}\n", line(pruned.removed), line(pruned.kept)),
    };
    output::stdout(text.as_bytes())
}

fn line(kind: KindInfo) -> String {
    format!("{} file{}, {} bytes", kind.files, if kind.files == 1 { "" } else { "s" }, kind.bytes)
}

fn kind_json(kind: KindInfo) -> Value {
    json!({"files": kind.files, "bytes": kind.bytes})
}

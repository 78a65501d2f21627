//! `supercargo trust`, and where the other commands find the trusted root.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use supercargo::attest_types::TrustedRoot;
use supercargo::signing::{HttpOptions, TufRepository};
use supercargo::{Error, Trust, TrustEntry, TrustOrigin, TrustSettings, clean};

use super::setup;
use crate::args::{Common, Instance, TrustArgs, TrustCommand};
use crate::environment::{self, Environment};
use crate::{output, terminal};

/// Shows, renews or exports trust.
pub(crate) fn run(command: &TrustCommand, common: &Common) -> Result<(), Error> {
    let environment = Environment::read();
    match command {
        TrustCommand::Show { trust, json } => {
            show(&Found::without_asking(trust, common, &environment)?, *json, common)
        }
        TrustCommand::Update { trust, json } => {
            refuse_a_file(trust, common)?;
            let settings = settings(trust, common, &environment)?;
            let updated = Found::Trust { trust: settings.update()?, mirror: settings.repository.mirror };
            show(&updated, *json, common)
        }
        TrustCommand::Export { trust, signing_config, output } => {
            let found = Found::without_asking(trust, common, &environment)?;
            let bytes = if *signing_config { found.signing_config()? } else { found.trusted_root() };
            match output {
                Some(file) => output::file(file, bytes),
                None => output::stdout(bytes),
            }
        }
    }
}

/// What the arguments lead to.
pub(crate) enum Found {
    /// A file that the user names.
    File { path: PathBuf, bytes: Vec<u8> },
    /// The repository of an instance.
    Trust { trust: Trust, mirror: String },
}

impl Found {
    /// The file, the cache, or what is built in.
    pub(crate) fn without_asking(
        args: &TrustArgs,
        common: &Common,
        environment: &Environment,
    ) -> Result<Self, Error> {
        Self::find(args, common, environment, false)
    }

    /// The file, or the newest that the repository has; what is at hand when it cannot be reached.
    pub(crate) fn newest(
        args: &TrustArgs,
        common: &Common,
        environment: &Environment,
    ) -> Result<Self, Error> {
        Self::find(args, common, environment, !common.offline)
    }

    fn find(args: &TrustArgs, common: &Common, environment: &Environment, ask: bool) -> Result<Self, Error> {
        if let Some(path) = &args.trusted_root {
            let bytes = fs::read(path).map_err(|source| Error::read(path, source))?;
            return Ok(Self::File { path: path.clone(), bytes });
        }
        let settings = settings(args, common, environment)?;
        let mirror = settings.repository.mirror.clone();
        if !ask {
            return Ok(Self::Trust { trust: settings.at_hand()?, mirror });
        }
        let (trust, unreachable) = settings.newest()?;
        if let Some(error) = unreachable {
            let line = format!("note: trust is {}, because {error}", origin(&trust.origin));
            terminal::note(common, &clean(&line));
        }
        Ok(Self::Trust { trust, mirror })
    }

    /// The trusted root, checked and ready.
    pub(crate) fn root(&self) -> Result<TrustedRoot, Error> {
        match self {
            Self::File { path, bytes } => supercargo::trusted_root_of(bytes, path),
            Self::Trust { trust, .. } => trust.root(),
        }
    }

    fn trusted_root(&self) -> &[u8] {
        match self {
            Self::File { bytes, .. } => bytes,
            Self::Trust { trust, .. } => &trust.trusted_root,
        }
    }

    /// The signing configuration of the instance.
    pub(crate) fn signing_config(&self) -> Result<&[u8], Error> {
        let config = match self {
            Self::File { .. } => None,
            Self::Trust { trust, .. } => trust.signing_config.as_deref(),
        };
        config.ok_or_else(|| Error::Usage {
            message: "no signing configuration belongs to this trusted root".into(),
            hint: Some("give one with `--signing-config FILE`".into()),
        })
    }
}

/// The trusted root of a file, or what is at hand of the public-good instance. Asks nobody.
pub(crate) fn trusted_root(file: Option<&Path>) -> Result<TrustedRoot, Error> {
    if let Some(path) = file {
        let bytes = fs::read(path).map_err(|source| Error::read(path, source))?;
        return supercargo::trusted_root_of(&bytes, path);
    }
    let settings = TrustSettings {
        repository: TufRepository::public_good(),
        cache: folder(&Environment::read()),
        http: HttpOptions::default(),
        now: environment::now(),
    };
    settings.at_hand()?.root()
}

/// Where verified trust is kept.
fn folder(environment: &Environment) -> Option<PathBuf> {
    environment.cache().map(|folder| folder.join("trust"))
}

fn settings(args: &TrustArgs, common: &Common, environment: &Environment) -> Result<TrustSettings, Error> {
    let repository = match (&args.tuf_root, &args.tuf_mirror, args.instance) {
        (Some(file), Some(mirror), _) => {
            TufRepository::private(mirror, fs::read(file).map_err(|source| Error::read(file, source))?)
        }
        (_, _, Instance::PublicGood) => TufRepository::public_good(),
        (_, _, Instance::Github) => TufRepository::github(),
        (_, _, Instance::Staging) => TufRepository::staging(),
    };
    let http = setup::http(&common.registry, environment)?;
    Ok(TrustSettings { repository, cache: folder(environment), http, now: environment::now() })
}

fn refuse_a_file(args: &TrustArgs, common: &Common) -> Result<(), Error> {
    if args.trusted_root.is_some() || common.offline {
        return Err(Error::usage(
            "`trust update` asks the repository of an instance: it takes no file and no `--offline`",
        ));
    }
    Ok(())
}

fn show(found: &Found, as_json: bool, common: &Common) -> Result<(), Error> {
    let entries = supercargo::trust_entries(found.trusted_root())?;
    let text = if as_json { format!("{:#}\n", to_json(found, &entries)) } else { to_text(found, &entries) };
    if let Found::Trust { trust: Trust { origin: TrustOrigin::Cache(metadata), .. }, .. } = found
        && metadata.is_stale(environment::now())
    {
        let line = format!(
            "note: the metadata was fresh until {}; `supercargo trust update` asks for newer",
            metadata.fresh_until
        );
        terminal::note(common, &line);
    }
    output::stdout(clean(&text).as_bytes())
}

fn to_text(found: &Found, entries: &[TrustEntry]) -> String {
    let mut text = match found {
        Found::File { path, .. } => format!("trusted root of the file {}\n", path.display()),
        Found::Trust { trust, mirror } => format!("trusted root of {mirror}, {}\n", origin(&trust.origin)),
    };
    for entry in entries {
        let start = entry.start.as_deref().unwrap_or("ever");
        let end = entry.end.as_ref().map_or_else(String::new, |end| format!(" until {end}"));
        text.push_str(&format!("  {:<22} {} from {start}{end}\n", entry.kind, entry.url));
    }
    text
}

fn origin(origin: &TrustOrigin) -> String {
    match origin {
        TrustOrigin::Repository(metadata) => {
            format!("fetched now (root version {}, expires {})", metadata.root_version, metadata.root_expires)
        }
        TrustOrigin::Cache(metadata) => format!(
            "kept from an earlier run (root version {}, expires {}; fresh until {})",
            metadata.root_version, metadata.root_expires, metadata.fresh_until
        ),
        TrustOrigin::Embedded => format!("built into supercargo {}", env!("CARGO_PKG_VERSION")),
    }
}

fn to_json(found: &Found, entries: &[TrustEntry]) -> Value {
    let entry = |entry: &TrustEntry| json!({"kind": entry.kind, "url": entry.url, "start": entry.start, "end": entry.end});
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    let (origin, place, metadata) = match found {
        Found::File { path, .. } => ("file", path.display().to_string(), None),
        Found::Trust { trust, mirror } => match &trust.origin {
            TrustOrigin::Repository(metadata) => ("repository", mirror.clone(), Some(metadata)),
            TrustOrigin::Cache(metadata) => ("cache", mirror.clone(), Some(metadata)),
            TrustOrigin::Embedded => ("embedded", mirror.clone(), None),
        },
    };
    let metadata = metadata.map(|metadata| {
        json!({
            "rootVersion": metadata.root_version,
            "rootExpires": metadata.root_expires.to_string(),
            "targetsVersion": metadata.targets_version,
            "freshUntil": metadata.fresh_until.to_string(),
        })
    });
    json!({ "origin": origin, "from": place, "metadata": metadata, "entries": entries })
}

//! From arguments and environment to the plain options of the façade.

use std::fs;
use std::io::IsTerminal;
use std::path::Path;

use supercargo::attest_types::{PredicateType, PredicateTypeError};
use supercargo::content::{Limits, Platform};
use supercargo::image::{PlatformChoice, Reference, Resolved, compressed_archive, host_platform};
use supercargo::registry::{ClientCertificate, Mirror, ProxyOptions, RegistryOptions, Secret};
use supercargo::signing::HttpOptions;
use supercargo::{DocumentSettings, Error, Session, SessionOptions, clean};

use crate::args::{Common, LimitArgs, PlatformArg, RegistryArgs, Target};
use crate::environment::Environment;
use crate::terminal::{self, Bar};

/// The session of a run.
pub(crate) fn session(common: &Common, environment: &Environment) -> Result<Session, Error> {
    let registry = registry(&common.registry, environment)?;
    let threads = common.threads.map_or(0, usize::from);
    Session::new(SessionOptions {
        limits: limits(&common.limits),
        threads,
        full: common.full,
        soci: common.soci,
        registry,
        offline: common.offline,
    })
}

/// The images that the user means, with a note where the platform was chosen by default.
pub(crate) fn open(
    session: &Session,
    target: &Target,
    common: &Common,
) -> Result<(Reference, Resolved), Error> {
    let (reference, resolved) = open_quietly(session, target, common)?;
    note_platform(target, &resolved, common);
    Ok((reference, resolved))
}

/// The same, pinned by digest and perhaps without platform and layers.
pub(crate) fn pin(
    session: &Session,
    target: &Target,
    common: &Common,
) -> Result<(Reference, Resolved), Error> {
    let (reference, choice) = wish(target)?;
    let resolved = session.pin(&reference, &choice)?;
    note_platform(target, &resolved, common);
    Ok((reference, resolved))
}

/// As [`open`] without the note, for what is about the index itself.
pub(crate) fn open_quietly(
    session: &Session,
    target: &Target,
    common: &Common,
) -> Result<(Reference, Resolved), Error> {
    let (reference, choice) = wish(target)?;
    let resolved = resolve(session, &reference, &choice, common)?;
    Ok((reference, resolved))
}

fn wish(target: &Target) -> Result<(Reference, PlatformChoice), Error> {
    let choice = match &target.platform {
        Some(PlatformArg::All) => PlatformChoice::All,
        Some(PlatformArg::One(platform)) => PlatformChoice::Only(platform.clone()),
        None => PlatformChoice::Host(host()),
    };
    Ok((target.reference.parse()?, choice))
}

fn note_platform(target: &Target, resolved: &Resolved, common: &Common) {
    if let (None, Some(_)) = (&target.platform, &resolved.index) {
        let line = format!(
            "note: {} is an index; took the image for {}, the platform of this host",
            target.reference,
            host()
        );
        terminal::note(common, &clean(&line));
    }
}

fn host() -> Platform {
    host_platform(std::env::consts::OS, std::env::consts::ARCH)
}

/// Archives that pass by only once are read as they come.
fn resolve(
    session: &Session,
    reference: &Reference,
    choice: &PlatformChoice,
    common: &Common,
) -> Result<Resolved, Error> {
    if reference.is_stdin() {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            let message =
                format!("`{}` is standard input, which is a terminal", clean(&reference.to_string()));
            let hint =
                Some("pipe an archive into it, as in `docker save app:1 | supercargo scan -`".to_owned());
            return Err(Error::Usage { message, hint });
        }
        return session.open_stream(reference, choice, stdin.lock(), &Bar::new(common));
    }
    let file = compressed_archive(reference)
        .map_err(|source| Error::read(Path::new(&reference.to_string()), source))?;
    match file {
        Some(file) => session.open_stream(reference, choice, file, &Bar::new(common)),
        None => session.open(reference, choice),
    }
}

fn limits(args: &LimitArgs) -> Limits {
    let default = Limits::default();
    Limits {
        file_bytes_max: args.file_bytes_max.unwrap_or(default.file_bytes_max),
        entries_max: args.entries_max.unwrap_or(default.entries_max),
        path_bytes_max: args.path_bytes_max.unwrap_or(default.path_bytes_max),
        nesting_depth_max: args.nesting_depth_max.unwrap_or(default.nesting_depth_max),
        expansion_ratio_max: args.expansion_ratio_max.unwrap_or(default.expansion_ratio_max),
        layers_max: args.layers_max.unwrap_or(default.layers_max),
        manifest_bytes_max: args.manifest_bytes_max.unwrap_or(default.manifest_bytes_max),
        manifests_max: args.manifests_max.unwrap_or(default.manifests_max),
        buffered_bytes_max: args.buffered_bytes_max.unwrap_or(default.buffered_bytes_max),
        attachment_bytes_max: args.attachment_bytes_max.unwrap_or(default.attachment_bytes_max),
        attachments_max: args.attachments_max.unwrap_or(default.attachments_max),
        toc_bytes_max: args.toc_bytes_max.unwrap_or(default.toc_bytes_max),
        ..default
    }
}

fn registry(args: &RegistryArgs, environment: &Environment) -> Result<RegistryOptions, Error> {
    let mut options = RegistryOptions::default();
    options.plain_http_hosts.extend(args.plain_http.iter().cloned());
    options.auth.files = environment.credential_files();
    options.proxy = proxy(environment);
    for file in &args.ca {
        options.tls.extra_authorities.push((file.display().to_string(), read(file)?));
    }
    if let (Some(certificate), Some(key)) = (&args.client_cert, &args.client_key) {
        let key_pem = Secret::new(String::from_utf8_lossy(&read(key)?).into_owned());
        options.tls.client_certificate =
            Some(ClientCertificate { certificate_pem: read(certificate)?, key_pem });
    }
    for text in &args.mirror {
        let (host, mirror) = mirror(text)?;
        options.mirrors.entry(host).or_default().push(mirror);
    }
    Ok(options)
}

/// `docker.io=mirror.example:5000/proxy` → the host and its mirror.
fn mirror(text: &str) -> Result<(String, Mirror), Error> {
    let wrong = || {
        Error::usage(format!(
            "`--mirror {text}`: expected HOST=MIRROR, as in `docker.io=mirror.example/proxy`"
        ))
    };
    let (host, mirror) = text.split_once('=').ok_or_else(wrong)?;
    let (place, prefix) = mirror.split_once('/').unwrap_or((mirror, ""));
    if host.is_empty() || place.is_empty() {
        return Err(wrong());
    }
    Ok((host.to_owned(), Mirror { host: place.to_owned(), prefix: prefix.trim_end_matches('/').to_owned() }))
}

fn proxy(environment: &Environment) -> ProxyOptions {
    let proxy = |name: &str| environment.get(name).or_else(|| environment.get("ALL_PROXY")).map(Secret::new);
    ProxyOptions {
        https_proxy: proxy("HTTPS_PROXY"),
        http_proxy: proxy("HTTP_PROXY"),
        no_proxy: environment.get("NO_PROXY").map(str::to_owned),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(|source| Error::read(file, source))
}

/// With `--strict`, problems fail the run.
pub(crate) fn strict(count: usize, target: &Target, common: &Common) -> Result<(), Error> {
    if common.strict && count > 0 {
        return Err(Error::Problems { count, image: target.reference.clone() });
    }
    Ok(())
}

/// What shapes a document beside the image itself.
pub(crate) fn document_settings(
    session: &Session,
    environment: &Environment,
) -> Result<DocumentSettings, Error> {
    let created = environment.source_date_epoch().map_err(Error::usage)?;
    Ok(DocumentSettings { created, limits: session.limits().clone() })
}

/// A predicate type: a name of cosign's or a URI.
pub(crate) fn predicate_type(text: &str) -> Result<PredicateType, Error> {
    text.parse().map_err(|error: PredicateTypeError| Error::usage(error.to_string()))
}

/// How the signing services are reached: as registries are.
pub(crate) fn http(args: &RegistryArgs, environment: &Environment) -> Result<HttpOptions, Error> {
    let host = |entry: &String| entry.rsplit_once(':').map_or(entry.as_str(), |(host, _)| host).to_owned();
    Ok(HttpOptions {
        ca_pem: args.ca.iter().map(|file| read(file)).collect::<Result<_, _>>()?,
        plain_http_hosts: args.plain_http.iter().map(host).collect(),
        https_proxy: environment
            .get("HTTPS_PROXY")
            .or_else(|| environment.get("ALL_PROXY"))
            .map(str::to_owned),
        no_proxy: environment.get("NO_PROXY").map(str::to_owned),
        ..HttpOptions::default()
    })
}

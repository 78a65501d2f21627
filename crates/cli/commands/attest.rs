//! `supercargo attest`.

use std::fs;
use std::io::Read;
use std::path::Path;

use supercargo::attest_types::{PolicyFile, PredicateType, TrustedRoot};
use supercargo::content::read_bounded;
use supercargo::image::{Attachments, Image};
use supercargo::sbom::FormatId;
use supercargo::{Bundles, Error, ImageSubject, Predicate, Session};

use super::delivery::Delivery;
use super::{cache, policy, scan, setup, signer, trust};
use crate::args::{AttestArgs, Common};
use crate::environment::Environment;

/// Signs statements about each chosen image and attaches them to exactly that manifest.
pub(crate) fn run(args: &AttestArgs, common: &Common) -> Result<(), Error> {
    let environment = Environment::read();
    let session = cache::session(common, &environment)?;
    let (predicate_type, mut given) = wanted(args, &session, &environment)?;
    let judge = args.from_policy.as_deref().map(|file| Judge::new(file, args)).transpose()?;
    let also = args.also.iter().map(|text| further(text, &session)).collect::<Result<Vec<_>, _>>()?;
    let (reference, resolved) = setup::open(&session, &args.target, common)?;
    check_count(args, resolved.images.len(), given.is_some() || !also.is_empty())?;
    let signing = signer::signing(&args.signer, common, &environment)?;
    let signer = signing.open(session.limits())?;
    let delivery = Delivery::new(&args.delivery, &session, &reference, signing.now)?;
    let mut rows = Vec::new();
    let mut failed = None;
    for image in &resolved.images {
        let json = match (given.take(), &judge) {
            (Some(json), _) => json,
            (None, Some(judge)) => {
                let store = session.attachments(&reference)?;
                let (json, error) = judge.sum_up(image, store.as_ref(), args, &session)?;
                failed = failed.or(error);
                json
            }
            (None, None) => sbom(&session, image, &predicate_type, args, common, &environment)?,
        };
        let subject = ImageSubject::of(image)?;
        let mut sign = |predicate_type: &PredicateType, json: Vec<u8>| -> Result<(), Error> {
            let predicate = Predicate { predicate_type, json: &json };
            let statement = supercargo::statement(&subject, &predicate, session.limits())?;
            drop(json);
            let signed = signer.sign(statement, subject.digest()).map_err(Error::signing)?;
            rows.push(delivery.statement(&subject, image.config.platform.as_ref(), signed)?);
            Ok(())
        };
        sign(&predicate_type, json)?;
        also.iter().try_for_each(|(predicate_type, json)| sign(predicate_type, json.clone()))?;
    }
    delivery.print(rows)?;
    failed.map_or(Ok(()), Err)
}

/// A policy, and the root that it is checked with.
struct Judge {
    policy: PolicyFile,
    root: TrustedRoot,
}

impl Judge {
    fn new(file: &Path, args: &AttestArgs) -> Result<Self, Error> {
        let root = trust::trusted_root(args.signer.trust.trusted_root.as_deref())?;
        Ok(Self { policy: policy::read(file)?, root })
    }

    /// The summary, and the error of an image that does not satisfy the policy.
    fn sum_up(
        &self,
        image: &Image,
        store: &dyn Attachments,
        args: &AttestArgs,
        session: &Session,
    ) -> Result<(Vec<u8>, Option<Error>), Error> {
        let checker = policy::Checker { policy: &self.policy, root: &self.root, session };
        let (json, verdict) = checker.sum_up(image, &Bundles::Attached(store), &args.summary)?;
        Ok((json, policy::unsatisfied(image, &verdict)))
    }
}

/// The predicate type, and the predicate unless a scan is to make it.
fn wanted(
    args: &AttestArgs,
    session: &Session,
    environment: &Environment,
) -> Result<(PredicateType, Option<Vec<u8>>), Error> {
    if args.from_ci {
        let json = supercargo::slsa_provenance(&|name: &str| environment.get(name).map(str::to_owned))?;
        return Ok((setup::predicate_type("slsaprovenance1")?, Some(json)));
    }
    if args.from_policy.is_some() {
        return Ok((setup::predicate_type("vsa")?, None));
    }
    let given = args.predicate.as_deref().map(|file| read_predicate(file, session)).transpose()?;
    Ok((setup::predicate_type(&args.predicate_type)?, given))
}

/// `TYPE=FILE`
fn further(text: &str, session: &Session) -> Result<(PredicateType, Vec<u8>), Error> {
    let (predicate_type, file) = text.split_once('=').ok_or_else(|| {
        Error::usage(format!("`--also {text}`: expected TYPE=FILE, as in `openvex=app.vex.json`"))
    })?;
    Ok((setup::predicate_type(predicate_type)?, read_predicate(Path::new(file), session)?))
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
    let document = scan::inspect(session, image, common, environment)?;
    setup::strict(document.problems().len(), &args.target, common)?;
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
    if (images > 1 && (is_given || args.delivery.bundle.is_some()))
        || (args.delivery.bundle.is_some() && !args.also.is_empty())
    {
        return Err(Error::Usage {
            message: "one predicate is about one image and one bundle file holds one predicate, and several were chosen"
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

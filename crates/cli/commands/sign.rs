//! `supercargo sign`.

use supercargo::content::Platform;
use supercargo::image::Resolved;
use supercargo::signing::SigningSession;
use supercargo::{Error, ImageSubject};

use super::delivery::Delivery;
use super::{setup, signer};
use crate::args::{Common, LayoutArg, PlatformArg, SignArgs};
use crate::environment::Environment;

/// Signs each chosen manifest itself and attaches the signature to it.
pub(crate) fn run(args: &SignArgs, common: &Common) -> Result<(), Error> {
    let environment = Environment::read();
    let session = setup::session(common, &environment)?;
    let (reference, resolved) = setup::open_quietly(&session, &args.target, common)?;
    let subjects = subjects(&resolved, args.target.platform.as_ref())?;
    if subjects.len() > 1 && args.delivery.bundle.is_some() {
        return Err(Error::usage("one bundle file holds one signature, and several manifests were chosen"));
    }
    let signing = signer::signing(&args.signer, common, &environment)?;
    let delivery = Delivery::new(&args.delivery, &session, &reference, signing.now)?;
    let delivery = if args.legacy { delivery.only(&[LayoutArg::Legacy]) } else { delivery };
    let signer = signing.open(session.limits())?;
    let mut rows = Vec::new();
    for (subject, platform) in &subjects {
        if delivery.has(LayoutArg::Bundle) || args.delivery.bundle.is_some() {
            let signed = supercargo::sign_image(subject, &signer, session.limits())?;
            rows.push(delivery.statement(subject, platform.as_ref(), signed)?);
        }
        if delivery.has(LayoutArg::Legacy) {
            rows.push(legacy(&delivery, subject, platform.as_ref(), &signer)?);
        }
    }
    delivery.print(rows)
}

fn legacy(
    delivery: &Delivery<'_>,
    subject: &ImageSubject,
    platform: Option<&Platform>,
    signer: &SigningSession<'_>,
) -> Result<serde_json::Value, Error> {
    let signature = supercargo::sign_simple(subject, signer)?;
    delivery.simple(subject, platform, &signature)
}

/// What the reference names: of an index the index itself, unless a platform is asked for.
fn subjects(
    resolved: &Resolved,
    platform: Option<&PlatformArg>,
) -> Result<Vec<(ImageSubject, Option<Platform>)>, Error> {
    let index = resolved.images.first().and_then(ImageSubject::of_index).map(|index| (index, None));
    let mut subjects: Vec<_> =
        index.filter(|_| !matches!(platform, Some(PlatformArg::One(_)))).into_iter().collect();
    if platform.is_some() || subjects.is_empty() {
        for image in &resolved.images {
            subjects.push((ImageSubject::of(image)?, image.config.platform.clone()));
        }
    }
    Ok(subjects)
}

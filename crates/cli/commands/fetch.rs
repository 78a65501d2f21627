//! `supercargo fetch`.

use supercargo::{Error, image::Image};

use super::bundles::BundleSource;
use super::{setup, verify};
use crate::args::{Common, FetchArgs};
use crate::environment::Environment;
use crate::{output, terminal};

/// Writes the predicate of an attestation that passes.
pub(crate) fn run(args: &FetchArgs, common: &Common) -> Result<(), Error> {
    let session = setup::session(common, &Environment::read())?;
    let (reference, resolved) = setup::pin(&session, &args.target, common)?;
    let [image] = resolved.images.as_slice() else {
        return Err(Error::usage(
            "one predicate at a time: choose one platform with `--platform os/arch[/variant]`",
        ));
    };
    let source = BundleSource::new(args.policy.bundle.as_deref(), || session.attachments(&reference))?;
    let predicate = predicate(args, image, &session, &source, common)?;
    match &args.output {
        Some(file) => output::file(file, &predicate),
        None => output::stdout(&predicate),
    }
}

fn predicate(
    args: &FetchArgs,
    image: &Image,
    session: &supercargo::Session,
    source: &BundleSource,
    common: &Common,
) -> Result<Vec<u8>, Error> {
    if args.unverified {
        terminal::note(common, "warning: nobody has verified this; the content may come from anybody");
        let wanted = setup::predicate_type(&args.predicate_type)?;
        return supercargo::fetch_without_verifying(image, &source.bundles(), &wanted, session.limits());
    }
    let options = verify::options(&args.policy, Some(&args.predicate_type), session)?;
    supercargo::fetch(image, &source.bundles(), &options)
}

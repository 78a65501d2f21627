//! `supercargo scan`.

use std::io::Write;

use supercargo::image::Image;
use supercargo::inventory::{Coverage, Inventory};
use supercargo::sbom::{Document, EncodeError, FormatId};
use supercargo::{Error, Scanned, Session};

use super::{cache, setup};
use crate::args::{Common, ScanArgs};
use crate::environment::Environment;
use crate::output::{self, Output};
use crate::terminal::{self, Bar};

/// Scans each chosen image once and writes every output from that scan.
pub(crate) fn run(args: &ScanArgs, common: &Common) -> Result<(), Error> {
    let environment = Environment::read();
    let outputs = outputs(args)?;
    let session = cache::session(common, &environment)?;
    let (_, resolved) = setup::open(&session, &args.target, common)?;
    let are_several = resolved.images.len() > 1;
    let mut problems = 0;
    for image in &resolved.images {
        let document = inspect(&session, image, common, &environment)?;
        for output in &outputs {
            write(&document, output, platform_of(image).filter(|_| are_several).as_deref())?;
        }
        problems += document.problems().len();
    }
    setup::strict(problems, &args.target, common)
}

/// Scans one image, reports its problems and makes the document.
pub(crate) fn inspect(
    session: &Session,
    image: &Image,
    common: &Common,
    environment: &Environment,
) -> Result<Document, Error> {
    let Scanned { inventory, reuse } = session.scan_and_tell(image, &Bar::new(common))?;
    cache::report(&reuse, session, &inventory, common);
    report(&inventory, common);
    supercargo::document(image, inventory, &setup::document_settings(session, environment)?)
}

fn outputs(args: &ScanArgs) -> Result<Vec<Output>, Error> {
    if args.output.is_empty() {
        return Ok(vec![Output { format: FormatId::TABLE, file: None }]);
    }
    let outputs: Vec<_> = args.output.iter().map(|text| Output::parse(text)).collect::<Result<_, _>>()?;
    if outputs.iter().filter(|output| output.file.is_none()).count() > 1 {
        return Err(Error::usage("only one `-o` can go to stdout; give the others a file: `-o FORMAT=FILE`"));
    }
    Ok(outputs)
}

fn write(document: &Document, output: &Output, platform: Option<&str>) -> Result<(), Error> {
    let output = platform.map_or_else(|| output.clone(), |platform| output.for_platform(platform));
    let encode = |out: &mut dyn Write| {
        output.format.format().encode(document, out).map_err(|EncodeError { source, .. }| source)
    };
    match &output.file {
        Some(file) => output::file_with(file, encode),
        None => output::stdout_with(encode),
    }
}

fn platform_of(image: &Image) -> Option<String> {
    image.config.platform.as_ref().map(ToString::to_string)
}

/// Problems go to stderr: a count, or each of them with `--verbose`.
fn report(inventory: &Inventory, common: &Common) {
    let count = inventory.problems.len();
    if common.verbose {
        for problem in &inventory.problems {
            terminal::note(common, &format!("problem: {}", supercargo::clean(&problem.to_string())));
        }
    } else if count > 0 {
        terminal::note(
            common,
            &format!("note: {count} parts of the image could not be read; `--verbose` prints each"),
        );
    }
    if inventory.coverage.layers_by_toc > 0 {
        terminal::note(common, &lazily(&inventory.coverage));
    }
}

/// Layers of which only parts were fetched.
fn lazily(coverage: &Coverage) -> String {
    format!(
        "note: {} of {} layers were read through their table of contents, so their digests were not checked: fetched {} of {} bytes; `--full` reads and checks all",
        coverage.layers_by_toc, coverage.layers, coverage.fetched_bytes, coverage.compressed_bytes
    )
}

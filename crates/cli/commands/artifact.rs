//! `supercargo verify --artifact`: a file and its bundle, no image.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde_json::Value;
use supercargo::Error;
use supercargo::attest_types::Artifact;
use supercargo::content::{Digest, read_bounded};

use super::{explain, setup, verify};
use crate::args::{Common, VerifyArgs};
use crate::environment::Environment;
use crate::output;

/// The largest file that is read; of a larger one the digest is enough.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// Verifies the bundles of a file against it, or against a digest.
pub(crate) fn run(text: &str, args: &VerifyArgs, common: &Common) -> Result<(), Error> {
    let session = setup::session(common, &Environment::read())?;
    let options = verify::options(&args.policy, args.predicate_type.as_deref(), &session)?;
    let file = args.policy.bundle.as_deref().unwrap_or(Path::new(""));
    let bundles = fs::read(file).map_err(|source| Error::read(file, source))?;
    let verdicts = match Named::of(text)? {
        Named::Digest(digest) => supercargo::verify_artifact(Artifact::Digest(&digest), &bundles, &options),
        Named::File(bytes) => supercargo::verify_artifact(Artifact::Bytes(&bytes), &bundles, &options),
    };
    if args.json {
        let rows = verdicts.iter().map(explain::json).collect();
        output::stdout(format!("{:#}\n", Value::Array(rows)).as_bytes())?;
    } else if args.explain {
        explain::tables(&verdicts)?;
    } else {
        explain::lines(&verdicts, common)?;
    }
    supercargo::sufficient(&format!("`{text}`"), &verdicts, &options)
}

enum Named {
    Digest(Digest),
    File(Vec<u8>),
}

impl Named {
    fn of(text: &str) -> Result<Self, Error> {
        if ["sha256:", "sha512:"].iter().any(|prefix| text.starts_with(prefix)) {
            let wrong = |error| {
                Error::usage(format!("`{text}` is no digest: {error}; a file of that name is `./{text}`"))
            };
            return text.parse().map(Self::Digest).map_err(wrong);
        }
        let path = Path::new(text);
        let read = File::open(path).and_then(|file| read_bounded(file, FILE_BYTES_MAX));
        read.map(Self::File).map_err(|source| Error::read(path, hinted(source)))
    }
}

fn hinted(source: io::Error) -> io::Error {
    match source.kind() {
        io::ErrorKind::InvalidData => {
            io::Error::new(source.kind(), format!("{source}; give its digest, as `sha256:HEX`"))
        }
        _ => source,
    }
}

//! `supercargo verify --recompute`.

use supercargo::attest_types::SbomPackage;
use supercargo::image::Image;
use supercargo::{Error, FactDifference, Recomputed, Session, Verdict, clean, recompute};

use crate::args::Common;
use crate::output;
use crate::terminal::Bar;

/// Scans the image again and compares with the newest SBOM that passed.
pub(crate) fn run(
    session: &Session,
    image: &Image,
    verdicts: &[Verdict],
    common: &Common,
) -> Result<(), Error> {
    let signed = supercargo::newest(verdicts).and_then(Verdict::verified);
    let signed = signed.ok_or_else(|| Error::usage("no attestation passed that could be computed again"))?;
    let recomputed = recompute(session, image, signed, &Bar::new(common))?;
    output::stdout(clean(&text(&recomputed)).as_bytes())?;
    match recomputed.differences.len() {
        0 => Ok(()),
        count => Err(Error::Untrue { image: image.reference.to_string(), count }),
    }
}

fn text(recomputed: &Recomputed) -> String {
    let (format, own) = (recomputed.format, &recomputed.own_tool);
    let signed = recomputed.signed_tool.as_deref().unwrap_or("an unnamed tool");
    if recomputed.is_equal {
        return format!("recomputed by {own}: the signed {format} is byte for byte what is in the image\n");
    }
    let mut text = format!("recomputed by {own}: the signed {format} by {signed} has other bytes");
    if recomputed.is_true() {
        text.push_str(", and the same packages\n");
        return text;
    }
    text.push('\n');
    for difference in &recomputed.differences {
        text.push_str(&match difference {
            FactDifference::Added(package) => format!("  + {}\n", name(package)),
            FactDifference::Removed(package) => format!("  - {}\n", name(package)),
            FactDifference::Changed { signed, found } => {
                format!("  ~ signed: {}; in the image: {}\n", name(signed), name(found))
            }
        });
    }
    text
}

fn name(package: &SbomPackage) -> String {
    let version = package.version.as_deref().unwrap_or("without version");
    let plain = || format!("{} {version}", package.name);
    let name = package.purl.clone().unwrap_or_else(plain);
    if package.licences.is_empty() { name } else { format!("{name} ({})", package.licences.join("; ")) }
}

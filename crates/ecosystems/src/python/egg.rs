//! Zipped eggs.

use supercargo_inventory::Problem;

use super::{metadata, requirement};
use crate::zip::{Allowance, Archive, Role};
use crate::{Candidate, Findings};

/// Bytes of one metadata file inside an egg.
const METADATA_BYTES_MAX: u64 = 16 << 20;

/// Reads `EGG-INFO/PKG-INFO` and `EGG-INFO/requires.txt` of a zipped egg.
pub(super) fn read(file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
    let mut shared = Allowance::new(file.limits, file.bytes.len() as u64);
    let archive = Archive::open(file.bytes, role, 0, &mut shared)?;
    out.problems.extend(archive.problems.iter().cloned());
    if let Some(entry) = archive.find("EGG-INFO/PKG-INFO") {
        let bytes = archive.read(entry, METADATA_BYTES_MAX, &mut shared, &mut out.problems)?;
        out.package(metadata::package(file.path, &entry.name, &bytes)?);
    }
    if let Some(entry) = archive.find("EGG-INFO/requires.txt") {
        let bytes = archive.read(entry, METADATA_BYTES_MAX, &mut shared, &mut out.problems)?;
        requirement::read_requires_txt(&crate::text::lossy(&bytes), out);
    }
    Ok(())
}

fn role(name: &str) -> Role {
    if name.starts_with("EGG-INFO/") { Role::Metadata } else { Role::None }
}

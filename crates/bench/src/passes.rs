//! The product's own steps, each on an input at hand: what the benches time and callgrind counts.

use std::io;
use std::path::Path;

use supercargo_content::{Descriptor, Digest, Limits, MediaType, Platform};
use supercargo_ecosystems::{ALL, Matcher};
use supercargo_image::{PlatformChoice, Reference, open_local};
use supercargo_inventory::{ImagePath, Inventory};
use supercargo_layer::{Budget, Entry, Interest, LayerInput, LayerReader, Visitor};
use supercargo_sbom::{Document, FormatId};
use supercargo_scan::{ScanOptions, Silent};

use crate::inputs::InputFile;

/// Scans the OCI layout of a folder with one thread.
///
/// # Errors
/// Those of the scan.
pub fn scan(layout: &Path) -> io::Result<Inventory> {
    let reference =
        format!("oci:{}:latest", layout.display()).parse::<Reference>().map_err(io::Error::other)?;
    let options = ScanOptions { threads: 1, ..ScanOptions::default() };
    let platform = PlatformChoice::Host(Platform::new("linux", "amd64"));
    let resolved = open_local(&reference, &platform, &options.limits).map_err(io::Error::other)?;
    let image = resolved.images.first().ok_or_else(|| io::Error::other("no image"))?;
    supercargo_scan::scan(image, &options, &Silent).map_err(io::Error::other)
}

/// One pass over a gzip layer, with the matcher of all ecosystems; the bytes of the wanted bodies.
///
/// # Errors
/// Those of the pass.
pub fn layer(blob: &[u8], diff_id: &Digest) -> io::Result<u64> {
    let mut visitor = Wanted { matcher: Matcher::compile(ALL).map_err(io::Error::other)?, bytes: 0 };
    read(blob, MediaType::OCI_LAYER_GZIP, diff_id, &mut visitor)?;
    Ok(visitor.bytes)
}

/// The files of a tar that is not compressed.
///
/// # Errors
/// Those of the pass.
pub fn files(tar: &[u8]) -> io::Result<Vec<InputFile>> {
    let mut visitor = Everything(Vec::new());
    read(tar, MediaType::OCI_LAYER, &Digest::sha256_of(tar), &mut visitor)?;
    Ok(visitor.0)
}

/// Writes a document in a format.
///
/// # Errors
/// Those of the writer.
pub fn encode(document: &Document, format: FormatId) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    format.format().encode(document, &mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

fn read(blob: &[u8], kind: MediaType, diff_id: &Digest, visitor: &mut dyn Visitor) -> io::Result<()> {
    let (limits, descriptor) = (Limits::default(), Descriptor::of(kind, blob));
    let budget = Budget::new(limits.buffered_bytes_max);
    let input = LayerInput { descriptor: &descriptor, diff_id };
    let pass = LayerReader { limits: &limits, budget: &budget }.read(blob, &input, visitor);
    let pass = pass.map_err(io::Error::other)?;
    if pass.verified { Ok(()) } else { Err(io::Error::other("the layer was not verified")) }
}

/// Takes what some ecosystem wants.
struct Wanted {
    matcher: Matcher,
    bytes: u64,
}

impl Visitor for Wanted {
    fn interest(&mut self, entry: &Entry) -> Interest {
        if !self.matcher.by_path(&entry.path).is_empty() {
            Interest::Body
        } else if entry.size >= Matcher::FILE_BYTES_MIN {
            Interest::Head
        } else {
            Interest::Skip
        }
    }

    fn wants_head(&mut self, _: &Entry, head: &[u8]) -> bool {
        !self.matcher.by_magic(head).is_empty()
    }

    fn body(&mut self, _: &Entry, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
    }
}

/// Takes everything.
struct Everything(Vec<InputFile>);

impl Visitor for Everything {
    fn interest(&mut self, _: &Entry) -> Interest {
        Interest::Body
    }

    fn body(&mut self, entry: &Entry, bytes: &[u8]) {
        let path: ImagePath = entry.path.clone();
        self.0.push(InputFile { path, bytes: bytes.to_vec() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{inputs, layout};

    #[test]
    fn the_generated_image_holds_packages_of_every_kind() {
        let folder = tempfile::tempdir().unwrap();
        let layers: Vec<_> =
            inputs::image_layers().unwrap().iter().map(|tar| layout::gzip(tar).unwrap()).collect();
        layout::write(folder.path(), &layers).unwrap();
        let inventory = scan(folder.path()).unwrap();
        // The upper layer replaces one package, of which npm's own list in the lower one still names the older version.
        let problems: Vec<&str> = inventory.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert!(matches!(problems.as_slice(), [one] if one.contains("`package-50`")), "{problems:?}");
        for kind in ["apk", "cargo", "deb", "golang", "maven", "npm", "pypi", "rpm"] {
            assert!(inventory.packages.iter().any(|package| package.purl.kind() == kind), "no {kind}");
        }
    }

    #[test]
    fn a_pass_hands_over_what_is_wanted() {
        let tar = inputs::layer_tar(1 << 20);
        let packed = layout::gzip(&tar).unwrap();
        let wanted = layer(packed.bytes(), packed.diff_id()).unwrap();
        assert!(wanted > 0 && wanted < tar.len() as u64 / 10, "{wanted}");
        assert!(packed.bytes().len() < tar.len() / 3 * 2);
    }
}

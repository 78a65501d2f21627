//! Scans an image of this machine without writing a document, to measure and profile the engine alone.
//!
//! usage: `scan-image REF [THREADS]`, for example `scan-image oci:/images/node-app 2`

#![expect(clippy::print_stdout, reason = "a program for developers")]

use std::collections::BTreeMap;

use supercargo_content::Limits;
use supercargo_image::{PlatformChoice, open_local};
use supercargo_scan::{ScanOptions, Silent, scan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let reference = arguments.next().ok_or("usage: scan-image REF [THREADS]")?.parse()?;
    let threads = arguments.next().map_or(Ok(1), |threads| threads.parse())?;
    let limits = Limits::default();
    let resolved = open_local(&reference, &PlatformChoice::All, &limits)?;
    let image = resolved.images.first().ok_or("no image")?;
    let inventory = scan(image, &ScanOptions { full: false, threads, limits }, &Silent)?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for package in &inventory.packages {
        *counts.entry(package.purl.kind().to_owned()).or_default() += 1;
    }
    println!("{counts:?} edges {} {:?}", inventory.relationships.len(), inventory.coverage);
    inventory.problems.iter().for_each(|problem| println!("{problem}"));
    Ok(())
}

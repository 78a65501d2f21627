//! The images that are measured, as `testdata/images/bench` builds them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::layout::{self, Blob};

/// Their names, the quick ones first.
pub const NAMES: &[&str] =
    &["debian-slim", "many-layers", "node-app", "binaries", "java-app", "python-app", "big"];

/// One image, in the forms that lie in the folder.
#[derive(Debug, Clone)]
pub struct BenchImage {
    /// Its name.
    pub name: String,
    /// `NAME.oci`: an OCI layout, tagged `latest`.
    pub layout: PathBuf,
    /// `NAME.docker.tar`: a Docker archive.
    pub archive: PathBuf,
    /// `NAME.lazy.oci`: the same image with a table of contents in each layer.
    pub lazy_layout: PathBuf,
    /// The digest of its manifest, in hexadecimal digits.
    pub digest: String,
    /// Its layers, from the base up.
    pub layers: Vec<Blob>,
}

impl BenchImage {
    /// Opens an image of the folder; `None` when it has not been built.
    ///
    /// # Errors
    /// Those of a layout that is there and damaged.
    pub fn open(folder: &Path, name: &str) -> io::Result<Option<Self>> {
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        let layout = file("oci");
        if !layout.join("index.json").is_file() {
            return Ok(None);
        }
        let (digest, layers) = (layout::manifest_digest(&layout)?, layout::layers(&layout)?);
        let (archive, lazy_layout) = (file("docker.tar"), file("lazy.oci"));
        Ok(Some(Self { name: name.to_owned(), layout, archive, lazy_layout, digest, layers }))
    }

    /// Bytes of all layers as they are stored.
    pub fn stored_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.bytes).sum()
    }

    /// Reads every layer once, so that no run is charged for the disk.
    ///
    /// # Errors
    /// Those of reading.
    pub fn warm_page_cache(&self) -> io::Result<()> {
        for layer in &self.layers {
            io::copy(&mut File::open(layer.path(&self.layout))?, &mut io::sink())?;
        }
        Ok(())
    }
}

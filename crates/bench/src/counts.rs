//! The fixed inputs whose instructions are counted, and how the program meets them.
//!
//! Counted is the program as it is released, from its first instruction to its last, so that what users run is what is
//! held. The inputs are made before counting begins.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::callgrind::{self, Counts};
use crate::{inputs, layout};

/// Bytes of the tar of [`Input::Layer`].
const LAYER_BYTES: usize = 8_000_000;
/// Packages of the image of [`Input::Warm`].
const PACKAGES: usize = 1_500;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// An image of two layers in which every ecosystem has some hundred packages.
    Scan,
    /// An image of one layer with much text, much noise, and little that anybody wants.
    Layer,
    /// An image of many packages whose record is kept already, written in two formats.
    Warm,
}

impl Input {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Scan, Self::Layer, Self::Warm];

    /// The name in the record, and of the layout in the folder of inputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Layer => "layer",
            Self::Warm => "warm",
        }
    }

    /// The arguments of the program, which works in the folder of inputs. One thread, because what threads wait for
    /// differs from run to run; names without a folder, because a longer one costs instructions.
    fn arguments(self) -> Vec<&'static str> {
        let fixed = match self {
            Self::Scan => "scan oci:scan:latest --no-cache -o purl=purl",
            Self::Layer => "scan oci:layer:latest --no-cache -o purl=purl",
            Self::Warm => "scan oci:warm:latest --cache-dir records -o cyclonedx-json=cdx -o spdx-json=spdx",
        };
        fixed.split(' ').chain(["--quiet", "--threads", "1"]).collect()
    }

    fn layers(self) -> io::Result<Vec<Vec<u8>>> {
        match self {
            Self::Scan => inputs::image_layers(),
            Self::Layer => Ok(vec![inputs::layer_tar(LAYER_BYTES)]),
            Self::Warm => Ok(vec![inputs::packages_tar(PACKAGES)]),
        }
    }

    /// Makes the input in a folder. A program that is named fills its cache there.
    ///
    /// # Errors
    /// Those of writing, and a program that fails.
    pub fn prepare(self, program: &Path, folder: &Path) -> io::Result<()> {
        let layers = self.layers()?.iter().map(|tar| layout::gzip(tar)).collect::<io::Result<Vec<_>>>()?;
        layout::write(&folder.join(self.name()), &layers)?;
        if self != Self::Warm {
            return Ok(());
        }
        let output = Command::new(program).args(self.arguments()).current_dir(folder).output()?;
        if output.status.success() { Ok(()) } else { Err(callgrind::failed(program, &output)) }
    }

    /// Counts the instructions of the program over this input, which [`Input::prepare`] has made.
    ///
    /// # Errors
    /// As [`callgrind::count`].
    pub fn count(self, program: &Path, folder: &Path) -> io::Result<Counts> {
        callgrind::count(program, &self.arguments(), folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_the_same_every_time() {
        for input in Input::ALL {
            assert!(input.layers().unwrap() == input.layers().unwrap(), "{}", input.name());
        }
    }

    #[test]
    fn what_is_prepared_is_an_image_of_many_packages() {
        let folder = tempfile::tempdir().unwrap();
        Input::Warm.prepare(Path::new("true"), folder.path()).unwrap();
        let inventory = crate::passes::scan(&folder.path().join("warm")).unwrap();
        assert_eq!((inventory.packages.len(), inventory.problems.len()), (PACKAGES, 0));
    }

    #[test]
    fn a_program_that_fails_counts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let error = Input::Warm.prepare(Path::new("false"), folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("failed to run false: exit status: 1"), "{error}");
    }
}

//! Python packages as installers leave them: `dist-info`, `egg-info` and eggs.
//!
//! Specification: "Recording installed projects", "Core metadata" and "Direct URL data structure" of the Python
//! Packaging User Guide; eggs as setuptools describes them. Metadata that a package vendors with its own copy of
//! another package (`setuptools/_vendor/…`) counts: the code is there.

mod direct_url;
mod egg;
mod metadata;
mod record;
mod requirement;
mod settle;

use supercargo_inventory::{EcosystemId, Problem, Settlement};

use crate::{Candidate, Description, Ecosystem, Fact, Finding, Findings, ImageView, Want};

const ID: EcosystemId = EcosystemId("python");

/// Installed Python packages.
pub(crate) struct Python;

impl Ecosystem for Python {
    fn id(&self) -> EcosystemId {
        ID
    }

    fn description(&self) -> Description {
        Description {
            title: "Python packages",
            purl_types: &["pypi"],
            reads: "`*.dist-info` (METADATA, RECORD, direct_url.json, INSTALLER), `*.egg-info`, unpacked and zipped eggs",
        }
    }

    fn revision(&self) -> u32 {
        1
    }

    fn wants(&self) -> &'static [Want] {
        &[
            Want::Glob("**/*.dist-info/METADATA"),
            Want::Glob("**/*.dist-info/RECORD"),
            Want::Glob("**/*.dist-info/INSTALLER"),
            Want::Glob("**/*.dist-info/direct_url.json"),
            Want::Glob("**/*.egg-info"),
            Want::Glob("**/*.egg-info/PKG-INFO"),
            Want::Glob("**/*.egg-info/requires.txt"),
            Want::Glob("**/*.egg-info/installed-files.txt"),
            Want::Glob("**/EGG-INFO/PKG-INFO"),
            Want::Glob("**/EGG-INFO/requires.txt"),
            Want::Glob("**/*.egg"),
        ]
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        match file.path.file_name() {
            "METADATA" | "PKG-INFO" => out.package(metadata::package(file.path, "", file.bytes)?),
            "RECORD" => record::read_record(file, out),
            "installed-files.txt" => record::read_installed_files(file, out),
            "INSTALLER" => read_installer(file, out),
            "direct_url.json" => direct_url::read(file, out)?,
            "requires.txt" => requirement::read_requires_txt(&crate::text::lossy(file.bytes), out),
            name if name.ends_with(".egg") => egg::read(file, out)?,
            _ => out.package(metadata::package(file.path, "", file.bytes)?),
        }
        Ok(())
    }

    fn settle(&self, view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement {
        settle::settle(view, visible)
    }
}

fn read_installer(file: &Candidate<'_>, out: &mut Findings) {
    if let Some(name) = crate::text::token(&crate::text::lossy(file.bytes)) {
        out.facts.push(note("installer", name));
    }
}

/// A note on the package whose metadata folder holds the file.
fn note(key: &str, value: impl Into<String>) -> Fact {
    Fact::Note { owner: String::new(), key: key.to_owned(), value: value.into() }
}

#[cfg(test)]
mod tests;

//! Java archives: which Maven artifact a jar is, and what is packed into it.
//!
//! The order of belief is: `pom.properties` of the jar itself, `pom.xml`, then the file's own name with the
//! manifest beside it. A jar is one package: what manifest and pom say differently is settled, not listed twice.
//! A group is taken only where it is written down (`Implementation-Vendor-Id`, a title or a symbolic name that ends in
//! the artifact); it is never guessed from package names. Other `pom.properties` in a jar are artifacts that were
//! shaded into it: packages of their own, contained in the jar.
//!
//! Specification: JAR file specification, OSGi Core "Bundle manifest headers", Maven's archiver reference.

mod archive;
mod file_name;
mod identity;
mod manifest;
mod pom;
mod properties;
mod settle;

use supercargo_inventory::{EcosystemId, Problem, Settlement};

use crate::{BodySink, Candidate, Description, Ecosystem, Finding, Findings, ImageView, Passer, Want};

const ID: EcosystemId = EcosystemId("java");

/// Java archives.
pub(crate) struct Java;

impl Ecosystem for Java {
    fn id(&self) -> EcosystemId {
        ID
    }

    fn description(&self) -> Description {
        Description {
            title: "Java archives",
            purl_types: &["maven"],
            reads: "jar, war, ear, par, sar, rar, jpi, hpi, kar, lpkg, nar and aar files and the archives in them",
        }
    }

    fn revision(&self) -> u32 {
        3
    }

    fn wants(&self) -> &'static [Want] {
        &[
            Want::Glob("**/*.[jJwWeEpPsSkKnN][aA][rR]"),
            Want::Glob("**/*.[aA][aA][rR]"),
            Want::Glob("**/*.[rR][aA][rR]"),
            Want::Glob("**/*.[jJhH][pP][iI]"),
            Want::Glob("**/*.[lL][pP][kK][gG]"),
        ]
    }

    fn wants_digest(&self) -> bool {
        true
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        archive::read(file, out)
    }

    fn stream(&self, file: &Passer<'_>) -> Option<Box<dyn BodySink>> {
        Some(archive::stream(file))
    }

    fn settle(&self, _view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement {
        settle::settle(visible)
    }
}

#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;

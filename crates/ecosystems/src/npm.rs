//! npm packages as installers lay them out: the roots of packages in `node_modules`.
//!
//! A package root is `node_modules/NAME` or `node_modules/@SCOPE/NAME` in a chain of such folders, in the stores
//! of pnpm (`.pnpm/X/node_modules/NAME`) and npm (`.store/…`), or a folder that a link in `node_modules` leads
//! to. `package.json` files elsewhere are entry points of a package, fixtures of its tests or copies that its
//! bundler made (Next's `dist/compiled`); no installer lists them, and neither do we.

mod location;
mod lockfile;
mod manifest;
mod settle;

use supercargo_inventory::{EcosystemId, Problem, Settlement};

use crate::{Candidate, Description, Ecosystem, Finding, Findings, ImageView, Want};

const ID: EcosystemId = EcosystemId("npm");

/// Installed npm packages.
pub(crate) struct Npm;

impl Ecosystem for Npm {
    fn id(&self) -> EcosystemId {
        ID
    }

    fn description(&self) -> Description {
        Description {
            title: "npm packages",
            purl_types: &["npm"],
            reads: "`package.json` of packages in `node_modules` (npm, yarn, pnpm layouts), `node_modules/.package-lock.json`",
        }
    }

    fn revision(&self) -> u32 {
        1
    }

    fn wants(&self) -> &'static [Want] {
        &[Want::Glob("**/package.json"), Want::Glob("**/node_modules/.package-lock.json")]
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        if file.path.file_name() == ".package-lock.json" {
            return lockfile::read(file, out);
        }
        match location::of(file.path) {
            location::Place::Installed => out.package(manifest::package(file)?),
            // Perhaps a link leads here; if not, nobody misses what cannot be read.
            location::Place::Outside => {
                out.facts.extend(manifest::package(file).ok().map(Box::new).map(crate::Fact::Package))
            }
            location::Place::Inside => {}
        }
        Ok(())
    }

    fn settle(&self, view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement {
        settle::settle(view, visible)
    }
}

#[cfg(test)]
mod tests;

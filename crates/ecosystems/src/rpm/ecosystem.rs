//! The reader's place in the table.

use supercargo_inventory::{EcosystemId, Problem, Settlement};

use super::headers::Headers;
use super::package::ID;
use super::{berkeley, manifest, ndb, settle, sqlite, wal};
use crate::{Candidate, Description, Ecosystem, Finding, Findings, ImageView, Want};

/// Reader of rpm's databases.
pub(crate) struct Rpm;

impl Ecosystem for Rpm {
    fn id(&self) -> EcosystemId {
        ID
    }

    fn description(&self) -> Description {
        Description {
            title: "RPM packages",
            purl_types: &["rpm"],
            reads: "rpm databases (SQLite, ndb, Berkeley DB) in var/lib/rpm, usr/lib/sysimage/rpm and \
                    usr/share/rpm, and var/lib/rpmmanifest/container-manifest-2",
        }
    }

    fn revision(&self) -> u32 {
        1
    }

    fn wants(&self) -> &'static [Want] {
        &[
            Want::Path("var/lib/rpm/rpmdb.sqlite"),
            Want::Path("var/lib/rpm/rpmdb.sqlite-wal"),
            Want::Path("var/lib/rpm/Packages.db"),
            Want::Path("var/lib/rpm/Packages"),
            Want::Path("usr/lib/sysimage/rpm/rpmdb.sqlite"),
            Want::Path("usr/lib/sysimage/rpm/rpmdb.sqlite-wal"),
            Want::Path("usr/lib/sysimage/rpm/Packages.db"),
            Want::Path("usr/lib/sysimage/rpm/Packages"),
            Want::Path("usr/share/rpm/rpmdb.sqlite"),
            Want::Path("usr/share/rpm/rpmdb.sqlite-wal"),
            Want::Path("usr/share/rpm/Packages.db"),
            Want::Path("usr/share/rpm/Packages"),
            Want::Path("var/lib/rpmmanifest/container-manifest-2"),
        ]
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        // Installers create empty files before they fill them.
        if file.bytes.is_empty() {
            return Ok(());
        }
        let mut headers = Headers::new(file.bytes.len(), file.limits, out);
        let result = match file.path.file_name() {
            "rpmdb.sqlite" => sqlite::read(file.bytes, &mut headers),
            "rpmdb.sqlite-wal" => wal::read(file.path, file.bytes, &mut headers),
            "Packages.db" => ndb::read(file.bytes, &mut headers),
            "container-manifest-2" => manifest::read(file.bytes, &mut headers),
            _ => berkeley::read(file.bytes, &mut headers),
        };
        headers.finish();
        result
    }

    fn settle(&self, view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement {
        settle::settle(view, &visible)
    }
}

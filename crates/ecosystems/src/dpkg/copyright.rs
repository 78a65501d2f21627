//! Machine-readable `debian/copyright` (DEP-5, format 1.0): the licence names of its file paragraphs.
//!
//! Free-form copyright files are not interpreted.

use std::collections::BTreeSet;

use supercargo_inventory::{ImagePath, LicenseSource};

use crate::deb822::paragraphs;
use crate::license_terms::{self, Table};
use crate::{Fact, Findings};

/// Different licence names of one file that are kept.
const NAMES_MAX: usize = 256;
/// Bytes of one licence name; a longer one is the licence's text.
const NAME_BYTES_MAX: usize = 200;

/// Short names that the format defines, and what they mean in SPDX. Names that the format leaves open (`BSD`,
/// `Artistic`, `public-domain`, `Python`) are absent.
const SHORT_NAMES: Table = &[
    ("Expat", "MIT"),
    ("GPL-1", "GPL-1.0-only"),
    ("GPL-1+", "GPL-1.0-or-later"),
    ("GPL-2", "GPL-2.0-only"),
    ("GPL-2+", "GPL-2.0-or-later"),
    ("GPL-3", "GPL-3.0-only"),
    ("GPL-3+", "GPL-3.0-or-later"),
    ("GPL-1.0+", "GPL-1.0-or-later"),
    ("GPL-2.0", "GPL-2.0-only"),
    ("GPL-2.0+", "GPL-2.0-or-later"),
    ("GPL-3.0", "GPL-3.0-only"),
    ("GPL-3.0+", "GPL-3.0-or-later"),
    ("LGPL-2", "LGPL-2.0-only"),
    ("LGPL-2+", "LGPL-2.0-or-later"),
    ("LGPL-2.0", "LGPL-2.0-only"),
    ("LGPL-2.0+", "LGPL-2.0-or-later"),
    ("LGPL-2.1", "LGPL-2.1-only"),
    ("LGPL-2.1+", "LGPL-2.1-or-later"),
    ("LGPL-3", "LGPL-3.0-only"),
    ("LGPL-3+", "LGPL-3.0-or-later"),
    ("LGPL-3.0", "LGPL-3.0-only"),
    ("LGPL-3.0+", "LGPL-3.0-or-later"),
    ("AGPL-3", "AGPL-3.0-only"),
    ("AGPL-3+", "AGPL-3.0-or-later"),
    ("AGPL-3.0", "AGPL-3.0-only"),
    ("AGPL-3.0+", "AGPL-3.0-or-later"),
    ("GFDL-1.1", "GFDL-1.1-only"),
    ("GFDL-1.1+", "GFDL-1.1-or-later"),
    ("GFDL-1.2", "GFDL-1.2-only"),
    ("GFDL-1.2+", "GFDL-1.2-or-later"),
    ("GFDL-1.3", "GFDL-1.3-only"),
    ("GFDL-1.3+", "GFDL-1.3-or-later"),
    ("GFDL-NIV-1.1", "GFDL-1.1-no-invariants-only"),
    ("GFDL-NIV-1.1+", "GFDL-1.1-no-invariants-or-later"),
    ("GFDL-NIV-1.2", "GFDL-1.2-no-invariants-only"),
    ("GFDL-NIV-1.2+", "GFDL-1.2-no-invariants-or-later"),
    ("GFDL-NIV-1.3", "GFDL-1.3-no-invariants-only"),
    ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
    ("Apache-2", "Apache-2.0"),
    ("CC0", "CC0-1.0"),
    ("BSL-1", "BSL-1.0"),
    ("MPL-1", "MPL-1.0"),
    ("MPL-2", "MPL-2.0"),
];

/// Adds the claims of a machine-readable copyright file.
pub(super) fn read(path: &ImagePath, text: &str, out: &mut Findings) {
    let mut all = paragraphs(text);
    let format = all.next().and_then(|header| {
        let claim = header.first_line("License").map(str::to_owned);
        let format = header.first_line("Format").or_else(|| header.first_line("Format-Specification"))?;
        is_dep5(format).then_some(claim)
    });
    let Some(header) = format else { return };
    let mut names: BTreeSet<String> = header.into_iter().collect();
    // Paragraphs without `Files` hold the texts of licences that others name.
    let of_files = all.filter(|paragraph| paragraph.first_line("Files").is_some());
    names.extend(
        of_files.filter_map(|paragraph| paragraph.first_line("License").map(str::to_owned)).take(100_000),
    );
    let owner = path.parent().map(|folder| folder.file_name().to_owned()).unwrap_or_default();
    for name in names.into_iter().filter(|name| is_name(name)).take(NAMES_MAX) {
        let claim = license_terms::claim(&name, LicenseSource::Text, SHORT_NAMES, true);
        out.facts.push(Fact::License { owner: owner.clone(), claim });
    }
}

fn is_dep5(format: &str) -> bool {
    let format = format.to_ascii_lowercase();
    format.contains("copyright-format") || format.contains("dep5") || format.contains("dep-5")
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control)
}

//! Licence names that Fedora, RHEL and their relatives used before SPDX identifiers.

use crate::license_terms::Table;

/// Names that mean exactly one SPDX identifier. Families (`BSD`, `LGPLv2+`, which is 2.0 or 2.1, `Python`,
/// `PHP`, `Artistic`) are absent: which member is meant cannot be told.
pub(super) const LICENSE_NAMES: Table = &[
    ("AGPLv1", "AGPL-1.0-only"),
    ("AGPLv3", "AGPL-3.0-only"),
    ("AGPLv3+", "AGPL-3.0-or-later"),
    ("ASL 1.0", "Apache-1.0"),
    ("ASL 1.1", "Apache-1.1"),
    ("ASL 2.0", "Apache-2.0"),
    ("Artistic 2.0", "Artistic-2.0"),
    ("Boost", "BSL-1.0"),
    ("CC0", "CC0-1.0"),
    ("CPL", "CPL-1.0"),
    ("CeCILL-B", "CECILL-B"),
    ("CeCILL-C", "CECILL-C"),
    ("EUPL 1.1", "EUPL-1.1"),
    ("GPL+", "GPL-1.0-or-later"),
    ("GPLv1", "GPL-1.0-only"),
    ("GPLv2", "GPL-2.0-only"),
    ("GPLv2+", "GPL-2.0-or-later"),
    ("GPLv3", "GPL-3.0-only"),
    ("GPLv3+", "GPL-3.0-or-later"),
    ("LGPLv3", "LGPL-3.0-only"),
    ("LGPLv3+", "LGPL-3.0-or-later"),
    ("MPLv1.0", "MPL-1.0"),
    ("MPLv1.1", "MPL-1.1"),
    ("MPLv2.0", "MPL-2.0"),
    ("OFL", "OFL-1.1"),
    ("QPL", "QPL-1.0"),
    ("ZPLv2.0", "ZPL-2.0"),
    ("ZPLv2.1", "ZPL-2.1"),
    ("zlib", "Zlib"),
];

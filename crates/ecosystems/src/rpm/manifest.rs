//! `container-manifest-2`: what `rpm -qa` said when a distroless image was built; ten columns, separated by tabs.

use supercargo_inventory::{Party, Problem};

use super::headers::Headers;
use super::package::Identity;
use crate::text;

/// Columns that are read; the others are times and sizes.
const NAME: usize = 0;
const VERSION_RELEASE: usize = 1;
const VENDOR: usize = 4;
const EPOCH: usize = 5;
const ARCHITECTURE: usize = 7;
const SOURCE_RPM: usize = 9;

/// Reads all lines.
pub(super) fn read(bytes: &[u8], headers: &mut Headers<'_>) -> Result<(), Problem> {
    for line in crate::text::lossy(bytes).lines().filter(|line| !line.trim().is_empty()) {
        let columns: Vec<_> = line.split('\t').map(|column| column.trim()).collect();
        let column = |at: usize| columns.get(at).copied().filter(|value| *value != "(none)");
        let (Some(name), Some(version)) = (
            column(NAME).and_then(text::token),
            column(VERSION_RELEASE).and_then(text::token).filter(|_| columns.len() > SOURCE_RPM),
        ) else {
            headers.problem(Problem::malformed("a line that is not ten columns with name and version"));
            continue;
        };
        if name == "gpg-pubkey" {
            continue;
        }
        let identity = Identity {
            name: name.to_owned(),
            epoch: column(EPOCH).and_then(|epoch| epoch.parse().ok()),
            version_release: version.to_owned(),
            architecture: column(ARCHITECTURE).and_then(text::token).unwrap_or_default().to_owned(),
            source_rpm: column(SOURCE_RPM).and_then(text::token).unwrap_or_default().to_owned(),
        };
        let mut package = identity.package();
        package.supplier = column(VENDOR).and_then(text::line).as_deref().and_then(Party::parse);
        headers.package(package)?;
    }
    Ok(())
}

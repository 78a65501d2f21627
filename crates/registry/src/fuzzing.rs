//! The parsers of what hosts and files say, for the fuzz targets alone: no part of the interface.

use std::path::Path;

use reqwest::Url;

use crate::RegistryError;
use crate::challenge::Challenge;
use crate::credentials::AuthFile;

/// The challenges of one `WWW-Authenticate`: scheme and parameters.
pub fn challenges(value: &str) -> Vec<(String, Vec<(String, String)>)> {
    let challenges = Challenge::parse_all([value]);
    challenges.into_iter().map(|found| (found.scheme, found.parameters.into_iter().collect())).collect()
}

/// The address of the next page in one `Link`, seen on a page of `r.example`.
pub fn next_page(value: &str) -> Option<Result<Url, String>> {
    let page = Url::parse("https://r.example/v2/a/referrers/sha256:0?n=1").ok()?;
    crate::link::next_page(&page, [value])
}

/// Reads a credential file; the number of addresses that it has something for.
pub fn credential_file(bytes: &[u8]) -> Result<usize, RegistryError> {
    AuthFile::parse(Path::new("config.json"), bytes).map(|file| file.addresses())
}

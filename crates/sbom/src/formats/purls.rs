//! One package URL per line, sorted.

use std::io::Write;

use supercargo_content::MediaType;

use crate::document::has_purl;
use crate::{Document, EncodeError, Format, FormatId};

/// The list of package URLs.
pub(crate) struct PurlList;

impl Format for PurlList {
    fn id(&self) -> FormatId {
        FormatId::PURL
    }

    fn summary(&self) -> &'static str {
        "one package URL per line"
    }

    fn media_type(&self) -> MediaType {
        MediaType::new("text/plain; charset=utf-8")
    }

    fn file_suffix(&self) -> &'static str {
        ".purl.txt"
    }

    fn predicate_type(&self) -> Option<&'static str> {
        None
    }

    fn encode(&self, document: &Document, out: &mut dyn Write) -> Result<(), EncodeError> {
        let mut lines = document.entries().filter(|(_, _, package)| has_purl(package));
        lines
            .try_for_each(|(_, purl, _)| writeln!(out, "{purl}"))
            .map_err(|error| EncodeError::new(self.id(), error))
    }
}

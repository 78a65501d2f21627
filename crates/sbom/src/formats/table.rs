//! The table for people: plain text, no colour, safe on every terminal.

use std::collections::BTreeSet;
use std::io::{self, Write};

use supercargo_content::MediaType;
use supercargo_inventory::Package;

use crate::document::{layer_of, shown_name};
use crate::license::{Form, form, main_claims, title};
use crate::text::{columns, printable};
use crate::{Document, EncodeError, Format, FormatId};

/// Name, version, type, licence and layer of each package.
pub(crate) struct Table;

const HEADINGS: [&str; 5] = ["NAME", "VERSION", "TYPE", "LICENSE", "LAYER"];

/// The most columns of each cell; a longer text ends in `…`.
const WIDTHS_MAX: [usize; 5] = [48, 32, 12, 32, 5];

type Row = [String; 5];

impl Format for Table {
    fn id(&self) -> FormatId {
        FormatId::TABLE
    }

    fn summary(&self) -> &'static str {
        "a table for people"
    }

    fn media_type(&self) -> MediaType {
        MediaType::new("text/plain; charset=utf-8")
    }

    fn file_suffix(&self) -> &'static str {
        ".txt"
    }

    fn predicate_type(&self) -> Option<&'static str> {
        None
    }

    fn encode(&self, document: &Document, out: &mut dyn Write) -> Result<(), EncodeError> {
        write(document, out).map_err(|error| EncodeError::new(self.id(), error))
    }
}

fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut rows: Vec<Row> = document.entries().map(|(_, purl, package)| row(purl, package)).collect();
    rows.sort();
    let widths = widths(&rows);
    for row in std::iter::once(&HEADINGS.map(str::to_owned)).chain(&rows) {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| padded(cell, width)).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn row(purl: &str, package: &Package) -> Row {
    let licenses: BTreeSet<String> = main_claims(package).filter_map(form).map(license).collect();
    let layer = package.origin.as_ref().or(layer_of(package));
    let cells = [
        shown_name(&package.name, purl).to_owned(),
        package.version.clone().unwrap_or_default(),
        package.purl.kind().to_owned(),
        licenses.into_iter().collect::<Vec<_>>().join(", "),
        layer.map(|layer| layer.index.to_string()).unwrap_or_default(),
    ];
    let mut widths = WIDTHS_MAX.into_iter();
    cells.map(|cell| shortened(&printable(&cell), widths.next().unwrap_or(usize::MAX)))
}

fn license(form: Form<'_>) -> String {
    match form {
        Form::Id(text) | Form::Expression(text) => text.to_owned(),
        Form::Name(text) => title(text),
    }
}

fn widths(rows: &[Row]) -> [usize; 5] {
    let mut widths = HEADINGS.map(width);
    for row in rows {
        widths.iter_mut().zip(row).for_each(|(max, cell)| *max = (*max).max(width(cell)));
    }
    widths
}

fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

fn shortened(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += columns(*c);
        used <= max
    };
    let start: String = text.chars().take_while(fits).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_cut_by_columns_and_not_by_bytes() {
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("你好你好", 5), "你好…");
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(width(&padded("你", 4)), 4);
    }
}

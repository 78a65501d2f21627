//! The tables, in Markdown.

use crate::results::{Row, TableKind};

/// What stands above the tables.
#[derive(Debug, Clone, Default)]
pub struct Heading {
    /// The processor and its cores.
    pub machine: String,
    /// Each tool with its version, or with the digest of its program.
    pub tools: Vec<String>,
    /// Images with layers, stored and plain bytes, in the order of the tables.
    pub images: Vec<ImageLine>,
}

/// An image as the tables name it.
#[derive(Debug, Clone)]
pub struct ImageLine {
    /// Its name.
    pub name: String,
    /// Its layers.
    pub layers: usize,
    /// Bytes of its layers as they are stored.
    pub stored_bytes: u64,
    /// Bytes of its layers unpacked, once the floor has read them.
    pub plain_bytes: Option<u64>,
}

impl ImageLine {
    /// Name, stored and plain megabytes, layers.
    pub(crate) fn title(&self) -> String {
        let plain =
            self.plain_bytes.map_or_else(|| "?".to_owned(), |bytes| format!("{:.0}", megabytes(bytes)));
        format!("{} {:.0} / {plain}, {}", self.name, megabytes(self.stored_bytes), self.layers)
    }
}

/// Both tables: medians over the rounds; a ratio is the median of the ratios within a round.
pub fn markdown(heading: &Heading, rows: &[Row]) -> String {
    let mut text = format!("Machine: {}.\n\nTools: {}.\n", heading.machine, heading.tools.join("; "));
    let head = "| image (stored / plain MB, layers) | tool | CPU s | × floor | wall s | peak RSS MB | temp MB | read MB | written MB | kept MB | packages |";
    text += &table(head, heading, rows, TableKind::Tools);
    let head = "| image (stored / plain MB, layers) | scenario | CPU s | × floor | wall s | peak RSS MB | temp MB | read MB | written MB | kept MB | packages |";
    text += &table(head, heading, rows, TableKind::Scenarios);
    text
}

fn table(head: &str, heading: &Heading, rows: &[Row], kind: TableKind) -> String {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.table == kind).collect();
    if rows.is_empty() {
        return String::new();
    }
    let columns = head.matches('|').count() - 1;
    let mut text = format!("\n{head}\n|{}\n", " --- |".repeat(columns));
    for image in &heading.images {
        let of_image: Vec<&Row> = rows.iter().copied().filter(|row| row.image == image.name).collect();
        for name in names(&of_image) {
            let runs: Vec<&Row> = of_image.iter().copied().filter(|row| row.name == name).collect();
            text += &line(image, name, &runs, &of_image);
        }
    }
    text
}

/// Names in the order of their first appearance in round 0, which goes forwards.
pub(crate) fn names<'a>(rows: &[&'a Row]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    let mut ordered = rows.to_vec();
    ordered.sort_by_key(|row| row.round);
    for row in ordered {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    names
}

fn line(image: &ImageLine, name: &str, runs: &[&Row], of_image: &[&Row]) -> String {
    let first = image.title();
    if let Some(reason) = runs.iter().find_map(|row| row.reason.as_ref()) {
        return format!("| {first} | {name} | {} |\n", reason.replace('|', "\\|"));
    }
    let of = |value: fn(&Row) -> f64| median(runs.iter().map(|row| value(row)).collect());
    let ratio = median(runs.iter().filter_map(|row| ratio(row, of_image)).collect());
    let cells = [
        seconds(of(|row| row.usage.cpu_s())),
        ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
        seconds(of(|row| row.usage.wall_s)),
        whole(of(|row| megabytes(row.usage.peak_bytes))),
        whole(of(|row| megabytes(row.usage.temp_bytes))),
        whole(of(|row| megabytes(row.usage.read_bytes))),
        whole(of(|row| megabytes(row.usage.written_bytes))),
        whole(of(|row| megabytes(row.kept_bytes))),
        runs.iter().find_map(|row| row.packages).map_or_else(|| "–".to_owned(), |count| count.to_string()),
    ];
    format!("| {first} | {name} | {} |\n", cells.join(" | "))
}

/// CPU seconds of a run as a multiple of the floor in the same round.
pub(crate) fn ratio(row: &Row, of_image: &[&Row]) -> Option<f64> {
    let floor =
        of_image.iter().find(|other| other.round == row.round && other.name == floor_of(&row.name))?;
    (floor.usage.cpu_s() > 0.0 && floor.reason.is_none()).then(|| row.usage.cpu_s() / floor.usage.cpu_s())
}

/// Which floor a row is compared with: archives have their own.
pub(crate) fn floor_of(name: &str) -> &'static str {
    let of_archive = ["archive", "stdin", "floor of the archive"].contains(&name);
    if of_archive { "floor of the archive" } else { "floor" }
}

/// The middle value, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some((upper + lower) / 2.0)
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"))
}

fn whole(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Usage;

    fn row(name: &str, round: u64, user_s: f64) -> Row {
        Row {
            table: TableKind::Tools,
            image: "a".into(),
            name: name.into(),
            round,
            program: String::new(),
            usage: Usage { user_s, peak_bytes: 99_600_000, ..Usage::default() },
            packages: (name != "floor").then_some(88),
            kept_bytes: 0,
            reason: None,
        }
    }

    fn heading() -> Heading {
        let image = ImageLine {
            name: "a".into(),
            layers: 2,
            stored_bytes: 30_400_000,
            plain_bytes: Some(77_000_000),
        };
        Heading { images: vec![image], ..Heading::default() }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine was twice as slow in round 1: the ratio is 2 all the same.
        let rows = [row("floor", 0, 1.0), row("x", 0, 2.0), row("x", 1, 4.0), row("floor", 1, 2.0)];
        let text = markdown(&heading(), &rows);
        assert!(
            text.contains("| a 30 / 77, 2 | x | 3.00 | 2.00 | 0.00 | 100 | 0 | 0 | 0 | 0 | 88 |"),
            "{text}"
        );
    }

    #[test]
    fn a_run_that_did_not_happen_says_why() {
        let rows = [row("floor", 0, 1.0), Row { reason: Some("no peer".into()), ..row("x", 0, 0.0) }];
        assert!(markdown(&heading(), &rows).contains("| x | no peer |"));
    }

    #[test]
    fn the_median_of_an_even_number_is_between() {
        assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
        assert_eq!(median(vec![5.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(vec![]), None);
    }
}

//! The tables as they stand in README: an image per row with the tools beside each other, and a scenario per row with
//! the images beside each other.

use crate::report::{Heading, ImageLine, floor_of, median, names, ratio};
use crate::results::{Row, TableKind};

/// Both tables; a cell is `CPU s / peak RSS MB / temp MB = multiple of the floor`, without the bytes where there are none.
pub fn markdown(heading: &Heading, rows: &[Row]) -> String {
    let of = |kind| rows.iter().filter(|row| row.table == kind).collect::<Vec<&Row>>();
    tools(heading, &of(TableKind::Tools)) + &scenarios(heading, &of(TableKind::Scenarios))
}

fn tools(heading: &Heading, rows: &[&Row]) -> String {
    let names: Vec<&str> = names(rows).into_iter().filter(|name| *name != floor_of(name)).collect();
    if names.is_empty() {
        return String::new();
    }
    let mut text = head("image (stored / plain MB, layers) | floor CPU s", &names);
    for image in &heading.images {
        let of_image = of_image(rows, image);
        let floor =
            median(of_image.iter().filter(|row| row.name == "floor").map(|row| row.usage.cpu_s()).collect());
        let floor = floor.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.2}"));
        let cells: Vec<String> = names.iter().map(|name| cell(name, &of_image)).collect();
        text += &format!("| {} | {floor} | {} |\n", image.title(), cells.join(" | "));
    }
    text
}

fn scenarios(heading: &Heading, rows: &[&Row]) -> String {
    let images: Vec<&ImageLine> =
        heading.images.iter().filter(|image| !of_image(rows, image).is_empty()).collect();
    if images.is_empty() {
        return String::new();
    }
    let mut text = head("scenario", &images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>());
    for name in names(rows) {
        let cells: Vec<String> = images.iter().map(|image| cell(name, &of_image(rows, image))).collect();
        text += &format!("| {name} | {} |\n", cells.join(" | "));
    }
    text
}

fn head(first: &str, names: &[&str]) -> String {
    let columns = first.split(" | ").count() + names.len();
    format!("\n| {first} | {} |\n|{}\n", names.join(" | "), " --- |".repeat(columns))
}

fn of_image<'a>(rows: &[&'a Row], image: &ImageLine) -> Vec<&'a Row> {
    rows.iter().copied().filter(|row| row.image == image.name).collect()
}

fn cell(name: &str, of_image: &[&Row]) -> String {
    let runs: Vec<&Row> = of_image.iter().copied().filter(|row| row.name == name).collect();
    if runs.iter().any(|row| row.reason.is_some()) {
        return "–".to_owned(); // the whole table says why
    }
    let of = |value: fn(&Row) -> f64| median(runs.iter().map(|row| value(row)).collect());
    let Some(seconds) = of(|row| row.usage.cpu_s()) else { return "–".to_owned() };
    let peak = of(|row| row.usage.peak_bytes as f64 / 1e6).unwrap_or_default();
    let mut text = format!("{seconds:.2} / {peak:.0}");
    let temp = of(|row| row.usage.temp_bytes as f64 / 1e6).unwrap_or_default();
    if temp >= 0.5 {
        text += &format!(" / {temp:.0}");
    }
    match median(runs.iter().filter_map(|row| ratio(row, of_image)).collect()) {
        Some(ratio) if name != floor_of(name) => text + &format!(" = {ratio:.2}×"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Usage;

    fn row(table: TableKind, name: &str, user_s: f64, temp_bytes: u64) -> Row {
        let usage = Usage { user_s, peak_bytes: 20_000_000, temp_bytes, ..Usage::default() };
        let (image, name) = ("a".to_owned(), name.to_owned());
        Row {
            table,
            image,
            name,
            usage,
            round: 0,
            program: String::new(),
            packages: None,
            kept_bytes: 0,
            reason: None,
        }
    }

    fn heading() -> Heading {
        let image = ImageLine { name: "a".into(), layers: 2, stored_bytes: 30_400_000, plain_bytes: None };
        Heading { images: vec![image], ..Heading::default() }
    }

    #[test]
    fn tools_stand_beside_each_other() {
        let rows = [
            row(TableKind::Tools, "floor", 1.0, 0),
            row(TableKind::Tools, "x", 1.5, 0),
            row(TableKind::Tools, "y", 4.0, 77_000_000),
        ];
        let text = markdown(&heading(), &rows);
        assert!(
            text.contains("| a 30 / ?, 2 | 1.00 | 1.50 / 20 = 1.50× | 4.00 / 20 / 77 = 4.00× |"),
            "{text}"
        );
    }

    #[test]
    fn scenarios_stand_below_each_other_and_a_missing_one_is_a_dash() {
        let missing =
            Row { reason: Some("no olareg".into()), ..row(TableKind::Scenarios, "registry", 0.0, 0) };
        let rows = [
            row(TableKind::Scenarios, "floor", 1.0, 0),
            row(TableKind::Scenarios, "cold", 1.1, 0),
            row(TableKind::Scenarios, "floor of the archive", 0.5, 0),
            row(TableKind::Scenarios, "archive", 1.0, 0),
            missing,
        ];
        let text = markdown(&heading(), &rows);
        for line in [
            "| floor | 1.00 / 20 |",
            "| cold | 1.10 / 20 = 1.10× |",
            "| archive | 1.00 / 20 = 2.00× |",
            "| registry | – |",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}

//! Paragraphs of `Field: value` lines, as Debian's control files have them (deb822(5)).

/// One paragraph: its fields in order, values with their continuation lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Paragraph<'a> {
    fields: Vec<(&'a str, Vec<&'a str>)>,
    /// Lines that are neither a field nor the continuation of one.
    pub(crate) stray_lines: usize,
}

impl<'a> Paragraph<'a> {
    /// The first line of a field, white space around it removed; names are compared without case. `None` for
    /// an empty or missing field.
    pub(crate) fn first_line(&self, name: &str) -> Option<&'a str> {
        let value = self.lines(name)?.first()?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// All lines of a field, joined by spaces.
    pub(crate) fn folded(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.lines(name)?.iter().map(|line| line.trim()).collect();
        let value = lines.join(" ").trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// Whether it has no field at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.stray_lines == 0
    }

    fn lines(&self, name: &str) -> Option<&[&'a str]> {
        let field = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))?;
        Some(&field.1)
    }

    fn push(&mut self, line: &'a str) {
        if line.starts_with([' ', '\t']) {
            match self.fields.last_mut() {
                Some((_, lines)) => lines.push(line),
                None => self.stray_lines += 1,
            }
            return;
        }
        match line.split_once(':') {
            Some((name, value)) if is_field_name(name) => self.fields.push((name, vec![value])),
            _ => self.stray_lines += 1,
        }
    }
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The paragraphs of a text. Lines that begin with `#` are comments.
pub(crate) fn paragraphs(text: &str) -> impl Iterator<Item = Paragraph<'_>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut paragraph = Paragraph::default();
        for line in lines.by_ref() {
            if line.trim().is_empty() {
                if !paragraph.is_empty() {
                    return Some(paragraph);
                }
            } else if !line.starts_with('#') {
                paragraph.push(line);
            }
        }
        (!paragraph.is_empty()).then_some(paragraph)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_end_at_blank_lines() {
        let text = "# comment\nA: 1\n 2\n\tc\n\n \nb: x\r\n\nlost\n";
        let found: Vec<_> = paragraphs(text).collect();
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].folded("a").as_deref(), Some("1 2 c"));
        assert_eq!(found[1].first_line("B"), Some("x"));
        assert_eq!(found[2].stray_lines, 1);
    }

    #[test]
    fn hostile_lines_are_counted_not_believed() {
        let found: Vec<_> =
            paragraphs(" continuation of nothing\n: no name\nno colon\nA b: spaced\nC:\n").collect();
        assert_eq!(found[0].stray_lines, 4);
        assert_eq!(found[0].first_line("C"), None);
    }
}

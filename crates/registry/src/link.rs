//! `Link`: where the next page of a list is (RFC 8288).

use reqwest::Url;

/// The target of the first `rel="next"` of the header values, resolved against the page it came with.
pub(crate) fn next_page<'a>(
    page: &Url,
    values: impl IntoIterator<Item = &'a str>,
) -> Option<Result<Url, String>> {
    let target = values.into_iter().find_map(next_target)?;
    Some(
        page.join(target)
            .map_err(|error| format!("its next page `{}` is no address: {error}", short(target))),
    )
}

fn next_target(mut header: &str) -> Option<&str> {
    loop {
        let (_, after) = header.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (parameters, rest) = split_parameters(after);
        if is_next(parameters) {
            return Some(target);
        }
        header = rest;
    }
}

/// Parameters end at a comma outside quotes.
fn split_parameters(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    end.map_or((text, ""), |end| text.split_at(end))
}

fn is_next(parameters: &str) -> bool {
    parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
        let relations = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("rel")
            && relations.split_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
    })
}

fn short(text: &str) -> String {
    crate::error::clean(text, 160)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(header: &str) -> Option<String> {
        let page = Url::parse("http://r.example/v2/a/referrers/sha256:0?n=1").unwrap();
        next_page(&page, [header]).map(|url| url.unwrap().to_string())
    }

    #[test]
    fn relative_and_absolute_targets() {
        assert_eq!(next("</v2/a/x?p=2>; rel=\"next\"").unwrap(), "http://r.example/v2/a/x?p=2");
        assert_eq!(next("<?p=2>; rel=next").unwrap(), "http://r.example/v2/a/referrers/sha256:0?p=2");
        assert_eq!(next("<http://o.example/>;x=\"a,b\";rel=\"last next\"").unwrap(), "http://o.example/");
    }

    #[test]
    fn other_relations_are_passed_over() {
        assert_eq!(next("</a>; rel=\"prev\", </b>; rel=\"next\"").unwrap(), "http://r.example/b");
        assert_eq!(next("</a>; rel=\"prev\""), None);
        assert_eq!(next("</a"), None);
        assert_eq!(next(""), None);
    }
}

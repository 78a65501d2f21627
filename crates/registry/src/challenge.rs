//! `WWW-Authenticate`: which proof a host wants (RFC 9110 section 11.6.1, RFC 6750 section 3).

use std::collections::BTreeMap;

/// One challenge: a scheme and its parameters, both names in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) scheme: String,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Challenge {
    /// The challenges of all header values, in order. What cannot be read is left out.
    pub(crate) fn parse_all<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        values.into_iter().flat_map(|value| Scanner { rest: value }.challenges()).collect()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    fn challenges(mut self) -> Vec<Challenge> {
        let mut found: Vec<Challenge> = Vec::new();
        loop {
            self.skip_separators();
            let name = self.token();
            if name.is_empty() {
                return found;
            }
            self.skip_spaces();
            if !self.take('=') {
                found.push(Challenge { scheme: name, parameters: BTreeMap::new() });
                continue;
            }
            let value = self.value();
            if let Some(challenge) = found.last_mut() {
                challenge.parameters.entry(name).or_insert(value);
            }
        }
    }

    fn token(&mut self) -> String {
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || matches!(c, ',' | '=' | '"'))
            .unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token.to_ascii_lowercase()
    }

    fn value(&mut self) -> String {
        self.skip_spaces();
        if self.take('"') { self.quoted() } else { self.bare() }
    }

    fn bare(&mut self) -> String {
        let end = self.rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        value.to_owned()
    }

    fn quoted(&mut self) -> String {
        let mut value = String::new();
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => value.extend(chars.next()),
                c => value.push(c),
            }
        }
        self.rest = chars.as_str();
        value
    }

    fn take(&mut self, c: char) -> bool {
        let stripped = self.rest.strip_prefix(c);
        self.rest = stripped.unwrap_or(self.rest);
        stripped.is_some()
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Commas and spaces, and stray quotes and equals signs of damaged headers.
    fn skip_separators(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '=' | '"'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEARER: &str =
        r#"Bearer realm="https://auth.example/token",service="a, \"b\"",scope="repository:x:pull,push""#;

    #[test]
    fn quotes_and_commas_are_kept() {
        let challenges = Challenge::parse_all([BEARER]);
        assert_eq!(challenges.len(), 1);
        assert_eq!(challenges[0].scheme, "bearer");
        assert_eq!(challenges[0].parameter("service"), Some(r#"a, "b""#));
        assert_eq!(challenges[0].parameter("scope"), Some("repository:x:pull,push"));
    }

    #[test]
    fn several_headers_and_several_challenges_in_one() {
        let challenges =
            Challenge::parse_all(["Negotiate", r#"Basic realm="x", Bearer realm=https://a/t , service = b"#]);
        let schemes: Vec<_> = challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
        assert_eq!(schemes, ["negotiate", "basic", "bearer"]);
        assert_eq!(challenges[2].parameter("realm"), Some("https://a/t"));
        assert_eq!(challenges[2].parameter("service"), Some("b"));
    }

    #[test]
    fn truncated_headers_end() {
        for end in "Bearer".len()..BEARER.len() {
            let challenges = Challenge::parse_all([&BEARER[..end]]);
            // A parameter without its value cannot be told from a scheme.
            assert!(challenges[0].scheme == "bearer" && challenges.len() <= 2, "{end}");
        }
        assert!(Challenge::parse_all([",,=\"\"=,"]).len() <= 1);
    }
}

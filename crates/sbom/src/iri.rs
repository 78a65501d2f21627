//! Which texts of package metadata are addresses. Everything else is kept as a property.

/// Whether `text` is an absolute IRI (RFC 3987) that every validator accepts. Stricter than the grammar:
/// brackets and unusual letters are refused, because the readers of SBOMs disagree on them.
pub(crate) fn is_iri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    text.len() <= 2048
        && is_scheme(scheme)
        && rest.chars().all(is_iri_char)
        && rest.matches('#').count() <= 1
        && escapes_are_whole(rest)
        && rest.strip_prefix("//").is_none_or(|rest| is_authority(authority_of(rest)))
        && !rest.is_empty()
}

/// Whether `text` is a web address that SPDX 2.3 takes for `homepage` and `downloadLocation`: a host name with
/// a top-level domain.
pub(crate) fn is_web_address(text: &str) -> bool {
    let rest = ["http://", "https://", "ftp://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    is_iri(text) && text.is_ascii() && rest.is_some_and(|rest| has_domain(authority_of(rest)))
}

/// Whether `text` can stand where a mail address is asked for.
pub(crate) fn is_mail(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c))
    };
    text.len() <= 254
        && text.split_once('@').is_some_and(|(name, host)| {
            let labels = host
                .split('.')
                .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
            plain(name) && name.len() <= 64 && plain(host) && labels && !host.contains(['_', '+'])
        })
}

/// Whether `text` is a CPE name in the binding of version 2.3 (formatted string) or 2.2 (URI).
pub(crate) fn cpe_type(text: &str) -> Option<&'static str> {
    let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "._-~%".contains(c));
    if let Some(rest) = text.strip_prefix("cpe:/") {
        let mut parts = rest.split(':');
        let part = parts.next().unwrap_or_default();
        return (matches!(part, "a" | "o" | "h") && parts.clone().count() <= 6 && parts.all(plain))
            .then_some("cpe22Type");
    }
    let parts: Vec<&str> = text.strip_prefix("cpe:2.3:")?.split(':').collect();
    let word = |part: &&str| {
        *part == "*"
            || (!part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)))
    };
    let is_whole = parts.len() == 11 && parts.iter().all(word);
    let language = parts.get(6).is_some_and(|part| matches!(*part, "*" | "-"));
    (is_whole && language && parts.first().is_some_and(|part| matches!(*part, "a" | "o" | "h")))
        .then_some("cpe23Type")
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn is_iri_char(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => true,
        c if c.is_ascii() => "-._~:/?#@!$&'()*+,;=%".contains(c),
        c => c.is_alphanumeric() && (c as u32) < 0xE000,
    }
}

fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        let bytes = rest.as_bytes();
        bytes.len() >= 2 && bytes.iter().take(2).all(u8::is_ascii_hexdigit)
    })
}

fn authority_of(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn is_authority(authority: &str) -> bool {
    let host_and_port = authority.split_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = host_and_port.split_once(':').unwrap_or((host_and_port, ""));
    !host.contains('@') && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_domain(authority: &str) -> bool {
    let host = authority.split(':').next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && !label.contains("--")
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let top = labels.last().copied().unwrap_or_default();
    labels.len() >= 2
        && labels.iter().all(is_label)
        && top.len() >= 2
        && top.chars().all(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in [
            "https://example.org",
            "http://user@example.org:8080/a%20b?c=d#e",
            "git://example.org/x.git",
            "scm:git:git://example.org/x.git",
            "mailto:a@example.org",
            "https://exämple.org/ü",
        ] {
            assert!(is_iri(good), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "git@example.org:a/b.git",
            "http://a b",
            "http://a/%zz",
            "http://a/%2",
            "http://a#b#c",
            "http://a:port/",
            "http://a@b@c/",
            "http://[::1/",
            "1http://a",
            "http:",
            "javascript:alert(\"x\")",
            "http://a/\u{202e}",
            "http://a/\u{1b}",
            "${url}",
        ] {
            assert!(!is_iri(bad), "{bad}");
        }
    }

    #[test]
    fn web_addresses_have_a_domain() {
        assert!(is_web_address("https://www.example.software/x"));
        for bad in [
            "https://localhost/",
            "https://a..b/",
            "https://-a.org",
            "https://127.0.0.1/",
            "ssh://a.org",
            "https://ä.org",
        ] {
            assert!(!is_web_address(bad), "{bad}");
        }
    }

    #[test]
    fn mail_addresses() {
        assert!(is_mail("a.b+c@example.org"));
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c.d", "a@.b", "a@b..c", "<a@b.c>", "a@-b.c", "ä@b.c"]
        {
            assert!(!is_mail(bad), "{bad}");
        }
    }

    #[test]
    fn cpe_names() {
        assert_eq!(cpe_type("cpe:/o:redhat:enterprise_linux:9::baseos"), Some("cpe22Type"));
        assert_eq!(cpe_type("cpe:2.3:o:amazon:amazon_linux:2023:*:*:*:*:*:*:*"), Some("cpe23Type"));
        for bad in ["", "cpe:/", "cpe:/x:a", "cpe:2.3:o:a", "cpe:/o:a b", "cpe:2.3:o:a:b:c:d:e:de:f:g:h:i"] {
            assert_eq!(cpe_type(bad), None, "{bad}");
        }
    }
}

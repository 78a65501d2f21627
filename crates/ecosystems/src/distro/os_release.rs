//! `KEY=value` files with the quoting of a shell: os-release(5) and lsb-release.

use std::collections::BTreeMap;

use supercargo_inventory::{Distro, ImagePath, Problem};

use super::release_file::id_of_name;

/// Reads os-release. `Ok(None)` for a file without any key; `ID` defaults to `linux`.
pub(super) fn from_os_release(text: &str) -> Result<Option<Distro>, Problem> {
    let mut values = assignments(text);
    if values.is_empty() {
        return Ok(None);
    }
    let id = values.remove("ID").unwrap_or_else(|| "linux".to_owned()).to_ascii_lowercase();
    if !is_id(&id) {
        return Err(Problem::malformed("`ID` is not made of letters, digits and `._-`"));
    }
    let id_like = values.remove("ID_LIKE").unwrap_or_default();
    Ok(Some(Distro {
        id,
        id_like: id_like.split_whitespace().filter(|id| is_id(id)).map(str::to_owned).collect(),
        name: values.remove("NAME"),
        pretty_name: values.remove("PRETTY_NAME"),
        version_id: values.remove("VERSION_ID"),
        codename: values.remove("VERSION_CODENAME"),
        cpe: values.remove("CPE_NAME"),
        home_url: values.remove("HOME_URL"),
        path: ImagePath::default(),
    }))
}

/// Reads lsb-release; `None` without a usable `DISTRIB_ID`.
pub(super) fn from_lsb(text: &str) -> Option<Distro> {
    let mut values = assignments(text);
    let name = values.remove("DISTRIB_ID")?;
    Some(Distro {
        id: id_of_name(&name).filter(|id| is_id(id))?,
        name: Some(name),
        pretty_name: values.remove("DISTRIB_DESCRIPTION"),
        version_id: values.remove("DISTRIB_RELEASE"),
        codename: values.remove("DISTRIB_CODENAME"),
        ..Distro::default()
    })
}

fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.len() <= 64 && text.bytes().all(fits)
}

/// The assignments with values that are not empty; the last of one key counts, as in a shell.
fn assignments(text: &str) -> BTreeMap<&str, String> {
    let mut values = BTreeMap::new();
    for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with('#')) {
        let Some((key, value)) = line.split_once('=').filter(|(key, _)| is_key(key)) else { continue };
        let value = unquoted(value);
        if value.is_empty() || value.contains(char::is_control) {
            values.remove(key);
        } else {
            values.insert(key, value);
        }
    }
    values
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// One word of a shell: single quotes keep all, double quotes let a backslash escape `"`, `$`, `` ` `` and
/// itself, outside of quotes it escapes anything and white space ends the word. Nothing is expanded.
fn unquoted(text: &str) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => value.push(c),
            (Some(_), '\\') => match chars.next_if(|next| matches!(next, '"' | '$' | '`' | '\\')) {
                Some(escaped) => value.push(escaped),
                None => value.push('\\'),
            },
            (None, '\\') => value.extend(chars.next()),
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() => break,
            (_, c) => value.push(c),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_as_in_a_shell() {
        for (written, meant) in [
            ("plain", "plain"),
            ("plain # comment", "plain"),
            ("\"two words\"", "two words"),
            ("'it is $HOME \\n'", "it is $HOME \\n"),
            (r#""a \"b\" \$c \`d\` \\ \n""#, r#"a "b" $c `d` \ \n"#),
            (r"a\ b", "a b"),
            ("\"never closed", "never closed"),
            ("\\", ""),
            ("'a'\"b\"c", "abc"),
        ] {
            assert_eq!(unquoted(written), meant, "{written}");
        }
    }

    #[test]
    fn the_last_assignment_counts_and_control_characters_do_not() {
        let values = assignments("A=1\n A=2\n#A=3\nB=x\u{7}\nno assignment\n=x\nC-D=1\nE=\n");
        assert_eq!(values, BTreeMap::from([("A", "2".to_owned())]));
    }

    #[test]
    fn an_id_that_is_none_is_refused() {
        assert!(from_os_release("ID=\"../etc\"").is_err());
        assert!(from_os_release(&format!("ID={}", "a".repeat(65))).is_err());
        assert_eq!(from_os_release("NAME=x").expect("valid").expect("distro").id, "linux");
        assert_eq!(from_os_release("\n# nothing\n"), Ok(None));
        assert_eq!(from_lsb("DISTRIB_ID=\"a/b\"\n"), None);
    }
}

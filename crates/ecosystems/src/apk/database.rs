//! Lines of the installed database → packages.

use supercargo_inventory::{
    ImagePath, LicenseClaim, Link, LinkKind, Package, Party, Problem, Purl, Requirement, RequirementKind,
};

use super::ID;
use crate::installed::{self, Budget, ProblemCount, RELATIONS_MAX};
use crate::{Candidate, Findings, text};

/// Bytes of one line; a folder is repeated in every path below it, and long ones would multiply.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Bytes of a folder's name.
const FOLDER_BYTES_MAX: usize = 4096;
/// Fields that are kept as properties. `C` is a hash of the control segment only, so it is not the package's.
const PROPERTIES: &[(u8, &str)] = &[
    (b'C', "apk:control-checksum"),
    (b'S', "apk:package-bytes"),
    (b'I', "apk:installed-bytes"),
    (b'c', "apk:commit"),
    (b't', "apk:build-time"),
    (b's', "apk:repository-tag"),
    (b'r', "apk:replaces"),
    (b'q', "apk:replaces-priority"),
    (b'k', "apk:provider-priority"),
    (b'i', "apk:install-if"),
];

/// Reads a whole database.
pub(super) fn read(file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
    let content = crate::text::lossy(file.bytes);
    let (mut problems, mut budget) = (ProblemCount::default(), Budget::new(file.limits));
    let mut entry = Entry::default();
    let result = content.lines().map(str::trim_end).chain([""]).try_for_each(|line| {
        if !line.is_empty() {
            if let Err(problem) = entry.line(line) {
                problems.add(out, problem);
            }
            return Ok(());
        }
        match std::mem::take(&mut entry).package() {
            Ok(Some(package)) => {
                budget.spend(&package)?;
                out.package(package);
            }
            Ok(None) => {}
            Err(problem) => problems.add(out, problem),
        }
        Ok(())
    });
    problems.finish(out);
    result
}

/// The lines of one package so far.
#[derive(Default)]
struct Entry<'a> {
    fields: Vec<(u8, &'a str)>,
    folder: &'a str,
    files: Vec<ImagePath>,
}

impl<'a> Entry<'a> {
    fn line(&mut self, line: &'a str) -> Result<(), Problem> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Problem::malformed(format!("a line of more than {LINE_BYTES_MAX} bytes")));
        }
        let (key, value) = match line.as_bytes() {
            [key, b':', ..] if key.is_ascii_alphabetic() => (*key, line.get(2..).unwrap_or_default()),
            _ => return Err(Problem::malformed("a line that is not one letter, a colon and a value")),
        };
        match key {
            b'F' if value.len() > FOLDER_BYTES_MAX => {
                return Err(Problem::malformed(format!("a folder of more than {FOLDER_BYTES_MAX} bytes")));
            }
            b'F' => self.folder = value,
            b'R' => self.files.push(ImagePath::new(self.folder).join(value)),
            // Modes and checksums of single files are not kept.
            b'M' | b'a' | b'Z' => {}
            key => self.fields.push((key, value.trim())),
        }
        Ok(())
    }

    fn get(&self, key: u8) -> Option<&'a str> {
        self.fields.iter().find(|(field, value)| *field == key && !value.is_empty()).map(|(_, value)| *value)
    }

    fn package(self) -> Result<Option<Package>, Problem> {
        if self.fields.is_empty() && self.files.is_empty() {
            return Ok(None);
        }
        let name = self.get(b'P').and_then(text::token);
        let name = name.ok_or_else(|| Problem::malformed("an entry without a usable name (`P:`)"))?;
        let version = self.get(b'V').and_then(text::token);
        let version = version
            .ok_or_else(|| Problem::malformed(format!("package `{name}` has no usable version (`V:`)")))?;
        let origin = self.get(b'o').and_then(text::token).unwrap_or(name);
        let architecture = self.get(b'A').and_then(text::token).unwrap_or_default();
        let upstream = if origin == name { "" } else { origin };
        let purl = Purl::new("apk", name).version(version).qualifier("arch", architecture);

        let mut package = Package::new(ID, purl.qualifier("upstream", upstream), name);
        package.source = Some((origin.to_owned(), Some(version.to_owned())));
        package.licenses = self.get(b'L').map(LicenseClaim::declared).into_iter().collect();
        package.supplier = self.get(b'm').and_then(installed::line).as_deref().and_then(Party::parse);
        package.description = self.get(b'T').and_then(installed::line);
        package.links = self.links();
        package.requires = self.get(b'D').map(requirements).unwrap_or_default();
        package.provides = self.get(b'p').map(provisions).unwrap_or_default();
        package.properties = self.properties();
        package.files = self.files;
        Ok(Some(package))
    }

    fn links(&self) -> Vec<Link> {
        let url = self.get(b'U');
        url.and_then(|url| text::link(LinkKind::Website, url)).into_iter().collect()
    }

    fn properties(&self) -> std::collections::BTreeMap<String, String> {
        // apko writes an empty list as `[]`.
        let value = |key: u8| self.get(key).filter(|value| *value != "[]");
        let kept = PROPERTIES.iter().filter_map(|(key, name)| Some(((*name).to_owned(), value(*key)?)));
        kept.filter_map(|(name, value)| Some((name, installed::line(value)?))).collect()
    }
}

/// Dependencies; `!name` is a conflict and no dependency.
fn requirements(text: &str) -> Vec<Requirement> {
    let wanted = text.split_whitespace().take(RELATIONS_MAX).filter(|word| !word.starts_with('!'));
    wanted
        .map(split)
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, constraint)| Requirement {
            any_of: vec![name.to_owned()],
            constraint: constraint.map(str::to_owned),
            kind: RequirementKind::Runtime,
        })
        .collect()
}

fn provisions(text: &str) -> Vec<String> {
    let names = text.split_whitespace().take(RELATIONS_MAX).map(|word| split(word).0);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// `name>=1.2` → name and constraint; `name@tag` names a repository, which does not matter any more.
fn split(word: &str) -> (&str, Option<&str>) {
    let at = word.find(['<', '>', '=', '~']).unwrap_or(word.len());
    let (name, constraint) = word.split_at(at);
    let name = name.split('@').next().unwrap_or_default();
    (name, (!constraint.is_empty()).then_some(constraint))
}

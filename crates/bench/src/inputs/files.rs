//! Files for the readers of every ecosystem.

use std::io::{self, Read as _};
use std::path::Path;

use flate2::read::GzDecoder;
use supercargo_ecosystems::{Ecosystem, Matcher};
use supercargo_inventory::ImagePath;
use supercargo_testkit::TextImage;

use super::{Random, jars};
use crate::passes;

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it lies.
    pub path: ImagePath,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl InputFile {
    fn new(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: ImagePath::new(path), bytes: bytes.into() }
    }
}

/// Files that look like those of a middling image, for every ecosystem that has a generator here.
///
/// # Errors
/// Those of the compressors.
pub fn generated() -> io::Result<Vec<InputFile>> {
    let mut files = distro();
    files.extend(apk(400));
    files.extend(dpkg(400));
    files.extend(npm(300));
    files.extend(python(200));
    files.extend(java(20)?);
    files.extend(programs());
    files.push(rpm()?);
    Ok(files)
}

/// The files that an ecosystem wants: generated ones or, for one without a generator, those of its fixtures.
///
/// # Errors
/// Those of reading fixtures, and an ecosystem for which there is nothing.
pub fn candidates(ecosystem: &'static dyn Ecosystem) -> io::Result<Vec<InputFile>> {
    let matcher = Matcher::compile(&[ecosystem]).map_err(io::Error::other)?;
    let wanted =
        |file: &InputFile| !matcher.by_path(&file.path).with(matcher.by_magic(&file.bytes)).is_empty();
    let mut files: Vec<InputFile> = generated()?.into_iter().filter(wanted).collect();
    if files.is_empty() {
        files = fixtures(ecosystem.id().0)?.into_iter().filter(wanted).collect();
    }
    if files.is_empty() {
        return Err(io::Error::other(format!("no generated file and no fixture for `{}`", ecosystem.id())));
    }
    Ok(files)
}

/// Every file of `testdata/images/ID*.image`.
fn fixtures(id: &str) -> io::Result<Vec<InputFile>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut names: Vec<_> = std::fs::read_dir(root.join("testdata/images"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(id)))
        .filter(|path| path.extension().is_some_and(|ending| ending == "image"))
        .collect();
    names.sort();
    let mut files = Vec::new();
    for name in names {
        let text = std::fs::read_to_string(&name)?;
        let image = TextImage::parse_in(&text, &root).map_err(io::Error::other)?;
        for layer in image.layers()? {
            files.extend(passes::files(&layer.tar)?);
        }
    }
    Ok(files)
}

pub(super) fn distro() -> Vec<InputFile> {
    let text = "ID=debian\nVERSION_ID=\"12\"\nNAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=bookworm\n\
                PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nHOME_URL=\"https://www.debian.org/\"\n";
    vec![InputFile::new("etc/os-release", text), InputFile::new("etc/debian_version", "12.9\n")]
}

fn apk(packages: usize) -> Vec<InputFile> {
    let mut random = Random::new(2);
    let mut text = String::new();
    for at in 0..packages {
        text += &format!(
            "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:lib{at}\nV:1.{at}.0-r1\nA:x86_64\nS:1000\nI:4000\nT:{}\nU:https://example.org/{at}\n\
             L:MIT AND (GPL-2.0-only OR BSD-3-Clause)\no:origin{}\nm:A B <a@example.org>\nt:1700000000\nc:{}\n\
             D:so:libc.musl-x86_64.so.1 lib{}\np:so:lib{at}.so.1=1\nF:usr/lib\n",
            random.word(),
            at / 3,
            random.hex(40),
            at / 2,
        );
        for file in 0..6 {
            text += &format!("R:lib{at}-{file}.so\na:0:0:755\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
        }
        text.push('\n');
    }
    vec![InputFile::new("lib/apk/db/installed", text)]
}

pub(super) fn dpkg(packages: usize) -> Vec<InputFile> {
    let mut random = Random::new(3);
    let (mut status, mut files) = (String::new(), Vec::new());
    for at in 0..packages {
        status += &format!(
            "Package: lib{at}\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: 120\n\
             Maintainer: Example Team <team@example.org>\nArchitecture: amd64\nSource: src{} (1.{at}-2)\nVersion: 1.{at}-2+b1\n\
             Depends: libc6 (>= 2.36), lib{} | lib{}\nDescription: {}\n {}\nHomepage: https://example.org/{at}\n\n",
            at / 2,
            at / 3,
            at / 4,
            random.word(),
            random.text(300).trim_end().replace('\n', "\n "),
        );
        let names: Vec<String> = (0..12).map(|_| format!("usr/lib/lib{at}/{}", random.word())).collect();
        let sums: String = names.iter().map(|name| format!("{}  {name}\n", random.hex(32))).collect();
        let list: String = names.iter().map(|name| format!("/{name}\n")).collect();
        files.push(InputFile::new(&format!("var/lib/dpkg/info/lib{at}.md5sums"), sums));
        files.push(InputFile::new(&format!("var/lib/dpkg/info/lib{at}.list"), list));
        files.push(InputFile::new(&format!("usr/share/doc/lib{at}/copyright"), copyright(&mut random)));
    }
    files.push(InputFile::new("var/lib/dpkg/status", status));
    files
}

fn copyright(random: &mut Random) -> String {
    let text = random.text(900).replace('\n', "\n ");
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
         Files: *\nCopyright: 2024 A B\nLicense: GPL-2+\n\nFiles: debian/*\nLicense: Expat\n\nLicense: GPL-2+\n {text}\n"
    )
}

fn npm(packages: usize) -> Vec<InputFile> {
    let mut random = Random::new(4);
    let manifest = |at: usize, random: &mut Random| {
        let text = format!(
            "{{\n  \"name\": \"package-{at}\",\n  \"version\": \"1.{at}.0\",\n  \"description\": \"{}\",\n  \"license\": \"MIT\",\n  \
             \"author\": \"A B <a@example.org>\",\n  \"repository\": {{\"type\": \"git\", \"url\": \"git+https://example.org/{at}.git\"}},\n  \
             \"dependencies\": {{\"package-{}\": \"^1.0.0\", \"package-{}\": \"*\"}},\n  \"scripts\": {{\"test\": \"{}\"}}\n}}\n",
            random.word(),
            at / 2,
            at / 3,
            random.text(400).replace('\n', " "),
        );
        InputFile::new(&format!("app/node_modules/package-{at}/package.json"), text)
    };
    let mut files: Vec<_> = (0..packages).map(|at| manifest(at, &mut random)).collect();
    let locked: Vec<String> = (0..packages).map(|at| locked(at, &mut random)).collect();
    let lock = format!("{{\"lockfileVersion\": 3, \"packages\": {{\n{}\n}}}}\n", locked.join(",\n"));
    files.push(InputFile::new("app/node_modules/.package-lock.json", lock));
    files
}

fn locked(at: usize, random: &mut Random) -> String {
    format!(
        "\"node_modules/package-{at}\": {{\"version\": \"1.{at}.0\", \"resolved\": \"https://example.org/package-{at}.tgz\", \
         \"integrity\": \"sha512-{}==\", \"license\": \"MIT\"}}",
        random.hex(86)
    )
}

fn python(packages: usize) -> Vec<InputFile> {
    let mut random = Random::new(5);
    let mut files = Vec::new();
    for at in 0..packages {
        let folder = format!("usr/lib/python3/dist-packages/package_{at}-2.{at}.dist-info");
        let metadata = format!(
            "Metadata-Version: 2.1\nName: package-{at}\nVersion: 2.{at}\nSummary: {}\nAuthor-email: A B <a@example.org>\n\
             License: MIT\nProject-URL: Source, https://example.org/{at}\nClassifier: License :: OSI Approved :: MIT License\n\
             Requires-Dist: package-{} (>=1.0)\nRequires-Dist: package-{} ; extra == 'dev'\n\n{}",
            random.word(),
            at / 2,
            at / 3,
            random.text(3000),
        );
        let record: String = (0..60)
            .map(|file| format!("package_{at}/{file}.py,sha256={},{file}00\n", random.hex(43)))
            .collect();
        files.push(InputFile::new(&format!("{folder}/METADATA"), metadata));
        files.push(InputFile::new(&format!("{folder}/RECORD"), record));
        files.push(InputFile::new(&format!("{folder}/INSTALLER"), "pip\n"));
    }
    files
}

fn java(jars: usize) -> io::Result<Vec<InputFile>> {
    let mut random = Random::new(6);
    let jar = |at: usize| {
        let bytes = jars::jar(&format!("artifact-{at}"), &format!("3.{at}"), 60, &mut random)?;
        Ok(InputFile::new(&format!("opt/app/lib/artifact-{at}-3.{at}.jar"), bytes))
    };
    (0..jars).map(jar).collect()
}

fn programs() -> Vec<InputFile> {
    const GO: &[u8] = include_bytes!("../../../../testdata/binaries/go.elf");
    const RUST: &[u8] = include_bytes!("../../../../testdata/binaries/cargo.elf");
    vec![InputFile::new("usr/bin/go-app", GO), InputFile::new("usr/bin/rust-app", RUST)]
}

fn rpm() -> io::Result<InputFile> {
    const PACKED: &[u8] = include_bytes!("../../../../testdata/rpmdb/sqlite/rpmdb.sqlite.gz");
    let mut bytes = Vec::new();
    GzDecoder::new(PACKED).read_to_end(&mut bytes)?;
    Ok(InputFile::new("usr/lib/sysimage/rpm/rpmdb.sqlite", bytes))
}

#[cfg(test)]
mod tests {
    use supercargo_content::Limits;
    use supercargo_ecosystems::{ALL, Candidate, Findings};

    use super::*;

    #[test]
    fn every_ecosystem_finds_something_in_its_files() {
        let limits = Limits::default();
        for ecosystem in ALL {
            let mut found = Findings::default();
            for file in candidates(*ecosystem).unwrap() {
                let candidate = Candidate {
                    path: &file.path,
                    mode: 0o755,
                    bytes: &file.bytes,
                    sha256: None,
                    limits: &limits,
                };
                ecosystem.read(&candidate, &mut found).unwrap();
            }
            assert!(!found.facts.is_empty(), "nothing found for `{}`", ecosystem.id());
            assert!(found.problems.is_empty(), "{:?}", found.problems);
        }
    }

    #[test]
    fn fixtures_are_found_by_the_id() {
        assert!(fixtures("apk").unwrap().iter().any(|file| file.path.as_str() == "lib/apk/db/installed"));
    }
}

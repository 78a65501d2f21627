//! Text images: a whole container image and what is to be found in it, in one text file.
//!
//! The text is a head and sections. A section begins with a line `-- WORDS --` and reaches to the next such line.
//! Lines that begin with `#` are comments in the head and in the expectations, never in bodies.
//!
//! ```text
//! # why this fixture exists
//! platform: linux/arm64            os/arch[/variant]; linux/amd64 when left out
//! created: 2024-01-02T03:04:05Z    when left out there is none
//! tag: 1                           name in index.json, and in the Docker archive; `latest` when left out
//! label: KEY=VALUE                 any number
//!
//! -- layer 0 gzip --               number from 0; `none` (when left out), `gzip`, `zstd`, `estargz`, `zstd:chunked`
//! -- file etc/os-release --        the body follows
//! ID=debian
//! -- file usr/bin/tool mode=755 --
//! #!/bin/sh
//! -- base64 usr/lib/x.bin --       the body in base64, over any number of lines
//! AAEC
//! -- include a.jar from testdata/a.jar --   a file below the base folder of `parse_in`
//! -- dir var/empty --
//! -- link bin -> usr/bin --        a symbolic link and its target
//! -- hardlink a -> b --
//! -- layer 1 zstd --
//! -- whiteout etc/motd --          writes etc/.wh.motd
//! -- opaque var/cache --           writes var/cache/.wh..wh..opq
//!
//! -- packages --                   expected, one purl on a line
//! pkg:deb/debian/tzdata@2024a
//! -- problems --                   expected, one on a line, in the words of the runner
//! ```
//!
//! Blank lines at the end of a body are dropped; what is left ends with a newline, so an empty body is an empty
//! file. Names are written into the archive as they stand, `../` and all: hostile spellings are what fixtures are
//! for. The bytes that come out depend on the text alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Value, json};
use supercargo_content::{Descriptor, Digest, MediaType, Platform};

use crate::{lazy, tar};

/// An image as text, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextImage {
    platform: Platform,
    created: Option<String>,
    tag: String,
    labels: BTreeMap<String, String>,
    layers: Vec<(Compression, Vec<u8>)>,
    packages: Vec<String>,
    problems: Vec<String>,
}

/// How a layer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
    /// With zstd.
    Zstd,
    /// As eStargz, in chunks of 64 bytes.
    Estargz,
    /// As zstd:chunked, in chunks of 64 bytes.
    ZstdChunked,
}

/// Bytes of a chunk in layers with a table of contents: small, so that files in texts have several.
const CHUNK_BYTES: usize = 64;

/// A layer as it lies in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLayer {
    /// Media type, digest and size of `bytes`.
    pub blob: Descriptor,
    /// The packed bytes.
    pub bytes: Vec<u8>,
    /// The archive before packing.
    pub tar: Vec<u8>,
    /// The digest of the archive before packing.
    pub diff_id: Digest,
}

impl TextImage {
    /// Parses a text without `include` sections.
    ///
    /// # Errors
    /// [`TextImageError`] with the number of the line.
    pub fn parse(text: &str) -> Result<Self, TextImageError> {
        Parser::new(None).parse(text)
    }

    /// Parses a text whose `include` sections name files below `base`.
    ///
    /// # Errors
    /// [`TextImageError`] with the number of the line.
    pub fn parse_in(text: &str, base: &Path) -> Result<Self, TextImageError> {
        Parser::new(Some(base)).parse(text)
    }

    /// The purls in the section `packages`, in the order of the text.
    pub fn expected_packages(&self) -> &[String] {
        &self.packages
    }

    /// The lines of the section `problems`, in the order of the text.
    pub fn expected_problems(&self) -> &[String] {
        &self.problems
    }

    /// The platform.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The layers from the base up.
    ///
    /// # Errors
    /// Those of the compressors.
    pub fn layers(&self) -> io::Result<Vec<TextLayer>> {
        self.layers.iter().map(|(compression, tar)| pack(*compression, tar)).collect()
    }

    /// Writes an OCI image layout with this one image, tagged. The folder is made when it is not there.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_oci_layout(&self, dir: &Path) -> io::Result<Descriptor> {
        let manifest = self.write_blobs(dir)?;
        finish_layout(dir, &manifest, &self.tag)?;
        Ok(manifest)
    }

    /// Writes a Docker archive of the older form: `manifest.json`, the configuration, and layers that are not
    /// packed. Returns the image ID.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_docker_archive(&self, file: &Path) -> io::Result<Digest> {
        let layers = self.layers()?;
        let config = self.config(&layers);
        let image_id = Digest::sha256_of(&config);
        let config_name = format!("{}.json", image_id.hex());
        let names: Vec<String> =
            layers.iter().map(|layer| format!("{}/layer.tar", layer.diff_id.hex())).collect();
        let repo_tag =
            if self.tag.contains(':') { self.tag.clone() } else { format!("fixture:{}", self.tag) };
        let list = json!([{"Config": config_name, "RepoTags": [repo_tag], "Layers": names}]);
        let mut archive = Vec::new();
        tar::file(&mut archive, &config_name, 0o644, &config);
        for (at, layer) in layers.iter().enumerate() {
            if layers.iter().position(|other| other.diff_id == layer.diff_id) == Some(at) {
                tar::file(&mut archive, &format!("{}/layer.tar", layer.diff_id.hex()), 0o644, &layer.tar);
            }
        }
        tar::file(&mut archive, "manifest.json", 0o644, list.to_string().as_bytes());
        tar::finish(&mut archive);
        fs::write(file, archive)?;
        Ok(image_id)
    }

    fn write_blobs(&self, dir: &Path) -> io::Result<Descriptor> {
        let layers = self.layers()?;
        for layer in &layers {
            write_blob(dir, &layer.blob, &layer.bytes)?;
        }
        let config_bytes = self.config(&layers);
        let config = Descriptor::of(MediaType::OCI_CONFIG, &config_bytes);
        write_blob(dir, &config, &config_bytes)?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST.as_str(),
            "config": entry(&config),
            "layers": layers.iter().map(|layer| entry(&layer.blob)).collect::<Vec<_>>(),
        });
        let manifest_bytes = manifest.to_string().into_bytes();
        let manifest = Descriptor::of(MediaType::OCI_MANIFEST, &manifest_bytes);
        write_blob(dir, &manifest, &manifest_bytes)?;
        Ok(Descriptor { platform: Some(self.platform.clone()), ..manifest })
    }

    fn config(&self, layers: &[TextLayer]) -> Vec<u8> {
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let mut config = platform_json(&self.platform);
        config["config"] = json!({"Labels": self.labels});
        config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
        if let Some(created) = &self.created {
            config["created"] = json!(created);
        }
        config.to_string().into_bytes()
    }
}

/// Writes an OCI image layout with an index of several images, one for each platform, under one tag.
///
/// # Errors
/// Those of writing.
pub fn write_oci_index(dir: &Path, images: &[TextImage], tag: &str) -> io::Result<Descriptor> {
    let manifests = images.iter().map(|image| image.write_blobs(dir)).collect::<io::Result<Vec<_>>>()?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX.as_str(),
        "manifests": manifests.iter().map(entry).collect::<Vec<_>>(),
    });
    let bytes = index.to_string().into_bytes();
    let index = Descriptor::of(MediaType::OCI_INDEX, &bytes);
    write_blob(dir, &index, &bytes)?;
    finish_layout(dir, &index, tag)?;
    Ok(index)
}

fn finish_layout(dir: &Path, root: &Descriptor, tag: &str) -> io::Result<()> {
    let mut root = entry(root);
    root["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": [root]});
    fs::write(dir.join("index.json"), index.to_string())?;
    fs::write(dir.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string())
}

fn write_blob(dir: &Path, what: &Descriptor, bytes: &[u8]) -> io::Result<()> {
    let folder = dir.join("blobs").join(what.digest.algorithm().name());
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(what.digest.hex()), bytes)
}

fn entry(what: &Descriptor) -> Value {
    let mut entry = json!({
        "mediaType": what.media_type.as_str(),
        "digest": what.digest.to_string(),
        "size": what.size,
    });
    if let Some(platform) = &what.platform {
        entry["platform"] = platform_json(platform);
    }
    if !what.annotations.is_empty() {
        entry["annotations"] = json!(what.annotations);
    }
    entry
}

fn platform_json(platform: &Platform) -> Value {
    let mut value = json!({"architecture": platform.architecture, "os": platform.os});
    if let Some(variant) = &platform.variant {
        value["variant"] = json!(variant);
    }
    value
}

fn pack(compression: Compression, tar: &[u8]) -> io::Result<TextLayer> {
    let (media_type, bytes) = match compression {
        Compression::None => (MediaType::OCI_LAYER, tar.to_vec()),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(tar)?;
            (MediaType::OCI_LAYER_GZIP, encoder.finish()?)
        }
        Compression::Zstd => (MediaType::OCI_LAYER_ZSTD, zstd::encode_all(tar, 3)?),
        Compression::Estargz => return lazy::estargz(tar, CHUNK_BYTES, &|_| {}),
        Compression::ZstdChunked => return lazy::zstd_chunked(tar, CHUNK_BYTES, &|_| {}),
    };
    let diff_id = Digest::sha256_of(tar);
    Ok(TextLayer { blob: Descriptor::of(media_type, &bytes), bytes, tar: tar.to_vec(), diff_id })
}

/// Why a text is not an image.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct TextImageError {
    /// The line of the section or of the head, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: TextImageReason,
}

/// What is wrong with a line of a text image.
#[derive(Debug, thiserror::Error)]
pub enum TextImageReason {
    /// A line of the head that is none of the known ones.
    #[error("`{0}` is not a line of the head: expected `platform:`, `created:`, `tag:` or `label:`")]
    Head(String),
    /// A section that is none of the known ones, or lacks a word.
    #[error("`-- {0} --` is not a section: see the documentation of `testkit::image`")]
    Section(String),
    /// Layers are numbered from 0.
    #[error("expected layer {expected}, found {found}")]
    LayerNumber {
        /// The next number.
        expected: usize,
        /// What stands there.
        found: String,
    },
    /// A member outside of any layer.
    #[error("a member stands before the first layer")]
    NoLayer,
    /// A section that takes no body has one.
    #[error("`-- {0} --` takes no body")]
    Body(String),
    /// The body is not base64.
    #[error("the body is not base64")]
    Base64,
    /// A mode that is not octal.
    #[error("`{0}` is not a mode: expected octal digits as in `mode=755`")]
    Mode(String),
    /// An `include` in a text that was parsed without a base folder.
    #[error("`include` needs `TextImage::parse_in`")]
    NoBase,
    /// The included file cannot be read.
    #[error("failed to read `{path}`: {source}")]
    Include {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

struct Parser<'a> {
    base: Option<&'a Path>,
    image: TextImage,
}

impl<'a> Parser<'a> {
    fn new(base: Option<&'a Path>) -> Self {
        let image = TextImage {
            platform: Platform::new("linux", "amd64"),
            created: None,
            tag: "latest".to_owned(),
            labels: BTreeMap::new(),
            layers: Vec::new(),
            packages: Vec::new(),
            problems: Vec::new(),
        };
        Self { base, image }
    }

    fn parse(mut self, text: &str) -> Result<TextImage, TextImageError> {
        let (head, sections) = sections(text);
        for (line, text) in head {
            self.head(text).map_err(|reason| TextImageError { line, reason })?;
        }
        for section in &sections {
            self.section(section).map_err(|reason| TextImageError { line: section.line, reason })?;
        }
        self.image.layers.iter_mut().for_each(|(_, tar)| tar::finish(tar));
        Ok(self.image)
    }

    fn head(&mut self, text: &str) -> Result<(), TextImageReason> {
        let bad = || TextImageReason::Head(text.to_owned());
        let (key, value) = text.split_once(':').ok_or_else(bad)?;
        let value = value.trim();
        match key {
            "platform" => self.image.platform = value.parse().map_err(|_| bad())?,
            "created" => self.image.created = Some(value.to_owned()),
            "tag" => self.image.tag = value.to_owned(),
            "label" => {
                let (key, value) = value.split_once('=').ok_or_else(bad)?;
                self.image.labels.insert(key.to_owned(), value.to_owned());
            }
            _ => return Err(bad()),
        }
        Ok(())
    }

    fn section(&mut self, section: &Section<'_>) -> Result<(), TextImageReason> {
        let bad = || TextImageReason::Section(section.words.to_owned());
        let (kind, rest) = section.words.split_once(' ').unwrap_or((section.words, ""));
        let rest = rest.trim();
        match kind {
            "packages" => self.image.packages = expectations(&section.body),
            "problems" => self.image.problems = expectations(&section.body),
            _ if kind == "file" || kind == "base64" => self.file(kind, rest, &section.body)?,
            _ if section.body.iter().any(|line| !line.trim().is_empty()) => {
                return Err(TextImageReason::Body(section.words.to_owned()));
            }
            "layer" => self.layer(rest).unwrap_or_else(|| Err(bad()))?,
            _ if rest.is_empty() => return Err(bad()),
            "dir" => tar::directory(self.tar()?, rest),
            "whiteout" => {
                let (folder, name) =
                    rest.rsplit_once('/').map_or(("", rest), |(folder, name)| (folder, name));
                let slash = if folder.is_empty() { "" } else { "/" };
                tar::file(self.tar()?, &format!("{folder}{slash}.wh.{name}"), 0o644, b"");
            }
            "opaque" => tar::file(self.tar()?, &format!("{rest}/.wh..wh..opq"), 0o644, b""),
            "link" | "hardlink" => {
                let (name, target) = rest.split_once(" -> ").ok_or_else(bad)?;
                let write = if kind == "link" { tar::symlink } else { tar::hardlink };
                write(self.tar()?, name, target);
            }
            "include" => {
                let (name, from) = rest.split_once(" from ").ok_or_else(bad)?;
                self.include(name, from)?;
            }
            _ => return Err(bad()),
        }
        Ok(())
    }

    fn layer(&mut self, words: &str) -> Option<Result<(), TextImageReason>> {
        let (number, compression) = words.split_once(' ').unwrap_or((words, "none"));
        let compression = match compression {
            "none" => Compression::None,
            "gzip" => Compression::Gzip,
            "zstd" => Compression::Zstd,
            "estargz" => Compression::Estargz,
            "zstd:chunked" => Compression::ZstdChunked,
            _ => return None,
        };
        let expected = self.image.layers.len();
        if number.parse() != Ok(expected) {
            return Some(Err(TextImageReason::LayerNumber { expected, found: number.to_owned() }));
        }
        self.image.layers.push((compression, Vec::new()));
        Some(Ok(()))
    }

    fn file(&mut self, kind: &str, words: &str, body: &[&str]) -> Result<(), TextImageReason> {
        let (name, mode) = with_mode(words)?;
        let content = match kind {
            "base64" => base64::engine::general_purpose::STANDARD
                .decode(body.concat().split_whitespace().collect::<String>())
                .map_err(|_| TextImageReason::Base64)?,
            _ => lines(body).into_bytes(),
        };
        tar::file(self.tar()?, name, mode, &content);
        Ok(())
    }

    fn include(&mut self, name: &str, from: &str) -> Result<(), TextImageReason> {
        let (from, mode) = with_mode(from)?;
        let path = self.base.ok_or(TextImageReason::NoBase)?.join(from);
        let content = fs::read(&path).map_err(|source| TextImageReason::Include { path, source })?;
        tar::file(self.tar()?, name, mode, &content);
        Ok(())
    }

    fn tar(&mut self) -> Result<&mut Vec<u8>, TextImageReason> {
        self.image.layers.last_mut().map(|(_, tar)| tar).ok_or(TextImageReason::NoLayer)
    }
}

struct Section<'a> {
    line: usize,
    words: &'a str,
    body: Vec<&'a str>,
}

/// The numbered lines of the head, and the sections.
fn sections(text: &str) -> (Vec<(usize, &str)>, Vec<Section<'_>>) {
    let (mut head, mut sections) = (Vec::new(), Vec::<Section<'_>>::new());
    for (at, line) in text.lines().enumerate() {
        let words = line.strip_prefix("-- ").and_then(|rest| rest.trim_end().strip_suffix(" --"));
        match (words, sections.last_mut()) {
            (Some(words), _) => {
                sections.push(Section { line: at + 1, words: words.trim(), body: Vec::new() })
            }
            (None, Some(section)) => section.body.push(line),
            (None, None) if line.trim().is_empty() || line.starts_with('#') => {}
            (None, None) => head.push((at + 1, line)),
        }
    }
    (head, sections)
}

fn expectations(body: &[&str]) -> Vec<String> {
    let counts = |line: &&&str| !line.trim().is_empty() && !line.starts_with('#');
    body.iter().filter(counts).map(|line| line.trim().to_owned()).collect()
}

fn lines(body: &[&str]) -> String {
    let used = body.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    body.iter().take(used).flat_map(|line| [*line, "\n"]).collect()
}

fn with_mode(words: &str) -> Result<(&str, u32), TextImageReason> {
    match words.rsplit_once(" mode=") {
        Some((name, mode)) => {
            let bits = u32::from_str_radix(mode, 8).ok().filter(|&bits| bits <= 0o7777);
            Ok((name, bits.ok_or_else(|| TextImageReason::Mode(mode.to_owned()))?))
        }
        None => Ok((words, 0o644)),
    }
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;

//! Java archives as Maven makes them.

use std::io::{self, Write as _};

use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};

use super::Random;

/// A jar of one artifact: manifest, pom.properties, and classes of random bytes and text.
///
/// # Errors
/// Those of the writer.
pub(super) fn jar(artifact: &str, version: &str, classes: usize, random: &mut Random) -> io::Result<Vec<u8>> {
    let mut members = vec![
        (
            "META-INF/MANIFEST.MF".to_owned(),
            format!("Manifest-Version: 1.0\r\nImplementation-Title: {artifact}\r\nImplementation-Version: {version}\r\n\r\n").into_bytes(),
        ),
        (
            format!("META-INF/maven/org.example/{artifact}/pom.properties"),
            format!("groupId=org.example\nartifactId={artifact}\nversion={version}\n").into_bytes(),
        ),
    ];
    for class in 0..classes {
        let mut body = random.text(1500).into_bytes();
        body.extend(random.bytes(500));
        members.push((format!("org/example/{artifact}/Class{class}.class"), body));
    }
    zip(&members)
}

fn zip(members: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, body) in members {
        let file = archive.new_file(name.as_str()).compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start().map_err(io::Error::other)?;
        let mut writer = config.wrap(DeflateEncoder::new(&mut entry, flate2::Compression::new(6)));
        writer.write_all(body)?;
        let (encoder, descriptor) = writer.finish().map_err(io::Error::other)?;
        encoder.finish()?;
        entry.finish(descriptor).map_err(io::Error::other)?;
    }
    archive.finish().map_err(io::Error::other)
}

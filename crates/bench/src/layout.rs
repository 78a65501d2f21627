//! The little that measurements need of an OCI layout: its layers, and a way to write one.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use serde_json::{Value, json};
use supercargo_content::{Descriptor, Digest, MediaType};

/// A layer of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The SHA-256 digest in lowercase hexadecimal digits.
    pub hex: String,
    /// Its size.
    pub bytes: u64,
}

impl Blob {
    /// Where it lies in a layout.
    pub fn path(&self, layout: &Path) -> PathBuf {
        layout.join("blobs/sha256").join(&self.hex)
    }
}

/// A layer that has been packed with gzip, and the digest of its tar.
#[derive(Debug, Clone)]
pub struct Packed {
    bytes: Vec<u8>,
    diff_id: Digest,
}

impl Packed {
    /// The packed bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the tar.
    pub fn diff_id(&self) -> &Digest {
        &self.diff_id
    }
}

/// Packs a tar with gzip.
///
/// # Errors
/// Those of the compressor.
pub fn gzip(tar: &[u8]) -> io::Result<Packed> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(tar)?;
    Ok(Packed { bytes: encoder.finish()?, diff_id: Digest::sha256_of(tar) })
}

/// The layers of the first image of a layout, from the base up.
///
/// # Errors
/// Those of reading, and a layout that is not one of a single image.
pub fn layers(layout: &Path) -> io::Result<Vec<Blob>> {
    let manifest = manifest(layout)?;
    let layers = manifest["layers"].as_array().ok_or_else(|| broken(layout, "no layers"))?;
    layers.iter().map(|layer| blob(layer).ok_or_else(|| broken(layout, "no digest"))).collect()
}

/// The digest of the manifest of the first image of a layout, in hexadecimal digits.
///
/// # Errors
/// Those of reading, and a layout without an image.
pub fn manifest_digest(layout: &Path) -> io::Result<String> {
    Ok(manifest_blob(layout)?.hex)
}

/// Writes a layout with one image, tagged `latest`.
///
/// # Errors
/// Those of writing.
pub fn write(layout: &Path, layers: &[Packed]) -> io::Result<()> {
    let mut entries = Vec::new();
    for layer in layers {
        entries.push(write_blob(layout, MediaType::OCI_LAYER_GZIP, &layer.bytes)?);
    }
    let diff_ids: Vec<String> = layers.iter().map(|layer| layer.diff_id.to_string()).collect();
    write_image(layout, &entries, &diff_ids)
}

/// Writes a layout that is `from` with another top layer: the old one with one more file in front. The blobs below it
/// are linked, not copied.
///
/// # Errors
/// Those of reading and writing.
pub fn write_with_new_top(from: &Path, layout: &Path) -> io::Result<()> {
    let mut blobs = layers(from)?;
    let top = blobs.pop().ok_or_else(|| broken(from, "no layers"))?;
    let mut tar = Vec::new();
    supercargo_testkit::tar::file(&mut tar, "rebuilt", 0o644, b"once more\n");
    let stored = io::BufReader::new(fs::File::open(top.path(from))?);
    io::copy(&mut flate2::bufread::MultiGzDecoder::new(stored), &mut tar)?;
    let packed = gzip(&tar)?;
    let mut entries: Vec<Value> = manifest(from)?["layers"].as_array().cloned().unwrap_or_default();
    let mut diff_ids = diff_ids(from)?;
    entries.pop();
    diff_ids.pop();
    for blob in &blobs {
        link(&blob.path(from), &blob.path(layout))?;
    }
    entries.push(write_blob(layout, MediaType::OCI_LAYER_GZIP, &packed.bytes)?);
    diff_ids.push(packed.diff_id.to_string());
    write_image(layout, &entries, &diff_ids)
}

fn write_image(layout: &Path, layers: &[Value], diff_ids: &[String]) -> io::Result<()> {
    let rootfs = json!({"type": "layers", "diff_ids": diff_ids});
    let config = json!({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs});
    let config = write_blob(layout, MediaType::OCI_CONFIG, config.to_string().as_bytes())?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST.as_str(),
        "config": config,
        "layers": layers,
    });
    let mut entry = write_blob(layout, MediaType::OCI_MANIFEST, manifest.to_string().as_bytes())?;
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": [entry]});
    fs::write(layout.join("index.json"), index.to_string())?;
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
}

fn write_blob(layout: &Path, media_type: MediaType, bytes: &[u8]) -> io::Result<Value> {
    let blob = Descriptor::of(media_type, bytes);
    let folder = layout.join("blobs/sha256");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(blob.digest.hex()), bytes)?;
    Ok(json!({"mediaType": blob.media_type.as_str(), "digest": blob.digest.to_string(), "size": blob.size}))
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if to.exists() || fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to).map(|_| ()) // another file system
}

fn manifest(layout: &Path) -> io::Result<Value> {
    read_json(&manifest_blob(layout)?.path(layout))
}

fn manifest_blob(layout: &Path) -> io::Result<Blob> {
    let index: Value = read_json(&layout.join("index.json"))?;
    blob(&index["manifests"][0]).ok_or_else(|| broken(layout, "no manifest"))
}

fn diff_ids(layout: &Path) -> io::Result<Vec<String>> {
    let config = blob(&manifest(layout)?["config"]).ok_or_else(|| broken(layout, "no configuration"))?;
    let config = read_json(&config.path(layout))?;
    let ids = config["rootfs"]["diff_ids"].as_array().ok_or_else(|| broken(layout, "no diff IDs"))?;
    Ok(ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect())
}

fn read_json(file: &Path) -> io::Result<Value> {
    let bytes = fs::read(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn blob(descriptor: &Value) -> Option<Blob> {
    let hex = descriptor["digest"].as_str()?.strip_prefix("sha256:")?.to_owned();
    Some(Blob { hex, bytes: descriptor["size"].as_u64()? })
}

fn broken(layout: &Path, what: &str) -> io::Error {
    io::Error::other(format!("{}: {what}", layout.display()))
}

/// Lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_top_changes_one_layer() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        write(&old, &[gzip(&[0; 1024]).unwrap(), gzip(&[0; 2048]).unwrap()]).unwrap();
        write_with_new_top(&old, &new).unwrap();
        let (old, fresh) = (layers(&old).unwrap(), layers(&new).unwrap());
        assert_eq!((old.len(), fresh.len()), (2, 2));
        assert_eq!(old[0], fresh[0]);
        assert_ne!(old[1], fresh[1]);
        assert_eq!(crate::floor::layout(&new).unwrap().members, 1);
    }
}

//! The image of `make demo`: the supercargo binary itself, with what a small real image has around it.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use supercargo_content::{Descriptor, Digest, MediaType};

/// Where systems keep the certificates of the public authorities; the first that is there goes into the image.
const CERTIFICATES: &[&str] =
    &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

const OS_RELEASE: &str =
    "ID=demo\nNAME=\"supercargo demo\"\nPRETTY_NAME=\"supercargo demo image\"\nVERSION_ID=1\n";

/// Makes an OCI layout in `folder` with one image, tagged `app`: a base layer, and the binary above it.
pub(crate) fn make(binary: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut base = vec![("etc/os-release", OS_RELEASE.as_bytes().to_vec(), 0o644)];
    if let Some(bytes) = CERTIFICATES.iter().find_map(|path| fs::read(path).ok()) {
        base.push(("etc/ssl/certs/ca-certificates.crt", bytes, 0o644));
    }
    let app = vec![("usr/bin/supercargo", fs::read(binary)?, 0o755)];
    let layout = Layout { blobs: folder.join("blobs/sha256") };
    fs::create_dir_all(&layout.blobs)?;
    let layers = [layout.layer(&base)?, layout.layer(&app)?];
    let config = json!({
        "architecture": match std::env::consts::ARCH { "x86_64" => "amd64", "aarch64" => "arm64", other => other },
        "os": "linux",
        "created": "2026-11-24T00:00:00Z",
        "config": {"Entrypoint": ["/usr/bin/supercargo"]},
        "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|(_, diff_id)| diff_id.to_string()).collect::<Vec<_>>()},
    });
    let config = layout.blob(MediaType::OCI_CONFIG, config.to_string().as_bytes())?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST.as_str(),
        "config": descriptor(&config),
        "layers": layers.iter().map(|(layer, _)| descriptor(layer)).collect::<Vec<_>>(),
    });
    let manifest = layout.blob(MediaType::OCI_MANIFEST, manifest.to_string().as_bytes())?;
    let mut entry = descriptor(&manifest);
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "app"});
    let index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": [entry]});
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(())
}

struct Layout {
    blobs: std::path::PathBuf,
}

impl Layout {
    fn blob(&self, media_type: MediaType, bytes: &[u8]) -> Result<Descriptor, Box<dyn Error>> {
        let descriptor = Descriptor::of(media_type, bytes);
        fs::write(self.blobs.join(descriptor.digest.hex()), bytes)?;
        Ok(descriptor)
    }

    /// A layer of files, compressed with gzip: its blob and its diff ID.
    fn layer(&self, files: &[(&str, Vec<u8>, u32)]) -> Result<(Descriptor, Digest), Box<dyn Error>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, bytes, mode) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(*mode);
            archive.append_data(&mut header, path, bytes.as_slice())?;
        }
        let plain = archive.into_inner()?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&plain)?;
        let blob = self.blob(MediaType::OCI_LAYER_GZIP, &encoder.finish()?)?;
        Ok((blob, Digest::sha256_of(&plain)))
    }
}

fn descriptor(of: &Descriptor) -> serde_json::Value {
    json!({"mediaType": of.media_type.as_str(), "digest": of.digest.to_string(), "size": of.size})
}

//! Asks a real registry: `registry_probe HOST/REPO:TAG attach|referrers|pull|chunked [TEXT] [AUTH_FILE]`.
//!
//! A tool for trying the client by hand against registries that no test starts.

use std::io::{self, Cursor, Read, Write};
use std::time::Instant;

use supercargo_content::{Descriptor, MediaType, VerifyingReader};
use supercargo_image::{Artifact, Attachments, RegistryReference};
use supercargo_registry::{RegistryClient, RegistryOptions};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [at, command, rest @ ..] = arguments.as_slice() else {
        return Err("which image, and what to do?".into());
    };
    let mut options = RegistryOptions::default();
    options.auth.files.extend(rest.get(1).map(Into::into));
    let (client, at) = (RegistryClient::new(options)?, parse(at).ok_or("not a reference")?);
    match command.as_str() {
        "attach" => attach(&client, &at, rest.first().map_or("", String::as_str)),
        "referrers" => referrers(&client, &at),
        "pull" => pull(&client, &at),
        "chunked" => chunked(&client, &at),
        other => Err(format!("no command `{other}`").into()),
    }
}

fn parse(text: &str) -> Option<RegistryReference> {
    let (host, rest) = text.split_once('/')?;
    let (repository, tag) = rest.rsplit_once(':')?;
    let tag = Some(tag.to_owned());
    Some(RegistryReference { host: host.to_owned(), repository: repository.to_owned(), tag, digest: None })
}

fn attach(client: &RegistryClient, at: &RegistryReference, text: &str) -> Outcome {
    let subject = client.manifest(at)?.descriptor;
    let annotations = [("example.number".to_owned(), text.to_owned())].into();
    let artifact = Artifact {
        artifact_type: MediaType::new("application/vnd.example.note"),
        layer_type: MediaType::new("text/plain"),
        content: format!("note {text}").into_bytes(),
        annotations,
        subject,
    };
    let started = Instant::now();
    let manifest = client.attachments(at)?.attach(&artifact)?;
    writeln!(io::stdout(), "{} in {:?}", manifest.digest, started.elapsed())?;
    Ok(())
}

fn referrers(client: &RegistryClient, at: &RegistryReference) -> Outcome {
    let subject = client.manifest(at)?.descriptor;
    for entry in client.attachments(at)?.referrers(&subject.digest)? {
        let kind = entry.artifact_type.map(|kind| kind.to_string());
        writeln!(io::stdout(), "{} {} {:?}", entry.digest, kind.unwrap_or_default(), entry.annotations)?;
    }
    Ok(())
}

/// Reads the manifest and every blob, each checked by digest and size.
fn pull(client: &RegistryClient, at: &RegistryReference) -> Outcome {
    let fetched = client.manifest(at)?;
    writeln!(io::stdout(), "{} {}", fetched.descriptor.digest, fetched.descriptor.media_type)?;
    let manifest: serde_json::Value = serde_json::from_slice(&fetched.bytes)?;
    let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
    for blob in layers.iter().chain([&manifest["config"]]) {
        let digest = blob["digest"].as_str().ok_or("no digest")?.parse()?;
        let kind = MediaType::new(blob["mediaType"].as_str().unwrap_or_default());
        let descriptor = Descriptor::new(kind, digest, blob["size"].as_u64().unwrap_or(0));
        let started = Instant::now();
        let stream = client.blobs(at)?.open(&descriptor)?;
        let mut checked = VerifyingReader::new(stream, descriptor.digest.clone(), descriptor.size);
        let bytes = io::copy(&mut checked, &mut io::sink())?;
        writeln!(io::stdout(), "{} {bytes} bytes in {:?}", descriptor.digest, started.elapsed())?;
    }
    Ok(())
}

/// Sends a blob of 40 MiB, in chunks.
fn chunked(client: &RegistryClient, at: &RegistryReference) -> Outcome {
    let bytes: Vec<u8> =
        (0..40_u32 << 18).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let blob = Descriptor::of(MediaType::new("application/octet-stream"), &bytes);
    let push = client.push_blob(at, &blob, None, &|| Ok(Box::new(Cursor::new(&bytes))))?;
    let mut back = Vec::new();
    client.blobs(at)?.open(&blob)?.read_to_end(&mut back)?;
    writeln!(io::stdout(), "{} {push:?}, read back equal: {}", blob.digest, back == bytes)?;
    Ok(())
}

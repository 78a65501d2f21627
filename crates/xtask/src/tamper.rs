//! One changed byte in a bundle, for the demonstration that verifying notices.

use std::error::Error;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Writes a copy of a bundle with one byte changed in its `signature` or in the `sbom` inside its statement.
pub(crate) fn tamper(bundle: &Path, part: &str, to: &Path) -> Result<(), Box<dyn Error>> {
    let pointer = match part {
        "signature" => "/dsseEnvelope/signatures/0/sig",
        "sbom" => "/dsseEnvelope/payload",
        other => return Err(format!("unknown part `{other}`: expected `signature` or `sbom`").into()),
    };
    let mut document: Value = serde_json::from_slice(&fs::read(bundle)?)?;
    let field = document.pointer_mut(pointer).ok_or("the bundle has no envelope")?;
    let mut bytes = STANDARD.decode(field.as_str().ok_or("the envelope is no text")?)?;
    let at = match part {
        "sbom" => find(&bytes, b"specVersion").ok_or("the statement holds no CycloneDX document")?,
        _ => bytes.len() / 2,
    };
    // The letter case changes, so the statement stays JSON.
    let byte = bytes.get_mut(at).ok_or("the field is empty")?;
    *byte ^= 0x20;
    *field = Value::from(STANDARD.encode(bytes));
    fs::write(to, document.to_string())?;
    Ok(())
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

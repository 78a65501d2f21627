//! What callgrind counts. `counted prepare DIR` makes the inputs; `counted scan|layer|write DIR` works on them, so that
//! making them is not counted.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use supercargo_bench::{inputs, layout, passes};
use supercargo_sbom::FormatId;

/// Bytes of the layer's tar.
const LAYER_BYTES: usize = 20_000_000;
/// Packages of the document.
const PACKAGES: usize = 3_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["prepare", folder] => prepare(Path::new(folder)),
        ["scan", folder] => {
            passes::scan(&Path::new(folder).join("layout")).map(|inventory| inventory.packages.len())
        }
        ["layer", folder] => layer(Path::new(folder)),
        ["write", _] => write(),
        _ => Err(io::Error::other("usage: counted prepare|scan|layer|write DIR")),
    };
    match result {
        Ok(amount) => {
            std::hint::black_box(amount);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn prepare(folder: &Path) -> io::Result<usize> {
    let layers = inputs::image_layers()?;
    let layers = layers.iter().map(|tar| layout::gzip(tar)).collect::<io::Result<Vec<_>>>()?;
    layout::write(&folder.join("layout"), &layers)?;
    let packed = layout::gzip(&inputs::layer_tar(LAYER_BYTES))?;
    fs::write(folder.join("layer.tar.gz"), packed.bytes())?;
    fs::write(folder.join("layer.diff-id"), packed.diff_id().to_string())?;
    Ok(layers.len())
}

fn layer(folder: &Path) -> io::Result<usize> {
    let blob = fs::read(folder.join("layer.tar.gz"))?;
    let diff_id = fs::read_to_string(folder.join("layer.diff-id"))?.parse().map_err(io::Error::other)?;
    Ok(usize::try_from(passes::layer(&blob, &diff_id)?).unwrap_or(usize::MAX))
}

fn write() -> io::Result<usize> {
    let document = inputs::document(PACKAGES);
    let cyclonedx = passes::encode(&document, FormatId::CYCLONEDX_JSON_1_7)?;
    let spdx = passes::encode(&document, FormatId::SPDX_JSON_2_3)?;
    Ok(cyclonedx.len() + spdx.len())
}

#[expect(clippy::print_stderr, reason = "a program for developers")]
fn fail(error: &io::Error) -> ExitCode {
    eprintln!("counted: {error}");
    ExitCode::FAILURE
}

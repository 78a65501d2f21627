//! Layers: one of many plain files, and a small image in which every ecosystem has something.

use std::io;

use supercargo_testkit::tar;

use super::files::{distro, dpkg};
use super::{Random, generated};

/// A tar of at least so many bytes: texts that compress well, noise that does not, some files that readers want, and
/// many names that the matcher must look at.
pub fn layer_tar(bytes: usize) -> Vec<u8> {
    let mut random = Random::new(1);
    let mut archive = Vec::with_capacity(bytes + (1 << 20));
    let mut file = 0;
    while archive.len() < bytes {
        let folder = format!("usr/lib/python3/dist-packages/{}/{}", random.word(), random.word());
        tar::directory(&mut archive, &folder);
        for _ in 0..8 {
            file += 1;
            let body = match random.below(5) {
                0 => random.bytes(24_000),
                1 => random.text(60_000).into_bytes(),
                _ => random.text(5_000).into_bytes(),
            };
            tar::file(&mut archive, &format!("{folder}/module_{file}.py"), 0o644, &body);
        }
        let manifest = format!("{{\"name\": \"p{file}\", \"version\": \"1.0.{file}\"}}\n");
        tar::file(
            &mut archive,
            &format!("app/node_modules/p{file}/package.json"),
            0o644,
            manifest.as_bytes(),
        );
        tar::symlink(&mut archive, &format!("usr/lib/link-{file}"), &folder);
    }
    tar::finish(&mut archive);
    archive
}

/// A tar with a Debian system of so many packages: its database, and the files beside it.
pub fn packages_tar(packages: usize) -> Vec<u8> {
    let mut archive = Vec::new();
    for file in distro().into_iter().chain(dpkg(packages)) {
        tar::file(&mut archive, file.path.as_str(), 0o644, &file.bytes);
    }
    tar::finish(&mut archive);
    archive
}

/// Two tars: the generated files of every ecosystem, and a layer above that replaces and deletes a few.
///
/// # Errors
/// Those of the compressors.
pub fn image_layers() -> io::Result<Vec<Vec<u8>>> {
    let mut base = Vec::new();
    for file in generated()? {
        tar::file(&mut base, file.path.as_str(), 0o755, &file.bytes);
    }
    let mut top = Vec::new();
    for at in 0..40 {
        tar::file(&mut top, &format!("app/node_modules/.wh.package-{at}"), 0o644, b"");
    }
    tar::file(
        &mut top,
        "app/node_modules/package-50/package.json",
        0o644,
        br#"{"name": "package-50", "version": "9.0.0"}"#,
    );
    tar::finish(&mut base);
    tar::finish(&mut top);
    Ok(vec![base, top])
}

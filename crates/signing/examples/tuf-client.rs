//! Our TUF client behind the command line of the TUF conformance suite ("client-under-test CLI").
//!
//! usage: tuf-client --metadata-dir DIR init ROOT
//!        tuf-client --metadata-dir DIR --metadata-url URL refresh
//!        tuf-client --metadata-dir DIR --metadata-url URL --target-name PATH --target-base-url URL --target-dir DIR download

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use supercargo_signing::{HttpOptions, TufCache, TufRepository, refresh_any};

/// One folder, with file names as the suite wants them.
struct Folder(PathBuf);

impl Folder {
    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        is_plain.then(|| self.0.join(name)).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}

impl TufCache for Folder {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name)?;
        fs::create_dir_all(path.parent().unwrap_or(&self.0))?;
        fs::write(path, bytes)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = BTreeMap::new();
    let mut words = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix("--") {
            Some(name) => drop(options.insert(name.to_owned(), arguments.next().unwrap_or_default())),
            None => words.push(argument),
        }
    }
    let option = |name: &str| options.get(name).cloned().ok_or_else(|| format!("expected --{name}"));
    let folder = PathBuf::from(option("metadata-dir")?);
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["init", root] => drop(fs::copy(root, folder.join("root.json"))?),
        ["refresh"] => drop(ask(&folder, option("metadata-url")?, None, None)?),
        ["download"] => {
            let name = option("target-name")?;
            let targets = Some(option("target-base-url")?);
            let file = ask(&folder, option("metadata-url")?, targets, Some(&name))?;
            let file = file.ok_or_else(|| format!("the repository lists no `{name}`"))?;
            let path = Path::new(&option("target-dir")?).join(name.replace('/', "%2F"));
            // The suite goes by the time of writing.
            if fs::read(&path).ok().as_ref() != Some(&file) {
                fs::write(path, file)?;
            }
        }
        _ => return Err("expected `init ROOT`, `refresh` or `download`".into()),
    }
    Ok(())
}

/// Renews the metadata; the file of that path.
fn ask(
    folder: &Path,
    mirror: String,
    targets: Option<String>,
    path: Option<&str>,
) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    let root = fs::read(folder.join("root.json"))?;
    let repository = TufRepository { targets, ..TufRepository::private(mirror, root) };
    let cache: Arc<dyn TufCache> = Arc::new(Folder(folder.to_owned()));
    let now = jiff::Timestamp::now();
    let (_, file) = refresh_any(&repository, &cache, &HttpOptions::default(), path, now)?;
    Ok(file)
}

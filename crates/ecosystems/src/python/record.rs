//! The files of a package: `RECORD` and the older `installed-files.txt`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use supercargo_inventory::{ImagePath, PackageHash, Problem, ProblemKind};

use crate::{Candidate, Fact, Findings, text};

/// Reads `path,sha256=digest,size` lines. Paths are relative to the folder that holds the `dist-info`.
pub(super) fn read_record(file: &Candidate<'_>, out: &mut Findings) {
    let base = file.path.parent().and_then(|info| info.parent()).unwrap_or_default();
    let text = crate::text::lossy(file.bytes);
    let files = text.lines().filter_map(|line| {
        let (path, rest) = first_field(line)?;
        Some((place(&base, &path, file), hash(rest)))
    });
    push(files.filter_map(|(path, hash)| Some((path?, hash))), file, out);
}

/// Reads one path per line, relative to the `egg-info` folder itself.
pub(super) fn read_installed_files(file: &Candidate<'_>, out: &mut Findings) {
    let base = file.path.parent().unwrap_or_default();
    let text = crate::text::lossy(file.bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    push(lines.filter_map(|line| Some((place(&base, line, file)?, None))), file, out);
}

fn push(
    files: impl Iterator<Item = (ImagePath, Option<PackageHash>)>,
    file: &Candidate<'_>,
    out: &mut Findings,
) {
    let max = usize::try_from(file.limits.entries_max).unwrap_or(usize::MAX);
    let mut files: Vec<_> = files.take(max.saturating_add(1)).collect();
    if files.len() > max {
        files.truncate(max);
        let message = format!("more than {max} files (`entries_max`); the rest is ignored");
        out.problem(Problem::new(ProblemKind::LimitHit, message));
    }
    out.facts.push(Fact::Files { owner: String::new(), files });
}

/// The path in the image. `..` may lead out of the folder (scripts lie in `bin`), never out of the image.
fn place(base: &ImagePath, path: &str, file: &Candidate<'_>) -> Option<ImagePath> {
    if path.is_empty() || path.len() > file.limits.path_bytes_max {
        return None;
    }
    Some(if path.starts_with('/') { ImagePath::new(path) } else { base.join(path) })
}

/// The first field of a CSV line, unquoted, and the rest.
fn first_field(line: &str) -> Option<(String, &str)> {
    let Some(quoted) = line.strip_prefix('"') else {
        let (field, rest) = line.split_once(',').unwrap_or((line, ""));
        return Some((field.to_owned(), rest));
    };
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, after.strip_prefix(',').unwrap_or(after))),
        }
    }
}

fn hash(rest: &str) -> Option<PackageHash> {
    let (algorithm, digest) = rest.split(',').next()?.split_once('=')?;
    let bytes = URL_SAFE_NO_PAD.decode(digest.trim_end_matches('=')).ok()?;
    text::byte_hash(algorithm, &bytes)
}

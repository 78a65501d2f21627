//! Bodies for hard links, and for files that are needed whole, in a layer that passes by only once.

use std::collections::BTreeMap;

use supercargo_inventory::{ImagePath, Problem, ProblemKind};
use supercargo_layer::WantedLink;

/// Bytes kept of one layer. A link to a file beyond it is a problem in the report.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// The bodies that somebody wanted, while there is room.
///
/// A link under a wanted name leads to a wanted file nearly always (package managers link whole trees), so that
/// those are the bodies to keep.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// `None` for a path that came twice: a link may lead to either version.
    bodies: BTreeMap<ImagePath, Option<Vec<u8>>>,
    bytes: usize,
}

impl Kept {
    pub(crate) fn keep(&mut self, path: &ImagePath, bytes: &[u8]) {
        if self.bytes.saturating_add(bytes.len()) <= KEPT_BYTES_MAX && !self.bodies.contains_key(path) {
            self.bytes += bytes.len();
            self.bodies.insert(path.clone(), Some(bytes.to_vec()));
        }
    }

    pub(crate) fn forget(&mut self, path: &ImagePath) {
        if let Some(Some(bytes)) = self.bodies.insert(path.clone(), None) {
            self.bytes -= bytes.len();
        }
    }

    pub(crate) fn get(&self, path: &ImagePath) -> Option<&[u8]> {
        self.bodies.get(path)?.as_deref()
    }
}

/// What is said of a link, or of a file that is needed whole, when the file has passed.
pub(crate) fn not_kept(link: &WantedLink) -> Problem {
    let what = if link.target == link.entry.path {
        "a file that is needed whole".to_owned()
    } else {
        format!("the file `{}` that this hard link leads to", link.target)
    };
    let message = format!("{what} went by and was not kept: give the archive as an uncompressed file");
    Problem::new(ProblemKind::Missing, message).at(&link.entry.path)
}

#[cfg(test)]
mod tests {
    use supercargo_layer::{Entry, EntryKind};

    use super::*;

    #[test]
    fn what_is_said_fits_links_and_files_that_are_needed_whole() {
        let path = ImagePath::new("bin/x");
        let entry = Entry { path: path.clone(), kind: EntryKind::File, mode: 0o755, size: 9 };
        let message = |target| not_kept(&WantedLink { entry: entry.clone(), target, member: 3 }).message;
        assert!(message(path.clone()).starts_with("a file that is needed whole went by"));
        assert!(
            message(ImagePath::new("bin/y")).starts_with("the file `/bin/y` that this hard link leads to")
        );
    }

    #[test]
    fn what_is_over_the_bound_or_came_twice_is_not_kept() {
        let (a, b, c) = (ImagePath::new("a"), ImagePath::new("b"), ImagePath::new("c"));
        let mut kept = Kept::default();
        kept.keep(&a, b"1");
        kept.keep(&b, &vec![0; KEPT_BYTES_MAX]);
        kept.keep(&c, b"2");
        kept.forget(&c);
        kept.keep(&c, b"3");
        assert_eq!((kept.get(&a), kept.get(&b), kept.get(&c)), (Some(&b"1"[..]), None, None));
    }
}

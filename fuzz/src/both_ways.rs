//! A file read whole, in parts and as it passes.

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use supercargo_content::Digest;
use supercargo_ecosystems::{ALL, Candidate, Ecosystem, Findings, PartedFile, Passer};
use supercargo_inventory::ImagePath;

/// Bytes that are changed after a file was written, and the size of the pieces in which it passes.
#[derive(Debug, Arbitrary)]
pub struct Damage {
    changes: Vec<(u32, u8)>,
    cut: Option<u32>,
    piece: u16,
}

impl Damage {
    /// Damages a file.
    pub fn of(&self, mut file: Vec<u8>) -> Vec<u8> {
        for (place, value) in self.changes.iter().take(8) {
            let place = *place as usize % file.len().max(1);
            file.get_mut(place).into_iter().for_each(|byte| *byte = *value);
        }
        if let Some(cut) = self.cut {
            file.truncate(cut as usize);
        }
        file
    }

    fn piece(&self) -> usize {
        usize::from(self.piece % 5000) + 1
    }
}

/// Reads a file all ways. Its parts, where they are enough, say what the whole file says. What passes without a problem says what the whole file says; damage is for the whole one
/// to see where the parts that it is in were of no interest as they passed.
pub fn compare(ecosystem: &str, path: &str, file: &[u8], damage: &Damage) {
    let ecosystem = ALL.iter().find(|one| one.id().to_string() == ecosystem).expect("it is in the table");
    let limits = crate::limits();
    let (path, mode) = (ImagePath::new(path), 0o755);
    let whole = whole(*ecosystem, &Candidate { path: &path, mode, bytes: file, sha256: None, limits: &limits });
    if let Some(parts) = parts(*ecosystem, &path, file) {
        assert_eq!(parts, whole);
    }
    let passer = Passer { path: &path, mode, size: file.len() as u64, limits: &limits };
    let passed = passed(*ecosystem, &passer, file, damage.piece());
    if passed.problems.is_empty() && passed.unread.is_none() && whole.problems.is_empty() {
        assert_eq!(passed.facts, whole.facts);
    }
}

fn whole(ecosystem: &dyn Ecosystem, file: &Candidate<'_>) -> Findings {
    let mut out = Findings::default();
    let error = ecosystem.read(file, &mut out).err();
    out.problems.extend(error);
    out
}

fn parts(ecosystem: &dyn Ecosystem, path: &ImagePath, mut file: &[u8]) -> Option<Findings> {
    let (mut out, limits, size) = (Findings::default(), crate::limits(), file.len() as u64);
    let parted = PartedFile::new(path, size, &limits, &mut file);
    let error = ecosystem.read_parts(&parted, &mut out)?.err();
    out.problems.extend(error);
    parted.finish().expect("it is at hand").then_some(out)
}

fn passed(ecosystem: &dyn Ecosystem, file: &Passer<'_>, bytes: &[u8], piece: usize) -> Findings {
    let mut out = Findings::default();
    let mut sink = ecosystem.stream(file).expect("it reads what passes");
    bytes.chunks(piece).for_each(|piece| sink.push(piece));
    let error = sink.finish(Some(&Digest::sha256_of(bytes)), &mut out).err();
    out.problems.extend(error);
    out
}

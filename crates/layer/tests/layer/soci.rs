//! Plain gzip layers read through a zTOC of SOCI, sound ones and damaged ones.

use flate2::{Compress, Compression, FlushCompress};
use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_layer::{Announced, Budget, LayerInput, LayerPass, LayerReader, TarReader, TocError};

use crate::lazy::{Blob, archive_with};
use crate::support::Keep;

const WINDOW: usize = 32 << 10;

/// A value of a FlatBuffers table, as far as a zTOC has them.
#[derive(Clone)]
enum Value {
    Byte(u8),
    Long(i64),
    Bytes(Vec<u8>),
    Table(Vec<(usize, Value)>),
    Vector(Vec<Value>),
}

impl Value {
    /// Appends what a pointer leads to; where that begins.
    fn write(&self, out: &mut Vec<u8>) -> usize {
        let begin = out.len();
        match self {
            Self::Byte(_) | Self::Long(_) => unreachable!("numbers stand in their table"),
            Self::Bytes(bytes) => {
                out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
                out.extend(bytes);
            }
            Self::Vector(values) => {
                out.extend(u32::try_from(values.len()).unwrap().to_le_bytes());
                out.resize(out.len() + 4 * values.len(), 0);
                values.iter().enumerate().for_each(|(at, value)| value.point(begin + 4 + 4 * at, out));
            }
            Self::Table(fields) => return Self::write_table(fields, out),
        }
        begin
    }

    fn write_table(fields: &[(usize, Self)], out: &mut Vec<u8>) -> usize {
        let slots = fields.iter().map(|(slot, _)| slot + 1).max().unwrap_or(0);
        let begin = out.len() + 4 + 2 * slots;
        let mut vtable = vec![0; slots];
        fields
            .iter()
            .enumerate()
            .for_each(|(at, (slot, _))| vtable[*slot] = 4 + 8 * u16::try_from(at).unwrap());
        let head = [u16::try_from(4 + 2 * slots).unwrap(), u16::try_from(4 + 8 * fields.len()).unwrap()];
        head.into_iter().chain(vtable).for_each(|number| out.extend(number.to_le_bytes()));
        out.extend(i32::try_from(4 + 2 * slots).unwrap().to_le_bytes());
        out.resize(out.len() + 8 * fields.len(), 0);
        for (at, (_, value)) in fields.iter().enumerate() {
            let place = begin + 4 + 8 * at;
            match value {
                Self::Byte(byte) => out[place] = *byte,
                Self::Long(long) => out[place..place + 8].copy_from_slice(&long.to_le_bytes()),
                other => other.point(place, out),
            }
        }
        begin
    }

    fn point(&self, place: usize, out: &mut Vec<u8>) {
        let to = self.write(out);
        out[place..place + 4].copy_from_slice(&u32::try_from(to - place).unwrap().to_le_bytes());
    }
}

/// A gzip layer and what a zTOC says of it.
struct Layer {
    bytes: Vec<u8>,
    plain: Vec<u8>,
    files: Vec<Vec<(usize, Value)>>,
    digests: Vec<String>,
    checkpoints: Vec<u8>,
    version: &'static str,
    algorithm: u8,
}

impl Layer {
    /// Compresses an archive with a checkpoint every `span` bytes.
    fn new(archive: &[u8], span: usize) -> Self {
        let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        let mut deflate = Compress::new(Compression::default(), false);
        let spans: Vec<_> = archive.chunks(span).collect();
        let mut checkpoints = u32::try_from(spans.len()).unwrap().to_le_bytes().to_vec();
        checkpoints.extend((span as u64).to_le_bytes());
        let (mut begins, mut plain) = (Vec::new(), 0_usize);
        for (at, span) in spans.iter().enumerate() {
            begins.push(bytes.len());
            checkpoints.extend((bytes.len() as u64).to_le_bytes());
            checkpoints.extend((plain as u64).to_le_bytes());
            checkpoints.push(0);
            let mut window = vec![0; WINDOW];
            let before = &archive[plain.saturating_sub(WINDOW)..plain];
            window[WINDOW - before.len()..].copy_from_slice(before);
            checkpoints.extend(window);
            let flush = if at + 1 == spans.len() { FlushCompress::Finish } else { FlushCompress::Sync };
            bytes.reserve(span.len() * 2 + 1000);
            deflate.compress_vec(span, &mut bytes, flush).unwrap();
            plain += span.len();
        }
        let mut crc = flate2::Crc::new();
        crc.update(archive);
        bytes.extend(crc.sum().to_le_bytes());
        bytes.extend(u32::try_from(archive.len()).unwrap().to_le_bytes());
        begins.push(bytes.len());
        let digest = |range: &[usize]| Digest::sha256_of(&bytes[range[0]..range[1]]).to_string();
        let digests = begins.windows(2).map(digest).collect();
        let (version, algorithm) = ("0.9", 1);
        Self {
            files: files(archive),
            plain: archive.to_vec(),
            digests,
            checkpoints,
            version,
            algorithm,
            bytes,
        }
    }

    fn ztoc(&self) -> Vec<u8> {
        let text = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        let files = self.files.iter().cloned().map(Value::Table).collect();
        let digests = self.digests.iter().map(|digest| text(digest)).collect();
        let compression = vec![
            (0, Value::Byte(self.algorithm)),
            (2, Value::Vector(digests)),
            (3, Value::Bytes(self.checkpoints.clone())),
        ];
        let root = Value::Table(vec![
            (0, text(self.version)),
            (2, Value::Long(i64::try_from(self.bytes.len()).unwrap())),
            (3, Value::Long(i64::try_from(self.plain.len()).unwrap())),
            (4, Value::Table(vec![(0, Value::Vector(files))])),
            (5, Value::Table(compression)),
        ]);
        let mut out = vec![0; 4];
        root.point(0, &mut out);
        out
    }

    fn read(&self, keep: &mut Keep, limits: &Limits) -> Result<LayerPass, TocError> {
        self.read_by(self.ztoc(), keep, limits)
    }

    fn read_by(&self, ztoc: Vec<u8>, keep: &mut Keep, limits: &Limits) -> Result<LayerPass, TocError> {
        let budget = Budget::new(limits.buffered_bytes_max);
        let descriptor = Descriptor::of(MediaType::OCI_LAYER_GZIP, &self.bytes);
        let diff_id = Digest::sha256_of(&self.plain);
        let layer = LayerInput { descriptor: &descriptor, diff_id: &diff_id };
        let announced = Announced::Soci { ztoc };
        LayerReader { limits, budget: &budget }.read_by_toc(&Blob::new(&self.bytes), &layer, &announced, keep)
    }

    fn whole(&self, keep: &mut Keep) -> LayerPass {
        let limits = Limits::default();
        let budget = Budget::new(limits.buffered_bytes_max);
        let descriptor = Descriptor::of(MediaType::OCI_LAYER_GZIP, &self.bytes);
        let diff_id = Digest::sha256_of(&self.plain);
        let layer = LayerInput { descriptor: &descriptor, diff_id: &diff_id };
        let reader = LayerReader { limits: &limits, budget: &budget };
        let pass = reader.read(self.bytes.as_slice(), &layer, keep).unwrap();
        reader.read_links(self.bytes.as_slice(), &layer, &pass.links, keep).unwrap();
        pass
    }
}

/// The files of an archive without extensions, as a zTOC has them.
fn files(archive: &[u8]) -> Vec<Vec<(usize, Value)>> {
    let (mut tar, mut files, mut offset) = (TarReader::new(archive), Vec::new(), 0);
    while let Some(member) = tar.next_member().unwrap() {
        offset += 512;
        let (kind, link) = match &member.kind {
            supercargo_layer::MemberKind::Directory => ("dir", vec![]),
            supercargo_layer::MemberKind::Symlink(link) => ("symlink", link.clone()),
            supercargo_layer::MemberKind::HardLink(link) => ("hardlink", link.clone()),
            _ => ("reg", vec![]),
        };
        files.push(vec![
            (0, Value::Bytes(member.name.clone())),
            (1, Value::Bytes(kind.as_bytes().to_vec())),
            (2, Value::Long(offset)),
            (3, Value::Long(i64::try_from(member.size).unwrap())),
            (4, Value::Bytes(link)),
            (5, Value::Long(i64::from(member.mode))),
            (13, Value::Vector(vec![])),
        ]);
        offset += i64::try_from(member.size.next_multiple_of(512)).unwrap();
    }
    files
}

#[test]
fn a_ztoc_gives_what_the_archive_gives() {
    for span in [600, 5000, 1 << 20] {
        let layer = Layer::new(&archive_with(9000), span);
        let (mut lazily, mut fully) = (Keep::default(), Keep::default());
        let (found, expected) =
            (layer.read(&mut lazily, &Limits::default()).unwrap(), layer.whole(&mut fully));
        assert_eq!(lazily.bodies, fully.bodies);
        assert_eq!(found.delta, expected.delta);
        assert_eq!((found.problems, found.links.len(), found.verified), (vec![], 0, false));
        assert!(expected.verified && found.fetched_bytes > Some(layer.ztoc().len() as u64));
    }
}

#[test]
fn a_damaged_span_is_named_by_a_file_in_it() {
    let mut layer = Layer::new(&archive_with(900), 600);
    layer.digests.fill(Digest::sha256_of(b"other").to_string());
    let found = layer.read(&mut Keep::default(), &Limits::default()).unwrap_err();
    assert!(
        matches!(found, TocError::Chunk { .. }) && found.to_string().contains("digest mismatch"),
        "{found}"
    );
}

#[test]
fn each_contradiction_is_refused() {
    type Change = fn(&mut Layer);
    let cases: [(&str, Change); 11] = [
        ("version", |layer| layer.version = "7.0"),
        ("compression", |layer| layer.algorithm = 2),
        ("no SHA-256", |layer| layer.digests[1] = "sha256:00".to_owned()),
        ("no SHA-256", |layer| drop(layer.digests.pop())),
        ("as many digests", |layer| layer.digests.push(layer.digests[0].clone())),
        ("checkpoints are damaged", |layer| layer.checkpoints.truncate(100)),
        ("not in order", |layer| layer.checkpoints[12 + 17 + WINDOW + 8..][..8].fill(0)),
        ("not in order", |layer| layer.checkpoints[12 + 16] = 9),
        ("unknown type", |layer| layer.files[1][1].1 = Value::Bytes(b"whale".to_vec())),
        ("outside its place", |layer| layer.files[1][3].1 = Value::Long(i64::MAX)),
        ("sparse", |layer| {
            let record = vec![(0, Value::Bytes(b"GNU.sparse.major".to_vec()))];
            layer.files[1][6].1 = Value::Vector(vec![Value::Table(record)]);
        }),
    ];
    for (words, change) in cases {
        let mut layer = Layer::new(&archive_with(900), 600);
        change(&mut layer);
        let found = layer.read(&mut Keep::default(), &Limits::default()).unwrap_err().to_string();
        assert!(found.contains(words), "{words}: {found}");
    }
    let mut layer = Layer::new(&archive_with(900), 600);
    let (few, small) =
        (Limits { entries_max: 3, ..Limits::default() }, Limits { toc_bytes_max: 9, ..Limits::default() });
    for limits in [few, small] {
        let found = layer.read(&mut Keep::default(), &limits).unwrap_err();
        assert!(matches!(found, TocError::Limit { .. }), "{found}");
    }
    let ztoc = layer.ztoc();
    layer.bytes.push(0);
    let found = layer.read_by(ztoc, &mut Keep::default(), &Limits::default()).unwrap_err().to_string();
    assert!(found.contains("another size"), "{found}");
}

/// The document is the image's own word, so that what it says counts; but nothing in it makes the reader fall over.
#[test]
fn flips_and_cuts_anywhere_do_no_harm() {
    let layer = Layer::new(&archive_with(900), 1 << 20);
    let ztoc = layer.ztoc();
    let window = ztoc.len() - WINDOW;
    for at in (0..window).step_by(3).chain((window..ztoc.len()).step_by(997)) {
        let mut changed = ztoc.clone();
        changed[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        let _ = layer.read_by(changed, &mut Keep::default(), &Limits::default());
        assert!(layer.read_by(ztoc[..at].to_vec(), &mut Keep::default(), &Limits::default()).is_err());
    }
}

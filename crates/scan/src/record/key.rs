//! The names of records: everything that the answer depends on.

use std::fmt;
use std::fmt::Write as _;

use supercargo_content::{Digest, Limits};
use supercargo_ecosystems::Ecosystem;
use supercargo_image::ImageLayer;

use super::sealed::RECORD_FORMAT;

/// Raised whenever the pass over a layer (decompression, tar, whiteouts, links, matching) would give another record
/// for the same bytes; the readers have revisions of their own.
const PASS_REVISION: u32 = 1;

/// Raised whenever joining, or the `settle` of any ecosystem, would give another inventory for the same records. The
/// version of this program is part of the key as well.
const JOIN_REVISION: u32 = 1;

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// One layer, whatever lies above or below it.
    Layer,
    /// The inventory of a whole image.
    Image,
}

impl RecordKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Layer, Self::Image];

    /// The name in tags and statements.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Image => "image",
        }
    }

    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Layer => 1,
            Self::Image => 2,
        }
    }
}

/// The name of a record: the SHA-256 of everything that its content depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    kind: RecordKind,
    digest: Digest,
}

impl RecordKey {
    /// What the record is about.
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// The SHA-256.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its 64 hexadecimal digits.
    pub fn hex(&self) -> &str {
        self.digest.hex()
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind.name(), self.hex())
    }
}

/// Makes the keys of one scan.
#[derive(Debug, Clone)]
pub struct KeyMaker {
    /// What is the same for all layers: format, readers, limits.
    settings: String,
}

impl KeyMaker {
    /// Keys of records that the readers of `table` make within `limits`.
    pub fn new(table: &[&dyn Ecosystem], limits: &Limits) -> Self {
        let mut settings = format!("format {RECORD_FORMAT}\npass {PASS_REVISION}\n");
        for ecosystem in table {
            let _infallible = writeln!(settings, "reader {} {}", ecosystem.id(), ecosystem.revision());
        }
        for (name, value) in changing_limits(limits) {
            let _infallible = writeln!(settings, "limit {name} {value}");
        }
        Self { settings }
    }

    /// The key of a layer: blob digest and size, diff ID, format, revisions, limits.
    pub fn layer(&self, layer: &ImageLayer) -> RecordKey {
        let text = format!(
            "supercargo layer record\n{}blob {} {}\ndiff {}\n",
            self.settings, layer.blob.digest, layer.blob.size, layer.diff_id
        );
        RecordKey { kind: RecordKind::Layer, digest: Digest::sha256_of(text.as_bytes()) }
    }

    /// The key of an image: those of its layers from the base up.
    pub fn image(&self, layers: &[ImageLayer]) -> RecordKey {
        let mut text = format!(
            "supercargo image record\n{}join {JOIN_REVISION}\nversion {}\n",
            self.settings,
            env!("CARGO_PKG_VERSION")
        );
        for layer in layers {
            let key = self.layer(layer);
            // A layer that need not be in the registry is not read, and its record says what it is.
            let foreign = layer.blob.media_type.is_foreign_layer().then_some(&layer.blob.media_type);
            let _infallible = writeln!(text, "{key} {:?}", foreign.map(|media_type| media_type.as_str()));
        }
        RecordKey { kind: RecordKind::Image, digest: Digest::sha256_of(text.as_bytes()) }
    }
}

/// The limits that can change what a layer says. The others end a scan or bound what never gets here.
fn changing_limits(limits: &Limits) -> [(&'static str, u64); 8] {
    let bytes = |limit: usize| u64::try_from(limit).unwrap_or(u64::MAX);
    [
        ("streamed_bytes_min", limits.streamed_bytes_min),
        ("file_bytes_max", limits.file_bytes_max),
        ("entries_max", limits.entries_max),
        ("path_bytes_max", bytes(limits.path_bytes_max)),
        ("nesting_depth_max", bytes(limits.nesting_depth_max)),
        ("expansion_ratio_max", limits.expansion_ratio_max),
        ("expansion_free_bytes", limits.expansion_free_bytes),
        ("buffered_bytes_max", limits.buffered_bytes_max),
    ]
}

#[cfg(test)]
mod tests {
    use supercargo_content::{Descriptor, MediaType};
    use supercargo_ecosystems::{Candidate, Description, Finding, Findings, ImageView, Want};
    use supercargo_inventory::{EcosystemId, Problem, Settlement};

    use super::*;

    struct Revised(u32);

    impl Ecosystem for Revised {
        fn id(&self) -> EcosystemId {
            EcosystemId("revised")
        }
        fn description(&self) -> Description {
            Description { title: "", purl_types: &[], reads: "" }
        }
        fn revision(&self) -> u32 {
            self.0
        }
        fn wants(&self) -> &'static [Want] {
            &[]
        }
        fn read(&self, _: &Candidate<'_>, _: &mut Findings) -> Result<(), Problem> {
            Ok(())
        }
        fn settle(&self, _: &ImageView<'_>, _: Vec<Finding>) -> Settlement {
            Settlement::default()
        }
    }

    fn layer(bytes: &[u8]) -> ImageLayer {
        ImageLayer { blob: Descriptor::of(MediaType::OCI_LAYER, bytes), diff_id: Digest::sha256_of(bytes) }
    }

    fn key(revision: u32, limits: &Limits) -> RecordKey {
        KeyMaker::new(&[&Revised(revision)], limits).layer(&layer(b"a"))
    }

    #[test]
    fn a_readers_revision_changes_every_key() {
        let limits = Limits::default();
        assert_eq!(key(1, &limits), key(1, &limits));
        assert_ne!(key(1, &limits), key(2, &limits));
        let image = |revision| KeyMaker::new(&[&Revised(revision)], &limits).image(&[layer(b"a")]);
        assert_ne!(image(1), image(2));
        assert_ne!(KeyMaker::new(&[], &limits).layer(&layer(b"a")), key(1, &limits));
    }

    #[test]
    fn each_limit_that_can_change_the_answer_changes_the_key() {
        let default = Limits::default();
        let changed = [
            Limits { streamed_bytes_min: 1, ..default.clone() },
            Limits { file_bytes_max: 1, ..default.clone() },
            Limits { entries_max: 1, ..default.clone() },
            Limits { path_bytes_max: 1, ..default.clone() },
            Limits { nesting_depth_max: 1, ..default.clone() },
            Limits { expansion_ratio_max: 1, ..default.clone() },
            Limits { expansion_free_bytes: 1, ..default.clone() },
            Limits { buffered_bytes_max: 1, ..default.clone() },
        ];
        let keys: std::collections::BTreeSet<_> =
            changed.iter().chain([&default]).map(|limits| key(1, limits)).collect();
        assert_eq!(keys.len(), changed.len() + 1);
        assert_eq!(key(1, &Limits { attachments_max: 1, ..default.clone() }), key(1, &default));
    }

    #[test]
    fn blob_size_and_diff_id_count_and_so_does_their_order_in_an_image() {
        let maker = KeyMaker::new(&[], &Limits::default());
        let (a, b) = (layer(b"a"), layer(b"b"));
        let mixed = ImageLayer { diff_id: b.diff_id.clone(), ..a.clone() };
        let resized = ImageLayer { blob: Descriptor { size: 7, ..a.blob.clone() }, ..a.clone() };
        let keys: std::collections::BTreeSet<_> =
            [&a, &b, &mixed, &resized].map(|layer| maker.layer(layer)).into();
        assert_eq!(keys.len(), 4);
        assert_ne!(maker.image(&[a.clone(), b.clone()]), maker.image(&[b, a.clone()]));
        let foreign = Descriptor { media_type: MediaType::DOCKER_LAYER_FOREIGN, ..a.blob.clone() };
        let foreign = ImageLayer { blob: foreign, ..a.clone() };
        assert_ne!(maker.image(&[foreign]), maker.image(&[a]));
    }
}

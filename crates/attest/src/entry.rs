//! Log entries as this crate sees them, whatever they came in: a bundle or cosign's annotations.

use jiff::Timestamp;
use sigstore_types::{InclusionProof, TransparencyLogEntry};

/// One entry of a transparency log.
#[derive(Clone, PartialEq)]
pub(crate) struct LogEntry {
    pub(crate) kind: EntryKind,
    pub(crate) log_index: u64,
    /// The id of the log: the SHA-256 of its key, or for Rekor v2 the hash of name and key.
    pub(crate) log_id: Vec<u8>,
    pub(crate) integrated_time: Option<Timestamp>,
    /// The log's signature over the entry and its time (the signed entry timestamp of Rekor v1).
    pub(crate) promise: Option<Vec<u8>>,
    pub(crate) proof: Option<InclusionProof>,
    pub(crate) body: Vec<u8>,
}

/// The kinds and versions of entries that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    HashedRecord1,
    HashedRecord2,
    Dsse1,
    Intoto1,
    Intoto2,
}

impl EntryKind {
    const ALL: [Self; 5] =
        [Self::HashedRecord1, Self::HashedRecord2, Self::Dsse1, Self::Intoto1, Self::Intoto2];

    pub(crate) fn of(kind: &str, version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.kind() == kind && known.version() == version)
    }

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::HashedRecord1 | Self::HashedRecord2 => "hashedrekord",
            Self::Dsse1 => "dsse",
            Self::Intoto1 | Self::Intoto2 => "intoto",
        }
    }

    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::HashedRecord1 | Self::Dsse1 | Self::Intoto1 => "0.0.1",
            Self::HashedRecord2 | Self::Intoto2 => "0.0.2",
        }
    }

    /// Whether it is of Rekor v1, whose promises carry a time and whose proofs repeat the checkpoint.
    pub(crate) fn is_rekor_1(self) -> bool {
        self != Self::HashedRecord2
    }
}

impl std::fmt::Display for EntryKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind(), self.version())
    }
}

impl LogEntry {
    /// The entry of a bundle; `None` for a kind that is not read here.
    pub(crate) fn of(entry: TransparencyLogEntry) -> Option<Self> {
        let promise = entry.inclusion_promise;
        Some(Self {
            kind: EntryKind::of(entry.kind_version.kind(), entry.kind_version.version())?,
            log_index: entry.log_index.get(),
            log_id: entry.log_id.key_id.as_bytes().to_vec(),
            integrated_time: entry.integrated_time,
            promise: promise.map(|promise| promise.signed_entry_timestamp.as_bytes().to_vec()),
            proof: entry.inclusion_proof,
            body: entry.canonicalized_body.into_bytes(),
        })
    }
}

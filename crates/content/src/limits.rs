//! Every bound on hostile input, in one place.

/// How much of an image is read before giving up on a part of it.
///
/// Hitting a limit is a problem in the report with the path, never a silent truncation; only a limit on the
/// image itself (layers, manifest bytes) ends the scan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes of one file that is held whole, for readers that need all of it.
    pub file_bytes_max: u64,
    /// A file of more bytes is read as it passes where its reader can; what the reader keeps of it is bounded by the
    /// same number. Facts do not depend on it.
    pub streamed_bytes_min: u64,
    /// Entries of one layer, and of one archive inside it.
    pub entries_max: u64,
    /// Bytes of one path or link target.
    pub path_bytes_max: usize,
    /// Archives inside archives, and indexes inside indexes.
    pub nesting_depth_max: usize,
    /// Uncompressed bytes per compressed byte, counted once `expansion_free_bytes` are passed.
    pub expansion_ratio_max: u64,
    /// Uncompressed bytes that are never counted against the ratio.
    pub expansion_free_bytes: u64,
    /// Layers of one image.
    pub layers_max: usize,
    /// Bytes of one manifest, index or configuration.
    pub manifest_bytes_max: u64,
    /// Manifests and indexes that are looked at below one reference or listed in one index.
    pub manifests_max: usize,
    /// Bytes of all files held at once by all threads.
    pub buffered_bytes_max: u64,
    /// Bytes of one attached artifact (bundle, statement, SBOM).
    pub attachment_bytes_max: u64,
    /// Attached artifacts that are looked at for one subject.
    pub attachments_max: usize,
    /// Bytes of the table of contents of one layer, as stored and as JSON. A layer with a larger one is read whole.
    pub toc_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            file_bytes_max: 64 * MIB,
            streamed_bytes_min: 8 * MIB,
            entries_max: 2_000_000,
            path_bytes_max: 4096,
            nesting_depth_max: 8,
            expansion_ratio_max: 1_032,
            expansion_free_bytes: 64 * MIB,
            layers_max: 512,
            manifest_bytes_max: 8 * MIB,
            manifests_max: 4096,
            buffered_bytes_max: 64 * MIB,
            attachment_bytes_max: 128 * MIB,
            attachments_max: 256,
            toc_bytes_max: 128 * MIB,
        }
    }
}

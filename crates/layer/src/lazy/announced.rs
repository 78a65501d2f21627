//! What a manifest says about the table of contents of a layer.

use std::collections::BTreeMap;

use supercargo_content::{Descriptor, Digest};

/// Digest of the table of an eStargz layer (eStargz specification, "Verification").
const ESTARGZ_DIGEST: &str = "containerd.io/snapshot/stargz/toc.digest";
/// Digest and place of the table of a zstd:chunked layer, as written since 2023 and before.
const ZSTD_DIGESTS: [&str; 2] =
    ["io.github.containers.zstd-chunked.manifest-checksum", "io.containers.zstd-chunked.manifest-checksum"];
const ZSTD_POSITIONS: [&str; 2] =
    ["io.github.containers.zstd-chunked.manifest-position", "io.containers.zstd-chunked.manifest-position"];

/// A table of contents whose digest stands in the manifest. A table without one is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announced {
    /// The footer of the blob says where the table is; this is the digest of its JSON.
    Estargz {
        /// The digest.
        toc: Digest,
    },
    /// The table lies in a skippable frame; this is the digest of the bytes in it, as compressed.
    ZstdChunked {
        /// The digest.
        toc: Digest,
        /// Where the bytes begin in the blob.
        offset: u64,
        /// How many they are.
        len: u64,
    },
    /// A document of SOCI about the layer. Whoever makes this has compared its digest with that of the index that lists it.
    Soci {
        /// The document (zTOC).
        ztoc: Vec<u8>,
    },
}

impl Announced {
    /// What the annotations of a layer's descriptor say; `None` when they name no table, or not its digest.
    pub fn of(layer: &Descriptor) -> Option<Self> {
        let annotations = &layer.annotations;
        if let (Some(toc), Some(position)) =
            (first(annotations, ZSTD_DIGESTS), first(annotations, ZSTD_POSITIONS))
        {
            let (offset, len) = position_of(position)?;
            return Some(Self::ZstdChunked { toc: toc.parse().ok()?, offset, len });
        }
        Some(Self::Estargz { toc: annotations.get(ESTARGZ_DIGEST)?.parse().ok()? })
    }
}

fn first<'a>(annotations: &'a BTreeMap<String, String>, keys: [&str; 2]) -> Option<&'a str> {
    keys.iter().find_map(|key| annotations.get(*key)).map(String::as_str)
}

/// `OFFSET:LENGTH:PLAIN LENGTH:TYPE`, where type 1 is the only one with a table that is known.
fn position_of(text: &str) -> Option<(u64, u64)> {
    let numbers: Vec<u64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match numbers.as_slice() {
        &[offset, len, _, 1] => Some((offset, len)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use supercargo_content::MediaType;

    use super::*;

    fn announced(annotations: &[(&str, &str)]) -> Option<Announced> {
        let annotations =
            annotations.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Announced::of(&Descriptor { annotations, ..Descriptor::of(MediaType::OCI_LAYER_GZIP, b"") })
    }

    #[test]
    fn a_table_without_a_digest_is_not_announced() {
        let (toc, digest) = (Digest::sha256_of(b""), Digest::sha256_of(b"").to_string());
        assert_eq!(announced(&[(ESTARGZ_DIGEST, &digest)]), Some(Announced::Estargz { toc: toc.clone() }));
        for (key, position) in ZSTD_DIGESTS.into_iter().zip(ZSTD_POSITIONS) {
            let found = announced(&[(key, &digest), (position, "7:8:9:1")]);
            assert_eq!(found, Some(Announced::ZstdChunked { toc: toc.clone(), offset: 7, len: 8 }));
            assert_eq!(announced(&[(position, "7:8:9:1")]), None);
            for bad in ["", "7:8:9:2", "7:8:9", "-7:8:9:1", "7:8:9:1:1", "99999999999999999999:1:1:1"] {
                assert_eq!(announced(&[(key, &digest), (position, bad)]), None, "{bad}");
            }
        }
        assert_eq!(announced(&[(ESTARGZ_DIGEST, "sha256:00")]), None);
    }
}

//! What was signed, hashed where it lies: an SBOM of 100 MB is not copied to be checked.

use std::borrow::Cow;

use sigstore_crypto::ArtifactHasher;
use sigstore_types::HashAlgorithm;
use supercargo_content::Digest;

use crate::envelope::Envelope;

/// What was signed, as far as it is at hand.
pub(crate) enum Message<'a> {
    /// An envelope's payload and the head of its pre-authentication encoding.
    Envelope { head: String, payload: &'a [u8] },
    /// The bytes.
    Bytes(&'a [u8]),
    /// The digest alone.
    Digest(Digest),
}

impl<'a> Message<'a> {
    pub(crate) fn of_envelope(envelope: &'a Envelope) -> Self {
        Self::Envelope { head: envelope.head(), payload: &envelope.payload }
    }

    /// The hash of the message; `None` when only a digest by another algorithm is at hand.
    pub(crate) fn hash(&self, algorithm: HashAlgorithm) -> Option<Vec<u8>> {
        match self {
            Self::Envelope { head, payload } => hash(&[head.as_bytes(), payload], algorithm),
            Self::Bytes(bytes) => hash(&[bytes], algorithm),
            Self::Digest(digest) => {
                (digest.algorithm().name() == algorithm.as_rekor_str()).then(|| digest.to_bytes())
            }
        }
    }

    /// The bytes in one piece, for algorithms that sign messages and not digests.
    pub(crate) fn bytes(&self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Envelope { head, payload } => Some(Cow::Owned([head.as_bytes(), payload].concat())),
            Self::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
            Self::Digest(_) => None,
        }
    }
}

/// The hash of `parts` one after the other; `None` for an algorithm that is not offered.
pub(crate) fn hash(parts: &[&[u8]], algorithm: HashAlgorithm) -> Option<Vec<u8>> {
    let mut hasher = ArtifactHasher::new(algorithm).ok()?;
    for part in parts {
        hasher.update(part);
    }
    Some(hasher.finalize().as_bytes().to_vec())
}

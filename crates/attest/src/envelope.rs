//! The signed envelope: DSSE v1 (secure-systems-lab/dsse, protocol.md).

use std::fmt;
use std::sync::Arc;

/// The payload type of an in-toto statement.
pub const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What stands before the payload in [`pre_authentication_encoding`]: enough to hash a large payload where it lies.
pub fn pre_authentication_head(payload_type: &str, payload_bytes: usize) -> String {
    format!("DSSEv1 {} {payload_type} {payload_bytes} ", payload_type.len())
}

/// The bytes that a DSSE signature is over: `DSSEv1 LEN TYPE LEN PAYLOAD`.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = pre_authentication_head(payload_type, payload.len());
    let mut encoded = Vec::with_capacity(head.len().saturating_add(payload.len()));
    encoded.extend_from_slice(head.as_bytes());
    encoded.extend_from_slice(payload);
    encoded
}

fn encoding_head(payload_type: &str, payload_bytes: usize) -> String {
    format!("DSSEv1 {} {payload_type} {payload_bytes} ", payload_type.len())
}

/// A DSSE envelope with exactly one signature.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) payload_type: String,
    pub(crate) payload: Arc<Vec<u8>>,
    pub(crate) signature: Vec<u8>,
    pub(crate) key_id: String,
    /// The SHA-256 of the envelope's own JSON, where that is what a log may have seen.
    pub(crate) stored_hash: Option<Vec<u8>>,
}

impl Envelope {
    /// What stands before the payload in the bytes that are signed.
    pub(crate) fn head(&self) -> String {
        encoding_head(&self.payload_type, self.payload.len())
    }
}

/// Without the payload: nobody has verified it.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("payload_bytes", &self.payload.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_specification() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}

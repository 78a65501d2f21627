//! What a signature is over, without a copy of the payload.

use aws_lc_rs::digest::{Algorithm, Context, Digest};
use supercargo_attest::{IN_TOTO_PAYLOAD_TYPE, pre_authentication_head};

/// The bytes that are signed: a head and a body, which may be an SBOM of 100 MB.
pub(crate) struct Message<'a> {
    head: String,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The pre-authentication encoding of a statement (DSSE v1).
    pub(crate) fn of_statement(statement: &'a [u8]) -> Self {
        Self { head: pre_authentication_head(IN_TOTO_PAYLOAD_TYPE, statement.len()), body: statement }
    }

    /// The bytes themselves.
    pub(crate) fn plain(body: &'a [u8]) -> Self {
        Self { head: String::new(), body }
    }

    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [self.head.as_bytes(), self.body]
    }

    pub(crate) fn digest(&self, algorithm: &'static Algorithm) -> Digest {
        let mut context = Context::new(algorithm);
        self.parts().iter().for_each(|part| context.update(part));
        context.finish()
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        self.parts().concat()
    }
}

//! The checks that only signatures with a certificate need.

use jiff::Timestamp;

use crate::certificate::{self, Claims};
use crate::report::{CheckName, SignedBy};
use crate::verify::Examiner;
use crate::{TextRule, VerifyError, sct};

impl Examiner<'_> {
    /// Checks validity, chain and certificate log at every one of `times`, and then who the holder is.
    pub(crate) fn certificate(
        &mut self,
        leaf: &[u8],
        intermediates: &[Vec<u8>],
        times: &[Timestamp],
    ) -> Result<(), VerifyError> {
        let root = self.root_for("a certificate", CheckName::Certificate)?;
        let claims = certificate::claims(leaf)?;
        certificate::check_times(&claims, times)?;
        let expected = "valid at the time of signing";
        self.report.passed(CheckName::CertificateValidity, expected, claims.window.to_string());
        let issued = certificate::check_chain(leaf, intermediates, root, times)?;
        let found = format!("given out by `{}`", issued.authority);
        self.report.passed(CheckName::Certificate, "an authority of the trusted root", found);
        if self.policy.evidence.certificate_log {
            let seen = sct::check(leaf, &issued.issuer_spki, root.certificate_logs())?;
            let found = format!("seen by `{}` at {}", seen.log, seen.time);
            self.report.passed(CheckName::CertificateLog, "a log of the trusted root", found);
        }
        self.identity(claims)
    }

    /// One pair of identity and issuer must admit both claims.
    fn identity(&mut self, claims: Claims) -> Result<(), VerifyError> {
        let admits = |rule: &TextRule, claim: &Option<String>| {
            claim.as_deref().is_some_and(|found| rule.admits(found))
        };
        let of_identity = |pair: &(&TextRule, &TextRule)| admits(pair.0, &claims.identity);
        let pairs: Vec<_> = self.policy.identities().filter(of_identity).collect();
        if pairs.is_empty() {
            let expected = join(self.policy.identities().map(|pair| pair.0));
            return Err(VerifyError::Identity { expected, found: claims.identity });
        }
        let Some((identity, issuer)) = pairs.iter().find(|pair| admits(pair.1, &claims.issuer)) else {
            let expected = join(pairs.iter().map(|pair| pair.1));
            return Err(VerifyError::Issuer { expected, found: claims.issuer });
        };
        let (found, by) = (claims.identity.unwrap_or_default(), claims.issuer.unwrap_or_default());
        self.report.passed(CheckName::Identity, identity.to_string(), found.clone());
        self.report.passed(CheckName::Issuer, issuer.to_string(), by.clone());
        let claims = Box::new(claims.more);
        self.report.signer = Some(SignedBy::Identity { identity: found, issuer: by, claims });
        Ok(())
    }
}

fn join<'r>(rules: impl Iterator<Item = &'r TextRule>) -> String {
    let mut texts: Vec<String> = rules.map(ToString::to_string).collect();
    texts.dedup();
    texts.join("` or `")
}

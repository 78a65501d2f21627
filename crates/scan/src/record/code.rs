//! Numbers for the values of enumerations. They are part of the format: a number is never given a second meaning.

use supercargo_inventory::{
    HashAlgorithm, LicenseSource, LinkKind, PackageKind, ProblemKind, RelationshipKind, RequirementKind,
    Technique,
};

/// An enumeration whose values have numbers.
pub(super) trait Coded: Copy + 'static {
    /// What it is, for messages.
    const WHAT: &'static str;
    /// Every value.
    const ALL: &'static [Self];
    /// The number of a value.
    fn code(self) -> u64;
}

/// The match is exhaustive, so a new value does not compile before it has a number.
macro_rules! codes {
    ($type:ident, $what:literal: $($value:ident = $code:literal),+) => {
        impl Coded for $type {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = &[$(Self::$value),+];
            fn code(self) -> u64 {
                match self { $(Self::$value => $code),+ }
            }
        }
    };
}

codes!(ProblemKind, "kind of problem": Malformed = 0, LimitHit = 1, Inconsistent = 2, Unsupported = 3,
    HostilePath = 4, ForeignLayer = 5, Missing = 6);
codes!(PackageKind, "kind of package": Library = 0, Application = 1);
codes!(LinkKind, "kind of link": Website = 0, Vcs = 1, IssueTracker = 2, Documentation = 3, Distribution = 4);
codes!(HashAlgorithm, "hash algorithm": Md5 = 0, Sha1 = 1, Sha256 = 2, Sha384 = 3, Sha512 = 4);
codes!(RequirementKind, "kind of requirement": Runtime = 0, Optional = 1, Build = 2);
codes!(Technique, "technique": ManifestAnalysis = 0, BinaryAnalysis = 1, Filename = 2);
codes!(LicenseSource, "source of a licence": Declared = 0, Text = 1);
codes!(RelationshipKind, "kind of relation": DependsOn = 0, Owns = 1, Contains = 2);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn are_unique<T: Coded>() -> bool {
        T::ALL.iter().map(|value| value.code()).collect::<BTreeSet<_>>().len() == T::ALL.len()
    }

    #[test]
    fn no_number_has_two_meanings() {
        assert!(are_unique::<ProblemKind>() && are_unique::<PackageKind>() && are_unique::<LinkKind>());
        assert!(
            are_unique::<HashAlgorithm>() && are_unique::<RequirementKind>() && are_unique::<Technique>()
        );
        assert!(are_unique::<LicenseSource>() && are_unique::<RelationshipKind>());
    }
}

//! One compiled answer to "who wants this file?".

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use supercargo_inventory::ImagePath;

use crate::{Ecosystem, Want};

/// Positions in the table of ecosystems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcosystemSet(u64);

impl EcosystemSet {
    /// Whether nobody is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The union.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The positions in order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |position| self.0 >> position & 1 == 1)
    }

    fn insert(&mut self, position: usize) {
        self.0 |= 1 << position;
    }
}

/// All wants of a table, compiled.
pub struct Matcher {
    globs: GlobSet,
    owners: Vec<usize>,
    magics: Vec<(&'static [u8], usize)>,
}

impl Matcher {
    /// Bytes of a file that [`Matcher::by_magic`] looks at.
    pub const HEAD_BYTES: usize = 16;

    /// A smaller file can begin with no magic that anybody wants.
    pub const FILE_BYTES_MIN: u64 = 64;

    /// Compiles the wants of a table of at most 64 ecosystems. A pattern that does not compile is a mistake in
    /// the table and comes back as an error text.
    pub fn compile(table: &[&dyn Ecosystem]) -> Result<Self, String> {
        let mut builder = GlobSetBuilder::new();
        let (mut owners, mut magics) = (Vec::new(), Vec::new());
        for (position, ecosystem) in table.iter().enumerate() {
            for want in ecosystem.wants() {
                match want {
                    Want::Path(pattern) | Want::Glob(pattern) => {
                        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
                        builder.add(glob.map_err(|error| error.to_string())?);
                        owners.push(position);
                    }
                    Want::Magic(magic) => magics.push((*magic, position)),
                }
            }
        }
        let globs = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { globs, owners, magics })
    }

    /// Who wants a file of this name.
    pub fn by_path(&self, path: &ImagePath) -> EcosystemSet {
        let mut set = EcosystemSet::default();
        for pattern in self.globs.matches(path.as_str()) {
            set.insert(self.owners[pattern]);
        }
        set
    }

    /// Who wants a file that begins like this.
    pub fn by_magic(&self, head: &[u8]) -> EcosystemSet {
        let mut set = EcosystemSet::default();
        for (magic, position) in &self.magics {
            if head.starts_with(magic) {
                set.insert(*position);
            }
        }
        set
    }
}

//! The operating system of an image.

/// What `os-release` or an older file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distro {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `ID_LIKE`, split at spaces.
    pub id_like: Vec<String>,
    /// `NAME`.
    pub name: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: Option<String>,
    /// `VERSION_ID`, such as `12`.
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`, such as `bookworm`.
    pub codename: Option<String>,
    /// `CPE_NAME`.
    pub cpe: Option<String>,
    /// `HOME_URL`.
    pub home_url: Option<String>,
    /// `SUPPORT_END` and the like are not kept; the file they stood in is.
    pub path: crate::ImagePath,
}

impl Distro {
    /// The `distro` qualifier that vulnerability scanners match on: `debian-12`, `alpine-3.20.3`, `arch`.
    pub fn qualifier(&self) -> String {
        match self.version_id.as_deref().or(self.codename.as_deref()) {
            Some(version) => format!("{}-{version}", self.id),
            None => self.id.clone(),
        }
    }

    /// Whether the distribution is `id` or derives from it.
    pub fn is_like(&self, id: &str) -> bool {
        self.id == id || self.id_like.iter().any(|like| like == id)
    }
}

//! The operating system: os-release(5), lsb-release and the older files of single distributions.
//!
//! Precedence: `/etc/os-release` when it leads to a file (through links inside the image too), then
//! `/usr/lib/os-release`, then the older files, the most specific first.

mod os_release;
mod release_file;

use supercargo_inventory::{Distro, EcosystemId, ImagePath, Problem, Settlement};

use crate::{Candidate, Description, Ecosystem, Fact, Finding, Findings, ImageView, Want};

/// The id under which findings of the operating system are kept.
pub const ID: EcosystemId = EcosystemId("distro");

/// Bytes of a release file that is believed to be one.
const FILE_BYTES_MAX: usize = 64 << 10;

/// Where the operating system is looked for, the first that is there wins. `debian_version` comes last
/// because derivatives keep it.
const PRECEDENCE: &[&str] = &[
    "etc/os-release",
    "usr/lib/os-release",
    "etc/alpine-release",
    "etc/rocky-release",
    "etc/almalinux-release",
    "etc/oracle-release",
    "etc/centos-release",
    "etc/fedora-release",
    "etc/redhat-release",
    "etc/system-release",
    "etc/SuSE-release",
    "etc/gentoo-release",
    "etc/arch-release",
    "etc/lsb-release",
    "etc/debian_version",
];

/// Reader of the files that name the operating system.
pub(crate) struct ReleaseFiles;

impl Ecosystem for ReleaseFiles {
    fn id(&self) -> EcosystemId {
        ID
    }

    fn description(&self) -> Description {
        Description {
            title: "Operating system",
            purl_types: &[],
            reads: "os-release in /etc and /usr/lib, lsb-release, and the older release files of distributions",
        }
    }

    fn revision(&self) -> u32 {
        1
    }

    fn wants(&self) -> &'static [Want] {
        // Links may lead from /etc to any of the others.
        &[
            Want::Glob("**/os-release"),
            Want::Glob("usr/lib/os.release.d/os-release-*"),
            Want::Glob("etc/*-release"),
            Want::Glob("usr/lib/*-release"),
            Want::Path("etc/debian_version"),
        ]
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        if file.bytes.len() > FILE_BYTES_MAX {
            return Err(Problem::malformed(format!("a release file of more than {FILE_BYTES_MAX} bytes")));
        }
        let text = crate::text::lossy(file.bytes);
        let name = file.path.file_name();
        let distro = match name {
            "lsb-release" => os_release::from_lsb(&text),
            name if name.starts_with("os-release") => os_release::from_os_release(&text)?,
            name => release_file::read(name, &text),
        };
        out.facts.extend(distro.map(|distro| Fact::Distro(Distro { path: file.path.clone(), ..distro })));
        Ok(())
    }

    fn settle(&self, _view: &ImageView<'_>, _visible: Vec<Finding>) -> Settlement {
        Settlement::default()
    }
}

/// The operating system that the visible findings of [`ID`] name, or `None`.
pub fn detect(view: &ImageView<'_>, visible: &[Finding]) -> Option<Distro> {
    PRECEDENCE.iter().find_map(|path| {
        let real = view.tree.resolve(&ImagePath::new(path))?;
        visible.iter().filter(|finding| finding.path == real).find_map(|finding| match &finding.fact {
            Fact::Distro(distro) => Some(distro.clone()),
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests;

//! Who is compared: the floor, this program in up to two builds, and the peers that are found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::images::BenchImage;
use crate::measure::Run;

/// One column of the comparison. Each that is found is a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// The floor program.
    Floor,
    /// This program, built as released.
    Ours,
    /// This program with the fast decoder.
    OursFast,
    /// Syft.
    Syft,
    /// Trivy with an empty cache.
    TrivyCold,
    /// Trivy with the cache that it has just filled.
    TrivyAgain,
}

impl Tool {
    /// All of them, in the order of a round.
    pub const ALL: &[Self] =
        &[Self::Floor, Self::Ours, Self::OursFast, Self::Syft, Self::TrivyCold, Self::TrivyAgain];

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ours => "supercargo",
            Self::OursFast => "supercargo, fast decoder",
            Self::Syft => "syft",
            Self::TrivyCold => "trivy, cold",
            Self::TrivyAgain => "trivy, again",
        }
    }

    /// Whether it starts with what its last run left in its home folder.
    pub fn keeps_home(self) -> bool {
        self == Self::TrivyAgain
    }
}

/// The programs, each where it was found.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    found: BTreeMap<Tool, PathBuf>,
}

impl Programs {
    /// Names the program of a tool.
    pub fn insert(&mut self, tool: Tool, program: PathBuf) {
        self.found.insert(tool, program);
    }

    /// The program of a tool.
    pub fn get(&self, tool: Tool) -> Option<&Path> {
        self.found.get(&tool).map(PathBuf::as_path)
    }

    /// The tools that are there, in the order of a round.
    pub fn tools(&self) -> Vec<Tool> {
        Tool::ALL.iter().copied().filter(|tool| self.found.contains_key(tool)).collect()
    }

    /// How a tool is run on the OCI layout of an image; it writes a CycloneDX document to `sbom`. `home` is all that
    /// it may keep.
    pub fn run(&self, tool: Tool, image: &BenchImage, home: &Path, sbom: &Path) -> Option<Run> {
        let program = self.get(tool)?.to_owned();
        let layout = image.layout.display();
        let arguments = match tool {
            Tool::Floor => vec!["oci".to_owned(), layout.to_string()],
            Tool::Ours | Tool::OursFast => scan(&format!("oci:{layout}:latest"), sbom),
            Tool::Syft => words(
                "scan -q",
                [format!("oci-dir:{layout}"), "-o".into(), format!("cyclonedx-json={}", sbom.display())],
            ),
            Tool::TrivyCold | Tool::TrivyAgain => trivy(&layout.to_string(), home, sbom),
        };
        Some(Run { program, arguments, environment: environment(home), input: None })
    }
}

/// The arguments of a scan by this program.
pub fn scan(reference: &str, sbom: &Path) -> Vec<String> {
    words("scan --quiet", [reference.to_owned(), "-o".into(), format!("cyclonedx-json={}", sbom.display())])
}

/// Offline, without the vulnerability database, and with the Java database that `home` was given.
fn trivy(layout: &str, home: &Path, sbom: &Path) -> Vec<String> {
    let fixed = "image --quiet --offline-scan --skip-java-db-update --skip-version-check --format cyclonedx";
    let cache = home.join("trivy").display().to_string();
    let output = sbom.display().to_string();
    words(
        fixed,
        ["--cache-dir".into(), cache, "--output".into(), output, "--input".into(), layout.to_owned()],
    )
}

fn words<const N: usize>(fixed: &str, rest: [String; N]) -> Vec<String> {
    fixed.split(' ').map(str::to_owned).chain(rest).collect()
}

/// What keeps a run to itself: its home, no questions about newer versions, no cache of downloads.
pub fn environment(home: &Path) -> BTreeMap<String, String> {
    let (home, cache) = (home.display().to_string(), home.join(".cache").display().to_string());
    let pairs = [
        ("HOME", home.as_str()),
        ("XDG_CACHE_HOME", cache.as_str()),
        ("SYFT_CACHE_DIR", ""),
        ("SYFT_CHECK_FOR_APP_UPDATE", "false"),
        ("TRIVY_DISABLE_TELEMETRY", "true"),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

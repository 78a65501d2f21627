//! The ways in which this program meets one image: cold, warm, changed, from elsewhere.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::images::BenchImage;
use crate::layout;
use crate::measure::Run;
use crate::slow_link::SlowLink;
use crate::tools::{environment, scan};

/// A row of the second table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// The floor over the layout, for the ratios.
    Floor,
    /// An OCI layout and an empty cache.
    Cold,
    /// The same again.
    Warm,
    /// The same again, written as a list of package URLs: what is left without the document.
    WarmList,
    /// The same with another top layer.
    Changed,
    /// A registry on loopback, and an empty cache.
    Registry,
    /// The same over a link of [`SLOW_BYTES_PER_SECOND`].
    SlowRegistry,
    /// The floor over the archive.
    ArchiveFloor,
    /// A Docker archive, and an empty cache.
    Archive,
    /// The same archive on standard input.
    Stdin,
    /// A registry on loopback that holds the image with a table of contents in each layer.
    Lazy,
}

impl Scenario {
    /// All of them, in their order: the warm ones follow the one that fills the cache.
    pub const ALL: &[Self] = &[
        Self::Floor,
        Self::Cold,
        Self::Warm,
        Self::WarmList,
        Self::Changed,
        Self::Registry,
        Self::SlowRegistry,
        Self::ArchiveFloor,
        Self::Archive,
        Self::Stdin,
        Self::Lazy,
    ];

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::WarmList => "warm, purl list",
            Self::Changed => "one layer changed",
            Self::Registry => "registry",
            Self::SlowRegistry => "registry at 40 MB/s",
            Self::ArchiveFloor => "floor of the archive",
            Self::Archive => "archive",
            Self::Stdin => "stdin",
            Self::Lazy => "lazy",
        }
    }

    /// Whether it starts with the cache that the runs before it have filled.
    pub fn keeps_home(self) -> bool {
        matches!(self, Self::Warm | Self::WarmList | Self::Changed)
    }

    /// Whether it measures the floor program.
    pub fn is_floor(self) -> bool {
        matches!(self, Self::Floor | Self::ArchiveFloor)
    }
}

/// What the scenarios run.
#[derive(Debug)]
pub struct Stage {
    /// This program.
    pub ours: PathBuf,
    /// The floor program.
    pub floor: PathBuf,
    /// Whether this program has a layer cache.
    pub has_cache: bool,
    /// The registry that serves the folder of images.
    pub registry: Result<Registry, String>,
    /// Where layouts are made for [`Scenario::Changed`].
    pub scratch: PathBuf,
}

impl Stage {
    /// How a scenario is run, or why it is not.
    ///
    /// # Errors
    /// The reason, for the table.
    pub fn run(
        &self,
        scenario: Scenario,
        image: &BenchImage,
        home: &Path,
        sbom: &Path,
    ) -> Result<Run, String> {
        let (layout, archive) = (image.layout.display(), image.archive.display());
        let of_archive = matches!(scenario, Scenario::ArchiveFloor | Scenario::Archive | Scenario::Stdin);
        if of_archive && !image.archive.is_file() {
            return Err(format!("not run: no {archive}"));
        }
        let mut input = None;
        let arguments = match scenario {
            Scenario::Floor => vec!["oci".to_owned(), layout.to_string()],
            Scenario::ArchiveFloor => vec!["archive".to_owned(), archive.to_string()],
            Scenario::Cold => scan(&format!("oci:{layout}:latest"), sbom),
            Scenario::Warm => scan(&format!("oci:{layout}:latest"), sbom).cached(self)?,
            Scenario::WarmList => {
                let output = format!("purl={}", sbom.display());
                let words = ["scan", "--quiet", "-o", &output, &format!("oci:{layout}:latest")];
                words.map(str::to_owned).to_vec().cached(self)?
            }
            Scenario::Changed => scan(&format!("oci:{}:latest", self.changed(image)?), sbom).cached(self)?,
            Scenario::Registry => scan(&self.reference(&image.layout, Registry::port)?, sbom),
            Scenario::SlowRegistry => scan(&self.reference(&image.layout, Registry::slow_port)?, sbom),
            Scenario::Lazy if !image.lazy_layout.is_dir() => {
                return Err(format!("not run: no {}", image.lazy_layout.display()));
            }
            Scenario::Lazy => scan(&self.reference(&image.lazy_layout, Registry::port)?, sbom),
            Scenario::Archive => scan(&format!("docker-archive:{archive}"), sbom),
            Scenario::Stdin => {
                input = Some(image.archive.clone());
                scan("docker-archive:-", sbom)
            }
        };
        let program = if scenario.is_floor() { &self.floor } else { &self.ours }.clone();
        Ok(Run { program, arguments, environment: environment(home), input })
    }

    fn changed(&self, image: &BenchImage) -> Result<String, String> {
        let folder = self.scratch.join(format!("{}.changed", image.name));
        if !folder.join("index.json").is_file() {
            layout::write_with_new_top(&image.layout, &folder)
                .map_err(|error| format!("not run: {error}"))?;
        }
        Ok(folder.display().to_string())
    }

    fn reference(&self, layout: &Path, port: fn(&Registry) -> u16) -> Result<String, String> {
        let registry = self.registry.as_ref().map_err(Clone::clone)?;
        let repository = layout.file_name().unwrap_or_default().to_string_lossy();
        Ok(format!("127.0.0.1:{}/{repository}:latest", port(registry)))
    }
}

/// Arguments that make sense with a layer cache only.
trait Cached: Sized {
    fn cached(self, stage: &Stage) -> Result<Self, String>;
}

impl Cached for Vec<String> {
    fn cached(self, stage: &Stage) -> Result<Self, String> {
        if stage.has_cache { Ok(self) } else { Err("not run: this build has no layer cache".to_owned()) }
    }
}

/// The rate of the slow link, as a good office line has it: inflating is faster.
const SLOW_BYTES_PER_SECOND: u64 = 40_000_000;

/// olareg, serving a folder of OCI layouts on loopback without a copy, and a slow link to it.
#[derive(Debug)]
pub struct Registry {
    server: Child,
    port: u16,
    slow: SlowLink,
}

impl Registry {
    /// Starts it and waits until it answers, at most ten seconds. Its log goes to a file.
    ///
    /// # Errors
    /// Those of starting it, and a server that does not answer.
    pub fn start(program: &Path, folder: &Path, log: &Path) -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let slow = SlowLink::start(port, SLOW_BYTES_PER_SECOND)?;
        let mut command = Command::new(program);
        command.args(["serve", "--addr", "127.0.0.1", "--port", &port.to_string(), "--store-ro", "--dir"]);
        let server = command.arg(folder).stdout(Stdio::null()).stderr(fs::File::create(log)?).spawn()?;
        let mut registry = Self { server, port, slow };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() > end || registry.server.try_wait()?.is_some() {
                return Err(io::Error::other(format!(
                    "{} does not answer, see {}",
                    program.display(),
                    log.display()
                )));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn slow_port(&self) -> u16 {
        self.slow.port()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

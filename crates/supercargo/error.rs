//! The one error of the façade: every cause of the crates below, sorted by what a user can do about it.

use std::io;
use std::path::{Path, PathBuf};

use supercargo_content::Digest;
use supercargo_image::{AttachmentError, ReferenceParseError, ResolveError};
use supercargo_registry::RegistryError;
use supercargo_scan::{ArchiveError, FolderError, ScanError};
use supercargo_signing::{KeyError, SignError, TrustError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options contradict each other or the image.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The reference cannot be read.
    #[error(transparent)]
    Reference(#[from] ReferenceParseError),
    /// The reference leads to no image.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The image cannot be scanned.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// An archive that passes by cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Something in the image could not be read, and that was forbidden.
    #[error("{count} problem{s} in {image}, and `--strict` was given", s = if *count == 1 { "" } else { "s" })]
    Problems {
        /// How many.
        count: usize,
        /// The image.
        image: String,
    },
    /// A store cannot list, fetch or attach.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// Signing failed.
    #[error(transparent)]
    Signing(#[from] SignError),
    /// Trust could not be established.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Attestations are there, and none passes.
    #[error("no attestation of {image} passes: {reasons}")]
    Refused {
        /// The image.
        image: String,
        /// Each failed check.
        reasons: String,
    },
    /// Attestations pass, and fewer people than needed have signed them.
    #[error("too few signers of {image}: expected {expected} different ones, found {found}{}", also(reasons))]
    TooFewSigners {
        /// The image.
        image: String,
        /// How many are needed.
        expected: usize,
        /// Who they are.
        found: String,
        /// Each failed check of the others.
        reasons: String,
    },
    /// The image does not satisfy a policy.
    #[error("{image} does not satisfy the policy: {reasons}")]
    Policy {
        /// The image.
        image: String,
        /// Every reason of every requirement.
        reasons: String,
    },
    /// A signed SBOM does not say what is in the image.
    #[error("the signed SBOM of {image} is not true: {count} packages differ from what is in the image")]
    Untrue {
        /// The image.
        image: String,
        /// How many packages differ.
        count: usize,
    },
    /// Something needs the network, and that was forbidden.
    #[error("{what} needs the network, and `--offline` was given")]
    Offline {
        /// What needs it.
        what: String,
    },
    /// No attestation of the wanted type is there.
    #[error("no attestation {wanted}is attached to {image}: there is {there}")]
    Nothing {
        /// `of type …`, or nothing.
        wanted: String,
        /// The image.
        image: String,
        /// What is there instead.
        there: String,
    },
    /// The SBOM is about another image than the one it would be attached to.
    #[error("the predicate describes {described}, but the subject is {subject}")]
    WrongSubject {
        /// The digest in the SBOM.
        described: Digest,
        /// The digest of the manifest.
        subject: Digest,
    },
    /// A file cannot be read or written.
    #[error("failed to {action} `{}`", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A document given by the user is damaged.
    #[error("failed to read {what} `{}`", path.display())]
    Document {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The cache folder cannot be used.
    #[error(transparent)]
    Cache(#[from] FolderError),
    /// The registry client could not be set up.
    #[error("failed to set up the registry client")]
    RegistrySetup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn also(reasons: &str) -> String {
    if reasons.is_empty() { String::new() } else { format!(" (others were refused: {reasons})") }
}

/// The classes of failures, each with an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The command line is wrong.
    Usage,
    /// The image cannot be found or read.
    Image,
    /// Something in it could not be read, and that was forbidden.
    Problems,
    /// An attestation is there, and a check failed.
    Refused,
    /// There is nothing to verify.
    Nothing,
    /// A registry or a signing service failed.
    Service,
    /// Anything else.
    Other,
}

impl Error {
    /// A usage error without a hint.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// A file that could not be read.
    pub fn read(path: &Path, source: io::Error) -> Self {
        Self::File { action: "read", path: path.to_owned(), source }
    }

    /// A file that could not be written.
    pub fn write(path: &Path, source: io::Error) -> Self {
        Self::File { action: "write", path: path.to_owned(), source }
    }

    /// Signing that failed before it began.
    pub fn signing(error: impl Into<SignError>) -> Self {
        Self::Signing(error.into())
    }

    /// A document given by the user that is damaged.
    pub fn document(
        what: &'static str,
        path: impl AsRef<Path>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Document { what, path: path.as_ref().to_owned(), source: Box::new(source) }
    }

    /// What a user can do about it.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Usage { .. } | Self::Reference(_) | Self::WrongSubject { .. } => Failure::Usage,
            Self::Resolve(ResolveError::Registry { .. }) | Self::RegistrySetup(_) => Failure::Service,
            Self::Scan(error) if RegistryError::find_in(error).is_some() => Failure::Service,
            Self::Resolve(_) | Self::Scan(_) | Self::Archive(_) => Failure::Image,
            Self::Problems { .. } => Failure::Problems,
            Self::Refused { .. } | Self::TooFewSigners { .. } | Self::Policy { .. } | Self::Untrue { .. } => {
                Failure::Refused
            }
            Self::Offline { .. } => Failure::Usage,
            Self::Nothing { .. } => Failure::Nothing,
            Self::Attachment(_) => Failure::Service,
            Self::Signing(SignError::Service(_) | SignError::Key(KeyError::Service(_)))
            | Self::Trust(TrustError::Service(_)) => Failure::Service,
            Self::Trust(_) => Failure::Other,
            Self::Signing(_) | Self::File { .. } | Self::Document { .. } | Self::Cache(_) => Failure::Other,
        }
    }

    /// Whether the reader of our output went away, which is no failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The next step, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => hint.clone(),
            Self::Resolve(ResolveError::Platform { .. }) => Some(
                "choose one with `--platform os/arch[/variant]`, or take each with `--platform all`".into(),
            ),
            Self::Problems { .. } => Some("`--verbose` prints each of them".into()),
            Self::Trust(error) => error.hint().map(Into::into),
            Self::Offline { .. } => {
                Some("copy it into an `oci:` layout first, with everything that hangs on it".into())
            }
            Self::Nothing { .. } => Some("`supercargo attached` draws everything that is attached".into()),
            Self::WrongSubject { .. } => {
                Some("name the platform that the SBOM is about with `--platform`".into())
            }
            // What a registry refuses is known best to its client, however deep the refusal lies.
            _ => RegistryError::find_in(self).and_then(RegistryError::hint).map(str::to_owned),
        }
    }
}

//! Private keys: made, read from every file format in use, and turned into signatures.

use std::fmt;

use supercargo_attest::PublicKey;
use zeroize::Zeroizing;

use crate::http::HttpOptions;
use crate::key_file;
use crate::memory_key::MemoryKey;
use crate::message::Message;
use crate::pkcs11::TokenKey;
use crate::pkcs11_uri::Pkcs11Uri;
use crate::plugin::{KmsPlugin, PluginKey};
use crate::scheme::Scheme;
use crate::vault::{VaultKey, VaultTransit};

/// A private key that signs, wherever it is held: ECDSA on P-256 or P-384, RSA of 2,048 bits or more, or Ed25519.
///
/// Its `Debug` text names the public key only.
pub struct SigningKey {
    public: PublicKey,
    scheme: Scheme,
    holder: Holder,
}

/// Who holds the private key and signs with it.
enum Holder {
    /// This process.
    Memory(MemoryKey),
    /// A PKCS#11 token.
    Token(TokenKey),
    /// A program of the Sigstore KMS plugin protocol.
    Plugin(PluginKey),
    /// Vault's transit engine.
    Vault(Box<VaultKey>),
}

/// A new pair of key files.
pub struct GeneratedKey {
    /// The private key as cosign writes it: PEM `ENCRYPTED SIGSTORE PRIVATE KEY`.
    pub private_pem: Zeroizing<String>,
    /// The public key: PEM `PUBLIC KEY`.
    pub public_pem: String,
}

impl SigningKey {
    /// The longest key file that is read, in bytes.
    pub const PEM_BYTES_MAX: usize = 64 * 1_024;

    /// Makes a new ECDSA P-256 pair, the private key encrypted with `password`, which may be empty.
    ///
    /// Takes about 0.2 s: the key is derived with scrypt, N = 65,536, r = 8, p = 1, as cosign does.
    pub fn generate(password: &str) -> Result<GeneratedKey, KeyError> {
        let pkcs8 = MemoryKey::generate()?;
        let key = Self::in_memory(MemoryKey::from_pkcs8(&pkcs8)?)?;
        let private_pem = key_file::encrypt(&pkcs8, password)?;
        Ok(GeneratedKey { private_pem, public_pem: key.public.to_pem() })
    }

    /// Reads a private key file.
    ///
    /// Takes cosign's encrypted files (`ENCRYPTED SIGSTORE PRIVATE KEY` and `ENCRYPTED COSIGN PRIVATE KEY`), whose
    /// cost is bounded before it is paid, PKCS#8 (`PRIVATE KEY`, RFC 5958), SEC1 (`EC PRIVATE KEY`, RFC 5915) and PKCS#1
    /// (`RSA PRIVATE KEY`, RFC 8017).
    /// `password` is asked for only when the file is encrypted.
    pub fn from_pem(
        pem: &[u8],
        password: impl FnOnce() -> Option<Zeroizing<String>>,
    ) -> Result<Self, KeyError> {
        if pem.len() > Self::PEM_BYTES_MAX {
            return Err(KeyError::TooLong { max: Self::PEM_BYTES_MAX });
        }
        let blocks = pem::parse_many(pem).map_err(|error| KeyError::Pem(error.to_string()))?;
        // OpenSSL puts `EC PARAMETERS` in front.
        let block =
            blocks.into_iter().find(|block| block.tag() != "EC PARAMETERS").ok_or(KeyError::NoBlock)?;
        let tag = block.tag().to_owned();
        let content = Zeroizing::new(block.into_contents());
        let key = match tag.as_str() {
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                let opener = key_file::Sealed::parse(&content)?;
                let password = password().ok_or(KeyError::PasswordNeeded)?;
                MemoryKey::from_pkcs8(&opener.open(&password)?)
            }
            "PRIVATE KEY" => MemoryKey::from_pkcs8(&content),
            "EC PRIVATE KEY" => MemoryKey::from_sec1(&content),
            "RSA PRIVATE KEY" => MemoryKey::from_pkcs1(&content),
            other => Err(KeyError::Tag { found: other.chars().take(80).collect() }),
        };
        Self::in_memory(key?)
    }

    /// Opens a key on a PKCS#11 token. `pin` is asked for only when the token wants one.
    ///
    /// The module of the token runs inside this process; name only one that you trust.
    pub fn on_token(
        uri: &Pkcs11Uri,
        pin: impl FnOnce() -> Option<Zeroizing<String>>,
    ) -> Result<Self, KeyError> {
        let (public, token) = TokenKey::open(uri, pin)?;
        Self::held(public, Holder::Token(token))
    }

    /// Uses a key through the program `sigstore-kms-NAME` (sigstore, "KMS plugin protocol", v1). Runs the program.
    pub fn through_plugin(plugin: &KmsPlugin) -> Result<Self, KeyError> {
        let (public, plugin) = PluginKey::open(plugin)?;
        Self::held(public, Holder::Plugin(plugin))
    }

    /// Uses a key of Vault's transit engine (also OpenBao's). Asks the server.
    pub fn in_vault(vault: &VaultTransit, http: &HttpOptions) -> Result<Self, KeyError> {
        let (public, vault) = VaultKey::open(vault, http)?;
        Self::held(public, Holder::Vault(Box::new(vault)))
    }

    /// The public key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A signature by the scheme of the key; ECDSA in ASN.1 DER.
    pub(crate) fn sign(&self, message: &Message<'_>) -> Result<Vec<u8>, KeyError> {
        let digest = self.scheme.hash().map(|hash| message.digest(hash));
        match (&self.holder, &digest) {
            (Holder::Memory(key), digest) => key.sign(message, digest.as_ref()),
            (Holder::Plugin(plugin), _) => plugin.sign(message, self.scheme),
            (Holder::Token(token), Some(digest)) => token.sign(digest.as_ref(), self.scheme),
            (Holder::Vault(vault), Some(digest)) => vault.sign(digest.as_ref(), self.scheme),
            (Holder::Vault(vault), None) => vault.sign(&message.to_vec(), self.scheme),
            (Holder::Token(_), None) => Err(KeyError::Unsupported { found: "Ed25519" }),
        }
    }

    /// A key that lives as long as one signature.
    pub(crate) fn ephemeral() -> Result<Self, KeyError> {
        Self::in_memory(MemoryKey::from_pkcs8(&MemoryKey::generate()?)?)
    }

    fn in_memory(key: MemoryKey) -> Result<Self, KeyError> {
        Self::held(key.public()?, Holder::Memory(key))
    }

    fn held(public: PublicKey, holder: Holder) -> Result<Self, KeyError> {
        let scheme = Scheme::of(&public).ok_or(KeyError::Damaged)?;
        Ok(Self { public, scheme, holder })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl fmt::Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedKey").field("public_pem", &self.public_pem).finish_non_exhaustive()
    }
}

/// Why a private key cannot be used. Never carries the key or the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file is longer than any private key.
    #[error("longer than {max} bytes: not a private key")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// The file is no PEM.
    #[error("not a PEM file: {0}")]
    Pem(String),
    /// The file holds no PEM block.
    #[error("there is no PEM block in the file: expected a private key")]
    NoBlock,
    /// The file holds something else, or is encrypted in a way that we cannot open.
    #[error(
        "the PEM block is `{found}`: expected `ENCRYPTED SIGSTORE PRIVATE KEY`, `PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`{}",
        tag_hint(.found)
    )]
    Tag {
        /// The label of the block.
        found: String,
    },
    /// The key is of a kind that we do not sign with.
    #[error("the key is {found}: signing takes ECDSA P-256 and P-384, RSA and Ed25519 keys")]
    Unsupported {
        /// What it is.
        found: &'static str,
    },
    /// The key inside is not readable.
    #[error("the private key is damaged")]
    Damaged,
    /// The encrypted file has another shape.
    #[error("the encrypted key file is not readable: {0}")]
    Sealed(String),
    /// The encrypted file uses something unknown.
    #[error("the encrypted key file uses `{found}`: expected `{expected}`")]
    Cipher {
        /// What we know.
        expected: &'static str,
        /// What the file names.
        found: String,
    },
    /// Opening the file would cost more than we pay for a stranger's file.
    #[error(
        "the encrypted key file asks for scrypt with N={n}, r={r}, p={p}: more than the limit of 256 MiB"
    )]
    TooCostly {
        /// The cost parameter.
        n: u64,
        /// The block size.
        r: u32,
        /// The parallelism.
        p: u32,
    },
    /// The file is encrypted and there is no password.
    #[error("the private key is encrypted: give its password")]
    PasswordNeeded,
    /// The password does not open the file.
    #[error("wrong password, or the key file is damaged")]
    WrongPassword,
    /// The public half is of a kind or size that nobody would verify with.
    #[error("the key's public half is not usable: {detail}")]
    PublicKey {
        /// What is wrong with it.
        detail: String,
    },
    /// The URI of the key makes no sense.
    #[error("the key URI is not usable: {detail}")]
    Uri {
        /// What is wrong with it.
        detail: String,
    },
    /// A token failed or refused.
    #[error("the PKCS#11 token failed to {action}: {detail}")]
    Token {
        /// What was asked of it.
        action: &'static str,
        /// What it, or the library, says.
        detail: String,
    },
    /// The URI names no token, or several.
    #[error("expected one token that fits the URI, found {found}; tokens there: {there}")]
    TokenChoice {
        /// How many fit.
        found: usize,
        /// The labels of all tokens.
        there: String,
    },
    /// The URI names no key of the token, or several.
    #[error("expected one {kind} key on the token that fits the URI, found {found}")]
    TokenKeyChoice {
        /// `private` or `public`.
        kind: &'static str,
        /// How many fit.
        found: usize,
    },
    /// The token wants a PIN.
    #[error(
        "the token wants a PIN: give it with `--password-file`, `pin-source` in the URI, or SUPERCARGO_PASSWORD"
    )]
    PinNeeded,
    /// The token does not take the PIN.
    #[error("the token refuses the PIN: {detail}")]
    PinRefused {
        /// What it says; after several wrong ones a token locks itself.
        detail: String,
    },
    /// A plugin cannot be run or understood, or refuses.
    #[error("the key plugin `{program}` {detail}")]
    Plugin {
        /// The program.
        program: String,
        /// What went wrong.
        detail: String,
    },
    /// A service that holds the key.
    #[error(transparent)]
    Service(#[from] crate::ServiceError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] crate::HttpSetupError),
    /// The system gives no random numbers, or the key cannot sign.
    #[error("the system's random numbers or cryptography failed")]
    Random,
}

fn tag_hint(found: &str) -> &'static str {
    match found {
        "PUBLIC KEY" => "; this is the public key",
        "ENCRYPTED PRIVATE KEY" => "; decrypt it first, as with `openssl pkcs8`",
        "OPENSSH PRIVATE KEY" => "; convert it first, as with `ssh-keygen -p -m pkcs8`",
        _ => "",
    }
}

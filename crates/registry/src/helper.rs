//! `docker-credential-NAME`: programs that keep credentials (the protocol of docker/docker-credential-helpers).

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use crate::error::clean;
use crate::{Credential, RegistryError, Secret};

const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// A helper by the name that stands in the configuration.
pub(crate) struct Helper<'a> {
    pub(crate) name: &'a str,
    pub(crate) folders: &'a [PathBuf],
    pub(crate) timeout: Duration,
}

impl Helper<'_> {
    /// Asks for the credentials of a server; `None` when the helper has none. The program is killed when it takes
    /// too long.
    pub(crate) async fn get(&self, server: &str) -> Result<Option<Credential>, RegistryError> {
        let program = self.program(server)?;
        let mut command = Command::new(program);
        command
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let child =
            command.spawn().map_err(|error| self.failed(server, format!("cannot run it: {error}")))?;
        let answer = tokio::time::timeout(self.timeout, talk(child, server)).await;
        let (succeeded, output) = answer
            .map_err(|_| self.failed(server, format!("no answer within {} s", self.timeout.as_secs_f32())))?
            .map_err(|error| self.failed(server, error.to_string()))?;
        if succeeded { self.parse(server, &output).map(Some) } else { self.refused(server, &output) }
    }

    fn program(&self, server: &str) -> Result<PathBuf, RegistryError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if self.name.is_empty() || !self.name.bytes().all(fits) {
            return Err(self.failed(server, "its name has characters that cannot stand there".to_owned()));
        }
        let file = format!("docker-credential-{}", self.name);
        if self.folders.is_empty() {
            return Ok(PathBuf::from(file));
        }
        let mut candidates = self.folders.iter().map(|folder| folder.join(&file));
        candidates
            .find(|path| path.is_file())
            .ok_or_else(|| self.failed(server, format!("there is no program `{file}`")))
    }

    fn parse(&self, server: &str, output: &[u8]) -> Result<Credential, RegistryError> {
        let unreadable = |_| self.failed(server, "its answer is not the JSON that it should be".to_owned());
        let raw: RawAnswer = serde_json::from_slice(output).map_err(unreadable)?;
        if raw.username == "<token>" {
            return Ok(Credential::IdentityToken(raw.secret));
        }
        Ok(Credential::Password { user: raw.username, password: raw.secret })
    }

    fn refused(&self, server: &str, output: &[u8]) -> Result<Option<Credential>, RegistryError> {
        let text = String::from_utf8_lossy(output);
        if text.contains("credentials not found") {
            return Ok(None);
        }
        Err(self.failed(server, format!("it says: {}", clean(&text, 200))))
    }

    fn failed(&self, server: &str, reason: String) -> RegistryError {
        let helper = format!("docker-credential-{}", clean(self.name, 64));
        RegistryError::Helper { helper, host: server.to_owned(), reason }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawAnswer {
    username: String,
    secret: Secret,
}

async fn talk(mut child: Child, server: &str) -> io::Result<(bool, Zeroizing<Vec<u8>>)> {
    if let Some(mut stdin) = child.stdin.take() {
        // A helper may end without reading; its answer counts, not the broken pipe.
        let _ = stdin.write_all(format!("{server}\n").as_bytes()).await;
    }
    let output = match child.stdout.take() {
        Some(stdout) => read_all(stdout).await?,
        None => Zeroizing::default(),
    };
    Ok((child.wait().await?.success(), output))
}

async fn read_all(stdout: impl AsyncRead + Unpin) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(Vec::new());
    stdout.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut output).await?;
    if output.len() as u64 > OUTPUT_BYTES_MAX {
        return Err(io::Error::other(format!("its answer is over {OUTPUT_BYTES_MAX} bytes")));
    }
    Ok(output)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn ask(script: &str, timeout: Duration) -> Result<Option<Credential>, RegistryError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-test");
        // Written by another process: a child that a test beside this one starts just now would inherit the open file, and
        // a program that somebody may still write to is not run (ETXTBSY).
        let write = r#"printf '%s' "$1" >"$0" && chmod 755 "$0""#;
        let text = format!("#!/bin/sh\n{script}\n");
        let written = std::process::Command::new("sh").args(["-c", write]).arg(&path).arg(text).status();
        assert!(written.unwrap().success());
        let folders = [folder.path().to_owned()];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Helper { name: "test", folders: &folders, timeout }.get("r.example"))
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_helper_is_given_the_host_and_gives_credentials() {
        let script = r#"read host; [ "$1" = get ] && printf '{"ServerURL":"%s","Username":"%s","Secret":"s"}' "$host" "$host""#;
        let expected = Credential::Password { user: "r.example".to_owned(), password: Secret::new("s") };
        assert_eq!(ask(script, LONG).unwrap(), Some(expected));
        let token = r#"echo '{"Username":"<token>","Secret":"t"}'"#;
        assert_eq!(ask(token, LONG).unwrap(), Some(Credential::IdentityToken(Secret::new("t"))));
    }

    #[test]
    fn a_helper_without_credentials_is_no_error() {
        assert_eq!(ask("echo credentials not found in native keychain; exit 1", LONG).unwrap(), None);
    }

    #[test]
    fn failures_are_errors() {
        for script in ["echo locked; exit 1", "echo '{'", "head -c 100000 /dev/zero", "exit 3"] {
            assert!(matches!(ask(script, LONG), Err(RegistryError::Helper { .. })), "{script}");
        }
    }

    #[test]
    fn a_helper_that_hangs_is_killed() {
        let started = std::time::Instant::now();
        let error = ask("exec sleep 30", Duration::from_millis(200)).unwrap_err();
        assert!(error.to_string().contains("no answer within 0.2 s"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_name_is_no_path() {
        let helper = Helper { name: "../../bin/sh", folders: &[], timeout: LONG };
        assert!(helper.program("r").is_err());
    }
}

//! Running other programs: bounded in time and in what they may say.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use crate::run::block_on;

/// How long a program may take, and how much it may write to stdout.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
pub(crate) const OUTPUT_BYTES_MAX: usize = 1_024 * 1_024;

/// How long what a program has written is still read after its end. A child of its own may hold the output open for
/// ever, so its end is not waited for.
const LINGER: Duration = Duration::from_secs(1);

/// What a program wrote to stdout, and whether it ended well.
pub(crate) struct Outcome {
    pub(crate) stdout: Zeroizing<Vec<u8>>,
    pub(crate) succeeded: bool,
}

/// Runs a program with `input` on its stdin; its stderr is ours. The error is a clause for a message: the program …
pub(crate) fn run(command: Command, input: &[&[u8]]) -> Result<Outcome, String> {
    block_on(run_within(TIMEOUT, command, input)).map_err(|error| format!("cannot be run: {error}"))?
}

async fn run_within(limit: Duration, command: Command, input: &[&[u8]]) -> Result<Outcome, String> {
    let mut command = tokio::process::Command::from(command);
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
    let mut child = spawned.map_err(|error| format!("cannot be run: {error}"))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut read = Zeroizing::new(Vec::new());
    let ended = Notify::new();
    let (status, talked) = tokio::join!(
        async {
            let status = wait(&mut child, limit).await;
            ended.notify_one();
            status
        },
        async {
            tokio::select! {
                // Both at once: a pipe holds less than some messages have.
                (_, talked) = async { tokio::join!(feed(stdin, input), collect(stdout, &mut read)) } => talked,
                () = async { ended.notified().await; sleep(LINGER).await } => Ok(()),
            }
        },
    );
    let succeeded = status?;
    talked?;
    Ok(Outcome { stdout: read, succeeded })
}

/// Waits, and ends a program that takes too long.
async fn wait(child: &mut Child, limit: Duration) -> Result<bool, String> {
    match timeout(limit, child.wait()).await {
        Ok(Ok(status)) => Ok(status.success()),
        Ok(Err(error)) => Err(format!("cannot be waited for: {error}")),
        Err(_) => {
            // It may have ended by itself meanwhile.
            let _ = child.kill().await;
            Err(format!("did not end within {} s", limit.as_secs_f32()))
        }
    }
}

async fn feed(stdin: Option<ChildStdin>, input: &[&[u8]]) {
    let Some(mut stdin) = stdin else { return };
    for part in input {
        // A program that does not want its input may close it.
        if stdin.write_all(part).await.is_err() {
            return;
        }
    }
}

async fn collect(stdout: Option<ChildStdout>, read: &mut Vec<u8>) -> Result<(), String> {
    let Some(mut stdout) = stdout else { return Ok(()) };
    while stdout.read_buf(read).await.map_err(|error| format!("cannot be read: {error}"))? > 0 {
        if read.len() > OUTPUT_BYTES_MAX {
            return Err(format!("wrote more than {OUTPUT_BYTES_MAX} bytes"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str, limit: Duration, input: &[&[u8]]) -> Result<Outcome, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        block_on(run_within(limit, command, input)).unwrap()
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn input_and_output_go_side_by_side() {
        let input = vec![b'x'; 400_000];
        let outcome = shell("cat", LONG, &[&input, b"y"]).unwrap();
        assert!(outcome.succeeded && outcome.stdout.len() == 400_001);
        assert!(!shell("exit 3", LONG, &[&input]).unwrap().succeeded);
    }

    #[test]
    fn a_child_that_keeps_the_output_open_is_not_waited_for() {
        let started = Instant::now();
        let outcome = shell("sleep 20 2>/dev/null & echo answer", LONG, &[]).unwrap();
        assert_eq!((outcome.stdout.as_slice(), outcome.succeeded), (&b"answer\n"[..], true));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let started = Instant::now();
        let error = shell("exec sleep 20", Duration::from_millis(200), &[b"x"]).err();
        assert_eq!(error.as_deref(), Some("did not end within 0.2 s"));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_that_says_too_much_is_refused() {
        let error = shell("head -c 2000000 /dev/zero 2>/dev/null", LONG, &[]).err();
        assert_eq!(error.as_deref(), Some("wrote more than 1048576 bytes"));
    }
}

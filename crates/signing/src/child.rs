//! Running other programs: bounded in time and in what they may say.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// How long a program may take, and how much it may write to stdout.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
pub(crate) const OUTPUT_BYTES_MAX: u64 = 1_024 * 1_024;

/// What a program wrote to stdout, and whether it ended well.
pub(crate) struct Outcome {
    pub(crate) stdout: Zeroizing<Vec<u8>>,
    pub(crate) succeeded: bool,
}

/// Runs a program with `input` on its stdin; its stderr is ours. The error is a clause for a message: the program …
pub(crate) fn run(command: &mut Command, input: &[&[u8]]) -> Result<Outcome, String> {
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| format!("cannot be run: {error}"))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not want its input may close it.
            stdin.map(|mut stdin| input.iter().try_for_each(|part| stdin.write_all(part)))
        });
        let reader = scope.spawn(move || {
            let mut read = Zeroizing::new(Vec::new());
            let bounded = stdout.map(|stdout| stdout.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut read));
            bounded.unwrap_or(Ok(0)).map(|_| read)
        });
        let ended = wait(&mut child);
        let read = reader.join().map_err(|_| "cannot be read".to_owned())?;
        let succeeded = ended?;
        let stdout = read.map_err(|error| format!("cannot be read: {error}"))?;
        if stdout.len() as u64 > OUTPUT_BYTES_MAX {
            return Err(format!("wrote more than {OUTPUT_BYTES_MAX} bytes"));
        }
        Ok(Outcome { stdout, succeeded })
    })
}

/// Waits, and ends a program that takes too long.
fn wait(child: &mut Child) -> Result<bool, String> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if started.elapsed() < TIMEOUT => thread::sleep(Duration::from_millis(10)),
            Ok(None) => {
                end(child);
                return Err(format!("did not end within {} s", TIMEOUT.as_secs()));
            }
            Err(error) => {
                end(child);
                return Err(format!("cannot be waited for: {error}"));
            }
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

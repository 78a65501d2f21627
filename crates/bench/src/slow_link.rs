//! A slow link to a server on loopback.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes passed on at once: fine enough for a steady flow, coarse enough to sleep between them.
const PIECE_BYTES: usize = 64 << 10;

/// A port that leads to a server; what comes from there, over all connections together, is no faster than a given rate.
#[derive(Debug)]
pub struct SlowLink {
    port: u16,
    has_ended: Arc<AtomicBool>,
}

impl SlowLink {
    /// Opens a port on loopback that leads to the port `server`.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(server: u16, bytes_per_second: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let link = Self { port, has_ended: Arc::default() };
        let (has_ended, pace) = (Arc::clone(&link.has_ended), Arc::new(Pace::new(bytes_per_second)));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if has_ended.load(Ordering::Relaxed) {
                    break;
                }
                // A connection that fails shows as one that was closed.
                let _ = connect(client, server, &pace);
            }
        });
        Ok(link)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for SlowLink {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// When the next bytes may go.
#[derive(Debug)]
struct Pace {
    bytes_per_second: f64,
    next: Mutex<Instant>,
}

impl Pace {
    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second as f64, next: Mutex::new(Instant::now()) }
    }

    /// Waits for as long as so many bytes take.
    fn wait(&self, bytes: usize) {
        let now = Instant::now();
        let until = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next = (*next).max(now) + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
            *next
        };
        thread::sleep(until.saturating_duration_since(now));
    }
}

fn connect(client: TcpStream, server: u16, pace: &Arc<Pace>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pass(from_client, to_server, |_| {}));
    let pace = Arc::clone(pace);
    thread::spawn(move || pass(server, client, |bytes| pace.wait(bytes)));
    Ok(())
}

/// Passes bytes on until one end closes, and closes the other.
fn pass(mut from: TcpStream, mut to: TcpStream, before: impl Fn(usize)) {
    let mut buffer = vec![0; PIECE_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        before(read);
        if to.write_all(buffer.get(..read).unwrap_or_default()).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_arrive_whole_and_no_faster_than_the_rate() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = SlowLink::start(server.local_addr().unwrap().port(), 1 << 20).unwrap();
        let sent: Vec<u8> = (0..256 << 10).map(|at| (at % 251) as u8).collect();
        let expected = sent.clone();
        thread::spawn(move || {
            let (mut client, _) = server.accept().unwrap();
            let mut asked = [0; 3];
            client.read_exact(&mut asked).unwrap();
            assert_eq!(&asked, b"get");
            client.write_all(&sent).unwrap();
        });
        let began = Instant::now();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).unwrap();
        client.write_all(b"get").unwrap();
        let mut found = Vec::new();
        client.read_to_end(&mut found).unwrap();
        assert!(found == expected);
        assert!(began.elapsed() >= Duration::from_millis(240), "{:?}", began.elapsed());
    }
}

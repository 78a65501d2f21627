//! A bound on the bytes that all threads hold at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A number of bytes shared by threads, lent out first come, first served.
///
/// A thread that holds a reservation must not wait for a second one: that is what keeps any number of threads
/// from waiting for each other. [`Budget::try_acquire`] never waits. [`Budget::charge`] takes what somebody needs for
/// long (the window of a decoder) without waiting; whoever waits then has less, but at least one of them goes on.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Bytes that nobody holds, those of idle buffers included.
    free_bytes: u64,
    /// Bytes charged beyond the whole; they are paid back first.
    overdrawn_bytes: u64,
    /// Reservations that were waited for, and so come back soon.
    lent: u64,
    next_ticket: u64,
    serving: u64,
    idle: Vec<Vec<u8>>,
}

/// Bytes of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: u64,
    was_waited_for: bool,
    /// An empty buffer of at least the bytes asked for; it is recycled. Empty and without room where only bytes
    /// were asked for.
    pub(crate) buffer: Vec<u8>,
}

/// The smallest buffer that is made. Sizes double from here, so that buffers fit again.
const BUFFER_BYTES_MIN: u64 = 1 << 20;

/// A wish for more bytes than the whole budget has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{wanted_bytes} bytes are more than the budget of {total_bytes} bytes for all buffers")]
pub struct OverBudget {
    /// The bytes asked for.
    pub wanted_bytes: u64,
    /// The bytes of the whole budget.
    pub total_bytes: u64,
}

impl Budget {
    /// A budget of so many bytes (`Limits::buffered_bytes_max`).
    pub fn new(total_bytes: u64) -> Self {
        let state = State {
            free_bytes: total_bytes,
            overdrawn_bytes: 0,
            lent: 0,
            next_ticket: 0,
            serving: 0,
            idle: Vec::new(),
        };
        let state = Mutex::new(state);
        Self(Arc::new(Shared { total_bytes, state, changed: Condvar::new() }))
    }

    /// Waits until `bytes` are free and takes them.
    ///
    /// # Errors
    ///
    /// When the whole budget is smaller.
    pub fn acquire(&self, bytes: u64) -> Result<Reservation, OverBudget> {
        let mut state = self.wait(bytes)?;
        state.take(bytes);
        Ok(self.served(state, bytes, Vec::new()))
    }

    /// The same with a buffer of at least so many bytes.
    ///
    /// # Errors
    ///
    /// As [`Budget::acquire`].
    pub fn acquire_buffer(&self, bytes: u64) -> Result<Reservation, OverBudget> {
        let mut state = self.wait(bytes)?;
        let buffer = state.buffer(bytes);
        let held = buffer.capacity() as u64;
        Ok(self.served(state, held, buffer))
    }

    /// Takes `bytes` if they are free and nobody waits.
    pub fn try_acquire(&self, bytes: u64) -> Option<Reservation> {
        let mut state = self.state();
        if state.serving != state.next_ticket || state.free_bytes < bytes {
            return None;
        }
        state.take(bytes);
        Some(Reservation { budget: self.clone(), bytes, was_waited_for: false, buffer: Vec::new() })
    }

    /// Takes `bytes` at once, whether they are free or not.
    pub fn charge(&self, bytes: u64) -> Reservation {
        self.state().take(bytes);
        Reservation { budget: self.clone(), bytes, was_waited_for: false, buffer: Vec::new() }
    }

    /// The bytes of the whole budget.
    pub fn total_bytes(&self) -> u64 {
        self.0.total_bytes
    }

    /// Waits for its turn, and then until `bytes` are free.
    fn wait(&self, bytes: u64) -> Result<MutexGuard<'_, State>, OverBudget> {
        if bytes > self.0.total_bytes {
            return Err(OverBudget { wanted_bytes: bytes, total_bytes: self.0.total_bytes });
        }
        let mut state = self.state();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        while state.serving != ticket || (state.free_bytes < bytes && state.lent > 0) {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(state)
    }

    fn served(&self, mut state: MutexGuard<'_, State>, bytes: u64, buffer: Vec<u8>) -> Reservation {
        state.serving += 1;
        state.lent += 1;
        drop(state);
        self.0.changed.notify_all();
        Reservation { budget: self.clone(), bytes, was_waited_for: true, buffer }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes free bytes; idle buffers never hold more than is free.
    fn take(&mut self, bytes: u64) {
        self.overdrawn_bytes += bytes.saturating_sub(self.free_bytes);
        self.free_bytes = self.free_bytes.saturating_sub(bytes);
        let mut idle: u64 = self.idle.iter().map(|buffer| buffer.capacity() as u64).sum();
        while idle > self.free_bytes {
            idle -= self.idle.pop().map_or(idle, |buffer| buffer.capacity() as u64);
        }
    }

    /// Takes the smallest idle buffer that is large enough, or makes one.
    fn buffer(&mut self, bytes: u64) -> Vec<u8> {
        let fits = |buffer: &&(usize, u64)| buffer.1 >= bytes;
        let sizes = self.idle.iter().map(|buffer| buffer.capacity() as u64).enumerate();
        let sizes: Vec<(usize, u64)> = sizes.collect();
        let best = sizes.iter().filter(fits).min_by_key(|(_, size)| *size);
        if let Some((at, size)) = best {
            let buffer = self.idle.swap_remove(*at);
            self.take(*size);
            return buffer;
        }
        let rounded = bytes.checked_next_power_of_two().unwrap_or(bytes).max(BUFFER_BYTES_MIN);
        let size = if rounded <= self.free_bytes { rounded } else { bytes };
        self.take(size);
        Vec::with_capacity(usize::try_from(size).unwrap_or(usize::MAX))
    }

    fn give_back(&mut self, bytes: u64, mut buffer: Vec<u8>) {
        let paid = bytes.min(self.overdrawn_bytes);
        self.overdrawn_bytes -= paid;
        self.free_bytes += bytes - paid;
        if buffer.capacity() > 0 && buffer.capacity() as u64 <= bytes - paid {
            buffer.clear();
            self.idle.push(buffer);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut state = self.budget.state();
        state.lent -= u64::from(self.was_waited_for);
        state.give_back(self.bytes, buffer);
        drop(state);
        self.budget.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn more_than_the_whole_is_refused_at_once() {
        assert!(Budget::new(10).acquire(11).is_err());
        assert!(Budget::new(10).acquire(10).is_ok());
    }

    #[test]
    fn bytes_come_back() {
        let budget = Budget::new(10);
        let held = budget.acquire(6).unwrap();
        assert!(budget.try_acquire(5).is_none());
        drop(held);
        assert!(budget.try_acquire(10).is_some());
    }

    #[test]
    fn buffers_come_back_and_count_as_free() {
        let budget = Budget::new(4 << 20);
        let mut held = budget.acquire_buffer(3).unwrap();
        held.buffer.extend(*b"abc");
        let at = held.buffer.as_ptr();
        drop(held);
        let again = budget.acquire_buffer(1 << 20).unwrap();
        assert_eq!((again.buffer.as_ptr(), again.buffer.len()), (at, 0));
        assert!(budget.try_acquire(3 << 20).is_some());
        assert!(budget.try_acquire((3 << 20) + 1).is_none());
        drop(again);
        assert!(budget.acquire_buffer(4 << 20).is_ok_and(|all| all.buffer.capacity() == 4 << 20));
    }

    #[test]
    fn what_is_charged_is_missing_but_stops_nobody() {
        let budget = Budget::new(100);
        let (window, other) = (budget.charge(80), budget.charge(70));
        let first = budget.acquire(60).unwrap();
        assert!(budget.try_acquire(1).is_none());
        drop((window, first));
        assert!(budget.try_acquire(31).is_none());
        assert!(budget.try_acquire(30).is_some());
        drop(other);
        assert!(budget.try_acquire(100).is_some());
    }

    #[test]
    fn many_threads_stay_within_the_bound_and_all_finish() {
        let (budget, held, peak) = (Budget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (budget, held, peak) = (budget.clone(), &held, &peak);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = 1 + (thread * 37 + round * 13) % 100;
                        let reservation = budget.acquire(bytes).unwrap();
                        peak.fetch_max(held.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        held.fetch_sub(bytes, Ordering::SeqCst);
                        drop(reservation);
                    }
                });
            }
        });
        assert!(peak.load(Ordering::SeqCst) <= 100);
        assert!(budget.try_acquire(100).is_some());
    }
}

//! A bound on the bytes that all threads hold at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A number of bytes shared by threads, lent out first come, first served.
///
/// A thread that holds a reservation must not wait for a second one: that is what keeps any number of threads
/// from waiting for each other. [`Budget::try_acquire`] never waits.
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
    free_bytes: u64,
    next_ticket: u64,
    serving: u64,
}

/// Bytes of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: u64,
}

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
        let state = Mutex::new(State { free_bytes: total_bytes, next_ticket: 0, serving: 0 });
        Self(Arc::new(Shared { total_bytes, state, changed: Condvar::new() }))
    }

    /// Waits until `bytes` are free and takes them.
    pub fn acquire(&self, bytes: u64) -> Result<Reservation, OverBudget> {
        if bytes > self.0.total_bytes {
            return Err(OverBudget { wanted_bytes: bytes, total_bytes: self.0.total_bytes });
        }
        let mut state = self.state();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        while state.serving != ticket || state.free_bytes < bytes {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.free_bytes -= bytes;
        state.serving += 1;
        drop(state);
        self.0.changed.notify_all();
        Ok(Reservation { budget: self.clone(), bytes })
    }

    /// Takes `bytes` if they are free and nobody waits.
    pub fn try_acquire(&self, bytes: u64) -> Option<Reservation> {
        let mut state = self.state();
        let nobody_waits = state.serving == state.next_ticket;
        state.free_bytes = state.free_bytes.checked_sub(bytes).filter(|_| nobody_waits)?;
        Some(Reservation { budget: self.clone(), bytes })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.state().free_bytes += self.bytes;
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

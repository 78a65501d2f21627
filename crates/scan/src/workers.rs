//! Work on several threads, the calling one among them.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does `work` for every item, taken in their order by whichever of `threads` threads is free; 0 is one per core. The
/// results come in no order.
///
/// The calling thread works too, and always takes the first item, which should be the largest: what it has freed then
/// serves it again afterwards, while memory that another thread has freed lies idle.
///
/// # Errors
/// When a thread cannot be started.
pub(crate) fn run<T: Send>(
    threads: usize,
    items: &[usize],
    work: impl Fn(usize) -> T + Sync,
) -> io::Result<Vec<T>> {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let threads = if threads == 0 { cores() } else { threads };
    let (next, results) = (AtomicUsize::new(1), Mutex::new(Vec::with_capacity(items.len())));
    let take = || next.fetch_add(1, Ordering::Relaxed);
    let work_from = |mut at: usize| {
        while let Some(&item) = items.get(at) {
            let result = work(item);
            results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
            at = take();
        }
    };
    let others = || work_from(take());
    thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            let started = thread::Builder::new().name("layers".to_owned()).spawn_scoped(scope, others);
            // Those that have started find nothing more to do.
            started.inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?;
        }
        work_from(0);
        Ok::<_, io::Error>(())
    })?;
    Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_item_is_done_once_by_any_number_of_threads() {
        let items: Vec<usize> = (0..100).collect();
        for threads in [0, 1, 2, 8, 1000] {
            let mut done = run(threads, &items, |item| item).unwrap();
            done.sort_unstable();
            assert_eq!(done, items, "{threads} threads");
        }
        assert_eq!(run(8, &[], |item| item).unwrap(), [0; 0]);
    }

    #[test]
    fn the_calling_thread_takes_the_first_item_and_is_not_alone() {
        // Each waits for the other, so that neither can do both.
        let barrier = std::sync::Barrier::new(2);
        let caller = thread::current().id();
        let who = run(2, &[0, 1], |item| {
            barrier.wait();
            (item, thread::current().id() == caller)
        });
        let who: BTreeSet<_> = who.unwrap().into_iter().collect();
        assert_eq!(who, BTreeSet::from([(0, true), (1, false)]));
    }
}

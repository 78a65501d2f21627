//! Ranges of a blob fetched before they are asked for, several at once: a registry is slow to answer, not to send.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};

use super::TocError;
use super::read::{Ranged, part};

/// Requests of one layer that are on their way at once.
const FETCHERS: usize = 6;
/// Ranges, and their bytes, that are held ahead of whoever takes them, unless one range is larger.
const AHEAD_MAX: usize = 32;
const AHEAD_BYTES_MAX: u64 = 4 << 20;

/// The planned ranges of a blob, which a few threads fetch in their order.
pub(crate) struct Ahead<'a> {
    source: &'a dyn Ranged,
    groups: Vec<(u64, u64)>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What comes before has been taken or passed over.
    taken: usize,
    /// The next to be fetched.
    next: usize,
    ready: BTreeMap<usize, Result<Vec<u8>, TocError>>,
    fetchers: usize,
    is_over: bool,
}

impl<'a> Ahead<'a> {
    /// Sorted ranges that overlap in one byte at most.
    pub(crate) fn new(source: &'a dyn Ranged, groups: Vec<(u64, u64)>) -> Self {
        Self { source, groups, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Starts to fetch. Where there is one range, or there are no threads, each is fetched when it is taken.
    pub(crate) fn start<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        let fetchers = if self.groups.len() > 1 { FETCHERS } else { 0 };
        for _ in 0..fetchers {
            let spawned = thread::Builder::new().spawn_scoped(scope, || self.fetch());
            self.state().fetchers += usize::from(spawned.is_ok());
        }
    }

    /// The bytes that may be held ahead.
    pub(crate) fn held_bytes_max(&self) -> u64 {
        self.bytes().min(AHEAD_BYTES_MAX)
    }

    /// The bytes of all ranges: what is fetched unless this is stopped. How far the fetchers came must not show.
    pub(crate) fn bytes(&self) -> u64 {
        self.groups.iter().map(|(start, end)| end - start).sum()
    }

    /// Takes all the rest and throws it away.
    pub(crate) fn pass_over(&self) {
        let mut state = self.state();
        state.taken = self.groups.len();
        state.ready.clear();
        self.changed.notify_all();
    }

    /// Fetches no more.
    pub(crate) fn stop(&self) {
        self.state().is_over = true;
        self.changed.notify_all();
    }

    /// The range that these bytes lie in.
    pub(crate) fn find(&self, start: u64, end: u64) -> Option<usize> {
        let at = self.groups.partition_point(|group| group.0 <= start).checked_sub(1)?;
        self.groups.get(at).filter(|group| end <= group.1).map(|_| at)
    }

    /// Waits for a range and hands it over, with where it begins; those before it are not held any longer. `None` for one
    /// that was taken or passed over.
    pub(crate) fn take(&self, at: usize) -> Option<Result<(u64, Vec<u8>), TocError>> {
        let (start, end) = *self.groups.get(at)?;
        let mut state = self.state();
        if at < state.taken {
            return None;
        }
        if state.fetchers == 0 {
            state.taken = at + 1;
            drop(state);
            return Some(load(self.source, start, end).map(|bytes| (start, bytes)));
        }
        state.taken = at;
        state.ready = state.ready.split_off(&at);
        self.changed.notify_all();
        loop {
            if let Some(bytes) = state.ready.remove(&at) {
                state.taken = at + 1;
                self.changed.notify_all();
                return Some(bytes.map(|bytes| (start, bytes)));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fetch(&self) {
        while let Some((at, (start, end))) = self.next() {
            let bytes = load(self.source, start, end);
            let mut state = self.state();
            if at >= state.taken {
                state.ready.insert(at, bytes);
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits until there is room for the next range, and takes it on.
    fn next(&self) -> Option<(usize, (u64, u64))> {
        let mut state = self.state();
        loop {
            let group = *self.groups.get(state.next).filter(|_| !state.is_over)?;
            if self.has_room(&state) {
                state.next += 1;
                return Some((state.next - 1, group));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the next range fits beside those that nobody has taken yet.
    fn has_room(&self, state: &State) -> bool {
        let held = self.groups.get(state.taken..=state.next).unwrap_or_default();
        let held_bytes = || held.iter().map(|(start, end)| end - start).sum::<u64>();
        held.len() <= 1 || held.len() <= AHEAD_MAX && held_bytes() <= AHEAD_BYTES_MAX
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A range of the blob.
pub(crate) fn load(source: &dyn Ranged, start: u64, end: u64) -> Result<Vec<u8>, TocError> {
    let len = end.saturating_sub(start);
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
    part(source, start, len)?.read_to_end(&mut bytes).map_err(TocError::Io)?;
    if bytes.len() as u64 != len {
        return Err(TocError::Io(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "a part of a blob ends early",
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Blob(Vec<u8>);

    impl Ranged for Blob {
        fn part(&self, offset: u64, len: u64) -> io::Result<Option<Box<dyn Read + '_>>> {
            let rest = self.0.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
            Ok(Some(Box::new(rest.take(len))))
        }
    }

    fn blob() -> Blob {
        Blob((0..20 << 20).map(|at| (at % 251) as u8).collect())
    }

    #[test]
    fn ranges_come_in_order_whatever_is_passed_over() {
        let blob = blob();
        let groups: Vec<_> = (0..200).map(|at| (at * 100_000, at * 100_000 + 60_000)).collect();
        for step in [1, 7, 199] {
            let ahead = Ahead::new(&blob, groups.clone());
            thread::scope(|scope| {
                ahead.start(scope);
                for at in (0..groups.len()).step_by(step) {
                    let (start, bytes) = ahead.take(at).expect("not taken yet").unwrap();
                    assert_eq!(start, groups[at].0);
                    assert_eq!(bytes, &blob.0[groups[at].0 as usize..groups[at].1 as usize]);
                    assert!(ahead.take(at).is_none(), "taken twice");
                }
                ahead.pass_over();
            });
            assert!(ahead.state().ready.is_empty());
            assert_eq!(ahead.state().next, groups.len());
        }
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let blob = blob();
        let groups = vec![(0, 3 << 20), (3 << 20, 6 << 20), (6 << 20, 12 << 20), (12 << 20, 12 << 20 | 1)];
        let ahead = Ahead::new(&blob, groups);
        let room = |taken, next| ahead.has_room(&State { taken, next, ..State::default() });
        assert_eq!(
            [room(0, 0), room(0, 1), room(1, 1), room(2, 2), room(2, 3), room(3, 3)],
            [true, false, true, true, false, true]
        );
        assert_eq!(ahead.bytes(), (12 << 20) + 1);
    }

    #[test]
    fn a_range_that_ends_early_is_an_error_and_nobody_waits_for_ever() {
        let blob = Blob(vec![1; 100]);
        let ahead = Ahead::new(&blob, vec![(0, 50), (50, 200), (200, 300)]);
        thread::scope(|scope| {
            ahead.start(scope);
            assert_eq!(ahead.take(0).unwrap().unwrap().1.len(), 50);
            assert!(matches!(ahead.take(1), Some(Err(TocError::Io(_)))));
            assert!(ahead.take(5).is_none());
            ahead.stop();
        });
        let idle = Ahead::new(&blob, vec![(0, 50)]);
        assert_eq!(idle.take(0).unwrap().unwrap(), (0, vec![1; 50]));
        assert!(idle.take(0).is_none());
        assert_eq!(idle.find(10, 50), Some(0));
        assert_eq!(idle.find(10, 51), None);
    }
}

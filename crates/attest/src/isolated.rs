//! Evaluators of others, kept where they can do no harm.

use std::thread;

/// Runs `work` where it can neither overflow this stack nor unwind it; `None` when it panics or no thread is to be had.
pub(crate) fn isolated<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    const STACK_BYTES: usize = 64 * 1_024 * 1_024;
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("policy rule".into()).stack_size(STACK_BYTES);
        builder.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_no_answer_and_depth_no_crash() {
        fn depth(left: u32) -> u32 {
            if left == 0 { 0 } else { 1 + std::hint::black_box(depth(left - 1)) }
        }
        assert_eq!(isolated(|| depth(100_000)), Some(100_000));
        assert_eq!(isolated(|| -> u32 { panic!("as hostile input might make it") }), None);
    }
}

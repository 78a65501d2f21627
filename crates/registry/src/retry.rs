//! When and how long to wait before another attempt.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::RetryOptions;

/// The attempts of one request.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    options: &'a RetryOptions,
    attempts_max: u32,
    made: u32,
    waited: Duration,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(options: &'a RetryOptions) -> Self {
        Self { options, attempts_max: options.attempts_max.max(1), made: 0, waited: Duration::ZERO }
    }

    /// For places that need not answer (mirrors) and for requests that must not be repeated blindly.
    pub(crate) fn once(options: &'a RetryOptions) -> Self {
        Self { attempts_max: 1, ..Self::new(options) }
    }

    /// The same allowance anew.
    pub(crate) fn again(&self) -> Self {
        Self { options: self.options, attempts_max: self.attempts_max, made: 0, waited: self.waited }
    }

    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    pub(crate) fn begin(&mut self) {
        self.made = self.made.saturating_add(1);
    }

    /// Bytes came: the next failure counts as the first again.
    pub(crate) fn progress(&mut self) {
        self.made = 0;
    }

    /// How long to wait before the next attempt; `None` when there shall be none. The wait is random between zero
    /// and a bound that doubles ("full jitter"), and never shorter than what the host asks for.
    pub(crate) fn wait(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.made >= self.attempts_max {
            return None;
        }
        let doublings = 1_u32.checked_shl(self.made.saturating_sub(1)).unwrap_or(u32::MAX);
        let bound = self.options.wait_base.saturating_mul(doublings).min(self.options.wait_max);
        let wait = jitter(bound).saturating_add(asked.unwrap_or_default());
        let total = self.waited.saturating_add(wait);
        (total <= self.options.wait_total_max).then(|| {
            self.waited = total;
            wait
        })
    }
}

/// Whether a status says "later".
pub(crate) fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502..=504)
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date, which is measured against the host's own `Date`.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let now = headers.get(DATE)?.to_str().ok()?;
    let seconds = http_date(text)?.checked_sub(http_date(now)?)?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn http_date(text: &str) -> Option<i64> {
    rfc2822::parse(&text.replace("GMT", "+0000")).ok().map(|date| date.timestamp().as_second())
}

/// A random time below `bound`.
pub(crate) fn jitter(bound: Duration) -> Duration {
    let bound = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
    // A fresh `RandomState` has fresh keys; this needs no random number crate, and no quality.
    let random = RandomState::new().build_hasher().finish();
    Duration::from_nanos(random.checked_rem(bound).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn seconds_and_dates_are_honoured() {
        let date = ("date", "Tue, 24 Nov 2026 01:00:00 GMT");
        assert_eq!(retry_after(&headers(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        let later = ("retry-after", "Tue, 24 Nov 2026 01:00:30 GMT");
        assert_eq!(retry_after(&headers(&[later, date])), Some(Duration::from_secs(30)));
        let past = ("retry-after", "Tue, 24 Nov 2026 00:00:30 GMT");
        assert_eq!(retry_after(&headers(&[past, date])), Some(Duration::ZERO));
        assert_eq!(retry_after(&headers(&[later])), None);
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
    }

    #[test]
    fn attempts_and_total_wait_are_bounded() {
        let options = RetryOptions { attempts_max: 3, ..RetryOptions::default() };
        let mut attempts = Attempts::new(&options);
        attempts.begin();
        assert!(attempts.wait(Some(Duration::from_secs(1))).unwrap() >= Duration::from_secs(1));
        attempts.begin();
        assert!(attempts.wait(Some(Duration::from_secs(3600))).is_none(), "too long");
        attempts.begin();
        assert!(attempts.wait(None).is_none(), "the last attempt was made");
    }

    #[test]
    fn jitter_stays_below_its_bound_and_varies() {
        let bound = Duration::from_secs(1);
        let waits: Vec<_> = (0..50).map(|_| jitter(bound)).collect();
        assert!(waits.iter().all(|wait| *wait < bound));
        assert!(waits.iter().any(|wait| *wait != waits[0]));
        assert_eq!(jitter(Duration::ZERO), Duration::ZERO);
    }
}

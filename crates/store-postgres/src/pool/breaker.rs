//! A server that can't be reached is not asked by everybody: whoever has failed speaks for all, for a while.

use std::time::{Duration, Instant};

/// After the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// A server that is back is found within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What is known of attempts to connect.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// Until when nobody tries, and why.
    pause: Option<(Instant, String)>,
}

impl Breaker {
    /// Why not to try now.
    pub(super) fn refusal(&self, now: Instant) -> Option<&str> {
        self.pause.as_ref().filter(|(until, _)| now < *until).map(|(_, why)| why.as_str())
    }

    /// `lot` spreads the attempts of many shops: any number.
    pub(super) fn failed(&mut self, why: String, lot: u64, now: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(8)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.pause = Some((now + share_of(pause, 50, lot), why));
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

/// From `least` percent of a duration to all of it, by lot.
pub(crate) fn share_of(whole: Duration, least: u32, lot: u64) -> Duration {
    let percent = u64::from(least) + lot % u64::from(101 - least.min(100));
    whole / 100 * u32::try_from(percent).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_speaks_for_all_for_a_while_that_grows_to_a_second() {
        let (mut breaker, mut now) = (Breaker::default(), Instant::now());
        assert_eq!(breaker.refusal(now), None);
        for longest in [50, 100, 200, 400, 800, 1000, 1000] {
            for lot in 0..100 {
                let mut same = Breaker { failures: breaker.failures, pause: None };
                same.failed("refused".to_owned(), lot, now);
                assert_eq!(same.refusal(now + Duration::from_millis(longest / 2 - 1)), Some("refused"));
                assert_eq!(same.refusal(now + Duration::from_millis(longest)), None, "{longest} ms");
            }
            breaker.failed("refused".to_owned(), 0, now);
            now += Duration::from_millis(longest);
        }
        breaker.succeeded();
        breaker.failed("again".to_owned(), 50, now);
        assert_eq!(breaker.refusal(now + Duration::from_millis(50)), None, "it begins anew");
    }
}

//! How often somebody may ask: the generic cell rate algorithm (ITU-T I.371, annex A) in memory of a fixed size.
//!
//! For each key one number is kept, its theoretical arrival time (TAT): the moment at which all of its quota is back.
//! A request moves it by one interval (window / requests) and passes while it lies at most a window ahead of now. So a
//! burst of `requests` passes, and from then on one for each interval; there is no edge of a window to gather at.

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Keys that are remembered at once: 2^17 slots of 16 bytes, 2 MiB.
const DEFAULT_SLOTS: usize = 1 << 17;
/// Slots that one key can lie in: two cache lines.
const WAYS: usize = 8;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Whether it passes.
    pub(crate) allowed: bool,
    /// Requests that pass in one burst.
    pub(crate) limit: u32,
    /// Requests that would pass right after this one; 0 when it was refused.
    pub(crate) remaining: u32,
    /// Whole seconds, rounded up, until the next request passes; 0 when one would pass now, at least 1 when this one
    /// was refused. It is what `X-RateLimit-Reset` and `Retry-After` say.
    pub(crate) reset_seconds: u64,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// The hash of the key, under a key of this process (SipHash), so that nobody can choose what collides.
    key: u64,
    /// In nanoseconds of the caller's clock. A slot whose TAT has passed says as much as an empty one.
    tat: u64,
}

/// Counts requests by key. Its memory is taken once and never grows, whatever keys come.
///
/// A key lies in one of the [`WAYS`] slots of its set. When all of them are taken by others, it takes the slot of the
/// one that has used least of its quota: that one starts anew, a heavy user never does because of a crowd of light ones.
pub(crate) struct RateLimiter {
    sets: Box<[Mutex<[Slot; WAYS]>]>,
    hasher: RandomState,
    limit: u32,
    /// Nanoseconds from one request to the next, at least 1.
    interval: u64,
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("limit", &self.limit)
            .field("interval_nanos", &self.interval)
            .finish_non_exhaustive()
    }
}

impl RateLimiter {
    /// Lets `requests` (at least 1) pass at once and in each `window`, and remembers some 130,000 keys.
    pub(crate) fn new(requests: u32, window: Duration) -> Self {
        Self::with_slots(requests, window, DEFAULT_SLOTS)
    }

    /// As [`RateLimiter::new`], with room for `slots` keys, rounded up to a power of two, at least 8.
    pub(crate) fn with_slots(requests: u32, window: Duration, slots: usize) -> Self {
        let limit = requests.max(1);
        let window = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let sets = slots.div_ceil(WAYS).next_power_of_two();
        Self {
            sets: (0..sets).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            limit,
            // Rounded down, so that a whole window always gives the whole limit back.
            interval: (window / u64::from(limit)).max(1),
        }
    }

    /// Counts a request of `key` at `now`, in nanoseconds of a clock that never runs backwards. A refused request is
    /// not counted.
    pub(crate) fn check(&self, key: impl Hash, now: u64) -> Decision {
        self.decide(self.hasher.hash_one(key), now, true, 1)
    }

    /// The same where so many instances (at least 1) have the limit together and don't hear of each other: a request
    /// counts for one on each of them.
    pub(crate) fn check_share(&self, key: impl Hash, now: u64, instances: u32) -> Decision {
        self.decide(self.hasher.hash_one(key), now, true, instances)
    }

    /// What [`RateLimiter::check`] would have left a moment ago, without counting anything: `allowed` and
    /// `reset_seconds` are those of the next request, `remaining` includes it.
    pub(crate) fn peek(&self, key: impl Hash, now: u64) -> Decision {
        self.decide(self.hasher.hash_one(key), now, false, 1)
    }

    fn decide(&self, key: u64, now: u64, count: bool, weight: u32) -> Decision {
        // Whoever shares with more than there is keeps one request.
        let interval = self.interval.saturating_mul(u64::from(weight.clamp(1, self.limit)));
        // The lower bits choose the set; the whole hash tells the keys of a set apart.
        let index = usize::try_from(key & (self.sets.len() as u64 - 1)).unwrap_or_default();
        // Nothing below can panic half-way, so a poisoned lock still guards whole slots.
        let mut set = self.sets[index].lock().unwrap_or_else(PoisonError::into_inner);
        let found = set.iter().position(|slot| slot.key == key && slot.tat > now);
        let used = found.map_or(0, |at| set[at].tat - now);
        let full = self.interval.saturating_mul(u64::from(self.limit));
        let allowed = used.saturating_add(interval) <= full;
        let used = if allowed && count { used + interval } else { used };
        if allowed && count {
            let oldest = || (0..WAYS).min_by_key(|at| set[*at].tat).unwrap_or_default();
            let at = found.unwrap_or_else(oldest);
            set[at] = Slot { key, tat: now.saturating_add(used) };
        }
        drop(set);
        let left = full.saturating_sub(used) / interval;
        let wait = used.saturating_add(interval).saturating_sub(full);
        Decision {
            allowed,
            limit: self.limit,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset_seconds: wait.div_ceil(NANOS_PER_SECOND),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::http::client::ClientKey;

    const SECOND: u64 = NANOS_PER_SECOND;
    const START: u64 = 5 * SECOND;

    fn limiter(requests: u32, seconds: u64) -> RateLimiter {
        RateLimiter::new(requests, Duration::from_secs(seconds))
    }

    #[test]
    fn a_burst_of_the_limit_passes_and_then_one_each_interval() {
        let limiter = limiter(100, 60);
        for left in (0..100).rev() {
            let decision = limiter.check("a", START);
            let reset_seconds = u64::from(left == 0);
            assert_eq!(decision, Decision { allowed: true, limit: 100, remaining: left, reset_seconds });
        }
        let refused = Decision { allowed: false, limit: 100, remaining: 0, reset_seconds: 1 };
        assert_eq!(limiter.check("a", START), refused);
        assert_eq!(limiter.check("a", START + 600_000_000 - 1), refused);
        assert!(limiter.check("a", START + 600_000_000).allowed);
        assert!(!limiter.check("a", START + 600_000_000).allowed);
    }

    #[test]
    fn refused_requests_cost_nothing() {
        let limiter = limiter(2, 10);
        for _ in 0..1000 {
            limiter.check("a", START);
        }
        assert_eq!(limiter.check("a", START).reset_seconds, 5);
        assert!(limiter.check("a", START + 5 * SECOND).allowed);
    }

    #[test]
    fn a_window_gives_everything_back_even_when_it_does_not_divide() {
        for (requests, seconds) in [(7, 60), (3, 1), (1, 300), (999, 7), (u32::MAX, 1), (1_000_000, 3600)] {
            let limiter = limiter(requests, seconds);
            let burst = requests.min(1000);
            for _ in 0..burst {
                assert!(limiter.check("a", START).allowed, "{requests} in {seconds} s");
            }
            if requests == burst {
                assert!(!limiter.check("a", START).allowed);
            }
            let later = limiter.peek("a", START + seconds * SECOND);
            assert!(later.allowed && later.remaining == requests, "{later:?}");
        }
    }

    #[test]
    fn waits_are_whole_seconds_rounded_up() {
        let limiter = limiter(1, 10);
        assert_eq!(limiter.check("a", START).reset_seconds, 10);
        for (after, reset) in [(0, 10), (1, 10), (SECOND, 9), (9 * SECOND, 1), (10 * SECOND - 1, 1)] {
            let decision = limiter.check("a", START + after);
            assert_eq!((decision.allowed, decision.reset_seconds), (false, reset), "{after}");
        }
    }

    #[test]
    fn a_peek_counts_nothing() {
        let limiter = limiter(2, 10);
        assert_eq!(
            limiter.peek("a", START),
            Decision { allowed: true, limit: 2, remaining: 2, reset_seconds: 0 }
        );
        limiter.check("a", START);
        assert_eq!(limiter.peek("a", START).remaining, 1);
        limiter.check("a", START);
        assert_eq!(
            limiter.peek("a", START),
            Decision { allowed: false, limit: 2, remaining: 0, reset_seconds: 5 }
        );
    }

    #[test]
    fn one_key_does_not_use_up_another_s_quota() {
        let limiter = limiter(1, 60);
        assert!(limiter.check("a", START).allowed);
        assert!(!limiter.check("a", START).allowed);
        assert!(limiter.check("b", START).allowed);
    }

    #[test]
    fn a_share_of_a_limit_is_as_much_less() {
        let limiter = limiter(100, 60);
        let passed = (0..200).filter(|_| limiter.check_share("a", START, 3).allowed).count();
        assert_eq!(passed, 33);
        assert_eq!(limiter.check_share("a", START, 3).reset_seconds, 2);
        let few = RateLimiter::new(2, Duration::from_secs(60));
        let passed = (0..20).filter(|_| few.check_share("a", START, 50).allowed).count();
        assert_eq!(passed, 1, "nobody is shut out for good");
    }

    #[test]
    fn the_first_request_at_the_clock_s_zero_passes() {
        let limiter = limiter(1, 60);
        assert!(limiter.check("a", 0).allowed);
        assert!(!limiter.check("a", 0).allowed);
    }

    #[test]
    fn the_end_of_the_clock_is_no_panic() {
        let limiter = RateLimiter::new(1, Duration::MAX);
        assert!(limiter.check("a", u64::MAX).allowed);
        let never = RateLimiter::new(0, Duration::ZERO);
        assert!(never.check("a", 1).allowed);
    }

    #[test]
    fn a_scan_of_a_million_keys_does_not_free_a_heavy_one() {
        let limiter = limiter(100, 60);
        let memory = limiter.sets.len() * size_of::<Mutex<[Slot; WAYS]>>();
        assert!(memory <= 3 << 20, "{memory}");
        while limiter.check("heavy", START).allowed {}
        for key in 0_u64..1_000_000 {
            // A second of scanning: the heavy key gets back what one second gives, and not more.
            let now = START + key * 1000;
            assert!(limiter.check(key, now).allowed, "a newcomer always finds a place");
        }
        let passed = (0..100).filter(|_| limiter.check("heavy", START + SECOND).allowed).count();
        assert_eq!(passed, 1);
    }

    /// What this process has in memory, in KiB.
    #[expect(clippy::disallowed_methods, reason = "a test blocks nobody")]
    fn resident_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
    }

    /// Asks once from each of so many networks, a hundred thousand in a second; one client asks for all it may meanwhile, and
    /// a light one now and then. Answers how often the heavy one was let through after its limit.
    fn scan(limiter: &RateLimiter, count: u64) -> u64 {
        let mut heavy_passed = 0;
        let from = |number: u64| {
            let network = 0x2001_0db8_0000_0000_u64 | number;
            ClientKey::address(IpAddr::V6(Ipv6Addr::from_bits(u128::from(network) << 64 | 1)))
        };
        let (heavy, light) = (from(u64::from(u32::MAX)), from(u64::from(u32::MAX) - 1));
        while limiter.check(heavy, START).allowed {}
        for number in 0..count {
            let now = START + number * (SECOND / 100_000);
            assert!(limiter.check(from(number), now).allowed, "a newcomer always finds a place");
            if number.is_multiple_of(100) {
                heavy_passed += u64::from(limiter.check(heavy, now).allowed);
            }
            if number.is_multiple_of(100_000) {
                assert!(limiter.check(light, now).allowed, "{number}: a light client is not harmed");
            }
        }
        heavy_passed
    }

    fn scan_addresses(count: u64) {
        // The first run brings the program's own pages into memory, which were 5 MiB of 7 to 9.
        scan(&limiter(100, 60), 1);
        let before = resident_kib();
        let limiter = limiter(100, 60);
        let heavy_passed = scan(&limiter, count);
        let (grown, seconds) = (resident_kib().saturating_sub(before), count / 100_000);
        assert!(grown < 8 << 10, "{grown} KiB");
        // A request in 0.6 s is given back; nothing more.
        assert!(heavy_passed <= seconds * 10 / 6 + 2, "{heavy_passed} in {seconds} s");
    }

    #[test]
    fn a_scan_of_addresses_takes_no_memory_and_frees_nobody() {
        scan_addresses(500_000);
    }

    #[test]
    #[ignore = "a measurement: run script/measure-attacks"]
    fn measure_a_scan_of_ten_million_addresses() {
        scan_addresses(10_000_000);
    }

    #[test]
    fn a_full_set_gives_up_who_used_least() {
        let limiter = RateLimiter::with_slots(10, Duration::from_secs(10), 1);
        for key in 0..8 {
            for _ in 0..=key {
                limiter.check(key, START);
            }
        }
        limiter.check("newcomer", START);
        assert_eq!(limiter.peek(0, START).remaining, 10, "the lightest was forgotten");
        for key in 1..8 {
            assert_eq!(limiter.peek(key, START).remaining, 9 - u32::try_from(key).expect("small"));
        }
    }

    #[test]
    fn of_a_crowd_at_once_exactly_the_limit_passes() {
        let limiter = limiter(1000, 60);
        let passed = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let allowed = limiter.check("a", START).allowed;
                        passed.fetch_add(u32::from(allowed), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 1000);
    }
}

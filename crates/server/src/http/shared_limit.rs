//! The limit on requests that several instances hold together: GCRA in Redis, on leases.
//!
//! Redis keeps one theoretical arrival time for each client, by its own clock. An instance takes some requests of a client's
//! quota at a time and lets them pass by itself, so that most are answered without asking. What it has taken and not used
//! fades as the quota refills, one request each interval: so all instances together never let more pass than the limit. Where
//! Redis is passed by, each instance holds its share of the limit.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::Script;
use sha2::{Digest as _, Sha256};

use super::client::ClientKey;
use super::limit::{Decision, RateLimiter};
use crate::cache::Redis;

/// Sets of leases, of [`WAYS`] each: 3 MiB.
const SETS: usize = 1 << 14;
const WAYS: usize = 8;
/// The part of a limit that is taken at once, by whoever comes again.
const PART: u32 = 16;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// Whoever asks for a lease within a second of the end of the last one comes again: where a limit is high, one request is given back
/// before the next comes, and each would go to Redis.
const AGAIN: u64 = NANOS_PER_SECOND;

/// KEYS: one for each limit. ARGV: how many are wanted, then for each limit the interval and the whole quota, in
/// microseconds. Answers how many are granted, the same from each limit, and for each the microseconds that are used.
/// A thousandth of a request is forgiven, which is what rounding can cost.
const GCRA: &str = "
    local now = redis.call('TIME')
    now = now[1] * 1000000 + now[2]
    local granted, used = tonumber(ARGV[1]), {}
    for i, key in ipairs(KEYS) do
        local interval, quota = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
        used[i] = math.max(tonumber(redis.call('GET', key) or '0') - now, 0)
        granted = math.min(granted, math.max(math.floor((quota - used[i]) / interval + 0.001), 0))
    end
    local answer = { granted }
    for i, key in ipairs(KEYS) do
        if granted > 0 then
            used[i] = used[i] + granted * tonumber(ARGV[2 * i])
            redis.call('SET', key, string.format('%.3f', now + used[i]), 'PX', math.ceil(used[i] / 1000) + 1)
        end
        answer[i + 1] = math.ceil(used[i])
    end
    return answer";

#[derive(Clone, Copy, Debug, Default)]
struct Lease {
    /// The hash of the key, under a key of this process.
    key: u64,
    /// What is left of the lease, as the moment at which the last of it fades.
    until: u64,
    /// The shared arrival time, by our clock; the lease is in it.
    tat: u64,
}

/// Whether a request passes, or who must be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Decided(Decision),
    /// Redis knows.
    Ask,
}

/// The limit on requests.
pub(crate) struct SharedLimiter {
    /// What it is called in Redis.
    name: &'static str,
    own: RateLimiter,
    common: Option<Common>,
}

struct Common {
    redis: Arc<Redis>,
    script: Script,
    sets: Box<[Mutex<[Lease; WAYS]>]>,
    hasher: RandomState,
    quota: Quota,
}

impl std::fmt::Debug for SharedLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_common = self.common.is_some();
        f.debug_struct("SharedLimiter")
            .field("name", &self.name)
            .field("own", &self.own)
            .field("is_common", &is_common)
            .finish()
    }
}

impl SharedLimiter {
    /// Lets `requests` (at least 1) pass at once and in each `window`: here, or in all instances that share a Redis.
    /// Limits of other names know nothing of each other.
    pub(crate) fn new(
        name: &'static str,
        requests: u32,
        window: Duration,
        redis: Option<Arc<Redis>>,
    ) -> Self {
        let common = redis.map(|redis| Common {
            redis,
            script: Script::new(GCRA),
            sets: (0..SETS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            quota: Quota::new(requests, window),
        });
        Self { name, own: RateLimiter::new(requests, window), common }
    }

    /// Counts a request at `now`, without waiting, when that can be done here.
    pub(crate) fn check(&self, key: ClientKey, now: u64) -> Answer {
        match &self.common {
            None => Answer::Decided(self.own.check(key, now)),
            Some(common) if common.redis.is_up() => {
                common.take(common.hasher.hash_one(key), now).map_or(Answer::Ask, Answer::Decided)
            }
            Some(common) => Answer::Decided(self.own.check_share(key, now, common.redis.peers())),
        }
    }

    /// Counts a request whose client [`Self::check`] has said to ask for.
    pub(crate) async fn ask(&self, key: ClientKey, now: u64) -> Decision {
        let Some(common) = &self.common else { return self.own.check(key, now) };
        match common.lease(self.name, key, now).await {
            Some(decision) => decision,
            None => self.own.check_share(key, now, common.redis.peers()),
        }
    }

    /// What is left, as far as is known here, without counting anything.
    pub(crate) fn peek(&self, key: ClientKey, now: u64) -> Decision {
        match &self.common {
            Some(common) if common.redis.is_up() => common.peek(common.hasher.hash_one(key), now),
            _ => self.own.peek(key, now),
        }
    }
}

impl Common {
    fn with_set<T>(&self, key: u64, act: impl FnOnce(&mut [Lease; WAYS]) -> T) -> T {
        let index = usize::try_from(key % SETS as u64).unwrap_or_default();
        act(&mut self.sets[index].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Decides by what is known: a lease, or that nothing is left.
    fn take(&self, key: u64, now: u64) -> Option<Decision> {
        self.with_set(key, |set| {
            let lease = set.iter_mut().find(|lease| lease.key == key && lease.tat > now)?;
            if lease.until.saturating_sub(now) >= self.quota.interval {
                lease.until -= self.quota.interval;
                return Some(self.decision(true, *lease, now));
            }
            let is_used_up = (lease.tat - now).saturating_add(self.quota.interval) > self.quota.whole();
            is_used_up.then(|| self.decision(false, *lease, now))
        })
    }

    fn peek(&self, key: u64, now: u64) -> Decision {
        let known = self.with_set(key, |set| set.iter().find(|lease| lease.key == key).copied());
        self.decision(true, known.unwrap_or_default(), now)
    }

    fn decision(&self, allowed: bool, lease: Lease, now: u64) -> Decision {
        let used = lease.tat.saturating_sub(now);
        let free = self.quota.whole().saturating_sub(used) / self.quota.interval;
        let left = free.saturating_add(lease.until.saturating_sub(now) / self.quota.interval);
        let left = if allowed { left.min(u64::from(self.quota.limit)) } else { 0 };
        let wait = if left > 0 {
            0
        } else {
            used.saturating_add(self.quota.interval).saturating_sub(self.quota.whole())
        };
        Decision {
            allowed,
            limit: self.quota.limit,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset_seconds: wait.div_ceil(NANOS_PER_SECOND).max(u64::from(!allowed)),
        }
    }

    /// Takes a part of the client's quota and lets this request pass on it, when there is one.
    async fn lease(&self, of: &str, client: ClientKey, now: u64) -> Option<Decision> {
        let key = self.hasher.hash_one(client);
        let comes_again = self.with_set(key, |set| {
            set.iter().any(|lease| lease.key == key && lease.tat.saturating_add(AGAIN) > now)
        });
        let want = if comes_again { (self.quota.limit / PART).max(1) } else { 1 };
        let mut call = self.script.key(name(of, &client));
        call.arg(want).arg(micros(self.quota.interval)).arg(micros(self.quota.whole()));
        let answer: Vec<u64> = self.redis.run_script(&call).await?;
        let &[granted, used] = &answer[..] else { return None };
        let tat = now.saturating_add(used.saturating_mul(1000));
        let fresh = self.with_set(key, |set| {
            let known = set.iter().position(|lease| lease.key == key);
            // Whoever has used least gives up their place.
            let at = known.or_else(|| (0..WAYS).min_by_key(|at| set[*at].tat)).unwrap_or_default();
            let left = if known.is_some() { set[at].until.saturating_sub(now) } else { 0 };
            let taken = granted.saturating_sub(1).saturating_mul(self.quota.interval);
            set[at] = Lease { key, until: now.saturating_add(left).saturating_add(taken), tat };
            set[at]
        });
        if granted > 0 {
            return Some(self.decision(true, fresh, now));
        }
        // Somebody else of this client may have left something meanwhile.
        Some(self.take(key, now).unwrap_or_else(|| self.decision(false, fresh, now)))
    }
}

/// A key in Redis: of one length, whatever a client sends, and without names of people.
pub(crate) fn name(what: &str, key: &impl Hash) -> String {
    let mut digest = Digester(Sha256::new());
    key.hash(&mut digest);
    let digest = digest.0.finalize();
    digest.iter().take(16).fold(format!("slippers:limit:{what}:"), |mut name, byte| {
        // Writing to a String can't fail.
        let _ = std::fmt::Write::write_fmt(&mut name, format_args!("{byte:02x}"));
        name
    })
}

/// The same on every instance of one build, which the hashers of the standard library need not be.
struct Digester(Sha256);

impl std::hash::Hasher for Digester {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// A limit as Redis counts it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    /// Nanoseconds from one to the next, at least 1.
    interval: u64,
    limit: u32,
}

impl Quota {
    /// `requests` (at least 1) at once and in each `window`.
    pub(crate) fn new(requests: u32, window: Duration) -> Self {
        let limit = requests.max(1);
        let window = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        Self { interval: (window / u64::from(limit)).max(1), limit }
    }

    const fn whole(self) -> u64 {
        self.interval.saturating_mul(self.limit as u64)
    }
}

/// Several limits that all must let something pass, counted one by one: for what is rare and must be exact.
#[derive(Debug)]
pub(crate) struct SharedQuotas {
    redis: Arc<Redis>,
    script: Script,
}

impl SharedQuotas {
    pub(crate) fn new(redis: Arc<Redis>) -> Self {
        Self { redis, script: Script::new(GCRA) }
    }

    /// The instances that have these limits together.
    pub(crate) fn instances(&self) -> u32 {
        self.redis.peers()
    }

    /// Counts one against each of these, by name, or none: then so many whole seconds, at least 1, until it can pass.
    /// `None` when Redis does not say.
    pub(crate) async fn take_one(&self, quotas: Vec<(String, Quota)>) -> Option<Result<(), u64>> {
        let mut call = self.script.prepare_invoke();
        call.arg(1);
        for (name, quota) in &quotas {
            call.key(name).arg(micros(quota.interval)).arg(micros(quota.whole()));
        }
        let answer: Vec<u64> = self.redis.run_script(&call).await?;
        let (granted, used) = answer.split_first()?;
        if *granted > 0 {
            return Some(Ok(()));
        }
        let wait = |(used, (_, quota)): (&u64, &(String, Quota))| {
            used.saturating_mul(1000).saturating_add(quota.interval).saturating_sub(quota.whole())
        };
        let longest = used.iter().zip(&quotas).map(wait).max().unwrap_or_default();
        Some(Err(longest.div_ceil(NANOS_PER_SECOND).max(1)))
    }
}

/// A number of the script's.
fn micros(nanos: u64) -> String {
    format!("{}.{:03}", nanos / 1000, nanos % 1000)
}

//! How much memory there is for what is kept.

use super::{Check, Finding, State};
use crate::config::Config;

/// What the program takes without any kept page: threads, connections, pictures that are decoded.
const BESIDES: u64 = 512 << 20;

/// Whether what may be kept fits into the limit of the cgroup.
pub(super) fn limit(config: &Config) -> Finding {
    of(slippers_server::memory_limit(), config.cache_max_bytes())
}

fn of(limit: Option<u64>, cache: u64) -> Finding {
    let check = Check {
        id: "host.memory",
        threshold: "CACHE_MAX_BYTES and 512 MiB below the limit of the cgroup",
        why: "at its limit a program is slowed down, then killed",
    };
    let mebi = |bytes: u64| bytes >> 20;
    match limit {
        None => check.skipped("no limit is set on this process"),
        Some(limit) if cache.saturating_add(BESIDES) > limit => check.found(
            State::Warn,
            format!("the limit is {} MiB, CACHE_MAX_BYTES {} MiB", mebi(limit), mebi(cache)),
            format!(
                "CACHE_MAX_BYTES={}, or a larger MemoryMax in the unit (slippers deploy systemd)",
                limit.saturating_sub(BESIDES).max(limit / 8)
            ),
        ),
        Some(limit) => check.ok(format!("the limit is {} MiB", mebi(limit))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_that_do_not_fit_into_the_limit_are_told() {
        assert_eq!(of(None, 64 << 20).state, State::Skipped);
        assert_eq!(of(Some(4 << 30), 64 << 20).state, State::Ok);
        let tight = of(Some(256 << 20), 64 << 20);
        assert_eq!(tight.state, State::Warn);
        assert!(tight.fix.contains("CACHE_MAX_BYTES=33554432"), "{}", tight.fix);
        assert_eq!(of(Some(4 << 30), u64::MAX).state, State::Warn);
    }
}

//! How often a password may be tried: by name and address together, by name alone, by address alone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::cache::Redis;
use crate::http::client::ClientKey;
use crate::http::limit::{Decision, RateLimiter};
use crate::http::shared_limit::{Quota, SharedQuotas, name as shared_name};
use crate::settings::{LoginSettings, Network};

/// A name from anywhere: enough for all the places that one person signs in at, and for one who guesses there.
const TIMES_PER_NAME: u32 = 20;
/// An address for any name: a whole shop or a campus can sit behind one.
const TIMES_PER_ADDRESS: u32 = 200;
/// Keys that each of the three limits remembers: 1 MiB each. Under a flood of keys those that have used least are
/// forgotten first, so nobody frees a name or an address that is tried a lot.
const SLOTS: usize = 1 << 16;

/// Counts attempts. Successful ones count too, refused ones don't.
#[derive(Debug)]
pub(crate) struct Throttle {
    pairs: RateLimiter,
    names: RateLimiter,
    addresses: RateLimiter,
    trusted_callers: Vec<Network>,
    started: Instant,
    /// What other instances count too.
    common: Option<Common>,
}

#[derive(Debug)]
struct Common {
    quotas: SharedQuotas,
    /// What is counted.
    what: &'static str,
    /// Of a pair, a name and an address.
    each: [Quota; 3],
}

impl Throttle {
    /// A throttle that has counted nothing yet, of what is called `what`, together with all who share a Redis.
    pub(crate) fn new(settings: &LoginSettings, what: &'static str, redis: Option<Arc<Redis>>) -> Self {
        let limiter = |times: u32| {
            RateLimiter::with_slots(settings.attempts.saturating_mul(times), settings.window, SLOTS)
        };
        Self {
            pairs: limiter(1),
            names: limiter(TIMES_PER_NAME),
            addresses: limiter(TIMES_PER_ADDRESS),
            trusted_callers: settings.trusted_callers.clone(),
            started: Instant::now(),
            common: redis.map(|redis| Common {
                quotas: SharedQuotas::new(redis),
                what,
                each: [1, TIMES_PER_NAME, TIMES_PER_ADDRESS]
                    .map(|times| Quota::new(settings.attempts.saturating_mul(times), settings.window)),
            }),
        }
    }

    /// Counts an attempt for a name, whether or not anybody has it.
    ///
    /// # Errors
    /// It may not be made; it can be in so many whole seconds, at least 1.
    pub(crate) async fn admit(&self, address: IpAddr, name: &str) -> Result<(), u64> {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let Some(common) = &self.common else { return self.admit_at(address, name, now, 1) };
        let key = ClientKey::address(address);
        let names = [
            Some(shared_name(&format!("{}:pair", common.what), &(key, name))),
            Some(shared_name(&format!("{}:name", common.what), &name)),
            (!self.trusts(address)).then(|| shared_name(&format!("{}:address", common.what), &key)),
        ];
        let quotas = names.into_iter().zip(common.each).filter_map(|(name, quota)| Some((name?, quota)));
        match common.quotas.take_one(quotas.collect()).await {
            Some(answer) => answer,
            None => self.admit_at(address, name, now, common.quotas.instances()),
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_callers.iter().any(|network| network.contains(address))
    }

    /// Of so many instances that don't hear of each other.
    fn admit_at(&self, address: IpAddr, name: &str, now: u64, instances: u32) -> Result<(), u64> {
        let key = ClientKey::address(address);
        let of_address = (!self.trusts(address)).then_some(&self.addresses);
        // All are asked before any counts: what one of them refuses costs nothing with the others.
        let peeks = [
            Some(self.pairs.peek((key, name), now)),
            Some(self.names.peek(name, now)),
            of_address.map(|limiter| limiter.peek(key, now)),
        ];
        let waits = peeks.into_iter().flatten().filter(|peek| !peek.allowed).map(|peek| peek.reset_seconds);
        if let Some(wait) = waits.max() {
            return Err(wait.max(1));
        }
        // Of a crowd that has asked at once each limit still lets no more pass than it may.
        refused(self.pairs.check_share((key, name), now, instances))?;
        refused(self.names.check_share(name, now, instances))?;
        of_address.map_or(Ok(()), |limiter| refused(limiter.check_share(key, now, instances)))
    }
}

fn refused(decision: Decision) -> Result<(), u64> {
    if decision.allowed { Ok(()) } else { Err(decision.reset_seconds.max(1)) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const NOW: u64 = 7 * SECOND;

    /// Five attempts in 300 s.
    fn throttle(trusted: &[&str]) -> Throttle {
        let networks = trusted.iter().map(|text| Network::parse(text).expect("a network")).collect();
        let window = Duration::from_secs(300);
        Throttle::new(&LoginSettings { attempts: 5, window, trusted_callers: networks }, "sign-ins", None)
    }

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into()
    }

    #[test]
    fn a_name_from_one_address_is_tried_five_times_and_then_once_a_minute() {
        let throttle = throttle(&[]);
        for _ in 0..5 {
            assert_eq!(throttle.admit_at(address(1), "Anna", NOW, 1), Ok(()));
        }
        assert_eq!(throttle.admit_at(address(1), "Anna", NOW, 1), Err(60));
        assert_eq!(throttle.admit_at(address(1), "Anna", NOW + SECOND / 2, 1), Err(60), "rounded up");
        assert_eq!(throttle.admit_at(address(1), "anna", NOW, 1), Ok(()), "another name");
        assert_eq!(throttle.admit_at(address(2), "Anna", NOW, 1), Ok(()), "another address");
        assert_eq!(
            throttle.admit_at(address(1), "Anna", NOW + 60 * SECOND, 1),
            Ok(()),
            "refused ones cost nothing"
        );
        assert_eq!(throttle.admit_at(address(1), "Anna", NOW + 60 * SECOND, 1), Err(60));
    }

    #[test]
    fn a_name_has_twenty_times_that_from_everywhere() {
        let throttle = throttle(&["10.0.0.0/8"]);
        let passed = (0..500).filter(|n| throttle.admit_at(address(*n), "Anna", NOW, 1).is_ok()).count();
        assert_eq!(passed, 100, "of trusted callers too");
        assert_eq!(throttle.admit_at(address(7), "Bella", NOW, 1), Ok(()));
        assert_eq!(throttle.admit_at(address(1_000), "Anna", NOW, 1), Err(3));
    }

    #[test]
    fn an_address_has_two_hundred_times_that_unless_it_is_trusted() {
        let throttle = throttle(&["10.0.0.2"]);
        let tries = |from: u32| {
            (0..1_200)
                .filter(|n| throttle.admit_at(address(from), &format!("Name {n}"), NOW, 1).is_ok())
                .count()
        };
        assert_eq!((tries(1), tries(2)), (1_000, 1_200));
        assert_eq!(throttle.admit_at(address(1), "Anna", NOW, 1), Err(1));
        assert_eq!(throttle.admit_at(address(3), "Anna", NOW, 1), Ok(()));
    }

    #[test]
    fn a_slash_64_is_one_address() {
        let throttle = throttle(&[]);
        let passed = (0..20)
            .filter(|n| {
                let one = format!("2001:db8:1:2::{n}").parse().expect("an address");
                throttle.admit_at(one, "Anna", NOW, 1).is_ok()
            })
            .count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn of_a_crowd_at_once_five_pass() {
        let throttle = throttle(&[]);
        let passed = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let is_in = throttle.admit_at(address(1), "Anna", NOW, 1).is_ok();
                        passed.fetch_add(u32::from(is_in), std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 5);
    }

    #[test]
    fn the_greatest_limit_is_no_overflow() {
        let window = Duration::from_secs(1);
        let throttle = Throttle::new(
            &LoginSettings { attempts: u32::MAX, window, trusted_callers: Vec::new() },
            "sign-ins",
            None,
        );
        assert_eq!(throttle.admit_at(address(1), "Anna", NOW, 1), Ok(()));
    }
}

//! Against which limit a request counts.

use std::net::IpAddr;
use std::sync::Arc;

use super::call::Bearer;
use super::client::ClientKey;
use super::limit::{Decision, RateLimiter};
use super::shared_limit::{Answer, SharedLimiter};
use super::stack::is_static;
use crate::cache::Redis;
use crate::payments::is_webhook;
use crate::settings::{Network, RateSettings};

/// How many times the limit of others somebody has who calls for many people from a few addresses: a gateway, and a trusted caller
/// of whom nothing else was said.
const OF_MANY: u32 = 20;
/// Addresses whose calls to webhooks are told apart.
const WEBHOOK_CALLERS: usize = 1 << 10;

/// What the limit says of a request.
pub(super) enum Counted {
    /// There is none.
    Never,
    Decided(Decision),
    /// Whose quota other instances share must be asked for.
    Ask(Whose),
}

/// Whose quota a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// A client's.
    Client(ClientKey),
    /// That of a caller who asks for many people.
    Trusted(ClientKey),
}

/// The limits on requests.
#[derive(Debug)]
pub(super) struct Limits {
    limiter: SharedLimiter,
    /// Where there are any.
    trusted: Option<Trusted>,
    webhooks: RateLimiter,
    unlimited: Vec<String>,
}

/// Callers who ask for many people.
#[derive(Debug)]
struct Trusted {
    callers: Vec<Network>,
    limiter: SharedLimiter,
}

fn requests_of_trusted(rate: &RateSettings) -> u32 {
    match rate.trusted_requests {
        0 => rate.requests.saturating_mul(OF_MANY),
        told => told,
    }
}

impl Limits {
    pub(super) fn new(rate: &RateSettings, redis: Option<Arc<Redis>>) -> Self {
        let trusted = (!rate.trusted_callers.is_empty()).then(|| Trusted {
            callers: rate.trusted_callers.clone(),
            limiter: SharedLimiter::new("trusted", requests_of_trusted(rate), rate.window, redis.clone()),
        });
        Self {
            limiter: SharedLimiter::new("requests", rate.requests, rate.window, redis),
            trusted,
            webhooks: RateLimiter::with_slots(
                rate.requests.saturating_mul(OF_MANY),
                rate.window,
                WEBHOOK_CALLERS,
            ),
            unlimited: rate.excluded_paths.clone(),
        }
    }

    /// Counts a request against its client's limit at `now`, in nanoseconds of any clock that never runs backwards. Health is
    /// told where it stands but never counted, so that a probe can't be shut out.
    pub(super) fn count(&self, path: &str, bearer: Bearer, address: IpAddr, now: u64) -> Counted {
        if is_static(path) || self.is_unlimited(path) {
            return Counted::Never;
        }
        if is_webhook(path) {
            return Counted::Decided(self.webhooks.check(ClientKey::address(address), now));
        }
        if path == "/health" || path.starts_with("/health/") {
            let (limiter, key) = self.limiter_of(self.limited_as(bearer, address));
            return Counted::Decided(Decision { allowed: true, ..limiter.peek(key, now) });
        }
        self.check(bearer, address, now)
    }

    /// The same for a path that is known to be of the catalogue.
    pub(super) fn count_page(&self, path: &str, bearer: Bearer, address: IpAddr, now: u64) -> Counted {
        if self.is_unlimited(path) { Counted::Never } else { self.check(bearer, address, now) }
    }

    /// Counts a request for whose quota it was said to ask.
    pub(super) async fn ask(&self, whose: Whose, now: u64) -> Decision {
        let (limiter, key) = self.limiter_of(whose);
        limiter.ask(key, now).await
    }

    fn is_unlimited(&self, path: &str) -> bool {
        self.unlimited.iter().any(|unlimited| unlimited == path)
    }

    fn check(&self, bearer: Bearer, address: IpAddr, now: u64) -> Counted {
        let whose = self.limited_as(bearer, address);
        let (limiter, key) = self.limiter_of(whose);
        match limiter.check(key, now) {
            Answer::Decided(decision) => Counted::Decided(decision),
            Answer::Ask => Counted::Ask(whose),
        }
    }

    fn limited_as(&self, bearer: Bearer, address: IpAddr) -> Whose {
        let is_trusted = || {
            self.trusted
                .as_ref()
                .is_some_and(|trusted| trusted.callers.iter().any(|net| net.contains(address)))
        };
        match bearer {
            Bearer::Valid(claims) => Whose::Client(ClientKey::user(claims.user)),
            _ if is_trusted() => Whose::Trusted(ClientKey::address(address)),
            _ => Whose::Client(ClientKey::address(address)),
        }
    }

    fn limiter_of(&self, whose: Whose) -> (&SharedLimiter, ClientKey) {
        match (whose, &self.trusted) {
            (Whose::Trusted(key), Some(trusted)) => (&trusted.limiter, key),
            (Whose::Client(key) | Whose::Trusted(key), _) => (&self.limiter, key),
        }
    }
}

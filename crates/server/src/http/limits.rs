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
use crate::settings::RateSettings;

/// How many times the limit of others a gateway has: it calls for all buyers from a few addresses.
const WEBHOOK_SHARE: u32 = 20;
/// Addresses whose calls to webhooks are told apart.
const WEBHOOK_CALLERS: usize = 1 << 10;

/// What the limit says of a request.
pub(super) enum Counted {
    /// There is none.
    Never,
    Decided(Decision),
    /// Whose quota other instances share must be asked for.
    Ask(ClientKey),
}

/// The limits on requests.
#[derive(Debug)]
pub(super) struct Limits {
    limiter: SharedLimiter,
    webhooks: RateLimiter,
    unlimited: Vec<String>,
}

impl Limits {
    pub(super) fn new(rate: &RateSettings, redis: Option<Arc<Redis>>) -> Self {
        Self {
            limiter: SharedLimiter::new(rate.requests, rate.window, redis),
            webhooks: RateLimiter::with_slots(
                rate.requests.saturating_mul(WEBHOOK_SHARE),
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
            let key = limited_as(bearer, address);
            return Counted::Decided(Decision { allowed: true, ..self.limiter.peek(key, now) });
        }
        self.check(bearer, address, now)
    }

    /// The same for a path that is known to be of the catalogue.
    pub(super) fn count_page(&self, path: &str, bearer: Bearer, address: IpAddr, now: u64) -> Counted {
        if self.is_unlimited(path) { Counted::Never } else { self.check(bearer, address, now) }
    }

    /// Counts a request of a client of whom it was said to ask.
    pub(super) async fn ask(&self, key: ClientKey, now: u64) -> Decision {
        self.limiter.ask(key, now).await
    }

    fn is_unlimited(&self, path: &str) -> bool {
        self.unlimited.iter().any(|unlimited| unlimited == path)
    }

    fn check(&self, bearer: Bearer, address: IpAddr, now: u64) -> Counted {
        let key = limited_as(bearer, address);
        match self.limiter.check(key, now) {
            Answer::Decided(decision) => Counted::Decided(decision),
            Answer::Ask => Counted::Ask(key),
        }
    }
}

/// Whose limit a request counts for.
fn limited_as(bearer: Bearer, address: IpAddr) -> ClientKey {
    match bearer {
        Bearer::Valid(claims) => ClientKey::user(claims.user),
        _ => ClientKey::address(address),
    }
}

//! How a limit is told: as the legacy shop told it (`X-RateLimit-*`), and in the fields of
//! draft-ietf-httpapi-ratelimit-headers-11, `RateLimit-Policy` (how much in which time) and `RateLimit` (what is left of it).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::headers::{Span, Texts, put_number};
use super::limit::Decision;

const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
pub(super) const X_RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
pub(super) const X_RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
pub(super) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The headers that differ from answer to answer: requests left, seconds until the next, both in one.
pub(super) const OF_ANSWER: [HeaderName; 3] = [X_RATELIMIT_REMAINING, X_RATELIMIT_RESET, RATELIMIT];
/// Those that are the same for all who share a limit, in the order of [`of_limit`].
pub(super) const OF_LIMIT: [HeaderName; 2] = [X_RATELIMIT_LIMIT, RATELIMIT_POLICY];

/// `limit` requests in each `window`, as `"default";q=100;w=60`.
pub(super) fn of_limit(limit: u32, window: Duration) -> [HeaderValue; 2] {
    let policy = format!("\"default\";q={limit};w={}", window.as_secs().max(1));
    [
        HeaderValue::from(limit),
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("\"default\"")),
    ]
}

/// `"default";r=42;t=0`: requests that pass now, and whole seconds until one more does. Answers where the two numbers stand,
/// which are headers of their own.
pub(super) fn put_left(into: &mut Texts, decision: Decision) -> [Span; 2] {
    into.add(b"\"default\";r=");
    let remaining = into.put(|into| put_number(into, u64::from(decision.remaining)));
    into.add(b";t=");
    let reset = into.put(|into| put_number(into, decision.reset_seconds));
    [remaining, reset]
}

/// Tells where a client stands.
pub(super) fn tell(decision: Decision, window: Duration, headers: &mut HeaderMap) {
    for (name, value) in OF_LIMIT.into_iter().zip(of_limit(decision.limit, window)) {
        headers.insert(name, value);
    }
    let mut texts = Texts::new();
    let (left, [remaining, reset]) = texts.put_around(|into| put_left(into, decision));
    let texts = texts.done();
    headers.insert(X_RATELIMIT_REMAINING, texts.value(remaining));
    headers.insert(X_RATELIMIT_RESET, texts.value(reset));
    headers.insert(RATELIMIT, texts.value(left));
    if !decision.allowed {
        headers.insert(header::RETRY_AFTER, decision.reset_seconds.max(1).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_in_both_ways() {
        let mut headers = HeaderMap::new();
        let refused = Decision { allowed: false, limit: 100, remaining: 0, reset_seconds: 18 };
        tell(refused, Duration::from_secs(60), &mut headers);
        let told = |name: HeaderName| headers[name].to_str().expect("text").to_owned();
        assert_eq!(told(RATELIMIT_POLICY), "\"default\";q=100;w=60");
        assert_eq!(told(RATELIMIT), "\"default\";r=0;t=18");
        assert_eq!(
            [told(X_RATELIMIT_LIMIT), told(X_RATELIMIT_REMAINING), told(X_RATELIMIT_RESET)],
            ["100", "0", "18"]
        );
        assert_eq!(told(header::RETRY_AFTER), "18");
        let passed = Decision { allowed: true, remaining: 42, reset_seconds: 0, ..refused };
        let mut headers = HeaderMap::new();
        tell(passed, Duration::from_secs(60), &mut headers);
        assert_eq!(headers[RATELIMIT], "\"default\";r=42;t=0");
        assert!(!headers.contains_key(header::RETRY_AFTER));
    }
}

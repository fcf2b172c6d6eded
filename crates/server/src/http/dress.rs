//! How a page of the catalogue is sent, whether it was kept or has just been made: the same status, headers and bytes.

use std::time::{Duration, Instant};

use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::compress;
use super::cors::Cors;
use super::etag::{Comparison, is_named_in};
use super::headers::{
    HINT_BYTES, RequestId, SECURITY, SERVER_TIMING, SURROGATE_KEY, Span, Texts, X_COMPRESS_HINT,
    X_PROCESS_TIME, X_REQUEST_ID, X_UPTIME, put_id, put_number, put_seconds, put_server_timing,
};
use super::json::APPLICATION_JSON;
use super::limit::Decision;
use super::payload::Payload;
use super::quota::{
    OF_ANSWER, OF_LIMIT, RATELIMIT, X_RATELIMIT_REMAINING, X_RATELIMIT_RESET, of_limit, put_left,
};
use crate::cache::{Form, Page};
use crate::settings::{CacheSettings, RateSettings};

/// What is needed of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'r> {
    pub(super) headers: &'r HeaderMap,
    pub(super) is_head: bool,
    pub(super) id: RequestId,
    pub(super) started: Instant,
    /// The same by the cache's clock.
    pub(super) now: u64,
}

/// What is told of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// What the request took.
    pub(super) taken: Duration,
    /// Since the server's start.
    pub(super) uptime: Duration,
}

/// The heads of pages, made at the start: what differs from answer to answer has its place in them already, so that it
/// takes no room that is not there.
#[derive(Debug)]
pub(super) struct Heads {
    /// By [`Kind`].
    heads: [HeaderMap; KINDS],
    /// Requests of the limit that is told in them, and its window.
    limit: (u32, Duration),
}

/// What a page's head depends on.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// Short pages have one form and no hint.
    size: Size,
    /// It is for a page of another site.
    is_abroad: bool,
    is_packed: bool,
    is_unchanged: bool,
}

#[derive(Clone, Copy, Debug)]
enum Size {
    Short,
    Packable,
    Hinted,
}

const KINDS: usize = 24;

impl Kind {
    fn index(self) -> usize {
        let size = match self.size {
            Size::Short => 0,
            Size::Packable => 1,
            Size::Hinted => 2,
        };
        size * 8
            + usize::from(self.is_abroad) * 4
            + usize::from(self.is_packed) * 2
            + usize::from(self.is_unchanged)
    }

    fn of_index(index: usize) -> Self {
        let size = match index / 8 {
            0 => Size::Short,
            1 => Size::Packable,
            _ => Size::Hinted,
        };
        let bit = |of: usize| index & of != 0;
        Self { size, is_abroad: bit(4), is_packed: bit(2), is_unchanged: bit(1) }
    }
}

impl Heads {
    /// They tell the limit of all clients.
    pub(super) fn new(settings: &CacheSettings, rate: &RateSettings) -> Self {
        let limit = (rate.requests.max(1), rate.window);
        let (control, told) = (for_good(&cache_control(settings)), of_limit(limit.0, limit.1));
        let told = told.each_ref().map(for_good);
        let heads = std::array::from_fn(|index| head(Kind::of_index(index), &control, &told));
        Self { heads, limit }
    }

    /// The answer that sends a page, or says that the client has it.
    pub(super) fn dress(
        &self,
        page: &Page,
        asked: Asked<'_>,
        decision: Option<Decision>,
        cors: &Cors,
        times: Times,
    ) -> Response<Payload> {
        let form = page.form(page.is_packable() && compress::accepts_gzip(asked.headers));
        let is_unchanged = asked.headers.contains_key(IF_NONE_MATCH)
            && is_named_in(asked.headers, IF_NONE_MATCH, form.etag, Comparison::Weak);
        let size = match page.len() {
            _ if !page.is_packable() => Size::Short,
            length if u64::try_from(length).is_ok_and(|length| length > HINT_BYTES) => Size::Hinted,
            _ => Size::Packable,
        };
        let origin = asked.headers.get(ORIGIN);
        let kind = Kind { size, is_abroad: origin.is_some(), is_packed: form.is_packed, is_unchanged };
        let mut headers = self.heads[kind.index()].clone();
        tell(&mut headers, [form.etag, page.surrogate()], asked.id, decision, times);
        if let Some(origin) = origin {
            cors.name(origin, &mut headers);
        }
        if let Some(decision) = decision.filter(|decision| decision.limit != self.limit.0) {
            // A caller with a limit of its own.
            headers.extend(OF_LIMIT.map(Some).into_iter().zip(of_limit(decision.limit, self.limit.1)));
        }
        let mut response = Response::new(payload(form, asked.is_head, is_unchanged, &mut headers));
        if is_unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        *response.headers_mut() = headers;
        response
    }
}

/// What differs from answer to answer, in the order in which [`tell`] writes it: heads begin with these, so that their values
/// are found without a look-up for each.
const TOLD: [HeaderName; 9] = [
    ETAG,
    SURROGATE_KEY,
    X_REQUEST_ID,
    X_UPTIME,
    X_PROCESS_TIME,
    SERVER_TIMING,
    X_RATELIMIT_REMAINING,
    X_RATELIMIT_RESET,
    RATELIMIT,
];
/// Nearly all answers take less than half a millisecond, and nearly all clients may ask again at once.
const NO_TIME: HeaderValue = HeaderValue::from_static("0.000s");
const NOW: HeaderValue = HeaderValue::from_static("0");

/// Puts what is of this page and this request alone into a head.
fn tell(
    headers: &mut HeaderMap,
    [etag, surrogate]: [&HeaderValue; 2],
    id: RequestId,
    decision: Option<Decision>,
    Times { taken, uptime }: Times,
) {
    let mut texts = Texts::new();
    // Copies, not clones: whose count of users all threads write to, that memory moves from core to core with each answer.
    let etag = texts.put(|into| into.add(etag.as_bytes()));
    let surrogate = texts.put(|into| into.add(surrogate.as_bytes()));
    let id = texts.put(|into| put_id(into, id));
    let up = texts.put(|into| put_number(into, uptime.as_secs()));
    let is_long = taken >= Duration::from_micros(500);
    let seconds = is_long.then(|| texts.put(|into| put_seconds(into, taken)));
    let timing = texts.put(|into| put_server_timing(into, taken));
    let quota = decision.map(|decision| texts.put_around(|into| put_left(into, decision)));
    let may_ask_now = decision.is_none_or(|decision| decision.reset_seconds == 0);
    let texts = texts.done();
    let of_quota = |span: Option<Span>| span.map_or(NOW, |span| texts.value(span));
    let told = [
        texts.value(etag),
        texts.value(surrogate),
        texts.value(id),
        texts.value(up),
        seconds.map_or(NO_TIME, |seconds| texts.value(seconds)),
        texts.value(timing),
        of_quota(quota.map(|(_, [remaining, _])| remaining)),
        of_quota(quota.filter(|_| !may_ask_now).map(|(_, [_, reset])| reset)),
        of_quota(quota.map(|(left, _)| left)),
    ];
    headers.values_mut().zip(told).for_each(|(place, value)| *place = value);
    if decision.is_none() {
        OF_LIMIT.iter().chain(&OF_ANSWER).for_each(|name| drop(headers.remove(name)));
    }
}

fn payload(form: Form<'_>, is_head: bool, is_unchanged: bool, headers: &mut HeaderMap) -> Payload {
    if is_unchanged {
        return Payload::Whole(None);
    }
    if is_head {
        headers.insert(CONTENT_LENGTH, form.body.len().into());
        return Payload::Whole(None);
    }
    Payload::Whole(Some(form.body.clone()))
}

/// The same text for as long as the process lives. A value of any other memory counts who uses it, in a place to which all threads
/// would write with each answer (see `stripes.rs`).
fn for_good(value: &HeaderValue) -> HeaderValue {
    value.to_str().map_or_else(|_| value.clone(), |text| HeaderValue::from_static(String::leak(text.into())))
}

/// The head of a page, as it is copied for each answer. A copy has no room for more, so all that may be told is in it.
fn head(kind: Kind, control: &HeaderValue, limit: &[HeaderValue; 2]) -> HeaderMap {
    let place = HeaderValue::from_static("");
    let mut head = HeaderMap::with_capacity(24);
    for name in TOLD {
        head.insert(name, place.clone());
    }
    head.extend(OF_LIMIT.map(Some).into_iter().zip(limit.clone()));
    head.insert(CACHE_CONTROL, control.clone());
    let vary = if matches!(kind.size, Size::Short) { "Origin" } else { "Accept-Encoding, Origin" };
    head.insert(VARY, HeaderValue::from_static(vary));
    if !kind.is_unchanged {
        head.insert(CONTENT_TYPE, APPLICATION_JSON);
        if matches!(kind.size, Size::Hinted) {
            head.insert(X_COMPRESS_HINT, HeaderValue::from_static("true"));
        }
        if kind.is_packed {
            head.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
    head.extend(SECURITY.map(|(name, value)| (Some(name), value)));
    if kind.is_abroad {
        Cors::prepare(&mut head);
    }
    head
}

/// Browsers always ask whether it has changed, which costs a 304. Caches in front may keep it as long as they are told.
fn cache_control(settings: &CacheSettings) -> HeaderValue {
    if settings.shared_seconds == 0 {
        return HeaderValue::from_static("public, no-cache");
    }
    let mut text = format!("public, max-age=0, s-maxage={}", settings.shared_seconds);
    for (name, seconds) in [
        ("stale-while-revalidate", settings.stale_while_revalidate_seconds),
        ("stale-if-error", settings.stale_if_error_seconds),
    ] {
        if seconds > 0 {
            text.push_str(&format!(", {name}={seconds}"));
        }
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("public, no-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_ask_and_caches_in_front_are_told() {
        let mut settings = CacheSettings::default();
        assert_eq!(cache_control(&settings), "public, no-cache");
        settings.stale_if_error_seconds = 86_400;
        assert_eq!(cache_control(&settings), "public, no-cache", "nothing is kept that could be old");
        settings.shared_seconds = 60;
        assert_eq!(cache_control(&settings), "public, max-age=0, s-maxage=60, stale-if-error=86400");
        settings.stale_while_revalidate_seconds = 300;
        assert_eq!(
            cache_control(&settings),
            "public, max-age=0, s-maxage=60, stale-while-revalidate=300, stale-if-error=86400"
        );
    }

    #[test]
    fn each_kind_of_page_has_a_head_of_its_own() {
        for index in 0..KINDS {
            assert_eq!(Kind::of_index(index).index(), index);
        }
    }

    #[test]
    fn what_is_told_is_told_under_its_name() {
        let decision = |reset_seconds| Decision { allowed: true, limit: 9, remaining: 8, reset_seconds };
        let values = [HeaderValue::from_static("tag"), HeaderValue::from_static("word")];
        let id = RequestId { process: 0xabc, number: 0xdef };
        let limit = of_limit(9, Duration::from_secs(60));
        let told = |decision, taken| {
            let mut head = head(Kind::of_index(8), &HeaderValue::from_static("c"), &limit);
            let times = Times { taken: Duration::from_micros(taken), uptime: Duration::from_secs(77) };
            tell(&mut head, [&values[0], &values[1]], id, decision, times);
            let value = |name| head.get(name).map_or("", |value| value.to_str().expect("text")).to_owned();
            (TOLD.map(value).join(" "), OF_LIMIT.iter().all(|name| head.contains_key(name)))
        };
        let common = "tag word 00000abc-def 77";
        let at_once = format!("{common} 0.000s app;dur=0.012 8 0 \"default\";r=8;t=0");
        assert_eq!(told(Some(decision(0)), 12), (at_once, true));
        let later = format!("{common} 0.001s app;dur=1.234 8 5 \"default\";r=8;t=5");
        assert_eq!(told(Some(decision(5)), 1234), (later, true));
        assert_eq!(told(None, 12), (format!("{common} 0.000s app;dur=0.012   "), false));
    }
}

//! How a page of the catalogue is sent, whether it was kept or has just been made: the same status, headers and bytes.

use std::time::{Duration, Instant};

use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::compress;
use super::cors::Cors;
use super::etag::{Comparison, is_named_in};
use super::headers::{
    HINT_BYTES, RequestId, SECURITY, SERVER_TIMING, SURROGATE_KEY, Texts, X_COMPRESS_HINT, X_PROCESS_TIME,
    X_REQUEST_ID, X_UPTIME, put_id, put_number, put_seconds, put_server_timing,
};
use super::json::APPLICATION_JSON;
use super::limit::Decision;
use super::payload::Payload;
use super::quota::{OF_ANSWER, OF_LIMIT, put_left};
use crate::cache::{Form, Page};
use crate::settings::CacheSettings;

/// What is needed of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'r> {
    pub(super) headers: &'r HeaderMap,
    pub(super) is_head: bool,
    pub(super) id: RequestId,
    pub(super) started: Instant,
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
}

/// What a page's head depends on.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// Short pages have one form and no hint.
    size: Size,
    is_packed: bool,
    is_unchanged: bool,
}

#[derive(Clone, Copy, Debug)]
enum Size {
    Short,
    Packable,
    Hinted,
}

const KINDS: usize = 12;

impl Kind {
    fn index(self) -> usize {
        let size = match self.size {
            Size::Short => 0,
            Size::Packable => 1,
            Size::Hinted => 2,
        };
        size * 4 + usize::from(self.is_packed) * 2 + usize::from(self.is_unchanged)
    }

    fn of_index(index: usize) -> Self {
        let size = match index / 4 {
            0 => Size::Short,
            1 => Size::Packable,
            _ => Size::Hinted,
        };
        Self { size, is_packed: index & 2 != 0, is_unchanged: index & 1 != 0 }
    }
}

impl Heads {
    /// `limit` is how the limit of all clients is told.
    pub(super) fn new(settings: &CacheSettings, limit: [HeaderValue; 2]) -> Self {
        let control = cache_control(settings);
        let heads = std::array::from_fn(|index| head(Kind::of_index(index), &control, &limit));
        Self { heads }
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
        let kind = Kind { size, is_packed: form.is_packed, is_unchanged };
        let mut headers = self.heads[kind.index()].clone();
        headers.insert(ETAG, form.etag.clone());
        headers.insert(SURROGATE_KEY, page.surrogate().clone());
        tell(&mut headers, asked, decision, times);
        cors.allow(asked.headers, &mut headers);
        let mut response = Response::new(payload(form, asked.is_head, is_unchanged, &mut headers));
        if is_unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        *response.headers_mut() = headers;
        response
    }
}

/// What is of this request alone.
fn tell(headers: &mut HeaderMap, asked: Asked<'_>, decision: Option<Decision>, times: Times) {
    let Times { taken, uptime } = times;
    let mut texts = Texts::with_capacity(128);
    let id = texts.put(|into| put_id(into, asked.id));
    let up = texts.put(|into| put_number(into, uptime.as_secs()));
    let counted = decision.map(|decision| {
        let remaining = texts.put(|into| put_number(into, u64::from(decision.remaining)));
        let reset = texts.put(|into| put_number(into, decision.reset_seconds));
        [remaining, reset, texts.put(|into| put_left(into, decision))]
    });
    let seconds = texts.put(|into| put_seconds(into, taken));
    let timing = texts.put(|into| put_server_timing(into, taken));
    let texts = texts.done();
    headers.insert(X_REQUEST_ID, texts.value(id));
    headers.insert(X_UPTIME, texts.value(up));
    headers.insert(X_PROCESS_TIME, texts.value(seconds));
    headers.insert(SERVER_TIMING, texts.value(timing));
    match counted {
        Some(counted) => {
            for (name, text) in OF_ANSWER.into_iter().zip(counted) {
                headers.insert(name, texts.value(text));
            }
        }
        None => OF_LIMIT.iter().chain(&OF_ANSWER).for_each(|name| drop(headers.remove(name))),
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

/// The head of a page, with room for what comes later: 24 headers fit without a second table.
fn head(kind: Kind, control: &HeaderValue, limit: &[HeaderValue; 2]) -> HeaderMap {
    let place = HeaderValue::from_static("");
    let mut head = HeaderMap::with_capacity(24);
    for name in [X_REQUEST_ID, X_UPTIME, X_PROCESS_TIME, SERVER_TIMING, ETAG, SURROGATE_KEY]
        .into_iter()
        .chain(OF_ANSWER)
    {
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
}

//! Headers that every answer carries, and how their texts are written: numbers by hand, into one piece of memory.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(super) const X_PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");
pub(super) const X_UPTIME: HeaderName = HeaderName::from_static("x-uptime");
pub(super) const X_COMPRESS_HINT: HeaderName = HeaderName::from_static("x-compress-hint");
pub(super) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
pub(super) const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

pub(super) const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::X_XSS_PROTECTION, HeaderValue::from_static("1; mode=block")),
    (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
];

/// JSON from this length on is marked as worth packing.
pub(super) const HINT_BYTES: u64 = 1024;

/// A request's name: unique among processes (a random start) and cheap (a counter).
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId {
    pub(super) process: u32,
    pub(super) number: u64,
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}-{:x}", self.process, self.number)
    }
}

/// Texts of headers, one behind the other in one piece of memory: each header of its own would be an allocation.
#[derive(Debug, Default)]
pub(super) struct Texts(Vec<u8>);

/// Where a text stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(usize, usize);

impl Texts {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Writes a text.
    pub(super) fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        let start = self.0.len();
        write(&mut self.0);
        Span(start, self.0.len())
    }

    /// No more is written.
    pub(super) fn done(self) -> Done {
        Done(Bytes::from(self.0))
    }
}

/// Texts that can be used.
#[derive(Debug)]
pub(super) struct Done(Bytes);

impl Done {
    pub(super) fn value(&self, Span(start, end): Span) -> HeaderValue {
        // Digits and letters of our own are always fit for a header.
        HeaderValue::from_maybe_shared(self.0.slice(start..end)).unwrap_or(HeaderValue::from_static("0"))
    }
}

pub(super) fn put_number(into: &mut Vec<u8>, number: u64) {
    put_digits(into, number, 10, 1);
}

pub(super) fn put_id(into: &mut Vec<u8>, id: RequestId) {
    put_digits(into, u64::from(id.process), 16, 8);
    into.push(b'-');
    put_digits(into, id.number, 16, 1);
}

/// `0.012s`
pub(super) fn put_seconds(into: &mut Vec<u8>, taken: Duration) {
    put_thousandths(into, taken.as_micros().saturating_add(500) / 1000);
    into.push(b's');
}

/// `app;dur=0.012`: milliseconds.
pub(super) fn put_server_timing(into: &mut Vec<u8>, taken: Duration) {
    into.extend_from_slice(b"app;dur=");
    put_thousandths(into, taken.as_nanos().saturating_add(500) / 1000);
}

fn put_thousandths(into: &mut Vec<u8>, thousandths: u128) {
    let thousandths = u64::try_from(thousandths).unwrap_or(u64::MAX);
    put_digits(into, thousandths / 1000, 10, 1);
    into.push(b'.');
    put_digits(into, thousandths % 1000, 10, 3);
}

/// The digits of a number, at least so many.
fn put_digits(into: &mut Vec<u8>, mut number: u64, base: u64, at_least: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 && at > 0 {
        at -= 1;
        digits[at] = usize::try_from(number % base).map_or(b'0', |digit| b"0123456789abcdef"[digit]);
        number /= base;
    }
    into.extend_from_slice(&digits[at.min(digits.len() - at_least)..]);
}

/// Existing clients were written against one method in `Allow`: the first that the path takes.
pub(super) fn keep_first_method(headers: &mut HeaderMap) {
    let first = headers
        .get(header::ALLOW)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(',').next())
        .and_then(|method| HeaderValue::from_str(method).ok());
    if let Some(first) = first {
        headers.insert(header::ALLOW, first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes);
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn numbers_are_written_as_the_formatter_writes_them() {
        for number in [0, 1, 9, 10, 99, 100, 1_234_567, u64::MAX] {
            assert_eq!(written(|b| put_number(b, number)), number.to_string());
            let id = RequestId { process: 0xbeef, number };
            assert_eq!(written(|b| put_id(b, id)), id.to_string());
        }
    }

    #[test]
    fn times_have_three_decimals() {
        for (nanos, seconds, timing) in [
            (0, "0.000s", "app;dur=0.000"),
            (499, "0.000s", "app;dur=0.000"),
            (12_345, "0.000s", "app;dur=0.012"),
            (999_999, "0.001s", "app;dur=1.000"),
            (61_234_567_890, "61.235s", "app;dur=61234.568"),
        ] {
            let taken = Duration::from_nanos(nanos);
            assert_eq!(written(|b| put_seconds(b, taken)), seconds);
            assert_eq!(written(|b| put_server_timing(b, taken)), timing);
        }
    }

    #[test]
    fn texts_share_their_memory_and_keep_apart() {
        let mut texts = Texts::with_capacity(8);
        let (one, two) = (texts.put(|b| put_number(b, 12)), texts.put(|b| put_number(b, 345)));
        let done = texts.done();
        assert_eq!((done.value(one), done.value(two)), (12.into(), 345.into()));
    }
}

//! Headers that every answer carries, and how their texts are written: into one piece of memory.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::ports::Entropy;
use crate::stripes::Counter;

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

/// Hands out ids.
#[derive(Debug)]
pub(super) struct RequestIds {
    process: u32,
    numbers: Counter,
}

impl RequestIds {
    pub(super) fn new(entropy: &dyn Entropy) -> std::io::Result<Self> {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes)?;
        Ok(Self { process: u32::from_le_bytes(bytes), numbers: Counter::default() })
    }

    pub(super) fn next(&self) -> RequestId {
        RequestId { process: self.process, number: self.numbers.take() }
    }
}

/// What all texts of an answer take at most.
const TEXTS_BYTES: usize = 264;

/// Texts of headers, one behind the other in one piece of memory: each header of its own would be an allocation.
#[derive(Debug)]
pub(super) struct Texts {
    bytes: [u8; TEXTS_BYTES],
    len: usize,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(usize, usize);

impl Texts {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; TEXTS_BYTES], len: 0 }
    }

    /// Writes a text.
    pub(super) fn put(&mut self, write: impl FnOnce(&mut Self)) -> Span {
        self.put_around(write).0
    }

    /// Writes a text; answers also what the writer says of it, such as where a part of it stands.
    pub(super) fn put_around<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> (Span, T) {
        let start = self.len;
        let said = write(self);
        (Span(start, self.len), said)
    }

    /// Adds to a text. What does not fit is left out; everything that an answer tells does.
    pub(super) fn add(&mut self, text: &[u8]) {
        let end = self.len + text.len();
        if let Some(place) = self.bytes.get_mut(self.len..end) {
            place.copy_from_slice(text);
            self.len = end;
        }
    }

    /// No more is written.
    pub(super) fn done(self) -> Done {
        Done(Bytes::from_owner(self))
    }
}

impl AsRef<[u8]> for Texts {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
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

pub(super) fn put_number(into: &mut Texts, number: u64) {
    into.add(itoa::Buffer::new().format(number).as_bytes());
}

pub(super) fn put_id(into: &mut Texts, id: RequestId) {
    put_hex::<8>(into, u64::from(id.process), 8);
    into.add(b"-");
    put_hex::<16>(into, id.number, 1);
}

/// `0.012s`
pub(super) fn put_seconds(into: &mut Texts, taken: Duration) {
    put_thousandths(into, nanos(taken).saturating_add(500_000) / 1_000_000);
    into.add(b"s");
}

/// `app;dur=0.012`: milliseconds.
pub(super) fn put_server_timing(into: &mut Texts, taken: Duration) {
    into.add(b"app;dur=");
    put_thousandths(into, nanos(taken).saturating_add(500) / 1000);
}

/// Up to 584 years: numbers of 128 bits are divided by a function.
const fn nanos(of: Duration) -> u64 {
    of.as_secs().saturating_mul(1_000_000_000).saturating_add(of.subsec_nanos() as u64)
}

fn put_thousandths(into: &mut Texts, thousandths: u64) {
    put_number(into, thousandths / 1000);
    // Three digits, whatever they are.
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(1000 + thousandths % 1000).as_bytes();
    into.add(b".");
    into.add(digits.get(1..).unwrap_or_default());
}

/// The hexadecimal digits of a number that has at most `MOST` of them, and at least so many.
fn put_hex<const MOST: usize>(into: &mut Texts, mut number: u64, at_least: usize) {
    let mut digits = [b'0'; MOST];
    let mut at = MOST;
    while number > 0 && at > 0 {
        at -= 1;
        digits[at] = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
    into.add(&digits[at.min(MOST - at_least)..]);
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
    use super::super::limit::Decision;
    use super::super::quota::put_left;
    use super::*;

    fn written(write: impl FnOnce(&mut Texts)) -> String {
        let mut texts = Texts::new();
        write(&mut texts);
        String::from_utf8(texts.as_ref().to_vec()).expect("text")
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
        let mut texts = Texts::new();
        let (one, two) = (texts.put(|b| put_number(b, 12)), texts.put(|b| put_number(b, 345)));
        let done = texts.done();
        assert_eq!((done.value(one), done.value(two)), (12.into(), 345.into()));
    }

    #[test]
    fn everything_that_an_answer_tells_has_room() {
        let longest = Duration::from_nanos(u64::MAX);
        let mut texts = Texts::new();
        let id = RequestId { process: u32::MAX, number: u64::MAX };
        let decision =
            Decision { allowed: true, limit: u32::MAX, remaining: u32::MAX, reset_seconds: u64::MAX };
        let etag = "\"0123456789abcdef01234567-gz\"";
        let surrogate = "slipper--9223372036854775808 categories";
        let spans = [
            texts.put(|b| put_id(b, id)),
            texts.put(|b| b.add(etag.as_bytes())),
            texts.put(|b| b.add(surrogate.as_bytes())),
            texts.put(|b| put_number(b, u64::MAX)),
            texts.put(|b| put_number(b, u32::MAX.into())),
            texts.put(|b| put_number(b, u64::MAX)),
            texts.put(|b| put_seconds(b, longest)),
            texts.put(|b| put_server_timing(b, longest)),
            texts.put_around(|b| put_left(b, decision)).0,
        ];
        let done = texts.done();
        let told = spans.map(|span| done.value(span));
        assert_eq!(told[0], id.to_string());
        assert_eq!((told[1].as_bytes(), told[2].as_bytes()), (etag.as_bytes(), surrogate.as_bytes()));
        assert_eq!(told[7], "app;dur=18446744073709.551");
        assert_eq!(told[8], "\"default\";r=4294967295;t=18446744073709551615");
    }
}

//! Conditional requests and ranges of one representation (RFC 9110 sections 13 and 14).

use std::time::{Duration, UNIX_EPOCH};

use http::header::{self, AsHeaderName, HeaderMap, HeaderValue};

use crate::http::etag::{Comparison, is_named_in};

/// The end of what an HTTP date can write: the year 9999.
const MAX_DATE_SECONDS: u64 = 253_402_300_799;

/// What tells one state of a file from another.
#[derive(Clone, Debug)]
pub(super) struct Validators {
    /// Strong: of the file's length and the nanosecond of its last change. Pictures are written once, under a random
    /// name, so it never takes two states for one; a hash of the content would cost a read of every file to say no
    /// more, and a file's inode would differ from server to server.
    pub(super) etag: HeaderValue,
    /// The second of its last change.
    pub(super) last_modified: Option<HeaderValue>,
    modified_second: Option<u64>,
    /// Bytes.
    pub(super) len: u64,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 200
    Whole,
    /// 206
    Part(Range),
    /// 304
    NotModified,
    /// 412
    PreconditionFailed,
    /// 416
    NotSatisfiable,
}

/// A part of a file that is not empty and lies within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Its first byte.
    pub(super) start: u64,
    /// Bytes, at least 1.
    pub(super) len: u64,
}

impl Range {
    /// `Content-Range` of this part.
    pub(super) fn content_range(self, total: u64) -> HeaderValue {
        header_value(&format!("bytes {}-{}/{total}", self.start, self.start + self.len - 1))
    }

    /// `Content-Range` of a 416.
    pub(super) fn none_of(total: u64) -> HeaderValue {
        header_value(&format!("bytes */{total}"))
    }
}

/// Numbers and dates of our own making, which are always fit for a header.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

impl Validators {
    /// Of a file with so many bytes, changed so long after 1970 (`None` = unknown or before).
    pub(super) fn of(len: u64, modified: Option<Duration>) -> Self {
        let modified = modified.filter(|since| since.as_secs() <= MAX_DATE_SECONDS);
        let nanos = modified.map_or(0, |since| since.as_nanos());
        let date = |since: Duration| header_value(&httpdate::fmt_http_date(UNIX_EPOCH + since));
        Self {
            etag: header_value(&format!("\"{nanos:x}-{len:x}\"")),
            last_modified: modified.map(date),
            modified_second: modified.map(|since| since.as_secs()),
            len,
        }
    }

    /// Judges a request in the order of RFC 9110 section 13.2.2.
    pub(super) fn judge(&self, headers: &HeaderMap, head_only: bool) -> Verdict {
        if headers.contains_key(header::IF_MATCH) {
            if !is_named_in(headers, header::IF_MATCH, &self.etag, Comparison::Strong) {
                return Verdict::PreconditionFailed;
            }
        } else if self.changed_after(headers, header::IF_UNMODIFIED_SINCE) == Some(true) {
            return Verdict::PreconditionFailed;
        }
        if headers.contains_key(header::IF_NONE_MATCH) {
            if is_named_in(headers, header::IF_NONE_MATCH, &self.etag, Comparison::Weak) {
                return Verdict::NotModified;
            }
        } else if self.changed_after(headers, header::IF_MODIFIED_SINCE) == Some(false) {
            return Verdict::NotModified;
        }
        // A range is defined for GET alone (section 14.2).
        if head_only || !self.if_range_holds(headers) {
            return Verdict::Whole;
        }
        self.range(headers)
    }

    /// Whether the file was changed after the second in this header; `None` when that can't be told.
    fn changed_after(&self, headers: &HeaderMap, name: impl AsHeaderName) -> Option<bool> {
        let date = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
        let date = date.duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(self.modified_second? > date)
    }

    /// Whether a range is of the state that the client has; without `If-Range` it always is.
    fn if_range_holds(&self, headers: &HeaderMap) -> bool {
        // Strong comparison, and dates to the letter (section 13.1.5).
        headers
            .get(header::IF_RANGE)
            .is_none_or(|value| *value == self.etag || Some(value) == self.last_modified.as_ref())
    }

    /// One range of bytes; anything else that stands there is passed over, as section 14.2 allows.
    fn range(&self, headers: &HeaderMap) -> Verdict {
        let mut lines = headers.get_all(header::RANGE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return Verdict::Whole };
        let spec = line.to_str().ok().and_then(|line| line.split_once('='));
        let Some((unit, spec)) = spec else { return Verdict::Whole };
        let Some((first, last)) = spec.trim().split_once('-') else { return Verdict::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Verdict::Whole;
        }
        let (start, end) = match (number(first), number(last)) {
            (Some(first), None) if last.is_empty() => (first, self.len),
            (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(self.len)),
            (None, Some(0)) if first.is_empty() => return Verdict::NotSatisfiable,
            // An empty file has no part that `Content-Range` could name.
            (None, Some(_)) if first.is_empty() && self.len == 0 => return Verdict::Whole,
            (None, Some(last)) if first.is_empty() => (self.len.saturating_sub(last), self.len),
            _ => return Verdict::Whole,
        };
        if start < end { Verdict::Part(Range { start, len: end - start }) } else { Verdict::NotSatisfiable }
    }
}

/// A number of digits alone; one that is too big counts as the biggest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Mon, 23 Nov 2026 07:17:39 GMT";
    const EARLIER: &str = "Mon, 23 Nov 2026 07:17:38 GMT";
    const LATER: &str = "Mon, 23 Nov 2026 07:17:40 GMT";

    fn file(len: u64) -> Validators {
        Validators::of(len, Some(Duration::new(1_795_418_259, 5)))
    }

    fn judge(len: u64, headers: &[(&'static str, &str)]) -> Verdict {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        file(len).judge(&map, false)
    }

    fn tag() -> String {
        file(100).etag.to_str().expect("ASCII").to_owned()
    }

    fn part(start: u64, len: u64) -> Verdict {
        Verdict::Part(Range { start, len })
    }

    #[test]
    fn tags_tell_nanoseconds_and_lengths_apart_and_dates_are_seconds() {
        let file = file(100);
        assert_eq!(file.last_modified.as_ref().and_then(|date| date.to_str().ok()), Some(DATE));
        assert!(tag().starts_with('"') && tag().ends_with('"') && !tag().contains([',', ' ']));
        for other in [Duration::new(1_795_418_259, 6), Duration::new(1_795_418_258, 5)] {
            assert_ne!(Validators::of(100, Some(other)).etag, file.etag);
        }
        assert_ne!(Validators::of(101, Some(Duration::new(1_795_418_259, 5))).etag, file.etag);
        for unknown in [None, Some(Duration::MAX)] {
            assert_eq!(Validators::of(1, unknown).last_modified, None);
        }
    }

    #[test]
    fn if_none_match_knows_lists_weak_tags_and_the_star() {
        let tag = tag();
        for value in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag},W/\"y\""), "*".into()] {
            assert_eq!(judge(100, &[("if-none-match", &value)]), Verdict::NotModified, "{value}");
        }
        assert_eq!(
            judge(100, &[("if-none-match", "\"x\""), ("if-none-match", &tag)]),
            Verdict::NotModified,
            "two lines"
        );
        for value in ["\"x\"", "", "x", tag.trim_matches('"'), &tag.to_uppercase()] {
            assert_eq!(judge(100, &[("if-none-match", value)]), Verdict::Whole, "{value}");
        }
    }

    #[test]
    fn a_date_counts_only_without_a_tag() {
        assert_eq!(judge(100, &[("if-modified-since", DATE)]), Verdict::NotModified);
        assert_eq!(judge(100, &[("if-modified-since", LATER)]), Verdict::NotModified);
        assert_eq!(judge(100, &[("if-modified-since", EARLIER)]), Verdict::Whole);
        assert_eq!(judge(100, &[("if-modified-since", "yesterday")]), Verdict::Whole);
        assert_eq!(judge(100, &[("if-modified-since", LATER), ("if-none-match", "\"x\"")]), Verdict::Whole);
    }

    #[test]
    fn preconditions_can_fail() {
        assert_eq!(judge(100, &[("if-match", "\"x\"")]), Verdict::PreconditionFailed);
        assert_eq!(judge(100, &[("if-match", &format!("W/{}", tag()))]), Verdict::PreconditionFailed);
        assert_eq!(judge(100, &[("if-match", &tag())]), Verdict::Whole);
        assert_eq!(judge(100, &[("if-match", "*")]), Verdict::Whole);
        assert_eq!(judge(100, &[("if-unmodified-since", EARLIER)]), Verdict::PreconditionFailed);
        assert_eq!(judge(100, &[("if-unmodified-since", DATE)]), Verdict::Whole);
    }

    #[test]
    fn one_range_is_served() {
        for (value, verdict) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-", part(0, 100)),
            ("bytes=10-19", part(10, 10)),
            ("bytes=90-500", part(90, 10)),
            ("bytes=-1", part(99, 1)),
            ("bytes=-500", part(0, 100)),
            ("Bytes = 10-19", part(10, 10)),
            ("bytes=0-99999999999999999999999", part(0, 100)),
            ("bytes=100-", Verdict::NotSatisfiable),
            ("bytes=99999999999999999999999-", Verdict::NotSatisfiable),
            ("bytes=-0", Verdict::NotSatisfiable),
        ] {
            assert_eq!(judge(100, &[("range", value)]), verdict, "{value}");
        }
    }

    #[test]
    fn what_is_no_single_range_is_passed_over() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5",
            "bytes=+1-2",
            "bytes=5-1",
            "bytes=0-1,5-6",
            "bytes=0-,-1",
            "items=0-1",
            "bytes=1--2",
            "bytes=0x1-2",
        ] {
            assert_eq!(judge(100, &[("range", value)]), Verdict::Whole, "{value}");
        }
        assert_eq!(judge(100, &[("range", "bytes=0-1"), ("range", "bytes=0-1")]), Verdict::Whole);
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(file(100).judge(&headers, true), Verdict::Whole, "HEAD has no ranges");
    }

    #[test]
    fn an_empty_file_has_no_ranges() {
        assert_eq!(judge(0, &[("range", "bytes=0-")]), Verdict::NotSatisfiable);
        assert_eq!(judge(0, &[("range", "bytes=-5")]), Verdict::Whole);
    }

    #[test]
    fn a_range_of_another_state_is_the_whole_file() {
        let range = ("range", "bytes=0-9");
        for value in [&tag(), DATE] {
            assert_eq!(judge(100, &[range, ("if-range", value)]), part(0, 10), "{value}");
        }
        for value in [&format!("W/{}", tag()), "\"x\"", "", EARLIER, LATER, "*"] {
            assert_eq!(judge(100, &[range, ("if-range", value)]), Verdict::Whole, "{value}");
        }
    }

    #[test]
    fn a_304_comes_before_a_range() {
        assert_eq!(judge(100, &[("range", "bytes=0-9"), ("if-none-match", &tag())]), Verdict::NotModified);
    }
}

//! gzip for answers that shrink.

use std::io::Write as _;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::errors::{ApiError, Code};
use super::headers::{HINT_BYTES, X_COMPRESS_HINT};
use super::json::APPLICATION_JSON;

/// Smaller bodies fit one packet either way.
pub(crate) const MIN_BYTES: usize = 1000;
/// Larger bodies are not packed: the largest list of orders is below it.
pub(crate) const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Larger ones are packed at the fastest level: 1 MiB at level 6 would hold its worker for some 30 ms.
const LARGE_BYTES: usize = 64 * 1024;

/// Whether the client takes gzip: named with a weight above zero, or covered by `*` (RFC 9110 section 12.5.3).
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut wildcard = false;
    let values = headers.get_all(header::ACCEPT_ENCODING);
    for part in values.iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')) {
        let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
        let refused = weight
            .trim()
            .strip_prefix("q=")
            .is_some_and(|q| q.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        match coding.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                return !refused;
            }
            "*" => wildcard = !refused,
            _ => {}
        }
    }
    wildcard
}

/// Whether a content type is text that shrinks; pictures are packed already.
pub(crate) fn is_compressible(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    content_type.starts_with("text/")
        || ["application/json", "application/javascript", "image/svg+xml"]
            .iter()
            .any(|known| content_type.starts_with(known))
}

/// Packs a body that shrinks for a client that unpacks. What has an ETag stays as it is: the tag names these bytes.
pub(super) async fn pack(request: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
    let Some(size) = response.body().size_hint().exact() else { return response };
    let is_json = response.headers().get(header::CONTENT_TYPE) == Some(&APPLICATION_JSON);
    if is_json && size > HINT_BYTES {
        response.headers_mut().insert(X_COMPRESS_HINT, HeaderValue::from_static("true"));
    }
    let worthwhile = size > MIN_BYTES as u64
        && size <= MAX_BYTES
        && response.status() != StatusCode::PARTIAL_CONTENT
        && is_compressible(response.headers())
        && !response.headers().contains_key(header::ETAG)
        && !response.headers().contains_key(header::CONTENT_ENCODING);
    if !worthwhile {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if !accepts_gzip(request) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let whole = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return ApiError::because(Code::Internal, error).into_response(),
    };
    match gzip(&whole) {
        Some(packed) => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(packed))
        }
        None => Response::from_parts(parts, Body::from(whole)),
    }
}

/// The packed body, or `None` when packing failed, which memory never does.
pub(crate) fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let level = if body.len() > LARGE_BYTES { Compression::fast() } else { Compression::new(6) };
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), level);
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &'static str) -> bool {
        accepts_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
    }

    #[test]
    fn weights_are_heard() {
        for value in
            ["gzip", "br, gzip;q=0.5", "GZIP", "*", "identity;q=0, *;q=0.1", "gzip;q=1.0", "gzip; q=0.001"]
        {
            assert!(accepts(value), "{value}");
        }
        for value in ["", "br", "identity", "gzip;q=0", "gzip;q=0.000", "*, gzip;q=0", "*;q=0"] {
            assert!(!accepts(value), "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_was_packed_is_read_back() {
        use std::io::Read as _;
        let body = b"slippers ".repeat(20_000);
        let packed = gzip(&body).expect("packs");
        assert!(packed.len() < body.len() / 10);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).expect("unpacks");
        assert_eq!(unpacked, body);
    }
}

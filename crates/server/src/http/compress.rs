//! gzip for answers that shrink.

use std::io::Write as _;

use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

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

/// The packed body, or `None` when packing failed, which memory never does.
pub(crate) fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let level = if body.len() > LARGE_BYTES { Compression::fast() } else { Compression::new(6) };
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), level);
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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

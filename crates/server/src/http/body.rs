//! Reads request bodies: bounded in size and in time.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::errors::{ApiError, Code};
use super::input::{json_fault, parse_json};
use crate::pool::{Pool, Share};

/// The largest JSON body.
pub(crate) const MAX_JSON_BYTES: usize = 1024 * 1024;

/// The part of a body that is always taken: more than any form of the front-ends has.
const FREE_BYTES: usize = 16 * 1024;
/// What all bodies together may hold in memory beyond that. Bodies are read before it is known who sends them, so ten
/// thousand strangers with a mebibyte each would otherwise be 11 GB; small bodies are served whatever they do.
const SHARED_BYTES: usize = 64 * 1024 * 1024;
/// Bodies beyond [`FREE_BYTES`] that may wait to be taken apart, one at a time. A mebibyte of JSON takes some 10 ms, which on
/// an async worker everybody else would wait for.
const MAX_WAITING: usize = 64;

/// Reads the bodies of all requests.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// The longest wait from one piece to the next.
    pause: Duration,
    /// A permit for each byte that is still free.
    memory: Arc<Semaphore>,
    /// Takes large bodies apart.
    parsing: Pool,
}

/// A body in memory, and its share of the memory.
#[derive(Debug)]
pub(crate) struct Received {
    bytes: Vec<u8>,
    memory: Option<OwnedSemaphorePermit>,
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Received {
    fn push(&mut self, piece: &[u8], memory: &Arc<Semaphore>) -> Result<(), ApiError> {
        let free = FREE_BYTES.saturating_sub(self.bytes.len());
        let charged = u32::try_from(piece.len().saturating_sub(free)).map_err(|_| Code::BodyTooLarge)?;
        let more = Arc::clone(memory).try_acquire_many_owned(charged).map_err(ApiError::overloaded)?;
        match &mut self.memory {
            Some(held) => held.merge(more),
            None => self.memory = Some(more),
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

impl Bodies {
    /// With this longest wait from one piece to the next.
    pub(crate) fn new(pause: Duration) -> Self {
        let parsing = Pool::new(1, MAX_WAITING, Share::Leftovers);
        Self { pause, memory: Arc::new(Semaphore::new(SHARED_BYTES)), parsing }
    }

    /// Reads a body of at most [`MAX_JSON_BYTES`] and answers what `look` makes of it. Small ones are looked at where they
    /// are, large ones off the async workers.
    ///
    /// # Errors
    /// 413, 408, 503 when others fill the memory or wait already, or 400 when it breaks off.
    pub(crate) async fn read_with<T: Send + 'static>(
        &self,
        body: Body,
        look: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let whole = self.read(body).await?;
        if whole.len() <= FREE_BYTES {
            return Ok(look(&whole));
        }
        Ok(self.parsing.enter()?.run(move || look(&whole)).await?)
    }

    async fn read(&self, mut body: Body) -> Result<Received, ApiError> {
        let mut whole = Received { bytes: Vec::new(), memory: None };
        while let Some(piece) = next_piece(&mut body, self.pause).await? {
            if whole.len() + piece.len() > MAX_JSON_BYTES {
                // Who sends this much once will do so again: the connection is not kept.
                return Err(ApiError::with_header(
                    Code::BodyTooLarge,
                    header::CONNECTION,
                    HeaderValue::from_static("close"),
                ));
            }
            whole.push(&piece, &self.memory)?;
        }
        Ok(whole)
    }
}

pub(super) async fn next_piece(body: &mut Body, pause: Duration) -> Result<Option<Bytes>, ApiError> {
    loop {
        match timeout(pause, body.frame()).await {
            Err(_) => return Err(Code::BodyTimeout.into()),
            Ok(None) => return Ok(None),
            Ok(Some(Err(broken))) => return Err(ApiError::because(Code::BodyUnreadable, broken)),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// What a body holds, before its fields are looked at.
///
/// As existing clients are used to: JSON when the content type says so or nothing; other bodies are taken as text,
/// which is no object.
///
/// # Errors
/// 422 with the place when it is not JSON, 400 when it is not UTF-8.
pub(crate) fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Option<Value>, ApiError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if !content_type.is_none_or(is_json) {
        return Ok(Some(Value::String(String::from_utf8_lossy(bytes).into_owned())));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|broken| ApiError::because(Code::BodyUnreadable, broken))?;
    match parse_json(text) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(ApiError::invalid(vec![json_fault(text, &error)])),
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_told_by_its_type() {
        for (content_type, is) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("text/json", false),
        ] {
            assert_eq!(is_json(content_type), is, "{content_type}");
        }
    }

    #[test]
    fn bodies_are_objects_texts_or_faults() {
        assert_eq!(parse(b"", None).expect("empty"), None);
        assert_eq!(parse(b"{}", None).expect("JSON"), Some(json!({})));
        assert_eq!(parse(b"a=1", Some("text/plain")).expect("text"), Some(json!("a=1")));
        assert_eq!(parse(b"\xef\xbb\xbf{}", None).expect("a byte order mark"), Some(json!({})));
        assert_eq!(parse(b"{", None).expect_err("broken").code(), Code::Invalid);
        assert_eq!(parse(b"\"\xff\"", None).expect_err("not UTF-8").code(), Code::BodyUnreadable);
        assert_eq!(parse(br#""\ud800""#, None).expect_err("half a character").code(), Code::Invalid);
        let deep = "[".repeat(100_000);
        assert_eq!(parse(deep.as_bytes(), None).expect_err("too deep").code(), Code::Invalid);
    }

    fn bodies() -> Bodies {
        Bodies::new(Duration::from_secs(1))
    }

    #[tokio::test]
    async fn a_body_over_the_bound_is_413() {
        let error = bodies().read(Body::from(vec![b' '; MAX_JSON_BYTES + 1])).await.expect_err("too large");
        assert_eq!(error.code(), Code::BodyTooLarge);
        let body = bodies().read(Body::from(vec![b' '; MAX_JSON_BYTES])).await.expect("fits");
        assert_eq!(body.len(), MAX_JSON_BYTES);
    }

    #[tokio::test]
    async fn large_bodies_share_a_memory_and_small_ones_are_always_taken() {
        let bodies = bodies();
        let mut held = Vec::new();
        let refused = loop {
            match bodies.read(Body::from(vec![b' '; MAX_JSON_BYTES])).await {
                Ok(body) => held.push(body),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.code(), Code::Overloaded);
        assert!(held.len() * MAX_JSON_BYTES >= SHARED_BYTES, "{} are held", held.len());
        assert_eq!(bodies.read(Body::from(vec![b' '; FREE_BYTES])).await.expect("small").len(), FREE_BYTES);
        held.pop();
        bodies.read(Body::from(vec![b' '; MAX_JSON_BYTES])).await.expect("there is room again");
    }
}
